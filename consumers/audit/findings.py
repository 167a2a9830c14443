"""What the auditor found: for each invariant how much was checked and what was off."""

from typing import Any, Final

from msgspec import Struct, field, to_builtins

CLAIMS: Final = {
    "I1": "one result per command id and content",
    "I2": "no result is missing",
    "I3": "results and withdrawals' steps stand in the order of their commands",
    "I4": "results, events, withdrawals' steps and what they came to are what the database stores",
    "I5": "entries sum to zero, balances and money in transit add up, sequences have no gap",
    "I6": "no balance is below zero",
    "I7": "progress has reached the end of the commands and is behind no result",
    "I8": "the bank paid each withdrawal at most once, exactly once where the ledger says paid",
    "I10": "one order explains every result: an oracle replays it byte for byte",
}
"""The invariants of DESIGN.md 4 that can be seen from the topics, the database and the bank."""

SHOWN: Final = 60
"""Characters of two texts shown around their first difference."""


class Finding(Struct, frozen=True):
    """One violation: what is wrong, where (partition:offset or wallet), expected and found."""

    what: str
    where: str
    expected: str
    found: str


class Invariant(Struct):
    """One invariant's tally; `first` holds the first violations, up to the limit."""

    claim: str
    checked: int = 0
    violations: int = 0
    first: list[Finding] = field(default_factory=list)
    note: str | None = None
    """Why the invariant could not be checked, or not from the beginning."""


class Findings:
    """Everything found by one audit. `limit` bounds how many violations are told of each."""

    def __init__(self, limit: int = 10) -> None:
        self.limit: Final = limit
        self.invariants: Final = {name: Invariant(claim) for name, claim in CLAIMS.items()}
        self.counts: dict[str, int | float] = {}

    def checked(self, name: str, count: int = 1) -> None:
        """So many things were held against an invariant."""
        self.invariants[name].checked += count

    def violation(
        self, name: str, what: str, where: str, expected: object = "", found: object = ""
    ) -> None:
        """Something breaks an invariant."""
        invariant = self.invariants[name]
        invariant.violations += 1
        if len(invariant.first) < self.limit:
            invariant.first.append(Finding(what, where, str(expected), str(found)))

    def wants(self, name: str) -> bool:
        """Whether one more violation of this invariant would be told, not only counted."""
        return len(self.invariants[name].first) < self.limit

    def note(self, name: str, text: str) -> None:
        """Say what could not be checked; that is no violation."""
        before = self.invariants[name].note
        self.invariants[name].note = text if before is None else f"{before}; {text}"

    @property
    def ok(self) -> bool:
        """Whether nothing is off."""
        return not any(invariant.violations for invariant in self.invariants.values())

    @property
    def unchecked(self) -> list[str]:
        """The invariants that could not be checked, or not from the beginning: each has a note."""
        return [name for name, invariant in self.invariants.items() if invariant.note]

    def as_json(self) -> dict[str, Any]:
        """The findings for a program.

        {"ok", "complete": all could be checked, "invariants": {"I1": {...}}, "commands", ...}
        """
        verdict = {"ok": self.ok, "complete": not self.unchecked}
        return {**verdict, "invariants": to_builtins(self.invariants), **self.counts}


def difference(expected: bytes | str | None, found: bytes | str | None) -> tuple[str, str]:
    """Two texts, cut to the neighbourhood of their first difference so that one can see it."""
    texts = [_text(expected), _text(found)]
    shorter = min(map(len, texts))
    at = next((n for n in range(shorter) if texts[0][n] != texts[1][n]), shorter)
    start = max(0, at - SHOWN // 2)
    one, other = (
        ("..." if start else "")
        + text[start : start + SHOWN]
        + ("..." if text[start + SHOWN :] else "")
        for text in texts
    )
    return one, other


def _text(value: bytes | str | None) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else value.decode(errors="replace")
