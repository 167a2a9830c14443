"""What a run of records asks for, decoded in one pass before the database is touched."""

from collections.abc import Iterable
from typing import NamedTuple, Self

from schemas.commands import Command, Refund, Transfer
from schemas.decoding import Decoded, RefusedCommand, decode
from streams.rows import Record


class Item(NamedTuple):
    """A record and what it asks for."""

    record: Record
    decoded: Decoded


class Asked:
    """A batch to be: its records in order, and all that they name.

    `keys` dedupe, `wallet_ids` are to be locked, `refundable` are the transactions that refunds
    want to give back.
    """

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.keys: list[str] = []
        self.wallet_ids: set[str] = set()
        self.refundable: set[str] = set()

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """Decode records of one partition, in order."""
        asked = cls()
        for record in records:
            asked._add(record, decode(record.key, record.value, record.headers))
        return asked

    def _add(self, record: Record, decoded: Decoded) -> None:
        self.items.append(Item(record, decoded))
        if type(decoded) is Command:
            self.keys.append(decoded.key)
            data = decoded.data
            self.wallet_ids.add(data.wallet_id)
            if type(data) is Transfer:
                self.wallet_ids.add(data.to_wallet_id)
            elif type(data) is Refund:
                self.refundable.add(data.transaction_id)
        elif isinstance(decoded, RefusedCommand):
            self.keys.append(decoded.key)
