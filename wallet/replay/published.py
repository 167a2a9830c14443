"""How far a ledger came, as the logs alone tell it: also where retention has taken what they told.

Commands and results are kept for days. A partition that was at rest for longer has no result left,
and nothing to be done again. One that was not may have lost what tells that its commands were
answered: they must not be taken for commands that nobody has done, which a worker decides anew.
"""

import time
from collections.abc import Mapping
from typing import Final

from consumers.audit.results_log import position
from producers.headers import headers_of
from schemas.settings import Settings
from wallet.replay.cutting import NEVER_MS
from wallet.replay.plan import Said, Standing
from wallet.replay.reading import Logs, Span, runs
from wallet.replay.recorded import event_number
from wallet.topic_plan import kept_ms

CLOCKS_MS: Final = 60_000
"""How far apart the clocks of the broker and of the workers may be."""


def published_ends(
    settings: Settings, said: Mapping[int, Said], starts: Mapping[int, Standing]
) -> dict[int, int]:
    """Partition -> the offset after the last command of which anything was published.

    Where all results have expired, after the last one that may have had an answer among them: what
    there is to do before that nobody can tell, so that a plan refuses it.
    """
    ends = {
        partition: max(starts[partition].next_offset, each.result + 1, each.dead + 1)
        for partition, each in said.items()
    }
    expired = [partition for partition, each in said.items() if each.has_expired]
    if not expired:
        return ends
    young_ms = _answers_kept_since(settings)
    with Logs(settings) as logs:
        for partition in expired:
            start = starts[partition]
            end = _end_of_old(settings, logs, partition, start, young_ms)
            if said[partition].events > start.next_event:
                end = max(end, _end_of_told(settings, logs, partition, start.next_event))
            ends[partition] = max(ends[partition], end)
    return ends


def _answers_kept_since(settings: Settings) -> int:
    """The moment from which on every answer is kept, in milliseconds since 1970.

    A command that was recorded later and has no result was not answered. NEVER_MS where records
    did not go by age, so that no command's age tells anything.
    """
    kept = kept_ms(settings, settings.topics.results)
    return NEVER_MS if kept is None else time.time_ns() // 1_000_000 - kept + CLOCKS_MS


def _end_of_old(
    settings: Settings, logs: Logs, partition: int, start: Standing, young_ms: int
) -> int:
    """The offset after the last command whose answer may have expired, by its age."""
    topic = settings.topics.commands.name
    if start.last_result_offset < 0:
        young_ms = NEVER_MS  # there were results, and the database has none: they are of these
    return logs.at_time(topic, partition, young_ms)


def _end_of_told(settings: Settings, logs: Logs, partition: int, number: int) -> int:
    """The offset after the last command that the partition's own events tell of, from a number on.

    Events of commands of other partitions stand among them: they arrive also where all is at rest.
    """
    topic = settings.topics.events.name
    first = logs.find(topic, partition, number, event_number)
    span, end = Span(topic, partition, first, logs.bounds(topic, partition).high), 0
    for run in runs(settings, span, committed=True):
        for message in run:
            source = position(dict(headers_of(message) or ()).get("src"))
            if source is not None and source[0] == partition:
                end = max(end, source[1] + 1)
    return end
