"""Holds the topic of balances against the ledger's table: wrong is what differs at one sequence."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import Final

import msgspec

from consumers.reader import Reader
from consumers.records import Records
from schemas import balances
from schemas.money import show
from schemas.settings import Settings

CHUNK: Final = 5000
"""Wallets of one question to the database."""

SHOWN: Final = 10
"""Most wrong wallets that are told."""

QUERY: Final = """
SELECT wallet_id::text, sequence, balance_minor, currency FROM wallets
WHERE wallet_id = ANY(%s::uuid[])
"""
COUNT: Final = "SELECT count(*) FROM wallets"

_Kept = dict[str, tuple[int, str, str]]
"""Wallet -> sequence, balance, currency."""


class Comparison(msgspec.Struct):
    """What was found.

    `behind` are wallets whose newest event is not in the topic yet, and those that are not there at
    all; `backwards` counts records that came after newer ones.
    """

    wallets: int = 0
    equal: int = 0
    behind: int = 0
    wrong: int = 0
    backwards: int = 0
    examples: list[str] = []

    @property
    def is_right(self) -> bool:
        """Whether the topic tells nothing that is not so; it may be late."""
        return self.wrong == 0 and self.backwards == 0


def compare(settings: Settings) -> Comparison:
    """Read the topic to its end, a partition at a time, and hold each wallet against its row.

    Keeps the wallets of one partition in memory, some 300 bytes each. Raises RecordsError or
    psycopg2.Error.
    """
    found = Comparison()
    topic = settings.topics.balances
    with Records(settings) as records, closing(Reader(settings, "balances")) as reader:
        for partition in range(topic.partitions):
            kept = _fold(records, topic.name, partition, found)
            for chunk in _chunks(kept):
                rows = reader.rows(QUERY, (list(chunk),))
                now = {row[0]: (row[1], show(int(row[2]), row[3]), row[3]) for row in rows}
                _judge(found, chunk, now)
        ((found.wallets,),) = reader.rows(COUNT)
    # Counted last: a wallet opened meanwhile is one that is not there yet.
    found.behind = max(found.behind, found.wallets - found.equal - found.wrong)
    return found


def _fold(records: Records, topic: str, partition: int, found: Comparison) -> _Kept:
    low, high = records.bounds(topic, partition)
    kept: _Kept = {}
    for record in records.read(topic, partition, low, high) if low < high else ():
        try:
            told = balances.decode(record.value() or b"")
        except msgspec.DecodeError as error:
            found.wrong += 1
            _example(found, f"{topic} {partition}:{record.offset()} is no balance: {error}")
            continue
        before = kept.get(told.wallet_id)
        if before is not None and before[0] > told.sequence:
            found.backwards += 1
            _example(found, f"{told.wallet_id}: {told.sequence} after {before[0]}")
        kept[told.wallet_id] = (told.sequence, told.balance, told.currency)
    return kept


def _chunks(kept: _Kept) -> Iterator[_Kept]:
    items = iter(kept.items())
    while chunk := dict(islice(items, CHUNK)):
        yield chunk


def _judge(found: Comparison, told: _Kept, rows: Mapping[str, tuple[int, str, str]]) -> None:
    for wallet, said in told.items():
        row = rows.get(wallet)
        if row == said:
            found.equal += 1
        elif row is not None and said[0] < row[0]:
            found.behind += 1
        else:
            found.wrong += 1
            _example(found, f"{wallet}: the topic says {said}, the table {row}")


def _example(found: Comparison, text: str) -> None:
    if len(found.examples) < SHOWN:
        found.examples.append(text)
