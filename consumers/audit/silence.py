"""I2: a record without a result must be unreadable or a repetition of one that has its result."""

from collections.abc import Mapping
from typing import Final

from consumers.audit.answers import Answers
from consumers.audit.books import Place
from consumers.audit.columns import place, place_text
from consumers.audit.findings import Findings
from consumers.audit.oracle import Readable
from consumers.audit.snapshot import Snapshot


class Silence:
    """Collects the records that got no result until all that have one are known."""

    def __init__(self, findings: Findings, answers: Answers) -> None:
        self._findings = findings
        self._answers = answers
        self._silent: Final[dict[tuple[str, str], list[Place]]] = {}
        self.repeated = 0

    def answered(self, command: Readable, at: Place) -> None:
        """Know that a content has its result here. Told in log order within a partition."""
        if not self._silent:
            return
        for earlier in self._silent.get((command.key, command.fingerprint), ()):
            if earlier.partition == at.partition:
                what = "a command without a result; only its repetition has one"
                self._findings.violation("I2", what, _text(earlier), "a result here", _text(at))

    def silent(self, command: Readable, at: Place) -> None:
        """Keep a record that has no result."""
        self.repeated += 1
        if not self._answers.knows(command.key, command.fingerprint):
            self._silent.setdefault((command.key, command.fingerprint), []).append(at)

    def finish(self, snapshot: Snapshot, unreadable: Mapping[int, list[int]], *, cut: bool) -> None:
        """Tell what has no result anywhere, and of the unreadable what is no dead letter.

        `unreadable`: offsets by partition.
        `cut`: retention took the first commands, so the database is asked whether it has the key.
        """
        left = {pair: at for pair, at in self._silent.items() if not self._answers.knows(*pair)}
        if cut and left:
            keys = [key for key, _ in left]
            sql = "SELECT command_key FROM commands WHERE command_key = ANY(%s::uuid[])"
            known = {row[0] for row in snapshot.all(sql, (keys,))}
            left = {pair: at for pair, at in left.items() if pair[0] not in known}
        for places in left.values():
            self._findings.violation("I2", "a command without a result", _text(places[0]))
        sql = 'SELECT partition, "offset" FROM dead_letters'
        kept = set(snapshot.all(sql)) if any(unreadable.values()) else set()
        for partition, offsets in unreadable.items():
            for offset in offsets:
                if (partition, offset) not in kept:
                    what = "an unreadable record that is no dead letter"
                    self._findings.violation("I2", what, f"{partition}:{offset}")


def _text(at: Place) -> str:
    return place_text(place(*at[:2]))
