"""The withdrawals in the bank caller's care, by a clock that the test turns."""

from random import Random

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumers.bank.orders import Order
from consumers.bank.outcomes import Kind, Outcome
from consumers.bank.policy import TERMINAL, Rules, Standing, State, begun, learn
from consumers.withdrawals import desk as desks
from consumers.withdrawals.cases import Case
from consumers.withdrawals.desk import CONFIRM_SECONDS, REFUSED_SECONDS, SETTLE_SECONDS, Desk

RULES = Rules(
    tries=3, backoff=1.0, backoff_max=8.0, unknown_limit=100.0, knows_keys=True, can_ask=False
)
KEYLESS = msgspec.structs.replace(RULES, knows_keys=False)
CALL_SECONDS = 10.0
FREE_SECONDS = CALL_SECONDS + SETTLE_SECONDS
LONG = 1000.0
PAID = Outcome(Kind.PAID, of_key=True)
FAILED = Outcome(Kind.NOT_DONE, "failed, 503", of_key=True)
UNKNOWN = Outcome(Kind.UNKNOWN, "timeout", down=True)


def desk_of(rules: Rules = RULES, room: int = 10) -> Desk:
    """A desk that has partitions 0 and 1."""
    desk = Desk(rules, CALL_SECONDS, Random(7), room)  # noqa: S311 - chance that repeats
    desk.gain([0, 1])
    return desk


def case_of(
    key: str, partition: int = 0, standing: Standing | None = None, at: float = 0.0
) -> Case:
    """A case whose standing was written at a moment."""
    order = Order(key, "wallet", "1.00", "IRR")
    return Case(order, partition, standing or Standing(), written_at=at, opened_at=at)


def left_open(key: str) -> Case:
    """A case whose outcome was left open for longer than the limit before it came to the desk."""
    return case_of(key, standing=Standing(State.UNKNOWN, 3, doubt=True), at=-10_000)


def call(desk: Desk, outcome: Outcome, now: float) -> Case:
    """Make the next call, with this outcome."""
    case = desk.next_call()
    assert case is not None
    if not case.standing.doubt:
        case.opened_at = now
    case.standing = learn(begun(case.standing), outcome, RULES)
    case.written_at = now
    desk.put(case, now)
    return case


def test_a_new_case_is_called_once() -> None:
    """However often it is brought; and only while its partition is ours."""
    desk = desk_of()
    desk.take(case_of("a"), 0)
    desk.take(case_of("a"), 0)
    desk.take(case_of("elsewhere", partition=2), 0)
    assert desk.next_call() is desk.held["a"]
    assert desk.next_call() is None
    assert list(desk.held) == ["a"]


def test_a_bank_is_tried_with_a_case_of_which_nothing_is_known() -> None:
    """Of those called before some may never be answered; without a new one any will do."""
    desk = desk_of()
    desk.take(case_of("old"), 0)
    call(desk, UNKNOWN, 0)
    desk.tick(60)
    for key in ("new", "newer"):
        desk.take(case_of(key), 60)
    assert desk.next_call(untried=True) is desk.held["new"]
    assert desk.next_call() is desk.held["old"]
    assert desk.next_call(untried=True) is desk.held["newer"]
    assert desk.next_call(untried=True) is None


def test_a_pause_is_waited_out() -> None:
    """And only then the next call is made."""
    desk = desk_of()
    desk.take(case_of("a"), 0)
    call(desk, FAILED, 0)
    assert desk.next_call() is None
    assert desk.next_at is not None
    assert 0.75 <= desk.next_at <= 1.25
    desk.tick(0.7)
    assert desk.next_call() is None
    desk.tick(1.3)
    call(desk, FAILED, 1.3)
    assert desk.next_call() is None


def test_an_end_is_told_until_the_ledger_has_heard() -> None:
    """Again after a while, once it was read again; never after the ledger's word."""
    desk = desk_of()
    paid = learn(begun(Standing()), PAID, RULES)
    desk.take(case_of("a", standing=paid), 0)
    case = desk.next_end()
    assert case is not None
    desk.told(case, 0)
    desk.tick(CONFIRM_SECONDS - 0.1)
    assert not desk.has_doubts
    desk.tick(CONFIRM_SECONDS)
    assert desk.wanted(10) == ["a"]
    assert desk.reread("a", case_of("a", standing=paid), CONFIRM_SECONDS) is case
    assert desk.next_end() is case
    desk.told(case, CONFIRM_SECONDS)
    assert desk.next_at == 3 * CONFIRM_SECONDS
    desk.done("a")
    assert desk.held == {}
    desk.tick(1e6)
    assert not desk.has_doubts
    assert desk.next_end() is None


def test_the_ledgers_word_may_come_before_ours_is_delivered() -> None:
    """The topic is sometimes quicker than the report of a delivery."""
    desk = desk_of()
    desk.take(case_of("a", standing=Standing(State.PAID, 1)), 0)
    case = desk.next_end()
    assert case is not None
    desk.done("a")
    assert "a" in desk.held
    desk.told(case, 0)
    assert desk.held == {}


def test_a_call_that_was_refused_for_nothing_that_is_seen_waits() -> None:
    """Read again it is as it was: it goes on, but not in a circle without a pause."""
    desk = desk_of()
    desk.take(case_of("a"), 0)
    case = desk.next_call()
    assert case is not None
    desk.doubt(case)
    assert desk.wanted(10) == ["a"]
    desk.reread("a", case_of("a"), 0.01)
    assert desk.next_call() is None
    assert desk.next_at == 0.01 + REFUSED_SECONDS
    desk.tick(0.01 + REFUSED_SECONDS)
    assert desk.next_call() is case


def test_what_is_unknown_for_too_long_ends() -> None:
    """Also while it waits for a call, behind the breaker."""
    desk = desk_of()
    desk.take(case_of("a"), 0)
    call(desk, UNKNOWN, 0)
    desk.tick(50)
    assert desk.waits_for_calls
    desk.tick(99.9)
    assert desk.next_end() is None
    desk.tick(100)
    assert desk.next_end() is desk.held["a"]
    assert desk.next_call() is None


def test_a_call_of_somebody_else_is_left_alone() -> None:
    """Until it must be over: then it is repeated, or a person's where there are no keys."""
    sending = Standing(State.SENDING, 1, doubt=True)
    desk = desk_of()
    desk.take(case_of("a", standing=sending), 0)
    desk.tick(FREE_SECONDS - 0.1)
    assert desk.next_call() is None
    desk.tick(FREE_SECONDS)
    assert desk.next_call() is desk.held["a"]

    desk = desk_of(KEYLESS)
    desk.take(case_of("a", standing=sending), 0)
    desk.tick(FREE_SECONDS - 0.1)
    assert (desk.next_call(), desk.next_end()) == (None, None)
    desk.tick(FREE_SECONDS)
    assert (desk.next_call(), desk.next_end()) == (None, desk.held["a"])


def test_what_was_left_open_for_long_is_called_once_more() -> None:
    """Nobody asked meanwhile: only the first outcome since then makes it a person's."""
    desk = desk_of()
    desk.take(left_open("a"), 0)
    assert desk.next_end() is None
    desk.tick(LONG)
    assert desk.next_end() is None
    call(desk, UNKNOWN, LONG)
    assert desk.next_end() is desk.held["a"]


def test_nobody_is_given_up_unasked() -> None:
    """However long it takes until all that were left open have had their turn."""
    desk = desk_of(room=5000)
    for number in range(5000):
        desk.take(left_open(str(number)), 0)
    for turn in range(5000):
        now = turn / 100  # a hundred calls a second: the last one has its turn after 50 s
        desk.tick(now, is_away=turn % 1000 > 990)
        assert desk.next_end() is None
        case = call(desk, PAID, now)
        assert desk.next_end() is case
    assert desk.next_call() is None


def test_a_bank_that_is_away_is_not_waited_for() -> None:
    """Where no turn would come the limit counts, once there was time for an answer."""
    patience = FREE_SECONDS + CALL_SECONDS
    desk = desk_of()
    desk.take(left_open("early"), 0)
    desk.tick(LONG, is_away=True)
    desk.take(left_open("late"), LONG + 5)
    woken_at = desk.next_at
    assert woken_at == LONG + patience
    desk.tick(LONG + patience - 0.1, is_away=True)
    assert desk.next_end() is None
    desk.tick(LONG + patience, is_away=True)
    assert desk.next_end() is desk.held["early"]
    assert desk.next_end() is None
    desk.tick(LONG + patience + 4)
    assert desk.next_at is None
    desk.tick(LONG + patience + 5, is_away=True)
    assert desk.next_end() is None
    assert desk.next_call() is desk.held["late"]


def test_a_lost_partition_is_forgotten() -> None:
    """But what is being worked on comes to its end first."""
    desk = desk_of()
    for key in ("a", "b"):
        desk.take(case_of(key), 0)
    desk.take(case_of("other", partition=1), 0)
    busy = desk.next_call()
    assert busy is not None
    desk.lose([0])
    assert set(desk.held) == {busy.key, "other"}
    busy.standing = learn(begun(busy.standing), FAILED, RULES)
    desk.put(busy, 0)
    assert set(desk.held) == {"other"}
    assert desk.next_call() is desk.held["other"]
    assert desk.next_call() is None


def test_a_lost_race_is_read_again() -> None:
    """And goes on from what was found; or not, where it is executing no more."""
    desk = desk_of()
    for key in ("a", "b"):
        desk.take(case_of(key), 0)
        case = desk.next_call()
        assert case is not None
        desk.doubt(case)
    assert desk.wanted(1) == ["a"]
    assert desk.wanted(9) == ["b"]
    assert desk.reread("a", None, 0) is None
    found = case_of("b", standing=Standing(State.PAID, 2))
    case = desk.reread("b", found, 0)
    assert case is not None
    assert case.standing == found.standing
    assert desk.next_end() is case
    assert set(desk.held) == {"b"}


def test_stale_timers_are_swept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each withdrawal leaves one behind."""
    monkeypatch.setattr(desks, "STALE_MOST", 10)
    desk = desk_of(room=1000)
    for number in range(500):
        desk.take(left_open(str(number)), 0)
        case = call(desk, PAID, 0)
        assert desk.next_end() is case
        desk.told(case, 0)
        desk.done(str(number))
    assert len(desk._timers) <= 12  # noqa: SLF001 - there is no other sign of it
    assert len(desk._spared) <= 12  # noqa: SLF001 - as above


class Mixture(RuleBasedStateMachine):
    """Cases come, are worked on, are lost and come again, in any order."""

    @initialize()
    def begin(self) -> None:
        """An empty desk at time 0."""
        self.now = 0.0
        self.desk = desk_of(room=1000)
        self.working: list[Case] = []

    @rule(key=st.integers(0, 7), state=st.none() | st.sampled_from(State))
    def take(self, key: int, state: State | None) -> None:
        """One is brought, from the topic or from the database."""
        doubt = state in (State.SENDING, State.UNKNOWN)
        standing = Standing(state, 0 if state is None else 1, doubt=doubt)
        self.desk.take(case_of(f"{key}", key % 2, standing, self.now), self.now)

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 5.0, 20.0, 100.0, 700.0]), is_away=st.booleans())
    def pass_time(self, seconds: float, *, is_away: bool) -> None:
        """Some time goes by."""
        self.now += seconds
        self.desk.tick(self.now, is_away=is_away)

    @rule()
    def start(self) -> None:
        """Work on whatever there is."""
        for case in (self.desk.next_call(), self.desk.next_end()):
            if case is not None:
                assert case not in self.working, "worked on twice"
                assert self.desk.held[case.key] is case
                self.working.append(case)

    @precondition(lambda self: self.working)
    @rule(outcome=st.sampled_from([PAID, FAILED, UNKNOWN, None]))
    def finish(self, outcome: Outcome | None) -> None:
        """The oldest work is done, or was somebody else's."""
        case = self.working.pop(0)
        if case.standing.state in TERMINAL:
            self.desk.told(case, self.now)
        elif outcome is None:
            self.desk.doubt(case)
        else:
            case.standing = learn(begun(case.standing), outcome, RULES)
            case.written_at = self.now
            self.desk.put(case, self.now)

    @rule(key=st.integers(0, 7))
    def end(self, key: int) -> None:
        """The ledger says that one is executing no more."""
        self.desk.done(f"{key}")

    @rule(gone=st.booleans())
    def reread(self, *, gone: bool) -> None:
        """Those in doubt are read again."""
        for key in self.desk.wanted(3):
            found = None if gone else case_of(key, int(key) % 2, Standing(), self.now)
            self.desk.reread(key, found, self.now)

    @rule(partition=st.integers(0, 1))
    def move(self, partition: int) -> None:
        """A partition goes away, or comes back."""
        if partition in self.desk.partitions:
            self.desk.lose([partition])
        else:
            self.desk.gain([partition])

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """Whoever is in care is worked on, read again, in a queue, or has a timer."""
        desk = self.desk
        entries = [*desk._calls, *desk._ends]  # noqa: SLF001 - what is claimed is inside
        queued = {case.key for case, turn in entries if case.turn == turn}
        timed = {case.key for _, _, case, turn in desk._timers if case.turn == turn}  # noqa: SLF001
        working = {case.key for case in self.working}
        assert set(desk.held) <= queued | timed | working | set(desk._reloads)  # noqa: SLF001
        assert not queued & working
        for case in desk.held.values():
            assert case.busy or case.partition in desk.partitions


TestMixture = Mixture.TestCase
TestMixture.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
