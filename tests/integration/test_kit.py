"""The kit for consumers of events, on real Kafka and PostgreSQL: once, in order, nothing eaten."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import dedent
from typing import ClassVar, Literal

import psycopg2
import pytest
from confluent_kafka import KafkaException
from psycopg2.extensions import cursor

from consumers.kit import PoisonError, Projection, Told
from consumers.kit.batch import StoppedError
from consumers.kit.connecting import connect
from consumers.kit.places import EXPLAIN, FencedError, Places
from consumers.kit.running import Running
from schemas.settings import Settings
from tests.told import WALLETS, say, told
from tests.workers import environment, execute, rows

pytestmark = pytest.mark.integration

WAIT_SECONDS = 60.0
A, B, C, D = WALLETS


class Seen(Projection):
    """Writes down every event that it is given."""

    name = "seen"
    tables: ClassVar[str] = """
        CREATE TABLE IF NOT EXISTS seen (
            consumer text, wallet_id uuid, sequence bigint,
            PRIMARY KEY (consumer, wallet_id, sequence)
        )"""

    def __init__(
        self,
        name: str,
        poison: Literal["park", "stop"] = "park",
        gaps: Literal["stop", "go on"] = "stop",
        start: Literal["beginning", "end"] = "beginning",
    ) -> None:
        self.name = name  # type: ignore[misc]
        self.poison, self.gaps, self.start = poison, gaps, start  # type: ignore[misc]
        self.hated: set[tuple[str, int]] = set()
        self.before: Callable[[], None] = lambda: None

    def apply(self, cursor: cursor, events: Sequence[Told]) -> None:
        """Write them down; those it hates are poison, after all others were written."""
        self.before()
        for each in events:
            row = (self.name, each.event.wallet_id, each.event.sequence)
            cursor.execute("INSERT INTO seen VALUES (%s, %s, %s)", row)
        for each in events:
            if (each.event.wallet_id, each.event.sequence) in self.hated:
                raise PoisonError(each, "hated")


@pytest.fixture(scope="module")
def ledger(new_ledger: Callable[..., Settings]) -> Settings:
    """Topics of two partitions and a database; nothing works on them."""
    return new_ledger(partitions=2)


@contextmanager
def running(
    settings: Settings, seen: Seen, slot: str = "1", batch: int = 1000
) -> Iterator[Running]:
    """A consumer at work, turned by the test."""
    made = Running(seen, settings, slot, threading.Event(), batch=batch)
    try:
        yield made
    finally:
        made.close()


def turn_until(done: Callable[[], bool], *consumers: Running) -> None:
    """Let consumers work in turn until it is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < deadline
        for each in consumers:
            each.turn()


def seen_by(settings: Settings, name: str) -> list[tuple[str, int]]:
    """The events that a consumer has written down."""
    query = "SELECT wallet_id::text, sequence FROM seen WHERE consumer = %s ORDER BY 1, 2"
    with rows(settings, query, name) as found:
        return found


def parked_by(settings: Settings, name: str) -> list[tuple[bool, str, bytes]]:
    """What a consumer has put aside."""
    query = 'SELECT is_event, why, value FROM consumer_parked WHERE consumer = %s ORDER BY "offset"'
    with rows(settings, query, name) as found:
        return [(is_event, why, bytes(value)) for is_event, why, value in found]


@pytest.fixture(scope="module")
def log(ledger: Settings) -> Settings:
    """A log with events of three wallets, one of them twice, and something that is none."""
    first = [told(A, 1), told(B, 1), told(A, 2), told(A, 2), told(C, 1)]
    say(ledger, [*first, (B, b"no event"), told(B, 3), told(A, 3)])
    return ledger


def has_all(settings: Settings, name: str) -> bool:
    """Whether a consumer has seen what the log began with; twice none can be, by its key."""
    return set(ALL) <= set(seen_by(settings, name))


ALL = [(A, 1), (A, 2), (A, 3), (B, 1), (B, 3), (C, 1)]


def test_each_event_is_applied_once(log: Settings) -> None:
    """What comes twice is passed over, what is no event is parked, and its gap is known."""
    seen = Seen("once")
    with running(log, seen, batch=2) as consumer:
        turn_until(lambda: has_all(log, "once"), consumer)
    assert [each for each in seen_by(log, "once") if each in ALL] == ALL
    ((is_event, why, value),) = parked_by(log, "once")
    assert (is_event, value) == (False, b"no event")
    assert why.startswith("no event: ")


def test_it_goes_on_where_it_was(log: Settings) -> None:
    """Another process begins with what the last one had not done."""
    with running(log, Seen("on"), batch=2) as consumer:
        turn_until(lambda: len(seen_by(log, "on")) >= 1, consumer)
    with running(log, Seen("on"), slot="2") as consumer:
        turn_until(lambda: has_all(log, "on"), consumer)


def test_who_begins_at_the_end_gets_what_comes(ledger: Settings, log: Settings) -> None:
    """A wallet is then met in the middle of its sequence."""
    with running(log, Seen("late", start="end")) as consumer:
        places = "SELECT count(*) FROM consumer_places WHERE consumer = 'late'"
        turn_until(lambda: _one(log, places) == 2, consumer)
        say(ledger, [told(C, 2)])
        turn_until(lambda: bool(seen_by(log, "late")), consumer)
    assert seen_by(log, "late") == [(C, 2)]


def test_a_key_that_fits_into_no_index_is_parked(new_ledger: Callable[..., Settings]) -> None:
    """Also where the tables are older than that; what is missing under a wallet's key is found."""
    settings = new_ledger(partitions=1)
    with running(settings, Seen("before")):
        pass
    every_key = "ON consumer_parked (consumer, key) WHERE NOT is_event AND NOT has_explained"
    execute(settings, f"CREATE INDEX consumer_parked_key {every_key}")
    long = random.Random(1).randbytes(2000).hex()  # noqa: S311 - only that it cannot be compressed
    say(settings, [told(A, 1), (long, b"no event"), (A, b"no event"), told(A, 3)])
    with running(settings, Seen("long")) as consumer:
        turn_until(lambda: (A, 3) in seen_by(settings, "long"), consumer)
    assert len(parked_by(settings, "long")) == 2


def test_what_is_parked_is_found_by_its_index(log: Settings) -> None:
    """However much was parked."""
    with running(log, Seen("indexed")):
        pass
    looked = f"SET enable_seqscan = off; EXPLAIN {EXPLAIN}"
    with rows(log, looked, "indexed", A.encode(), 1, "indexed") as plan:
        assert "Index Scan using consumer_parked_wallet" in "\n".join(line for (line,) in plan)


def test_what_the_consumer_cannot_take_is_parked(log: Settings) -> None:
    """All else of its batch is applied, once."""
    seen = Seen("hater")
    seen.hated = {(A, 2), (B, 1)}
    with running(log, seen) as consumer:
        turn_until(
            lambda: (A, 3) in seen_by(log, "hater") and (B, 3) in seen_by(log, "hater"), consumer
        )
    assert not seen.hated & set(seen_by(log, "hater"))
    assert [why for is_event, why, _ in parked_by(log, "hater") if is_event] == ["hated"] * 2


def test_a_consumer_may_rather_stop(log: Settings) -> None:
    """Before what it cannot read; nothing of the batch is written."""
    with (
        running(log, Seen("strict", poison="stop"), batch=1) as consumer,
        pytest.raises(StoppedError, match="no event"),
    ):
        turn_until(lambda: False, consumer)
    assert (B, 3) not in seen_by(log, "strict")
    assert parked_by(log, "strict") == []


def test_a_gap_stops_or_is_told(new_ledger: Callable[..., Settings]) -> None:
    """Events that are missing are never passed over in silence."""
    settings = new_ledger(partitions=1)
    say(settings, [told(A, 1), told(A, 3), told(B, 1)])
    with (
        running(settings, Seen("stops")) as consumer,
        pytest.raises(
            StoppedError, match=f"1 events of wallet {A} are missing before its sequence 3"
        ),
    ):
        turn_until(lambda: False, consumer)
    assert seen_by(settings, "stops") == []
    with running(settings, Seen("goes", gaps="go on")) as consumer:
        turn_until(lambda: len(seen_by(settings, "goes")) == 3, consumer)


def test_a_bug_stops_and_eats_nothing(log: Settings) -> None:
    """What apply() raises undoes the batch and ends the process; the next one goes on before it."""
    seen = Seen("buggy")

    def fail() -> None:
        raise ZeroDivisionError

    seen.before = fail
    with running(log, seen) as consumer, pytest.raises(ZeroDivisionError):
        turn_until(lambda: False, consumer)
    assert seen_by(log, "buggy") == []
    with running(log, Seen("buggy")) as consumer:
        turn_until(lambda: has_all(log, "buggy"), consumer)


def test_an_older_owner_writes_nothing(log: Settings) -> None:
    """Somebody else has claimed its partitions: its batch matches no row, and it ends."""
    seen = Seen("zombie")
    with running(log, seen) as consumer:
        claim = "UPDATE consumer_places SET epoch = epoch + 1 WHERE consumer = 'zombie'"
        places = "SELECT count(*) FROM consumer_places WHERE consumer = 'zombie' AND epoch > 0"
        deadline = time.monotonic() + WAIT_SECONDS
        while _one(log, places) < 2:
            assert time.monotonic() < deadline
            consumer._member.poll(0.1)  # noqa: SLF001 - gains its partitions, and applies nothing
        execute(log, claim)
        with pytest.raises(FencedError):
            consumer._begin_again()  # noqa: SLF001 - as after a broken connection
        say(log, [told(D, 1)])
        with pytest.raises(FencedError, match="claimed by another"):
            turn_until(lambda: False, consumer)
    assert seen_by(log, "zombie") == []


def test_a_claim_waits_out_an_older_owner(log: Settings) -> None:
    """One that is frozen in its transaction: the server ends it, and nothing of it is written."""
    frozen = Seen("frozen")

    def claim() -> None:
        places = Places("frozen", log.topics.events.name, "the next owner")
        with closing(connect(log, log.database_url, "frozen")) as opened, opened:
            for partition in range(log.partitions):
                places.claim(opened, partition)

    frozen.before = claim
    with running(log, frozen) as consumer, pytest.raises(FencedError):
        turn_until(lambda: False, consumer)
    assert seen_by(log, "frozen") == []


def test_a_broken_connection_costs_nothing(log: Settings) -> None:
    """Whether the commit was done is asked; it goes on from there."""
    seen = Seen("broken")
    cuts = [0]

    def cut() -> None:
        cuts[0] += 1
        if cuts[0] in {1, 3}:
            execute(
                log,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'consumer broken'",
            )

    seen.before = cut
    with running(log, seen, batch=2) as consumer:
        turn_until(lambda: has_all(log, "broken"), consumer)
    assert cuts[0] > 3


def test_a_log_that_does_not_reach_so_far_is_told(log: Settings) -> None:
    """A topic that was made anew, or cut: it is not begun somewhere else in silence."""
    with running(log, Seen("far")) as consumer:
        turn_until(lambda: has_all(log, "far"), consumer)
    execute(log, "UPDATE consumer_places SET next_offset = 1000000 WHERE consumer = 'far'")
    with running(log, Seen("far"), slot="2") as consumer, pytest.raises(KafkaException):
        turn_until(lambda: False, consumer)


def test_a_process_that_gives_up_says_why(log: Settings, tmp_path: Path) -> None:
    """Exit code 70, for its supervisor; the reason is the last line of its log."""
    text = """
        import sys
        from consumers.kit import Projection, run

        class Strict(Projection):
            name, poison = "strict process", "stop"

            def apply(self, cursor, events):
                pass

        sys.exit(run(Strict(), batch=1))
    """
    (path := tmp_path / "strict.py").write_text(dedent(text), encoding="utf-8")
    given = {**environment(log), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, str(path)],
        env=given, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 70
    assert "no event" in done.stderr.splitlines()[-1]


def test_its_tables_may_be_in_another_database(
    log: Settings, new_ledger: Callable[..., Settings]
) -> None:
    """As those of another team are."""
    other = new_ledger(partitions=2)
    seen = Seen("elsewhere")
    made = Running(seen, log, "1", threading.Event(), database_url=other.database_url)
    try:
        turn_until(lambda: has_all(other, "elsewhere"), made)
    finally:
        made.close()
    with pytest.raises(psycopg2.errors.UndefinedTable):
        seen_by(new_ledger(partitions=1), "elsewhere")


def _one(settings: Settings, query: str) -> int:
    with rows(settings, query) as found:
        return int(found[0][0])
