"""The audit log's queue, with a database that comes and goes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    ProgrammingError,
)
from structlog.testing import capture_logs

from producers.http.errors import EarlyError, busy
from producers.http.people import audit
from producers.http.people.audit import Audit, Entry, Noted
from producers.http.people.principal import NOBODY, OPEN, Principal
from producers.http.people.rights import Rights
from producers.http.people.roles import Role
from producers.http.reading import Reading
from producers.metrics import REGISTRY

SARA = Principal("user", "sara", Role.USER, id=12)
SECONDS = 30.0


class Database:
    """Takes batches, or is away, or chokes on them."""

    def __init__(self) -> None:
        self.taken: list[Entry] = []
        self.batches = 0
        self.is_away = False
        self.chokes_on: Exception | None = None
        self.was_asked = asyncio.Event()
        self.has_choked = asyncio.Event()

    async def read(self, _: Callable[..., None], batch: list[Entry]) -> None:
        """Write a batch, as Reading.read() would."""
        self.was_asked.set()
        await asyncio.sleep(0)  # lets others in, as a thread would
        if self.is_away:
            raise busy("away")
        if self.chokes_on is not None:
            self.has_choked.set()
            raise self.chokes_on
        self.taken += batch
        self.batches += 1


@asynccontextmanager
async def logging_to(database: Database) -> AsyncIterator[Audit]:
    """An audit log that is closed in the end."""
    made = Audit(cast("Reading", database))
    try:
        yield made
    finally:
        await made.close()


def noted(number: int = 1, who: Principal = SARA, **changed: Any) -> Noted:  # noqa: ANN401
    """A request that changes something."""
    made = Noted(f"r{number}", "POST", f"/wallets/{number}/deposit?a=b", "::1")
    made.rights, made.writes = Rights(who, self_deposits=True), True
    for name, value in changed.items():
        setattr(made, name, value)
    return made


async def test_entries_are_written_in_order_and_in_batches() -> None:
    """All of them, each once, fewer batches than entries; the query is no part of the path."""
    database = Database()
    async with logging_to(database) as log:
        for number in range(2500):
            log.note(noted(number), 201)
    assert [entry.request_id for entry in database.taken] == [f"r{each}" for each in range(2500)]
    assert database.batches <= 5
    assert (database.taken[7].path, database.taken[7].principal) == (
        "/wallets/7/deposit",
        "user:12",
    )


async def test_what_the_database_does_not_take_waits() -> None:
    """Until it does; nothing is lost, and nothing is there twice."""
    database = Database()
    database.is_away = True
    async with logging_to(database) as log:
        log.note(noted(1), 201)
        await asyncio.wait_for(database.was_asked.wait(), SECONDS)
        log.note(noted(2), 201)
        database.is_away = False
    assert [entry.request_id for entry in database.taken] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (InternalError, "cannot execute INSERT in a read-only transaction"),
        (ProgrammingError, "permission denied for table http_audit"),
        (InterfaceError, "connection already closed"),
    ],
)
async def test_what_a_database_refuses_whatever_it_is_waits_too(
    kind: type[DBAPIError], words: str
) -> None:
    """After a failover it may be read-only for a while; its words are told, without the entries."""
    database = Database()
    database.chokes_on = busy("The database refuses this now.")
    database.chokes_on.__cause__ = kind("INSERT", [{}], Exception(words))
    with capture_logs() as lines:
        async with logging_to(database) as log:
            log.note(noted(1), 201)
            await asyncio.wait_for(database.has_choked.wait(), SECONDS)
            log.note(noted(2), 201)
            database.chokes_on = None
    assert [entry.request_id for entry in database.taken] == ["r1", "r2"]
    told = {(line["event"], line["why"]) for line in lines if line["log_level"] == "warning"}
    assert told == {("the audit log waits", words)}


async def test_what_could_not_be_logged_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once too many wait, whatever changes something is refused before it is done."""
    monkeypatch.setattr(audit, "QUEUE_MAX", 3)
    monkeypatch.setattr(audit, "CLOSE_SECONDS", 0.01)
    database = Database()
    database.is_away = True
    async with logging_to(database) as log:
        for number in range(3):
            log.refuse_crowd()
            log.note(noted(number), 201)
        with pytest.raises(EarlyError) as refused:
            log.refuse_crowd()
    assert refused.value.answer.status == 503


async def test_strangers_who_are_refused_do_not_fill_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While nothing is written they are counted, and told; what was done is never dropped."""
    monkeypatch.setattr(audit, "STRANGERS_MAX", 2)
    before = _dropped()
    database = Database()
    database.is_away = True
    with capture_logs() as lines:
        async with logging_to(database) as log:
            for number in range(5):
                log.note(noted(number, who=OPEN), 403)
            log.note(noted(5, who=NOBODY), 401)
            log.note(noted(6), 403)
            log.note(noted(7), 201)
            log.refuse_crowd()
            database.is_away = False
    assert [entry.request_id for entry in database.taken] == ["r0", "r1", "r6", "r7"]
    told = [line["requests"] for line in lines if "strangers" in line["event"]]
    assert (told, _dropped() - before) == ([4], 4)


def _dropped() -> float:
    return REGISTRY.get_sample_value("wallet_http_audit_dropped_total") or 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        ValueError("no row"),
        DataError("INSERT", [{}], Exception("invalid input syntax")),
        IntegrityError("INSERT", [{}], Exception("violates check constraint")),
    ],
)
async def test_an_entry_that_cannot_be_written_holds_up_no_others(wrong: Exception) -> None:
    """It is told in the process's log instead."""
    database = Database()
    database.chokes_on = wrong
    async with logging_to(database) as log:
        log.note(noted(1), 201)
        await asyncio.wait_for(database.was_asked.wait(), SECONDS)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        database.chokes_on = None
        log.note(noted(2), 201)
    assert [entry.request_id for entry in database.taken] == ["r2"]


async def test_only_what_changes_or_is_refused_is_logged() -> None:
    """And of whoever says nothing on loopback only what was refused."""
    database = Database()
    async with logging_to(database) as log:
        log.note(noted(1, writes=False), 200)
        log.note(noted(2, writes=False), 403)
        log.note(noted(3, who=OPEN), 201)
        log.note(noted(4, who=OPEN), 401)
        log.note(noted(5), 503)
    assert [entry.request_id for entry in database.taken] == ["r2", "r4", "r5"]
    assert [entry.principal for entry in database.taken] == ["user:12", "open", "user:12"]


async def test_whatever_comes_can_be_stored() -> None:
    """NUL, half characters and other scripts in a path, a method or a key."""
    database = Database()
    async with logging_to(database) as log:
        wild = "/\0\udcff\ud800\u0633\u0644\u0645" + "x" * 999
        log.note(noted(path=wild, method=wild, address=wild, commands=[wild] * 5000), 201)
    (entry,) = database.taken
    for text in (entry.path, entry.method, entry.address, *entry.command_ids):
        assert text.isascii()
        assert "\0" not in text
        assert len(text) < 2000
    assert len(entry.command_ids) == audit.COMMANDS_MAX
