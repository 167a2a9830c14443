"""I10, first half: one order of all commands that agrees with every wallet's sequence.

The constraints: commands of one partition in the order of their log; a completed command on a
wallet after whoever made the sequence before, and after all those that only saw that sequence;
one that only saw it (refused, or a withdrawal's target) after its maker. Taking any command whose
constraints are met is a topological sort (Kahn): when none is left to take, the constraints form a
cycle or have a gap.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from consumers.audit.answers import Answers
from consumers.audit.books import Place
from consumers.audit.columns import SEQUENCE_BITS, Names, place, place_text
from consumers.audit.findings import Findings
from consumers.audit.oracle import Readable
from consumers.audit.results_log import Kind, ResultsLog

Steps = tuple[int, ...]
"""Wallets at sequences (columns.Names.step)."""


class Answered(NamedTuple):
    """A command that has a result: the result's row in the columns."""

    command: Readable
    place: Place
    row: int


class Head:
    """The next command of one partition that has a result; None at the end."""

    def __init__(self, commands: Iterator[Answered]) -> None:
        self._commands = commands
        self.next = next(commands, None)

    def advance(self) -> None:
        """Go on to the one after."""
        self.next = next(self._commands, None)


class Order:
    """Takes commands from the heads of all partitions as their constraints allow.

    A refusal as `idempotency_key_reused` waits until its key has its first answer in `answers`.
    """

    def __init__(self, findings: Findings, results: ResultsLog, answers: Answers) -> None:
        self._findings = findings
        self._names: Names = results.names
        self._results = results
        self._answers = answers
        # Wallet's number -> its present step. Only wallets that results name are asked for.
        self._now: Final = [number << SEQUENCE_BITS for number in range(len(results.names))]

    def run(self, heads: list[Head]) -> Iterator[Answered]:
        """All commands, each after those that it depends on."""
        while heads := [head for head in heads if head.next is not None]:
            before = [head.next for head in heads]
            for head in heads:
                while (command := head.next) is not None and self._ready(command):
                    self._done(command)
                    yield command
                    head.advance()
            if before == [head.next for head in heads]:
                yield self._forced(heads)

    def _ready(self, command: Answered) -> bool:
        steps, kind = self._results.steps[command.row], self._results.kinds[command.row]
        now = self._now
        if kind == Kind.COMPLETED:
            watchers = self._results.watchers
            return all(now[step >> SEQUENCE_BITS] == step - 1 for step in steps) and not any(
                watchers.get(step - 1) for step in steps
            )
        if kind == Kind.REUSED:
            return self._answers.has(command.command.key)
        if kind == Kind.OWN_ONLY and steps:
            own, *others = steps
            return (
                now[own >> SEQUENCE_BITS] == own - 1
                and not self._results.watchers.get(own - 1)
                and all(now[step >> SEQUENCE_BITS] == step for step in others)
            )
        return all(now[step >> SEQUENCE_BITS] == step for step in steps)

    def _done(self, command: Answered) -> None:
        changed, seen = self._parted(command)
        for step in changed:
            self._now[step >> SEQUENCE_BITS] = step
        watchers = self._results.watchers
        for step in seen:
            watchers[step] -= 1

    def _parted(self, command: Answered) -> tuple[Steps, Steps]:
        """The steps that a command made, and those that it only saw."""
        steps, kind = self._results.steps[command.row], self._results.kinds[command.row]
        if kind == Kind.COMPLETED:
            return steps, ()
        return (steps[:1], steps[1:]) if kind == Kind.OWN_ONLY else ((), steps)

    def _forced(self, heads: list[Head]) -> Answered:
        """No command can go first: say so, let the oldest go all the same, and go on."""
        waiting = [(head.next, head) for head in heads if head.next is not None]
        command, head = min(waiting, key=lambda pair: pair[0].place[::-1])
        told = "; ".join(self._waits(each) for each, _ in waiting)
        where = place_text(place(*command.place[:2]))
        self._findings.violation("I10", "no order: a cycle or a gap", where, "an order", told)
        self._done(command)
        head.advance()
        return command

    def _waits(self, command: Answered) -> str:
        """What a command waits for, in words."""
        where = place_text(place(*command.place[:2]))
        changed, seen = self._parted(command)
        wanted = [
            f"{self._names.step_text(step)} (it is at "
            f"{self._now[step >> SEQUENCE_BITS] % (1 << SEQUENCE_BITS)})"
            for step in (*(step - 1 for step in changed), *seen)
        ]
        return f"{where} wants {', '.join(wanted) or 'the first answer to its id'}"
