"""Reads transactions and the changes of wallets: by id, by wallet, by time."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, select

from producers.http.v1.reading_entries import WORLD_OF, entries_of
from schemas import results
from schemas.commands import kind_of
from schemas.moments import in_milliseconds
from schemas.money import show
from schemas.results import AnyResult
from schemas.tables import commands, entries, refunds

SCAN_MAX: Final = 5000
"""Most transactions that one request looks at for those of a kind; its page may then be short."""


PART: Final = 200
"""Transactions that are looked at a time."""


class _Said(msgspec.Struct):
    """The part of `commands.details` that is shown."""

    effective_at: str | None = None
    reference: str | None = None
    metadata: dict[str, str] | None = None
    phone_number: str | None = None


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """A transaction: its result, and what its command said besides."""

    result: AnyResult
    said: _Said
    entries: list[tuple[str, str, str]] = []
    """Account, amount and currency: the own currency first, and what is paid first."""

    @property
    def id(self) -> str:
        """The id."""
        assert self.result.transaction_id is not None, "what was done has one"
        return self.result.transaction_id

    @property
    def kind(self) -> str:
        """The kind: its command's type without the version."""
        return kind_of(self.result.command.type or "")


class Line(msgspec.Struct, frozen=True, gc=False):
    """A change of a wallet."""

    sequence: int
    amount_minor: int
    balance_minor: int
    currency: str
    transaction: Transaction

    def counterparty(self, wallet_id: str) -> str | None:
        """The other account. None where no money moved.

        The rules say which it is: a result names all wallets that its command looked at.
        """
        if self.amount_minor == 0:
            return None
        kind = self.transaction.kind
        others = [each for each in self.transaction.result.sequences if each != wallet_id]
        return others[0] if others and kind in _BETWEEN else WORLD_OF[kind]


_BETWEEN: Final = frozenset({"transfer", "exchange", "charge_sale", "refund"})
"""Kinds of which the other side is a wallet, if there is another one."""

_decode: Final = msgspec.json.Decoder(_Said).decode


class Span(msgspec.Struct, frozen=True):
    """A span of time, from its first moment on and before its last; None is without end."""

    since: datetime | None = None
    until: datetime | None = None


def transaction(connection: Connection, transaction_id: str) -> Transaction | None:
    """A transaction with its entries; None where there is none."""
    row = connection.execute(_COMMANDS.where(commands.c.transaction_id == transaction_id)).first()
    return with_entries(connection, [_transaction(row)])[0] if row else None


def refunded_by(connection: Connection, refund_id: str) -> str | None:
    """The transaction of which a refund has given back."""
    query = select(refunds.c.transaction_id).where(refunds.c.refund_id == refund_id)
    return connection.execute(query).scalar_one_or_none()


def transactions(
    connection: Connection,
    limit: int,
    before: str | None = None,
    kind: str | None = None,
    span: Span = Span(),  # noqa: B008 - immutable
) -> tuple[list[Transaction], str | None]:
    """The newest transactions, and the id after which the search goes on; None at the end.

    Of a kind there may be fewer than `limit` although there are more: at most SCAN_MAX are
    looked at.
    """
    found: list[Transaction] = []
    scanned, last = 0, before
    count = max(limit + 1, PART) if kind else limit + 1
    while scanned < SCAN_MAX:
        several = _newest(connection, count, last, span)
        for each in several:
            if len(found) == limit:
                return with_entries(connection, found), last
            last = each.id
            if kind in (None, each.kind):
                found.append(each)
        if len(several) < count:
            return with_entries(connection, found), None
        scanned += len(several)
    return with_entries(connection, found), last


def _newest(
    connection: Connection, count: int, before: str | None, span: Span
) -> list[Transaction]:
    query = _COMMANDS.where(commands.c.transaction_id.is_not(None))
    query = _within(query, commands.c.transaction_id, span)
    if before is not None:
        query = query.where(commands.c.transaction_id < before)
    newest = query.order_by(commands.c.transaction_id.desc()).limit(count)
    return [_transaction(row) for row in connection.execute(newest)]


def with_entries(connection: Connection, several: list[Transaction]) -> list[Transaction]:
    """Transactions with their entries: one statement for all."""
    if not several:
        return []
    found = entries_of(connection, [each.result for each in several])
    return [msgspec.structs.replace(each, entries=found[each.id]) for each in several]


def of_wallet(
    connection: Connection,
    wallet_id: str,
    limit: int,
    before: int | None = None,
    kind: str | None = None,
    span: Span = Span(),  # noqa: B008 - immutable
) -> tuple[list[Transaction], int | None]:
    """As `transactions`, of a wallet, by its sequence; and where the search goes on."""
    found: list[Transaction] = []
    scanned, last = 0, before
    count = max(limit + 1, PART) if kind else limit + 1
    while scanned < SCAN_MAX:
        several = lines(connection, wallet_id, count, after=last, is_descending=True, span=span)
        for each in several:
            if len(found) == limit:
                return with_entries(connection, found), last
            last = each.sequence
            if kind in (None, each.transaction.kind):
                found.append(each.transaction)
        if len(several) < count:
            return with_entries(connection, found), None
        scanned += len(several)
    return with_entries(connection, found), last


def lines(  # noqa: PLR0913 - all but three are filters
    connection: Connection,
    wallet_id: str,
    count: int,
    *,
    after: int | None = None,
    is_descending: bool = False,
    first: int | None = None,
    last: int | None = None,
    span: Span = Span(),  # noqa: B008 - immutable
) -> list[Line]:
    """Changes of a wallet by sequence: after one, from the first to the last that are wanted."""
    place = entries.c.sequence
    query = select(entries, commands.c.result, commands.c.details).join(
        commands, commands.c.transaction_id == entries.c.transaction_id
    )
    query = query.where(entries.c.account_id == wallet_id, place.is_not(None))
    if after is not None:
        query = query.where(place < after if is_descending else place > after)
    if first is not None:
        query = query.where(place >= first)
    if last is not None:
        query = query.where(place <= last)
    query = _within(query, entries.c.transaction_id, span)
    query = query.order_by(place.desc() if is_descending else place).limit(count)
    return [_line(row) for row in connection.execute(query)]


def change_at(
    connection: Connection,
    wallet_id: str,
    *,
    sequence: int | None = None,
    until: datetime | None = None,
) -> Line | None:
    """The change with a sequence, or the last one recorded at a moment or before it."""
    if sequence is not None:
        found = lines(connection, wallet_id, 1, first=sequence, last=sequence)
    else:
        assert until is not None
        just_after = datetime.fromtimestamp((int(until.timestamp() * 1000) + 1) / 1000, UTC)
        found = lines(connection, wallet_id, 1, is_descending=True, span=Span(until=just_after))
    return found[0] if found else None


def amount_on(connection: Connection, wallet_id: str, sequence: int) -> str:
    """What a change has put onto a wallet."""
    query = select(entries.c.amount_minor, entries.c.currency).where(
        entries.c.account_id == wallet_id, entries.c.sequence == sequence
    )
    row = connection.execute(query).one()
    return show(int(row.amount_minor), row.currency)


_COMMANDS: Final[Select[Any]] = select(
    commands.c.transaction_id, commands.c.result, commands.c.details
)


def _within(query: Select[Any], column: Any, span: Span) -> Select[Any]:  # noqa: ANN401
    """Ids begin with the milliseconds of the moment they were recorded at."""
    if span.since is not None:
        query = query.where(column >= _first_id(span.since))
    if span.until is not None:
        query = query.where(column < _first_id(span.until))
    return query


def _first_id(moment: datetime) -> str:
    """The lowest id that a transaction recorded at a moment, rounded up, can have."""
    stamp = f"{-(-round(moment.timestamp() * 1_000_000) // 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}-0000-0000-000000000000"


def _transaction(row: Row[Any]) -> Transaction:
    said = _decode(row.details) if row.details else _Said()
    return Transaction(results.decode(row.result), said)


def _line(row: Row[Any]) -> Line:
    return Line(
        row.sequence,
        int(row.amount_minor),
        int(row.balance_minor),
        row.currency,
        _transaction(row),
    )


def effective_at(found: Transaction) -> str:
    """When it counts: as said, or else when it was recorded."""
    given = found.said.effective_at
    recorded = found.result.recorded_at
    return recorded if given is None else in_milliseconds(datetime.fromisoformat(given))
