"""The withdrawals in care: which is called next, which waits, which has ended. Told the time.

Pure but for the chance in the pauses, which is drawn from a given source. For one thread.
"""

import heapq
from collections import deque
from collections.abc import Iterable
from itertools import count
from random import Random
from typing import Final

from consumers.bank.policy import TERMINAL, Rules, State, is_over, next_step
from consumers.withdrawals.cases import Case

ROOM: Final = 50_000
"""Withdrawals in care, some 1 KB each; the others wait in PostgreSQL. 2,000 a second at a bank that
takes 10 s are 20,000; and where so many have an unknown outcome, it is time to make no more."""

CONFIRM_SECONDS: Final = 30.0
"""How long the ledger's word on an end is awaited; then it is told again, ever more rarely."""

CONFIRM_MOST_SECONDS: Final = 600.0

SETTLE_SECONDS: Final = 5.0
"""A call that is not begun so long after it was claimed is not begun any more. Who finds one that
was begun and not ended leaves it alone for this long and the longest call: it may be another's."""

REFUSED_SECONDS: Final = 1.0
"""Until a call is begun again that was refused for no reason that is seen: no hot circle."""

STALE_MOST: Final = 1000
"""Entries of cases long gone that may lie about before they are swept out."""

_Entry = tuple[Case, int]


class Desk:
    """All cases of the partitions that are ours. `call_seconds` is the longest a call can take."""

    def __init__(self, rules: Rules, call_seconds: float, chance: Random, room: int = ROOM) -> None:
        self.partitions: set[int] = set()
        self.held: dict[str, Case] = {}
        self._rules = rules
        self._strange_seconds = call_seconds + SETTLE_SECONDS
        self._asking_seconds = self._strange_seconds + call_seconds
        self._chance = chance
        self._room = room
        self._calls: deque[_Entry] = deque()
        self._untried: deque[_Entry] = deque()  # those of _calls that were never called
        self._ends: deque[_Entry] = deque()
        self._reloads: dict[str, None] = {}
        self._timers: list[tuple[float, int, Case, int]] = []
        self._spared: deque[Case] = deque()  # in the order in which they came
        self._away_since: float | None = None
        self._number = count()

    @property
    def room(self) -> int:
        """How many more can be taken into care."""
        return self._room - len(self.held)

    @property
    def next_at(self) -> float | None:
        """When the next timer ends; it may be a stale one."""
        found = [self._timers[0][0]] if self._timers else []
        if self._away_since is not None and self._spared:
            found.append(self._asked_until(self._spared[0], self._away_since))
        return min(found, default=None)

    @property
    def waits_for_calls(self) -> bool:
        """Whether a call is wanted; it may be a stale one."""
        return bool(self._calls)

    @property
    def has_doubts(self) -> bool:
        """Whether cases are to be read again."""
        return bool(self._reloads)

    def gain(self, partitions: Iterable[int]) -> None:
        """Take cases of these partitions from now on."""
        self.partitions.update(partitions)

    def lose(self, partitions: Iterable[int]) -> None:
        """Forget the cases of these partitions, but for those that somebody works on."""
        self.partitions.difference_update(partitions)
        for case in list(self.held.values()):
            if case.partition not in self.partitions and not case.busy:
                self._forget(case)
        self._calls = deque(entry for entry in self._calls if _is_fresh(*entry))
        self._untried = deque(entry for entry in self._untried if _is_fresh(*entry))
        self._ends = deque(entry for entry in self._ends if _is_fresh(*entry))

    def take(self, case: Case, now: float) -> None:
        """Take a case into care, unless it is here already or not ours."""
        if case.key in self.held or case.partition not in self.partitions:
            return
        self.held[case.key] = case
        case.draw = self._chance.random()
        if case.standing.doubt and self._rules.knows_keys:
            # Left open by a caller that may have been away for longer than the limit: what the
            # bank says now is worth more than how long nobody asked.
            # And one outcome may be no more than that the bank is away for a moment, too.
            case.spared_since = now
            case.spared_until = now + self._asking_seconds
            self._remember_spared(case)
        self._place(case, now)

    def done(self, key: str) -> None:
        """The ledger has said that a withdrawal is executing no more."""
        case = self.held.get(key)
        if case is None:
            return
        case.over = True
        if not case.busy:
            self._forget(case)

    def put(self, case: Case, now: float) -> None:
        """Give a case back after work on it: its standing has changed."""
        case.spared_since = None
        if self._leaves(case):
            return
        case.draw = self._chance.random()
        self._place(case, now)

    def told(self, case: Case, now: float) -> None:
        """Give a case back whose end was sent: the ledger's word on it is awaited."""
        if self._leaves(case):
            return
        pause = min(CONFIRM_SECONDS * 2.0 ** min(case.tells, 10), CONFIRM_MOST_SECONDS)
        case.tells += 1
        self._set_timer(case, now + pause)

    def doubt(self, case: Case) -> None:
        """Give a case back of which somebody else has written: it is to be read again."""
        if self._leaves(case):
            return
        case.busy = True
        self._reloads[case.key] = None

    def wanted(self, most: int) -> list[str]:
        """Take out the keys of cases that are to be read again."""
        keys = list(self._reloads)[:most]
        for key in keys:
            del self._reloads[key]
        return keys

    def reread(self, key: str, found: Case | None, now: float) -> Case | None:
        """A case was read again, None: it is executing no more. Gives the case if it goes on."""
        case = self.held.get(key)
        if case is None:
            return None
        if found is None:
            case.over = True
        else:
            if found.standing.state not in TERMINAL and _is_as_it_was(case, found):
                case.paused_until = now + REFUSED_SECONDS
            case.standing = found.standing
            case.written_at, case.opened_at = found.written_at, found.opened_at
        if self._leaves(case):
            return None
        self._place(case, now)
        return case

    def tick(self, now: float, *, is_away: bool = False) -> None:
        """Move the cases on whose time has come. `is_away`: calls wait, for nobody answers."""
        if not is_away:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = now
        self._end_sparing(now)
        while self._timers and self._timers[0][0] <= now:
            _, _, case, turn = heapq.heappop(self._timers)
            if not _is_fresh(case, turn):
                continue
            if case.standing.state in TERMINAL:
                case.turn += 1
                self.doubt(case)
            else:
                self._place(case, now)

    def next_call(self, *, untried: bool = False) -> Case | None:
        """Take out the case that is called next: one that was never called, if that is wanted.

        Among those that were called some may never be answered, whatever the bank does for all
        others: they are no good to find out whether it is there.
        """
        first = self._pop(self._untried) if untried else None
        return first or self._pop(self._calls)

    def next_end(self) -> Case | None:
        """Take out a case that ends: it is to be given up, or its end to be told."""
        return self._pop(self._ends)

    def _pop(self, queue: deque[_Entry]) -> Case | None:
        while queue:
            case, turn = queue.popleft()
            if _is_fresh(case, turn):
                case.turn += 1
                case.busy = True
                return case
        return None

    def _end_sparing(self, now: float) -> None:
        """While nobody answers, a turn to be asked would never come: then the limit counts."""
        while self._spared:
            first, away_since = self._spared[0], self._away_since
            if first.spared_since is not None:
                if away_since is None or now < self._asked_until(first, away_since):
                    return
                first.spared_since = None
                if not first.busy:
                    self._place(first, now)
            self._spared.popleft()

    def _asked_until(self, case: Case, away_since: float) -> float:
        """When a bank that is away has had the time to answer for a spared case."""
        since = away_since if case.spared_since is None else max(case.spared_since, away_since)
        return since + self._asking_seconds

    def _place(self, case: Case, now: float) -> None:
        """Put a case where it waits: to end, to be called, or for its time."""
        case.turn += 1
        if not case.standing.doubt:
            case.spared_since = None
        if case.standing.state in TERMINAL or self._is_over(case, now):
            self._ends.append((case, case.turn))
            return
        at = self._call_at(case)
        if at <= now:
            self._calls.append((case, case.turn))
            if case.standing.calls == 0:
                self._remember_untried(case)
        if case.standing.doubt and self._rules.knows_keys and case.spared_since is None:
            limit_at = self._limit_at(case)
            at = limit_at if at <= now else min(at, limit_at)
        if at > now:
            self._set_timer(case, at)

    def _is_over(self, case: Case, now: float) -> bool:
        if case.spared_since is not None or now < self._kept_until(case):
            return False
        return is_over(case.standing, now - case.opened_at, self._rules)

    def _limit_at(self, case: Case) -> float:
        """When it is left to a person."""
        return max(case.opened_at + self._rules.unknown_limit, self._kept_until(case))

    def _kept_until(self, case: Case) -> float:
        """Until when it is not left to a person, whatever came out."""
        return max(self._free_at(case), case.spared_until)

    def _call_at(self, case: Case) -> float:
        step = next_step(case.standing, self._rules, case.draw)
        return max(case.written_at + step.after, self._free_at(case), case.paused_until)

    def _free_at(self, case: Case) -> float:
        """When no other caller can be at work on it any more."""
        is_strange = case.standing.state is State.SENDING
        return case.written_at + (self._strange_seconds if is_strange else 0.0)

    def _remember_untried(self, case: Case) -> None:
        if len(self._untried) > STALE_MOST + 2 * len(self.held):
            self._untried = deque(entry for entry in self._untried if _is_fresh(*entry))
        self._untried.append((case, case.turn))

    def _remember_spared(self, case: Case) -> None:
        if len(self._spared) > STALE_MOST + 2 * len(self.held):
            self._spared = deque(each for each in self._spared if each.spared_since is not None)
        self._spared.append(case)

    def _set_timer(self, case: Case, at: float) -> None:
        if len(self._timers) > STALE_MOST + 2 * len(self.held):
            self._timers = [timer for timer in self._timers if _is_fresh(*timer[2:])]
            heapq.heapify(self._timers)
        heapq.heappush(self._timers, (at, next(self._number), case, case.turn))

    def _leaves(self, case: Case) -> bool:
        """Forget a case that is over or not ours any more; whether it was."""
        case.busy = False
        case.turn += 1
        if case.over or case.partition not in self.partitions:
            self._forget(case)
            return True
        return False

    def _forget(self, case: Case) -> None:
        case.turn += 1
        case.spared_since = None
        self._reloads.pop(case.key, None)
        if self.held.get(case.key) is case:
            del self.held[case.key]


def _is_as_it_was(case: Case, found: Case) -> bool:
    known, now = case.standing, found.standing
    return (known.state, known.calls) == (now.state, now.calls)


def _is_fresh(case: Case, turn: int) -> bool:
    return case.turn == turn
