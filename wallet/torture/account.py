"""The account of what the load sent, held against what came of it: apart from the auditor.

It is kept by the sender, who knows what it asked for. It knows no table of the ledger's but the
balances, and no rule but this: a content has one result, wherever and how often it was sent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from schemas.refusals import Code
from schemas.results import AnyResult
from schemas.statuses import IN_TRANSIT
from wallet.torture.draw import RECEIPTED, SOURCE, Draft, Effect, Expected

Place = tuple[int, int]
"""Partition and offset in the commands topic."""

EXAMPLES: Final = 10
COMPLETED, EXECUTING, FAILED = "completed", "executing", "failed"


class Told(NamedTuple):
    """A result as it was read: where its command stands, and what it says."""

    src: Place
    result: AnyResult


@dataclass(slots=True)
class Tally:
    """What is off; `first` tells some of it."""

    missing: int = 0
    doubled: int = 0
    out_of_order: int = 0
    differing: int = 0
    first: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is off."""
        return not (self.missing or self.doubled or self.out_of_order or self.differing)

    def tell(self, text: str) -> None:
        """Keep it as an example, if there is room."""
        if len(self.first) < EXAMPLES:
            self.first.append(text)


class _Entry(NamedTuple):
    """What is kept of a record that was sent."""

    id: str | None
    content: int
    effect: Effect
    expected: Expected | None


class Account:
    """Written by the load's thread only; judged when it has ended."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._places: dict[Place, int] = {}
        self.shares: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._entries)

    def note(self, draft: Draft) -> int:
        """Begin to account for a record; its number."""
        # Of commands the value alone: their headers tell the time at which they were drawn.
        raw = draft.raw
        content = hash(raw.value if draft.id else (raw.key, raw.value, raw.headers))
        self._entries.append(_Entry(draft.id, content, draft.effect, draft.expected))
        self.shares[draft.share] += 1
        return len(self._entries) - 1

    def delivered(self, number: int, place: Place) -> None:
        """It is in the log."""
        self._places[place] = number

    def forget(self, number: int) -> None:
        """It never got into the log, and will not be sent again."""
        self._entries[number] = _Entry(None, 0, (), Expected(0, 0))

    def judge(
        self, told: Iterable[Told], letters: Counter[Place], balances: Mapping[str, int]
    ) -> Tally:
        """Hold results in the order of their log, dead letters and balances against all that."""
        tally = Tally()
        results = list(told)
        _judge_order(tally, results)
        self._judge_contents(tally, results)
        self._judge_others(tally, Counter(each.src for each in results), letters)
        self._judge_balances(tally, results, balances)
        return tally

    def _judge_contents(self, tally: Tally, results: list[Told]) -> None:
        """One result for each content of an id, all but one of them for its being used again."""
        contents: dict[str, set[int]] = defaultdict(set)
        for entry in self._entries:
            if entry.id is not None:
                contents[entry.id].add(entry.content)
        found: dict[str, list[AnyResult]] = defaultdict(list)
        for each in results:
            if each.result.command.source in (SOURCE, RECEIPTED):
                found[each.result.command.id].append(each.result)
        for own_id, wanted in contents.items():
            answers = found[own_id]
            tally.missing += max(0, len(wanted) - len(answers))
            tally.doubled += max(0, len(answers) - len(wanted))
            if len(answers) != len(wanted):
                tally.tell(f"command {own_id}: {len(answers)} results for {len(wanted)} contents")
            elif sum(map(_is_reused, answers)) != len(wanted) - 1:
                tally.differing += 1
                tally.tell(f"command {own_id}: its contents were not all refused but one")

    def _judge_others(self, tally: Tally, results: Counter[Place], letters: Counter[Place]) -> None:
        """Records that are accounted for by their place: poison, and whatever faults have sent."""
        repeated = Counter(entry.content for entry in self._entries if entry.expected is None)
        for place, number in self._places.items():
            entry = self._entries[number]
            got = Expected(results[place], letters[place])
            if entry.id is not None:
                _add_excess(tally, place, Expected(1, 0), got)
            elif entry.expected is not None:
                _add_excess(tally, place, entry.expected, got)
                _add_lack(tally, place, entry.expected, got)
            else:
                _add_excess(tally, place, Expected(1, 1), got)
                if not any(got) and repeated[entry.content] == 1:
                    _add_lack(tally, place, Expected(1, 0), got)

    def _judge_balances(
        self, tally: Tally, results: list[Told], balances: Mapping[str, int]
    ) -> None:
        """What the completed commands add up to, wallet by wallet."""
        sums, unknown = self._sums(results)
        for wallet, balance in balances.items():
            if wallet not in unknown and sums[wallet] != balance:
                tally.differing += 1
                tally.tell(f"wallet {wallet} has {balance}, its commands add up to {sums[wallet]}")

    def _sums(self, results: list[Told]) -> tuple[Counter[str], set[str]]:
        """What each wallet has gained, and the wallets of which that is not known."""
        sums: Counter[str] = Counter()
        unknown: set[str] = set()
        withdrawals: dict[str, str] = {}
        for src, result in results:
            if result.status != COMPLETED:
                continue
            if result.withdrawal is not None:
                _add_step(sums, withdrawals, result)
            elif (effect := self._effect(src)) is not None:
                for wallet, minor in effect:
                    sums[wallet] += minor
            else:
                unknown.update(result.sequences)
        return sums, unknown

    def _effect(self, src: Place) -> Effect | None:
        """What a completed record has changed; None for one that we know too little of."""
        number = self._places.get(src)
        entry = None if number is None else self._entries[number]
        return None if entry is None or entry.id is None else entry.effect


def _judge_order(tally: Tally, results: list[Told]) -> None:
    """Within a partition the commands' offsets rise from result to result."""
    last: dict[int, int] = {}
    seen: set[Place] = set()
    for (partition, offset), _ in results:
        if (partition, offset) in seen:
            tally.doubled += 1
            tally.tell(f"record {partition}:{offset} has a second result")
        elif offset <= last.get(partition, -1):
            tally.out_of_order += 1
            tally.tell(f"the result of {partition}:{offset} comes after {last[partition]}")
        seen.add((partition, offset))
        last[partition] = max(offset, last.get(partition, -1))


def _add_excess(tally: Tally, place: Place, most: Expected, got: Expected) -> None:
    """More than there may be. A second result of one place is counted by its order already."""
    excess = max(0, min(1, got.results) - most.results) + max(0, got.letters - most.letters)
    tally.doubled += excess
    if excess:
        tally.tell(f"record {place}: {got}, at most {most}")


def _add_lack(tally: Tally, place: Place, least: Expected, got: Expected) -> None:
    lack = sum(max(0, wanted - there) for wanted, there in zip(least, got, strict=True))
    tally.missing += lack
    if lack:
        tally.tell(f"record {place}: {got}, at least {least}")


def _add_step(sums: Counter[str], withdrawals: dict[str, str], result: AnyResult) -> None:
    """A withdrawal takes its amount when it is executed, and gives it back when it fails."""
    withdrawal = result.withdrawal
    assert withdrawal is not None, "the caller has looked"
    before = withdrawals.get(withdrawal.id)
    minor = int(Decimal(withdrawal.amount) * 100)
    if withdrawal.status == EXECUTING and before != EXECUTING:
        sums[result.wallet_id or ""] -= minor
    elif withdrawal.status == FAILED and before in IN_TRANSIT:
        sums[result.wallet_id or ""] += minor
    withdrawals[withdrawal.id] = withdrawal.status


def _is_reused(result: AnyResult) -> bool:
    return result.error is not None and result.error.code == Code.IDEMPOTENCY_KEY_REUSED
