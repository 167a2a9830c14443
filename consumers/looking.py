"""What is so now, read from PostgreSQL: a command's result, a wallet, its history.

    with Looking(settings.database_url) as looking:
        wallet = looking.wallet("0193...")

Reads only, each in one short statement or two; the ledger's locks are not touched.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self

import msgspec
from sqlalchemy import Connection, Row, Select, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import OperationalError, ProgrammingError

from consumers.failure import LookingError
from consumers.views import HistoryLine, Tally, WalletView
from producers import databases
from producers.addresses import why_refused, without_password
from producers.answering import LimitedConnection
from schemas import identifiers, results
from schemas.accounts import WORLD_NAMES
from schemas.commands import kind_of
from schemas.moments import in_milliseconds
from schemas.money import show
from schemas.results import AnyResult
from schemas.statuses import STATUSES
from schemas.tables import arrivals, commands, entries, partitions, profiles, wallets

CONNECT_SECONDS: Final = 5
READ_MS: Final = 10_000
LIMIT: Final = 1000
"""Most history lines in one answer."""

_UUID_ARRAY: Final = ARRAY(entries.c.transaction_id.type)


class _Said(msgspec.Struct):
    """The part of `commands.details` that is shown."""

    reference: str | None = None
    metadata: dict[str, str] | None = None
    status: str | None = None


class Looking:
    """A reader of the ledger's database; methods raise LookingError when it cannot be read."""

    def __init__(self, database_url: str) -> None:
        self._shown = without_password(database_url)
        self._engine = databases.engine(
            database_url,
            {
                "connect_timeout": CONNECT_SECONDS,
                "connection_factory": LimitedConnection,
                "application_name": "wallet-looking",
                "options": f"-c statement_timeout={READ_MS}",
            },
            read_only=True,
            pool_size=2,
            pool_pre_ping=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def result(
        self, source: str, command_id: str, fingerprint: str | None = None
    ) -> AnyResult | None:
        """The answer to a command; with a fingerprint, to this content under that id.

        The first content of an id has the id's answer, any other its own refusal.
        """
        key = identifiers.command_key(source, command_id)
        with self.connected() as connection:
            found = _row(connection, key)
            if found is None:
                return None
            if fingerprint is not None and found.fingerprint.replace("-", "") != fingerprint:
                found = _row(connection, identifiers.command_key(f"reused:{key}", fingerprint))
        return results.decode(found.result) if found else None

    def results_of_id(self, command_id: str) -> list[AnyResult]:
        """The answers to a UUID id of whatever source; other ids are found with their source only.

        The dedupe key of a UUID id starts with its first half: a short range of the primary key.
        """
        if not identifiers.is_uuid(command_id):
            return []
        first = f"{command_id[:18]}-0000-000000000000"
        last = f"{command_id[:18]}-ffff-ffffffffffff"
        query = select(commands.c.result).where(commands.c.command_key.between(first, last))
        with self.connected() as connection:
            found = [results.decode(text) for (text,) in connection.execute(query)]
        return [result for result in found if result.command.id == command_id]

    def wallet(self, wallet_id: str) -> WalletView | None:
        """A wallet and whose it is; None when there is none."""
        query = (
            select(wallets, profiles.c.created_at, profiles.c.owner, profiles.c.metadata)
            .outerjoin(profiles, profiles.c.wallet_id == wallets.c.wallet_id)
            .where(wallets.c.wallet_id == wallet_id)
        )
        with self.connected() as connection:
            row = connection.execute(query).one_or_none()
        return _wallet(row) if row else None

    def history(
        self, wallet_id: str, limit: int = 20, before: int | None = None
    ) -> list[HistoryLine]:
        """The newest changes of a wallet below sequence `before`, newest first; at most LIMIT."""
        with self.connected() as connection:
            rows = connection.execute(_changes(wallet_id, min(limit, LIMIT), before)).all()
            others = _others(connection, wallet_id, [row.transaction_id for row in rows])
        return [_line(row, others[row.transaction_id]) for row in rows]

    def tally(self, wallet_id: str) -> Tally | None:
        """Balance and sum of the entries of a wallet, of one moment."""
        query = (
            select(
                wallets.c.balance_minor,
                wallets.c.sequence,
                func.sum(entries.c.amount_minor).label("total"),
                func.count(entries.c.sequence).label("lines"),
            )
            .outerjoin(entries, entries.c.account_id == wallets.c.wallet_id)
            .where(wallets.c.wallet_id == wallet_id)
            .group_by(wallets.c.wallet_id)
        )
        with self.connected() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return Tally(int(row.balance_minor), int(row.total or 0), row.sequence, row.lines)

    def progress(self, topic: str) -> dict[int, int]:
        """Partition of the commands topic -> the offset that the ledger comes to next."""
        query = select(partitions.c.partition, partitions.c.next_offset)
        with self.connected() as connection:
            return {
                row[0]: row[1]
                for row in connection.execute(query.where(partitions.c.topic == topic))
            }

    def touched(self, transaction_id: str) -> list[tuple[str, int]]:
        """The wallets that a transaction has changed, and the sequence each has from it."""
        query = select(entries.c.account_id, entries.c.sequence).where(
            entries.c.transaction_id == transaction_id, entries.c.sequence.is_not(None)
        )
        with self.connected() as connection:
            return [(row[0], row[1]) for row in connection.execute(query)]

    def arrives(self, wallet_id: str, sequence: int) -> bool:
        """Whether an event waits for the holder of its wallet's partition."""
        query = select(arrivals.c.sequence).where(
            arrivals.c.wallet_id == wallet_id, arrivals.c.sequence == sequence
        )
        with self.connected() as connection:
            return connection.execute(query).first() is not None

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Lend a connection that only reads; its troubles are LookingErrors."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except OperationalError as error:
            raise LookingError(
                f"PostgreSQL at {self._shown} does not answer: {why_refused(error.orig or error)};"
                " start a local one with `wallet up`, or name yours in WALLET_DATABASE_URL"
            ) from error
        except ProgrammingError as error:
            why = why_refused(error.orig or error)
            if not getattr(error.orig, "pgcode", None):  # no server was asked
                raise LookingError(
                    f"PostgreSQL at {self._shown}: {why}; name yours in WALLET_DATABASE_URL"
                ) from error
            raise LookingError(
                f"PostgreSQL at {self._shown} is not the ledger's: {why};"
                " make its tables with `wallet migrate`"
            ) from error


def _row(connection: Connection, key: str) -> Row[str, str] | None:
    query = select(commands.c.result, commands.c.fingerprint).where(commands.c.command_key == key)
    return connection.execute(query).one_or_none()


def _wallet(row: Row[Any]) -> WalletView:
    return WalletView(
        wallet_id=row.wallet_id,
        currency=row.currency,
        balance=show(int(row.balance_minor), row.currency),
        sequence=row.sequence,
        status=STATUSES[row.status],
        created_at=in_milliseconds(row.created_at) if row.created_at else None,
        updated_at=in_milliseconds(row.updated_at),
        owner=row.owner,
        metadata=row.metadata,
    )


def _changes(wallet_id: str, limit: int, before: int | None) -> Select[Any]:
    query = (
        select(entries, commands.c.result, commands.c.details)
        .join(commands, commands.c.transaction_id == entries.c.transaction_id)
        .where(entries.c.account_id == wallet_id, entries.c.sequence.is_not(None))
        .order_by(entries.c.sequence.desc())
        .limit(limit)
    )
    return query if before is None else query.where(entries.c.sequence < before)


def _others(
    connection: Connection, wallet_id: str, transactions: Sequence[str]
) -> defaultdict[str, list[str]]:
    """Transaction id -> the other accounts in it, each once, the world's by name."""
    query = select(entries.c.transaction_id, entries.c.account_id).where(
        entries.c.transaction_id == func.any(cast(list(transactions), _UUID_ARRAY)),
        entries.c.account_id != wallet_id,
    )
    found: defaultdict[str, list[str]] = defaultdict(list)
    for transaction_id, account in connection.execute(query) if transactions else ():
        named = WORLD_NAMES.get(account, account)
        if named not in found[transaction_id]:  # an exchange has it in both currencies
            found[transaction_id].append(named)
    return found


def _line(row: Row[Any], counterparties: list[str]) -> HistoryLine:
    result = results.decode(row.result)
    said = msgspec.json.decode(row.details, type=_Said) if row.details else _Said()
    withdrawal = result.withdrawal
    return HistoryLine(
        sequence=row.sequence,
        kind=kind_of(result.command.type or ""),
        amount=show(int(row.amount_minor), row.currency),
        balance=show(int(row.balance_minor), row.currency),
        currency=row.currency,
        counterparties=counterparties,
        recorded_at=result.recorded_at,
        transaction_id=row.transaction_id,
        source=result.command.source,
        command_id=result.command.id,
        reference=said.reference,
        metadata=said.metadata,
        status=withdrawal.status if withdrawal else said.status,
    )
