"""What the stored results told last of withdrawals, credit requests and the like: so they must be.

A result is stored for ever. So this holds also where commands have expired, and no oracle can say
any more how each row came to be what it is.
"""

from array import array
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from consumers.audit.columns import MAX_SEQUENCE, hashed, place_text
from consumers.audit.end_state import CREDIT_REQUESTS, WITHDRAWALS
from consumers.audit.findings import Findings
from consumers.audit.snapshot import Snapshot
from schemas import moments
from schemas.identifiers import partition_of
from schemas.money import DECIMALS, show
from schemas.results import AnyResult, CreditRequestBody, WithdrawalBody
from schemas.statuses import CREDIT_REQUEST_STATUSES, STATUSES, WITHDRAWAL_STATUSES

REFUNDS: Final = "SELECT refund_id FROM refunds"
INACTIVE: Final = "SELECT wallet_id, status FROM wallets WHERE status <> 0"

Told = tuple[str, object, tuple[object, ...]]
"""An id, what its first result told and no later one changes, and what the newest one told."""

_MOST_MS: Final = 253_402_300_800_000
"""The year 10000, of which no result tells."""


class Newest:
    """What was told last of each id, as hashes: some 250 bytes each."""

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._rows: Final[dict[str, int]] = {}
        self._sequences: Final = array("q")
        self._places: Final = array("q")
        self._firsts: Final = array("q")
        self._hashes: Final = array("q")
        self._seen: Final = bytearray()

    def told(self, packed: int, sequence: int, told: Told, *, first: bool) -> None:
        """A command tells it, which is its wallet's change of this sequence; in any order."""
        name, begun, now = told
        row = self._rows.get(name)
        if row is None:
            row = self._rows[name] = len(self._seen)
            self._sequences.append(-1)
            for column in (self._places, self._firsts, self._hashes, self._seen):
                column.append(0)
        if first:
            self._firsts[row] = _hash(begun)
        if sequence > self._sequences[row]:
            self._sequences[row], self._places[row] = sequence, packed
            self._hashes[row] = _hash(now)

    def judge(self, findings: Findings, found: Iterable[Told]) -> None:
        """Hold all rows of the table against it."""
        for name, begun, now in found:
            findings.checked("I4")
            row = self._rows.get(name)
            if row is None:
                findings.violation("I4", f"a {self._noun} of which no result tells", name, "", now)
                continue
            self._seen[row] = 1
            if (self._firsts[row], self._hashes[row]) != (_hash(begun), _hash(now)):
                what = f"a {self._noun} is not as the results left it"
                at = f"the result of {place_text(self._places[row])}"
                findings.violation("I4", what, name, at, (begun, *now))
        for name, row in self._rows.items() if self._seen.find(0) >= 0 else ():
            if not self._seen[row]:
                what = f"a {self._noun} of a result is not in the database"
                findings.violation("I4", what, name, place_text(self._places[row]))


class Cases:
    """Takes every stored result; in the end the tables must say the same."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._withdrawals = Newest("withdrawal")
        self._requests = Newest("credit request")
        self._statuses: Final[dict[str, tuple[int, str]]] = {}
        self._refunds: Final[set[str]] = set()

    def take(self, packed: int, result: AnyResult, status: str | None) -> None:
        """A completed command's result; `status` is what it made of its wallet, if it did."""
        sequence = min(result.sequence or 0, MAX_SEQUENCE)
        wallet_id = result.wallet_id or ""
        if result.command.type == "refund.v1":
            self._refunds.add(result.transaction_id or "")
        if status is not None and sequence > self._statuses.get(wallet_id, (0, ""))[0]:
            self._statuses[wallet_id] = (sequence, status)
        if result.withdrawal is not None:
            is_first = result.withdrawal.status == "scheduled"
            home = partition_of(wallet_id, self._partitions) if is_first else None
            told = _told_withdrawal(result, result.withdrawal, home)
            self._withdrawals.told(packed, sequence, told, first=is_first)
        if result.credit_request is not None:
            is_first = result.credit_request.status == "pending"
            told = _told_request(result, result.credit_request)
            self._requests.told(packed, sequence, told, first=is_first)

    def judge(self, findings: Findings, snapshot: Snapshot) -> None:
        """After the last result."""
        self._withdrawals.judge(findings, _withdrawals(snapshot))
        self._requests.judge(findings, _credit_requests(snapshot))
        self._judge_statuses(findings, snapshot)
        self._judge_refunds(findings, snapshot)

    def _judge_statuses(self, findings: Findings, snapshot: Snapshot) -> None:
        expected = {name: said for name, (_, said) in self._statuses.items() if said != STATUSES[0]}
        findings.checked("I4", len(self._statuses))
        found = {name: _named(STATUSES, number) for name, number in _rows(snapshot, INACTIVE)}
        for name in sorted(expected.keys() | found.keys()):
            pair = expected.get(name, STATUSES[0]), found.get(name, STATUSES[0])
            if pair[0] != pair[1]:
                what = "a wallet's status is not what the commands made of it"
                findings.violation("I4", what, name, *pair)

    def _judge_refunds(self, findings: Findings, snapshot: Snapshot) -> None:
        """Who forgets a refund gives the same money back once more."""
        left = self._refunds
        for (name,) in _rows(snapshot, REFUNDS):
            if name not in left:
                what = "a refund of no command, or there twice"
                findings.violation("I5", what, name)
            left.discard(name)
        for name in sorted(left):
            findings.violation("I5", "a refund that is not in the database", name, "a row", "none")


def _told_withdrawal(result: AnyResult, one: WithdrawalBody, home: int | None) -> Told:
    terms = one.amount, one.currency, one.due_at, one.target
    now = (result.wallet_id, *terms, one.status, one.reason, result.recorded_at)
    return one.id, home, now


def _told_request(result: AnyResult, one: CreditRequestBody) -> Told:
    terms = one.amount, one.currency, one.number, one.by, one.reason
    now = (result.wallet_id, *terms, one.status, result.recorded_at)
    return one.id, result.recorded_at, now


def _withdrawals(snapshot: Snapshot) -> Iterator[Told]:
    for row in _rows(snapshot, WITHDRAWALS):
        name, wallet_id, minor, currency, due_at, target, partition, status, reason, changed_at = (
            row
        )
        terms = _amount(minor, currency), currency, _moment(due_at), target
        now = (wallet_id, *terms, _named(WITHDRAWAL_STATUSES, status), reason, _moment(changed_at))
        yield name, partition, now


def _credit_requests(snapshot: Snapshot) -> Iterator[Told]:
    for row in _rows(snapshot, CREDIT_REQUESTS):
        name, wallet_id, minor, currency, number, asked_at, changed_at, status, by, reason = row
        terms = _amount(minor, currency), currency, number, by, reason
        now = (wallet_id, *terms, _named(CREDIT_REQUEST_STATUSES, status), _moment(changed_at))
        yield name, _moment(asked_at), now


def _rows(snapshot: Snapshot, sql: str) -> Iterator[tuple[Any, ...]]:
    for batch in snapshot.batches(sql):
        yield from batch


def _named(statuses: tuple[str, ...], number: int) -> str:
    return statuses[number] if 0 <= number < len(statuses) else str(number)


def _amount(minor: int | Decimal, currency: str) -> str:
    return show(int(minor), currency) if currency in DECIMALS else str(minor)


def _moment(milliseconds: int | Decimal) -> str:
    """A moment as results tell it; a number where it cannot be one of theirs."""
    is_told = 0 <= milliseconds < _MOST_MS and milliseconds == int(milliseconds)
    return moments.of_broker(int(milliseconds)) if is_told else str(milliseconds)


def _hash(told: object) -> int:
    return hashed(repr(told).encode())
