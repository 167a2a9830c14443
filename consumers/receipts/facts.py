"""What a receipt says, as the event of a transfer tells it."""

from collections.abc import Collection
from typing import Final, Self

import msgspec

from schemas import events, identifiers, receipts
from schemas.events import Event
from schemas.settings import Settings

KIND: Final = "transfer"
ALL_SOURCES: Final = "*"


class Facts(msgspec.Struct, frozen=True):
    """A transfer. `number` is its integer id, `amount` a decimal string."""

    number: int
    transaction_id: str
    recorded_at: str
    sender: str
    receiver: str
    amount: str
    currency: str
    reference: str | None

    @property
    def name(self) -> str:
        """The name of its receipt."""
        return receipts.name_of(self.number, self.recorded_at)


class Chosen:
    """Which events get a receipt: transfers that certain sources have commanded, the sender's."""

    def __init__(self, sources: Collection[str], partitions: int) -> None:
        self._sources = frozenset(sources)
        self._partitions = partitions
        self._marks = tuple(f'"source":{msgspec.json.encode(each).decode()}' for each in sources)

    @classmethod
    def by(cls, settings: Settings) -> Self:
        """Those that WALLET_RECEIPTS_SOURCES names."""
        named = {each.strip() for each in settings.receipts_sources.split(",")} - {""}
        return cls(named, settings.partitions)

    def has(self, source: str | None) -> bool:
        """Whether transfers of this source get receipts."""
        return ALL_SOURCES in self._sources or source in self._sources

    def facts(self, value: bytes) -> Facts | None:
        """The facts of an event, from its record's value; None where it gets no receipt.

        Raises ValueError for what is no event, or none of one who pays and one who is paid.
        """
        if not self._may_be(value):
            return None
        return self.facts_of(events.decode(value))

    def facts_of(self, event: Event) -> Facts | None:
        """The facts of an event that is decoded."""
        if event.transaction.kind != KIND or not self.has(event.command.source):
            return None
        return _facts(event, self._partitions)

    def _may_be(self, value: bytes) -> bool:
        """Whether it is worth decoding: hardly any event is, and there are many."""
        if b'"kind":"transfer"' not in value:
            return False
        return ALL_SOURCES in self._sources or any(mark.encode() in value for mark in self._marks)


def _facts(event: Event, partitions: int) -> Facts | None:
    """The facts, where the event is the sender's: the receiver's tells the same transfer."""
    (sent,) = [each for each in event.entries if each.amount.startswith("-")]
    (got,) = [each for each in event.entries if not each.amount.startswith("-")]
    if event.wallet_id != sent.account:
        return None
    command = event.command
    return Facts(
        number=identifiers.number(command.offset, command.partition, partitions),
        transaction_id=event.transaction.id,
        recorded_at=event.transaction.recorded_at,
        sender=sent.account,
        receiver=got.account,
        amount=got.amount,
        currency=got.currency,
        reference=event.transaction.reference,
    )
