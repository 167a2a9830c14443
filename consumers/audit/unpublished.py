"""I2: results that the database stores and the log has not."""

from collections.abc import Collection
from contextlib import suppress

import msgspec

from consumers.audit.columns import MAX_OFFSET, place, place_text
from consumers.audit.findings import Findings
from consumers.audit.results_log import ResultsLog
from consumers.audit.snapshot import Snapshot


def add_unpublished(
    findings: Findings, snapshot: Snapshot, results: ResultsLog, cut: Collection[int]
) -> None:
    """Find them, and keep them among the results, so that the replay can go on.

    `cut`: partitions of whose results retention took the first; what stood there is not missing.
    """
    stored = snapshot.all("SELECT count(*) FROM commands")[0][0]
    findings.checked("I2", stored)
    if stored == len(results.rows) and not cut:
        return  # the journal tells if they are not the same ones
    for rows in snapshot.batches('SELECT partition, "offset", result FROM commands'):
        for partition, offset, text in rows:
            packed = place(partition, offset)
            if packed in results.rows:
                continue
            if partition not in cut or offset >= results.first.get(partition, MAX_OFFSET):
                what = "a stored result is not in the log"
                findings.violation("I2", what, place_text(packed), "a result", "nothing")
            with suppress(
                msgspec.DecodeError
            ):  # told by the journal, which reads all that is stored
                results.add_stored(packed, text.encode())
