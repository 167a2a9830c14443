"""What a replay reads: for each partition from where to where, and whether that is possible."""

import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from producers.tails import Tails
from schemas.settings import Settings
from wallet.failure import Failure
from wallet.replay.reading import Logs, Span
from wallet.replay.recorded import event_number, source_offset

WAIT_SECONDS: Final = 30.0
"""How long what the first ledger has committed may take to come to the log."""
LOOK_SECONDS: Final = 0.2


NOT_KNOWN: Final = -1
"""Said instead of the number of the first event to come."""


class Standing(NamedTuple):
    """How far a ledger's database has come on a partition (table partitions)."""

    next_offset: int = 0
    next_event: int = 0
    last_result_offset: int = -1
    batch_event: int = 0
    epoch: int = 0
    floor_offset: int = -1


class Said(NamedTuple):
    """How far the logs have come on a partition: sources of the last result and dead letter."""

    result: int
    dead: int
    events: int
    """The number of the next event."""
    has_expired: bool = False
    """Whether there were results, and none is kept: only the database knows of the last one."""


class Part(msgspec.Struct, frozen=True):
    """One partition of a replay: commands from `start` on and before `end`.

    `said` is the source of the last result known to be published, `first_event` the number of the
    first event to come.
    """

    partition: int
    start: int
    end: int
    said: int
    first_event: int
    commands: Span
    spare: Span
    results: Span
    events: Span
    is_unpublished: bool = False
    """Whether the newest batch of the database to go on from never came to the log."""


def said_so_far(settings: Settings) -> dict[int, Said]:
    """How far the logs of all partitions have come."""
    topics = settings.topics
    headers = {topics.events.name: "number"}
    headers |= dict.fromkeys((topics.results.name, topics.dead_letters.name), "src")
    with Tails(settings) as tails:
        found = {}
        for partition in range(settings.partitions):
            ends = {topic: tails.bounds(topic, partition) for topic in headers}
            last = tails.last(partition, headers, ends)
            number, result = last[topics.events.name].value, last[topics.results.name]
            found[partition] = Said(
                _offset(result.value),
                _offset(last[topics.dead_letters.name].value),
                int(number) + 1 if number is not None else 0,
                has_expired=result.value is None and result.low > 0,
            )
        return found


def await_said(settings: Settings, standing: Mapping[int, Standing]) -> dict[int, Said]:
    """Wait until the log has all that the first ledger's database has committed.

    Raises Failure where that takes too long.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        said = said_so_far(settings)
        behind = [
            partition
            for partition, committed in standing.items()
            if _is_behind(said[partition], committed)
        ]
        if not behind:
            return said
        if time.monotonic() > deadline:
            raise Failure(
                f"partitions {behind} have results or events in the database that never came to"
                " the log; a worker publishes them as soon as one runs (`wallet up`)"
            )
        time.sleep(LOOK_SECONDS)  # what was committed a moment ago is still to be published


def _is_behind(said: Said, committed: Standing) -> bool:
    lacks_results = said.result < committed.last_result_offset and not said.has_expired
    return lacks_results or said.events < committed.next_event


def plan(
    settings: Settings,
    starts: Mapping[int, Standing],
    ends: Mapping[int, int],
    said: Mapping[int, Said],
    events_since: int | None = None,
) -> list[Part]:
    """What there is to read from `starts` on and before `ends`. Raises Failure where it is gone.

    Where it is not known how many events were published before, those since a moment are read.
    """
    with Logs(settings) as logs:
        parts = [_part(settings, logs, p, starts[p], (ends[p], said[p])) for p in sorted(starts)]
        if events_since is None:
            return parts
        topic = settings.topics.events.name
        since = {p.partition: logs.at_time(topic, p.partition, events_since) for p in parts}
        return [
            replace(part, first_event=NOT_KNOWN, events=part.events._replace(start=since[p]))
            for p, part in enumerate(parts)
        ]


def without_spare(part: Part) -> Part:
    """A part with nothing after its end: where all is recorded that a replay may need."""
    return replace(part, spare=part.spare._replace(end=part.spare.start))


def _part(
    settings: Settings, logs: Logs, partition: int, start: Standing, to: tuple[int, Said]
) -> Part:
    topics, (end, said) = settings.topics, to
    low, high = logs.bounds(topics.commands.name, partition)
    first = start.next_offset
    if low > first and first < end:
        raise Failure(
            f"{topics.commands.name}[{partition}] begins at {low}, the replay would begin at"
            f" {first}: those before have expired. Restore a backup that has come to {low} at"
            " least, and go on from it with `wallet replay --catch-up`"
        )
    unpublished = start.batch_event == said.events < start.next_event
    if said.events < start.next_event and not unpublished:
        raise Failure(
            f"{topics.events.name}[{partition}] ends with event {said.events - 1}, the database"
            f" has published up to {start.next_event - 1}: the broker lost events. Restore the"
            " topic, or a database that is older than it"
        )
    return Part(
        partition,
        first,
        max(first, end),
        start.floor_offset if said.has_expired else said.result,
        said.events if unpublished else start.next_event,
        Span(topics.commands.name, partition, first, end),
        Span(topics.commands.name, partition, max(first, end), high),
        _results(logs, topics.results.name, partition, first, end),
        _events(logs, topics.events.name, partition, start.next_event),
        unpublished,
    )


def _results(logs: Logs, topic: str, partition: int, first: int, end: int) -> Span:
    """Where the answers to commands from `first` on stand. Raises Failure where they expired."""
    low, high = logs.bounds(topic, partition)
    found = logs.find(topic, partition, first, source_offset)
    if found == low > 0 and first < end:
        raise Failure(
            f"{topic}[{partition}] begins at {low}: the results that tell the order of the"
            f" commands from {first} on have expired. Restore a younger backup"
        )
    return Span(topic, partition, found, high)


def _events(logs: Logs, topic: str, partition: int, number: int) -> Span:
    high = logs.bounds(topic, partition).high
    return Span(topic, partition, logs.find(topic, partition, number, event_number), high)


def _offset(source: bytes | None) -> int:
    """The offset within a `src` header, "partition:offset"; -1 without one."""
    return -1 if source is None else int(source.split(b":")[1])
