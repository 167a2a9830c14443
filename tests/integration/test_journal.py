"""Lost races of a batch, forced by a second connection: tried again, and in the end right."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from schemas.commands import Command
from schemas.decoding import decode
from schemas.identifiers import command_key
from schemas.settings import Settings
from streams import sql
from streams.asked import Asked
from streams.deciding import Decided
from streams.journal import (
    ATTEMPTS,
    AppearedError,
    FencedError,
    Held,
    Journal,
    RetriesExhaustedError,
    UnseenError,
    Written,
    connect,
)
from streams.rows import Place
from tests.paper import PaperRecord
from tests.workers import execute, rows, wait_until

pytestmark = pytest.mark.integration

NOW_MS = 1_795_082_400_000
WAITING = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE '%%lane%%' AND wait_event_type = 'Lock'"
)


class Desk:
    """A journal of one partition and a second connection that gets in its way."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.place = Place(settings.topics.commands.name, 0, settings.partitions)
        execute(settings, "INSERT INTO partitions (topic, partition) VALUES (%s, 0)", self.place[0])
        self.journal = Journal(settings, self.place)
        self.other: Connection = psycopg2.connect(settings.database_url)
        self.offset = 0

    def item(self, kind: str, wallet: str, command_id: str = "", **data: object) -> PaperRecord:
        """A command as its lane hands it over."""
        body = {
            "specversion": "1.0", "id": command_id or str(uuid.uuid4()), "source": "/desk",
            "type": f"{kind}.v1", "data": {"wallet_id": wallet, **data},
        }  # fmt: skip
        record = PaperRecord(self.offset, NOW_MS + self.offset, None, json.dumps(body).encode())
        self.offset += 1
        return record

    def write(self, *records: PaperRecord, epoch: int = 0) -> list[dict[str, Any]]:
        """Commit a batch; its results."""
        first = records[0].offset
        held = Held(epoch, first, first + len(records))
        written = self.journal.write(held, Asked.of(records))
        assert isinstance(written, Written)
        return [json.loads(message.value or b"") for message in written.decided.results]

    def write_aside(self, *records: PaperRecord) -> "Aside":
        """Commit a batch in another thread, and wait until a lock stops it."""
        aside = Aside(lambda: self.write(*records))
        wait_until(self._waits, 5, "a batch that waits for a lock")
        return aside

    def _waits(self) -> bool:
        with rows(self.settings, WAITING) as found:
            return bool(found)

    def meanwhile(self, statement: str, *arguments: object) -> None:
        """Run a statement on the second connection; it stays in its transaction."""
        with self.other.cursor() as cursor:
            cursor.execute(statement, arguments)


class Aside:
    """A call in another thread."""

    def __init__(self, call: Callable[[], list[dict[str, Any]]]) -> None:
        self._call = call
        self._answer: list[dict[str, Any]] | BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer = self._call()
        except BaseException as error:  # noqa: BLE001 - raised where the answer is asked for
            self._answer = error

    def answer(self) -> list[dict[str, Any]]:
        """What came of it."""
        self._thread.join(30)
        assert self._answer is not None, "it never came back"
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer


@pytest.fixture
def desk(new_ledger: Callable[..., Settings], request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A desk; the parameter changes settings."""
    made = Desk(new_ledger(**getattr(request, "param", {})))
    yield made
    made.journal.close()
    made.other.close()


@pytest.fixture
def wallets(desk: Desk) -> tuple[str, str]:
    """Two wallets with 10.00 each, the first in sorting order first."""
    one, other = sorted(str(uuid.uuid4()) for _ in range(2))
    desk.write(
        *(desk.item("wallet.create", wallet) for wallet in (one, other)),
        *(desk.item("deposit", wallet, amount="10.00") for wallet in (one, other)),
    )
    return one, other


def test_the_same_command_was_committed_meanwhile(desk: Desk, wallets: tuple[str, str]) -> None:
    """UniqueViolation: decided anew, the command has its answer and gets no second one."""
    item = desk.item("charge_sale", wallets[0], "twin", phone_number="09120000000", amount="1.00")
    asked = decode(None, item.value)
    assert isinstance(asked, Command)
    desk.meanwhile(
        "INSERT INTO commands VALUES (%s, %s, NULL, 77, 3, '{}', NULL)",
        command_key("/desk", "twin"), asked.fingerprint,
    )  # fmt: skip
    aside = desk.write_aside(item)
    desk.other.commit()
    assert aside.answer() == []


def test_nothing_is_written_before_the_last_batch_is_seen(
    desk: Desk, wallets: tuple[str, str]
) -> None:
    """Its wallets are free meanwhile; tried again, it is done."""
    item = desk.item("deposit", wallets[0], amount="5.00")
    held, asked = Held(0, item.offset, item.offset + 1), Asked.of([item])
    with pytest.raises(UnseenError):
        desk.journal.write(held, asked, lambda: False)
    desk.meanwhile("SELECT FROM wallets WHERE wallet_id = %s FOR UPDATE NOWAIT", wallets[0])
    desk.other.rollback()
    (result,) = desk.write(item)
    assert (result["balance"], result["sequence"]) == ("15.00", 3)


def test_a_wallet_was_made_meanwhile(desk: Desk, wallets: tuple[str, str]) -> None:
    """A wallet that was missed has appeared: the command is decided on what is there now."""
    del wallets
    wallet = str(uuid.uuid4())
    desk.meanwhile("SELECT pg_advisory_xact_lock_shared(1, %s)", int(wallet[-4:], 16) % 256)
    desk.meanwhile(
        "INSERT INTO wallets VALUES (%s, 0, 1, now(), 1, 0, 'IRR')",
        wallet,
    )
    aside = desk.write_aside(desk.item("deposit", wallet, amount="3.00"))
    desk.other.commit()
    assert [result["status"] for result in aside.answer()] == ["completed"]


def test_wallets_that_appear_cost_no_attempt(
    desk: Desk, wallets: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where many are made in bulk while others name them, a batch misses one after the other."""
    del wallets
    missed = iter(range(3 * ATTEMPTS))
    hold = Journal._hold_absent  # noqa: SLF001 - one after the other would take locks and minutes

    def appearing(journal: Journal, cursor: extensions.cursor, decided: Decided) -> None:
        if next(missed, None) is not None:
            raise AppearedError
        hold(journal, cursor, decided)

    monkeypatch.setattr(Journal, "_hold_absent", appearing)
    (result,) = desk.write(desk.item("deposit", str(uuid.uuid4()), amount="1.00"))
    assert result["error"]["code"] == "wallet_not_found"


def test_a_deadlock_is_tried_again(desk: Desk, wallets: tuple[str, str]) -> None:
    """PostgreSQL ends the batch, which was first to wait; the other goes on, then the batch."""
    one, other = wallets
    desk.meanwhile("SET deadlock_timeout = '60s'")  # else a slow machine ends this side, not that
    desk.meanwhile("SELECT 1 FROM wallets WHERE wallet_id = %s FOR UPDATE", other)
    aside = desk.write_aside(desk.item("transfer", one, to_wallet_id=other, amount="1.00"))
    desk.meanwhile("SELECT 1 FROM wallets WHERE wallet_id = %s FOR UPDATE", one)
    desk.other.commit()
    assert [result["balance"] for result in aside.answer()] == ["9.00"]


@pytest.mark.parametrize(
    "desk", [{"lock_timeout_ms": 150}, {"statement_timeout_ms": 150}], indirect=True
)
def test_a_timeout_is_tried_again(desk: Desk, wallets: tuple[str, str]) -> None:
    """LockNotAvailable or QueryCanceled, twice or so, until the lock is free."""
    desk.meanwhile("SELECT 1 FROM wallets WHERE wallet_id = %s FOR UPDATE", wallets[0])
    aside = desk.write_aside(desk.item("deposit", wallets[0], amount="1.00"))
    threading.Timer(0.4, desk.other.commit).start()
    assert [result["balance"] for result in aside.answer()] == ["11.00"]


@pytest.mark.parametrize("desk", [{"lock_timeout_ms": 50}], indirect=True)
def test_an_endless_wait_is_no_race(desk: Desk, wallets: tuple[str, str]) -> None:
    """After eight attempts the process ends; nothing was written."""
    desk.meanwhile("SELECT 1 FROM wallets WHERE wallet_id = %s FOR UPDATE", wallets[0])
    with pytest.raises(RetriesExhaustedError, match="8 times, from 4"):
        desk.write(desk.item("deposit", wallets[0], amount="1.00"))
    with rows(desk.settings, "SELECT next_offset FROM partitions") as found:
        assert found == [(4,)]


@pytest.mark.parametrize("step", ["epoch = epoch + 1", "next_offset = next_offset + 1"])
def test_another_owner_is_noticed(desk: Desk, wallets: tuple[str, str], step: str) -> None:
    """The first statement of a batch compares: another epoch or offset writes nothing."""
    execute(desk.settings, f"UPDATE partitions SET {step}")  # noqa: S608 - our own words
    with pytest.raises(FencedError, match="no longer at epoch 0, offset 4"):
        desk.write(desk.item("deposit", wallets[0], amount="1.00"))
    with rows(desk.settings, "SELECT count(*) FROM commands") as found:
        assert found == [(4,)]


def test_what_a_refund_names_is_found_by_its_entries_sequences(desk: Desk) -> None:
    """Entries have only a BRIN index by transaction: a look through it took 0.2 s at a million."""
    with closing(connect(desk.settings, "lane-0")) as lane, lane.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql.PAYMENTS}", (f"{{{uuid.uuid4()},{uuid.uuid4()}}}",))
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert plan.count("entries_of_wallet") == 2
    assert "entries_of_transaction" not in plan
    assert "Seq Scan" not in plan


def test_a_refund_locks_who_was_paid(desk: Desk, wallets: tuple[str, str]) -> None:
    """Which wallet that is shows only in the journal: the batch begins again with it locked."""
    one, other = wallets
    (paid,) = desk.write(desk.item("transfer", one, to_wallet_id=other, amount="4.00"))
    (back,) = desk.write(desk.item("refund", one, transaction_id=paid["transaction_id"]))
    assert back["balance"] == "10.00"
    assert list(back["sequences"]) == [one, other]
