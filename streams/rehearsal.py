"""A dry run: what would become of commands, by the real rules, on what is there now.

One read-only snapshot of all wallets that the commands name; no lock is taken, nothing is sent
nor stored. The moment is the database's, as the broker's would be: so the answer of the real
command may differ where balances or the time have changed until then.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from producers.message import Message
from schemas import results
from schemas.accounts import WORLD, WORLD_NAMES
from schemas.events import EntryBody
from schemas.money import show
from schemas.results import AnyResult
from schemas.settings import Settings
from streams import sql, sql_cases
from streams.arrays import array
from streams.asked import Asked
from streams.books import Books, Payment, Wallet
from streams.deciding import Decided
from streams.rows import Place

_BEGIN: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_NOW: Final = (
    "SELECT floor(extract(epoch FROM now()) * 1000)::bigint,"
    " coalesce((SELECT max(ahead_ms) FROM clock), 0)"
)
_WALLETS: Final = (
    "SELECT wallet_id::text, partition, currency, status, balance_minor, sequence FROM wallets"
    " WHERE wallet_id = ANY(%s::uuid[])"
)


class Rehearsed(NamedTuple):
    """What would become of a command. Its place in the log and its ids mean nothing."""

    result: AnyResult
    entries: list[EntryBody]


class Pretended(NamedTuple):
    """A record that was never sent."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Rehearsal:
    """The rules, ready to be tried. Ids of commands are not compared with those of earlier ones."""

    def __init__(self, settings: Settings) -> None:
        self._place = Place(settings.topics.commands.name, 0, settings.partitions)
        self._horizon_ms = settings.withdrawal_horizon_days * 24 * 3600 * 1000

    def __call__(self, connection: Connection, messages: Sequence[Message]) -> list[Rehearsed]:
        """Try commands one after the other, each on what the ones before it would have left.

        The connection is in autocommit mode. Raises sqlalchemy's errors.
        """
        connection.exec_driver_sql(_BEGIN)
        try:
            return self._try(connection, messages)
        finally:
            if not connection.invalidated:  # else there is nothing left to roll back
                connection.exec_driver_sql("ROLLBACK")

    def _try(self, connection: Connection, messages: Sequence[Message]) -> list[Rehearsed]:
        now_ms, ahead_ms = _rows(connection, _NOW)[0]
        asked = Asked.of(
            Pretended(offset, now_ms, each.key, each.value, each.headers)
            for offset, each in enumerate(messages)
        )
        books = _books(connection, asked, self._horizon_ms)
        decided = Decided(self._place, books, {}, asked.refundable, ahead_ms)
        tried = []
        for item in asked.items:
            said, booked = len(decided.results), len(decided.entries)
            decided.take(item.record, item.decoded)
            assert len(decided.results) == said + 1, "every command has an id of its own"
            value = decided.results[said].value
            assert value is not None, "a result has a body"
            result = results.decode(value)
            entries = [each for row in decided.entries[booked:] for each in _entries(row)]
            tried.append(Rehearsed(result, _in_order(entries, result.currency)))
        return tried


def _books(connection: Connection, asked: Asked, horizon_ms: int) -> Books:
    """All that the commands name, as the snapshot has it."""
    payments = {row[0]: _payment(row) for row in _named(connection, sql.PAYMENTS, asked.refundable)}
    withdrawals = {
        row[0]: sql_cases.withdrawal_of(tuple(row))
        for row in _named(connection, sql_cases.WITHDRAWALS, asked.withdrawals)
    }
    credit_requests = {
        row[0]: sql_cases.credit_request_of(tuple(row))
        for row in _named(connection, sql_cases.CREDIT_REQUESTS, asked.credit_requests)
    }
    named = asked.wallet_ids | {payment.payee for payment in payments.values()} - WORLD.keys()
    named |= {each.target_wallet for each in withdrawals.values() if each.target_wallet}
    wallets = {row[0]: _wallet(row) for row in _named(connection, _WALLETS, named)}
    return Books(wallets, payments, withdrawals, credit_requests, horizon_ms)


def _named(connection: Connection, text: str, wanted: Iterable[str]) -> Sequence[Any]:
    """The rows of a statement about some ids; without any it is not asked."""
    ids = array(wanted)
    return _rows(connection, text, (ids,)) if ids != "{}" else ()


def _rows(connection: Connection, text: str, arguments: tuple[Any, ...] = ()) -> Sequence[Any]:
    return connection.exec_driver_sql(text, arguments).all()


def _payment(row: Any) -> Payment:  # noqa: ANN401 - a row of PAYMENTS
    payee = WORLD_NAMES.get(row[2], row[2])
    return Payment(row[0], row[1], payee, row[3], int(row[4]), int(row[5]))


def _wallet(row: Any) -> Wallet:  # noqa: ANN401 - a row of _WALLETS
    wallet_id, partition, currency, status, balance, sequence = row
    return Wallet(wallet_id, partition, currency, status, int(balance), sequence, sequence)


def _entries(row: Any) -> Iterable[EntryBody]:  # noqa: ANN401 - an EntryRow, typed where it is made
    """A row of the journal as messages tell it, with the world's side of it."""
    account = WORLD_NAMES.get(row.account_id, row.account_id)
    if row.amount_minor == 0:
        return
    yield EntryBody(account, show(row.amount_minor, row.currency), row.currency)
    if row.world:
        other = list(WORLD)[row.world - 1]
        yield EntryBody(other, show(-row.amount_minor, row.currency), row.currency)


def _in_order(entries: list[EntryBody], own: str | None) -> list[EntryBody]:
    """As a transaction shows them: the own currency first, and what is paid first."""
    return sorted(entries, key=lambda each: (each.currency != own, Decimal(each.amount)))
