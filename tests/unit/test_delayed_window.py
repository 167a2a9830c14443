"""The near end of a partition's schedule: whatever comes in whatever order, none is lost."""

from bisect import bisect_right
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from consumers.delayed.window import PAGE, Due, Window

SECOND = 1_000_000


def due(number: int, at_us: int) -> Due:
    """Withdrawal `number`, due at a moment."""
    return Due(at_us, f"{number:08x}-0000-8000-8000-000000000000", f"wallet {number}")


class Database:
    """The scheduled withdrawals of one partition, in the order of the index."""

    def __init__(self, *scheduled: Due) -> None:
        self.rows = sorted(scheduled)
        self.pages = 0

    def feed(self, window: Window, horizon_us: int, pages: int = 1000) -> None:
        """Read all the pages that a window wants."""
        for _ in range(pages):
            page = window.wanted(horizon_us)
            if page is None:
                return
            self.pages += 1
            first = bisect_right([row.key for row in self.rows], page.after)
            found = [row for row in self.rows[first:] if row.due_at_us < page.before_us]
            window.read(page, found[: page.limit])
        raise AssertionError("a window wants pages without end")

    def drop(self, withdrawal_id: str) -> None:
        """It is scheduled no more."""
        self.rows = [row for row in self.rows if row.withdrawal_id != withdrawal_id]


def fire_all(window: Window, until_us: int) -> list[int]:
    """Fire what is due; the instants, as they came."""
    found = []
    while (at := window.next_us()) is not None and at <= until_us:
        fired = window.fire(0.0)
        assert fired is not None
        found.append(fired.due.due_at_us)
    return found


def test_only_the_near_end_is_read() -> None:
    """What is due behind the horizon stays in the database."""
    window = Window(0, 100)
    Database(*(due(n, n * SECOND) for n in range(1, 121))).feed(window, 61 * SECOND)
    assert window.waiting == 60
    assert window.next_us() == SECOND
    assert fire_all(window, 3 * SECOND) == [SECOND, 2 * SECOND, 3 * SECOND]


def test_a_record_is_taken_where_no_page_will_bring_it() -> None:
    """Before the front it would be missed, behind it it is read later."""
    window = Window(0, 100)
    Database().feed(window, 60 * SECOND)
    window.scheduled(due(1, 59 * SECOND))
    window.scheduled(due(2, 60 * SECOND))
    window.scheduled(due(3, 3600 * SECOND))
    assert window.waiting == 1
    assert window.next_us() == 59 * SECOND


def test_what_is_known_is_not_taken_twice() -> None:
    """A page and a record tell the same; so does a rescan, of what was fired too."""
    database = Database(due(1, 1), due(2, 2))
    window = Window(0, 100)
    database.feed(window, SECOND)
    window.scheduled(due(1, 1))
    assert fire_all(window, 1) == [1]
    window.rescan()
    database.feed(window, SECOND)
    window.scheduled(due(1, 1))
    assert fire_all(window, SECOND) == [2]
    assert set(window.fired) == {due(1, 1).withdrawal_id, due(2, 2).withdrawal_id}


def test_a_rescan_finds_what_slipped_through() -> None:
    """A row of which no record told is found, also when it is long due."""
    database = Database()
    window = Window(0, 100)
    database.feed(window, 60 * SECOND)
    database.rows = [due(1, 5)]
    database.feed(window, 60 * SECOND)
    assert window.waiting == 0
    window.rescan()
    database.feed(window, 60 * SECOND)
    assert fire_all(window, 10) == [5]


def test_what_is_cancelled_while_it_waits_is_not_fired() -> None:
    """Its record takes it out; others stay."""
    window = Window(0, 100)
    Database(due(1, 1), due(2, 2)).feed(window, SECOND)
    assert window.gone(due(1, 1).withdrawal_id)
    assert not window.gone("of another partition")
    assert window.next_us() == 2
    assert fire_all(window, SECOND) == [2]


def test_what_is_done_is_forgotten_and_may_be_told_again() -> None:
    """A record that it is executing ends the memory of it."""
    window = Window(0, 100)
    Database(due(1, 1)).feed(window, SECOND)
    assert fire_all(window, 1) == [1]
    assert window.gone(due(1, 1).withdrawal_id)
    assert window.fired == {}


def test_a_burst_of_one_instant_is_read_in_pages() -> None:
    """Far more than there is room for: none twice, none lost, never much more than the room."""
    count, room = 7 * PAGE + 13, 2 * PAGE
    database = Database(*(due(n, SECOND) for n in range(count)))
    window = Window(0, room)
    done: set[str] = set()
    while len(done) < count:
        database.feed(window, 60 * SECOND)
        assert window.waiting <= room + PAGE
        assert fire_all(window, 2 * SECOND)
        assert len(window.fired) <= room
        for withdrawal_id in list(window.fired):
            assert withdrawal_id not in done
            done.add(withdrawal_id)
            window.gone(withdrawal_id)
            database.drop(withdrawal_id)
    assert window.waiting == 0


def test_unanswered_ones_hold_the_next_back() -> None:
    """When nobody executes, no more commands than there is room for are sent."""
    window = Window(0, 10)
    database = Database(*(due(n, n) for n in range(1, 31)))
    database.feed(window, SECOND)
    assert fire_all(window, SECOND) == list(range(1, 11))
    assert window.next_us() is None
    assert window.gone(due(1, 1).withdrawal_id)
    database.drop(due(1, 1).withdrawal_id)
    database.feed(window, SECOND)
    assert fire_all(window, SECOND) == [11]


def test_a_flood_of_records_leaves_the_far_ones_to_the_database() -> None:
    """Memory stays bounded, and all are fired in the end."""
    window, room = Window(0, 1000), 1000
    database = Database()
    database.feed(window, 60 * SECOND)
    rows = [due(n, SECOND + n * 1000) for n in range(20_000)]
    Random(1).shuffle(rows)  # noqa: S311 - the same disorder in every run
    for row in rows:
        database.rows.append(row)
        window.scheduled(row)
        assert window.waiting <= 1.5 * room + 1
    database.rows.sort()
    fired: list[int] = []
    while len(fired) < len(rows):
        database.feed(window, 60 * SECOND)
        fired += fire_all(window, 60 * SECOND)
        for withdrawal_id in list(window.fired):
            window.gone(withdrawal_id)
    assert fired == sorted(fired)
    assert len(set(fired)) == 20_000


def test_cancelled_ones_do_not_pile_up() -> None:
    """Scheduled and cancelled again and again, for long before they are due."""
    window = Window(0, 10)
    Database().feed(window, 60 * SECOND)
    for number in range(1000):
        window.scheduled(due(number, 30 * SECOND))
        window.gone(due(number, 30 * SECOND).withdrawal_id)
    window.scheduled(due(1000, 30 * SECOND))
    assert len(window._heap) <= 31  # noqa: SLF001 - what nobody outside sees
    assert fire_all(window, 60 * SECOND) == [30 * SECOND]


def test_what_was_not_sent_waits_again_under_its_attempt() -> None:
    """And under the next, once the ledger has said that it came too early."""
    window = Window(0, 10)
    Database(due(1, 1)).feed(window, SECOND)
    withdrawal_id = due(1, 1).withdrawal_id
    attempts = []
    for attempt in (1, 1, 2, 2, 3):
        window.again(withdrawal_id, attempt)  # nothing at first: it was not fired
        fired = window.fire(0.0)
        assert fired is not None
        attempts.append(fired.attempt)
    assert attempts == [1, 1, 2, 2, 3]
    assert window.gone(withdrawal_id)
    window.again(withdrawal_id, 4)
    assert window.fire(0.0) is None


def test_a_retry_may_have_to_wait() -> None:
    """Its own time is kept where that is later."""
    window = Window(0, 10)
    Database(due(1, 5)).feed(window, SECOND)
    for not_before_us, at_us in ((0, 5), (3, 5), (900, 900)):
        assert fire_all(window, SECOND) != []
        window.again(due(1, 5).withdrawal_id, 2, not_before_us)
        assert window.next_us() == at_us


def test_doubts_come_in_turn() -> None:
    """Who was asked about waits again; who is done is not asked about."""
    window = Window(0, 10)
    Database(*(due(n, n) for n in range(1, 4))).feed(window, SECOND)
    one, two, three = (window.fire(float(at)) for at in (10, 11, 12))
    assert one
    assert two
    assert three
    assert window.doubtful(10.0, 5) == []
    assert window.doubtful(11.5, 5) == [one, two]
    assert window.doubtful(11.5, 1) == [one]
    window.asked(one.due.withdrawal_id, 20.0)
    window.gone(two.due.withdrawal_id)
    assert window.doubtful(15.0, 5) == [three]
    assert window.doubtful(30.0, 5) == [three, one._replace(asked_at=20.0)]


class AnyOrder(RuleBasedStateMachine):
    """Schedules, cancels, pages, rescans and firing in any order, against the database's rows.

    None is fired early or twice, and in the end none was lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.window, self.database = Window(0, 4), Database()
        self.now = self.number = 0
        self.fired: set[str] = set()

    @rule(wait=st.integers(1, 40), is_heard=st.booleans())
    def schedule(self, wait: int, *, is_heard: bool) -> None:
        """A row, and its record, which may never come."""
        self.number += 1
        new = due(self.number, self.now + wait)
        self.database.rows = sorted([*self.database.rows, new])
        if is_heard:
            self.window.scheduled(new)

    @precondition(lambda self: self.database.rows)
    @rule(turn=st.integers(0))
    def cancel(self, turn: int) -> None:
        """Any of the scheduled."""
        chosen = self.database.rows[turn % len(self.database.rows)].withdrawal_id
        self.database.drop(chosen)
        self.window.gone(chosen)

    @rule()
    def rescan(self) -> None:
        """As every now and then."""
        self.window.rescan()

    @rule(seconds=st.integers(1, 15))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.now += seconds

    @rule()
    def read(self) -> None:
        """All the pages that are wanted."""
        self.database.feed(self.window, self.now + 20)

    @rule()
    def fire(self) -> None:
        """What is due; the ledger executes each, for it is scheduled."""
        while (at := self.window.next_us()) is not None and at <= self.now:
            shot = self.window.fire(0.0)
            assert shot is not None
            withdrawal_id = shot.due.withdrawal_id
            assert shot.due.due_at_us <= self.now
            assert withdrawal_id not in self.fired
            assert shot.due in self.database.rows
            self.fired.add(withdrawal_id)
            self.database.drop(withdrawal_id)
            self.window.gone(withdrawal_id)

    def teardown(self) -> None:
        """After a long time, and a look at everything, nothing waits anywhere."""
        self.now += 1000
        self.window.rescan()
        for _ in range(len(self.database.rows) + 1):
            self.read()
            self.fire()
        assert self.database.rows == []
        assert self.window.waiting == 0


TestAnyOrder = AnyOrder.TestCase
