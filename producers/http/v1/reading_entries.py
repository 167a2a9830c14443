"""Reads the entries of transactions, by the sequences that their results tell.

By transaction the journal has only a BRIN index, which reads all that no vacuum has summarised:
15 ms behind 160,000 entries, and the newest are asked for most. So the wallets' entries are found
by wallet and sequence. The world's follow from them, since the rules say whose they are and they
sum to zero in each currency; the auditor holds the journal to both (I5, I10).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import ARRAY, BigInteger, Connection, Uuid, cast, column, func, select

from schemas.accounts import (
    WORLD_BANK,
    WORLD_CREDIT,
    WORLD_DEPOSITS,
    WORLD_EXCHANGE,
    WORLD_SALES,
    WORLD_TRANSIT,
)
from schemas.commands import kind_of
from schemas.money import parse, show
from schemas.results import AnyResult
from schemas.tables import entries

WORLD_OF: Final = {
    "deposit": WORLD_DEPOSITS,
    "charge_sale": WORLD_SALES,
    "refund": WORLD_SALES,
    "exchange": WORLD_EXCHANGE,
    "credit_request.approve": WORLD_CREDIT,
    "withdrawal.execute": WORLD_TRANSIT,
    "withdrawal.settle": WORLD_TRANSIT,
    "withdrawal.fail": WORLD_TRANSIT,
}
"""The kinds that move money between a wallet and the world, if they do: the world's account."""

_Entry = tuple[str, int, str]
Moved = list[tuple[str, str, str]]
"""Account, amount and currency: the own currency first, and what is paid first."""


def entries_of(connection: Connection, several: Sequence[AnyResult]) -> dict[str | None, Moved]:
    """Transaction id -> its entries that move money; one statement for all."""
    found: dict[str | None, list[_Entry]] = {}
    # Once each: a result names wallets that it has only looked at, after another's entry.
    places = sorted({place for result in several for place in result.sequences.items()})
    uuids, numbers = zip(*places, strict=True) if places else ((), ())
    asked = (
        func.unnest(cast(uuids, ARRAY(Uuid(as_uuid=False))), cast(numbers, ARRAY(BigInteger)))
        .table_valued(column("account_id", Uuid(as_uuid=False)), column("sequence", BigInteger))
        .render_derived()
    )
    query = select(entries).join(
        asked,
        (entries.c.account_id == asked.c.account_id) & (entries.c.sequence == asked.c.sequence),
    )
    for row in connection.execute(query):
        entry = row.account_id, int(row.amount_minor), row.currency
        found.setdefault(row.transaction_id, []).append(entry)
    return {
        each.transaction_id: _moved(each, found.get(each.transaction_id or "", []))
        for each in several
    }


def _moved(result: AnyResult, wallets: list[_Entry]) -> Moved:
    """The wallets' entries and the world's, in order."""
    moved = sorted(
        [*wallets, *_worlds(result, wallets)],
        key=lambda entry: (entry[2] != result.currency, entry[1]),
    )
    return [(account, show(minor, its), its) for account, minor, its in moved if minor]


def _worlds(result: AnyResult, wallets: list[_Entry]) -> Iterator[_Entry]:
    kind = kind_of(result.command.type or "")
    sums: Counter[str] = Counter()
    for _, minor, currency in wallets:
        sums[currency] += minor
    for currency, minor in sums.items():
        if minor:
            yield WORLD_OF[kind], -minor, currency
    if kind == "withdrawal.settle" and not any(sums.values()):  # paid by the bank
        paid = result.withdrawal
        assert paid is not None, "the result of a step tells its withdrawal"
        minor = parse(paid.amount, paid.currency)
        yield WORLD_TRANSIT, -minor, paid.currency
        yield WORLD_BANK, minor, paid.currency
