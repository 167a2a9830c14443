"""The delayed topic, read once: a record for each step of a withdrawal, in order (I3, I4)."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from consumers.audit.columns import MAX_OFFSET, OFFSET_BITS, Kept, place, place_text
from consumers.audit.findings import Findings
from consumers.audit.log import Record
from consumers.audit.rest import Rest
from consumers.audit.results_log import ResultsLog, position
from producers.headers import headers_of
from schemas import events
from schemas.events import WITHDRAWAL_STEPS, WithdrawalStep


class DelayedLog(Kept):
    """Columns of the delayed topic; row by position of the command in `rows`.

    `results` must have been read before: it knows which commands must have a record here.
    """

    def __init__(
        self, findings: Findings, rest: Rest, results: ResultsLog, cut: Mapping[int, int]
    ) -> None:
        super().__init__()
        self._findings = findings
        self._due = {p: rest.of(p).next_offset for p in rest.ends}
        self._results = results
        self._cut = cut
        """The first offset kept where the beginning is gone, which is to be kept for ever."""
        self._late: Final[set[int]] = set()
        """Those of these partitions of which it was told: no need to tell of each step."""
        self._first: Final[dict[int, int]] = {}
        self._last: Final[dict[int, int]] = {}

    def take(self, messages: Iterable[Record]) -> None:
        """Check and keep a batch of records."""
        count = 0
        for message in messages:
            self._take(message)
            count += 1
        self._findings.checked("I3", count)

    def behind(self, partition: int) -> bool:
        """Whether the record of a result that was seen has not been seen yet."""
        expected = self._results.last_withdrawal.get(partition, -1)
        return self._last.get(partition, -1) < expected

    def missing(self, packed: int) -> None:
        """Tell that a step which a command made has no record."""
        partition, first = packed >> OFFSET_BITS, self._cut.get(packed >> OFFSET_BITS)
        if first is None or packed > place(partition, self._first.get(partition, MAX_OFFSET)):
            what = "a withdrawal's step is not on the delayed topic"
            self._findings.violation("I4", what, place_text(packed), "a record", "none")
        elif partition not in self._late:
            self._late.add(partition)
            what = "the log begins here, and withdrawals' steps are kept for ever"
            where = f"{partition}:{first} of the delayed topic"
            self._findings.violation("I4", what, where, f"the step of {place_text(packed)}")

    def _take(self, message: Record) -> None:
        partition, value = message.partition(), message.value() or b""
        where = f"{message.partition()}:{message.offset()} of the delayed topic"
        headers = dict(headers_of(message) or ())
        source = position(headers.get("src"))
        if source is None or source[0] != partition:
            self._findings.violation("I3", "src names no command of the partition", where)
            return
        self._first.setdefault(*source)
        last = self._last.get(partition, -1)
        if source[1] <= last:
            self._findings.violation("I3", "src does not rise", where, f"above {last}", source[1])
        self._last[partition] = max(last, source[1])
        if source[1] >= self._due[partition]:
            return  # came after the snapshot
        try:
            step = events.decode_step(value)
        except msgspec.DecodeError as error:
            self._findings.violation("I4", "the value is no step of a withdrawal", where, "", error)
            return
        meant = _named(step)
        told = (message.key(), headers.get("ce_id"), headers.get("ce_type"), source)
        if told != meant:
            self._findings.violation("I4", "key or headers differ from body", where, meant, told)
        self._keep(place(*source), message, value)

    def _keep(self, packed: int, message: Record, value: bytes) -> None:
        if packed in self.rows:
            where = place_text(packed)
            self._findings.violation("I4", "a second record of a step", where, "one", "two")
            return
        self.keep(packed, message.partition(), message.offset(), value)


def _named(step: WithdrawalStep) -> tuple[bytes, bytes, bytes, tuple[int, int]]:
    """Key, id, type and source of the record that tells a step."""
    withdrawal, command = step.withdrawal, step.command
    return (
        step.wallet_id.encode(),
        f"{withdrawal.id}:{withdrawal.status}".encode(),
        WITHDRAWAL_STEPS.get(withdrawal.status, "").encode(),
        (command.partition, command.offset),
    )
