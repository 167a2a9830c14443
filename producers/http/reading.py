"""Reads the ledger's database for the gateway: short statements, read-only, in a few threads.

    wallet = await reading.read(reading_wallets.wallet, wallet_id)

A query is a plain function of a connection and its arguments; it takes no lock and changes nothing.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from producers import databases
from producers.answering import LimitedConnection
from producers.http.errors import busy
from schemas import identifiers
from schemas.settings import Settings
from schemas.tables import commands

THREADS: Final = 8
"""Connections to PostgreSQL: a read takes a millisecond, most of it ours, and we have one core."""

SPARE: Final = 64
"""Reads that may wait beside those of requests that wait for a result: of health, for one."""

CONNECT_SECONDS: Final = 3
STATEMENT_MS: Final = 5000
READ_SECONDS: Final = 6.0
"""The longest a read is waited for: a server that is frozen keeps no limit of its own."""

ASK_SECONDS: Final = 60
"""How often a connection asks whether its server was demoted: nothing tells one that only reads,
which would read for ever what that server knew last. One that is well is kept: where a host of the
address is dead, each new one costs CONNECT_SECONDS."""

log: Final = structlog.get_logger(__name__)

Found = TypeVar("Found")
Given = ParamSpec("Given")


class Reading:
    """A bounded pool of threads, each with a connection, and a limit of reads that wait for one."""

    def __init__(
        self, settings: Settings, *, threads: int = THREADS, read_only: bool = True
    ) -> None:
        self._limit = settings.http_waiting_max + SPARE
        self._waiting = 0
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="reading")
        self._engine = databases.engine(
            settings.database_url,
            {
                "connect_timeout": CONNECT_SECONDS,
                "connection_factory": LimitedConnection,
                "application_name": "wallet-gateway",
                "options": f"-c statement_timeout={STATEMENT_MS}",
            },
            read_only=read_only,
            isolation_level="AUTOCOMMIT",  # a read of one statement needs no transaction
            pool_size=threads,
            max_overflow=0,
            pool_timeout=CONNECT_SECONDS,
            pool_pre_ping=False,  # a connection that broke is answered with 503 and replaced
        )
        databases.leave_demoted(self._engine, ASK_SECONDS)

    async def read(
        self,
        query: Callable[Concatenate[Connection, Given], Found],
        *given: Given.args,
        **named: Given.kwargs,
    ) -> Found:
        """What a query finds. Raises EarlyError 503 when the database does not answer, or refuses.

        Only what is wrong in itself raises as SQLAlchemy does: a row, or a statement of ours.
        """
        if self._waiting >= self._limit:
            raise busy("Too many requests wait for the database.")
        self._waiting += 1
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await loop.run_in_executor(self._threads, self._run, query, given, named)
        except (OperationalError, PoolTimeoutError, TimeoutError) as error:
            raise busy("The database does not answer in time.") from error
        except DBAPIError as error:
            if not databases.may_pass(error):
                raise
            log.warning("the database refuses a statement", why=databases.why(error))
            raise busy("The database refuses this now.") from error
        finally:
            self._waiting -= 1

    def _run(self, query: Callable[..., Found], given: Any, named: Any) -> Found:  # noqa: ANN401
        with self._engine.connect() as connection:
            return query(connection, *given, **named)

    def close(self) -> None:
        """Let the connections go."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()


def answer_text(
    connection: Connection, source: str, command_id: str, fingerprint: str | None = None
) -> str | None:
    """The result of a command, as JSON; with a fingerprint, that of this content under the id.

    The first content of an id has the id's answer, any other its own refusal.
    """
    key = identifiers.command_key(source, command_id)
    found = _answer(connection, key)
    if found is None:
        return None
    text, own = found
    if fingerprint is None or own.replace("-", "") == fingerprint:
        return text
    other = _answer(connection, identifiers.command_key(f"reused:{key}", fingerprint))
    return other[0] if other else None


def answers(connection: Connection) -> bool:
    """Whether the database is there."""
    return bool(connection.execute(select(1)).scalar_one())


def _answer(connection: Connection, key: str) -> tuple[str, str] | None:
    query = select(commands.c.result, commands.c.fingerprint).where(commands.c.command_key == key)
    row = connection.execute(query).one_or_none()
    return (row.result, row.fingerprint) if row else None
