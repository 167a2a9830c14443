"""The audit log: who did what over HTTP, written off the request's path, in batches.

A request waits for nothing here. While the database takes no entries, whatever changes something is
refused before it is done, once QUEUE_MAX entries wait; what is done anyway is never dropped. Those
of strangers who are refused are only counted once STRANGERS_MAX wait: nobody needs credentials to
be refused, so they would fill the memory and the room of all others. A process that is killed takes
along what has waited since the last batch: some milliseconds, while the database is well. What it
did then is still in the ledger, under the same request id.
"""

import asyncio
from collections import deque
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from prometheus_client import Counter
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from producers import databases
from producers.http.errors import EarlyError, busy
from producers.http.people.principal import NOBODY, Principal
from producers.http.people.rights import Rights
from producers.http.reading import Reading
from producers.message import uuid7
from producers.metrics import REGISTRY
from schemas.moments import in_milliseconds
from schemas.tables_people import http_audit

QUEUE_MAX: Final = 20_000
"""Entries that wait for the database, some 500 bytes each."""
STRANGERS_MAX: Final = QUEUE_MAX // 2
"""Once so many wait, those who are not known and were refused are counted, and no more."""
BATCH_MAX: Final = 1000
PAUSE_SECONDS: Final = 0.5
"""Between two tries of a batch that the database did not take."""
CLOSE_SECONDS: Final = 3.0
PATH_MAX: Final = 256
REFUSED: Final = frozenset({401, 403})
METHOD_MAX: Final = 16
ADDRESS_MAX: Final = 64
COMMANDS_MAX: Final = 1000

log: Final = structlog.get_logger(__name__)

_DROPPED: Final = Counter(
    "wallet_http_audit_dropped",
    "Refused requests of strangers that are not in the audit log, for too many entries waited.",
    registry=REGISTRY,
)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One line of the log. `principal` is as Principal.label; a status of 0 is not HTTP's."""

    id: str
    asked_at: datetime
    user_id: int | None
    status: int
    principal: str
    role: str
    address: str
    method: str
    path: str
    request_id: str
    command_ids: list[str]


class Noted:
    """What is logged of a request, as it becomes known. The path is as it came.

    `rights` and `writes` are set once it is known who asks.
    """

    __slots__ = ("address", "commands", "id", "method", "path", "rights", "writes")

    def __init__(self, request_id: str, method: str, path: str, address: str) -> None:
        self.id = request_id
        self.method = method
        self.path = path
        self.address = address
        self.commands: list[str] = []
        self.rights: Rights | None = None
        self.writes = False

    @property
    def who(self) -> Principal:
        """Who asks, as far as it is known."""
        return self.rights.who if self.rights else NOBODY


class Audit:
    """The log of one gateway; made in its loop."""

    def __init__(self, writing: Reading) -> None:
        self._writing = writing
        self._waiting: deque[Entry] = deque()
        self._dropped = 0
        self._is_there = asyncio.Event()
        self._is_closing = False
        self._task = asyncio.create_task(self._write_on(), name="audit")

    def refuse_crowd(self) -> None:
        """Refuse to do what could not be logged. Raises EarlyError 503."""
        if len(self._waiting) >= QUEUE_MAX:
            raise busy("The audit log cannot be written.")

    def note(self, request: Noted, status: int) -> None:
        """Log a request if it may have changed something, or was refused for rights.

        Not those of whoever reaches loopback without a name, but the access log has them.
        """
        who = request.who
        is_refused = status in REFUSED
        if not (is_refused or (request.writes and who.is_known)):
            return
        if is_refused and not who.is_known and len(self._waiting) >= STRANGERS_MAX:
            self._dropped += 1
            _DROPPED.inc()
            return
        entry = Entry(
            id=uuid7(),
            asked_at=datetime.now(UTC),
            user_id=who.user_id,
            status=status,
            principal=who.label if who.is_known else who.name,
            role=str(who.role) if who.is_known else "",
            address=_plain(request.address, ADDRESS_MAX),
            method=_plain(request.method, METHOD_MAX),
            path=_plain(request.path.partition("?")[0], PATH_MAX),
            request_id=request.id,
            command_ids=[_plain(each, PATH_MAX) for each in request.commands[:COMMANDS_MAX]],
        )
        self._waiting.append(entry)
        self._is_there.set()

    async def close(self) -> None:
        """Write what waits; what the database does not take within seconds goes to the log."""
        self._is_closing = True
        self._is_there.set()
        await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
        self._task.cancel()
        self._tell_dropped()
        for entry in self._waiting:
            log.error("an audit entry was not written", entry=msgspec.structs.asdict(entry))

    async def _write_on(self) -> None:
        while not (self._is_closing and not self._waiting):
            await self._is_there.wait()
            self._is_there.clear()
            while self._waiting:
                await self._write_batch()

    async def _write_batch(self) -> None:
        """Write the oldest; they leave the queue once they are in the database."""
        batch = [self._waiting[place] for place in range(min(len(self._waiting), BATCH_MAX))]
        try:
            await self._writing.read(_insert, batch)
        except EarlyError as error:
            waiting = {"entries": len(self._waiting), "dropped": self._dropped}
            log.warning("the audit log waits", **waiting, why=_why(error))
            await asyncio.sleep(PAUSE_SECONDS)  # nothing tells when the database takes it again
            return
        except Exception:
            log.exception("audit entries cannot be written", entries=[repr(each) for each in batch])
        for _ in batch:
            self._waiting.popleft()
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        """Say what is missing, as soon as the log is written again: a line for all of them."""
        if self._dropped:
            log.warning("refused strangers are not in the audit log", requests=self._dropped)
            self._dropped = 0


def _why(error: EarlyError) -> str:
    """The words of the database, where it said any."""
    cause = error.__cause__
    return databases.why(cause) if isinstance(cause, DBAPIError) else str(error)


def entries(
    connection: Connection, most: int, before: str | None = None, principal: str | None = None
) -> list[Entry]:
    """The newest entries first, those older than one; of one principal, as "user:12"."""
    columns = [http_audit.c[name] for name in Entry.__struct_fields__]
    query = select(*columns).order_by(http_audit.c.id.desc()).limit(most)
    if before is not None:
        query = query.where(http_audit.c.id < before)
    if principal is not None:
        query = query.where(http_audit.c.principal == principal)
    return [Entry(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - public


def shown(entry: Entry) -> dict[str, Any]:
    """An entry as JSON has it."""
    return {**msgspec.structs.asdict(entry), "asked_at": in_milliseconds(entry.asked_at)}


def _insert(connection: Connection, batch: list[Entry]) -> None:
    rows = [msgspec.structs.asdict(entry) for entry in batch]
    # A batch whose commit was not heard of is written again.
    connection.execute(insert(http_audit).on_conflict_do_nothing(), rows)


def _plain(text: str, longest: int) -> str:
    """A text that can be stored, whatever came."""
    return text[:longest].encode("ascii", "backslashreplace").decode().replace("\0", "\\x00")
