"""Claim: taking a partition over, before the first record (steps 1 to 5, DESIGN.md 3).

Whatever the last owner left half done is finished here: its transactions can no longer commit,
and what it committed but did not publish is published, byte for byte.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import structlog
from psycopg2 import extensions

from producers.tails import Tail, Tails
from schemas.results import CommandRef
from schemas.settings import Settings
from streams import faults, progress, retelling, samelog
from streams.ends import Ends
from streams.hanging import hanging, topics_of, transactional_id
from streams.laps import Laps
from streams.outside import OUTSIDE, Outside
from streams.progress import Progress
from streams.publisher import Publisher
from streams.rendering import Message
from streams.rows import Place

log: Final = structlog.get_logger(__name__)


class Claim(NamedTuple):
    """A partition that is ours until somebody else raises its epoch."""

    place: Place
    epoch: int
    next_offset: int
    next_event: int
    publisher: Publisher


class Unsaid(NamedTuple):
    """What the last owner committed and did not publish, topic by topic."""

    results: list[Message]
    events: list[Message]
    steps: list[Message]
    dead: list[Message]


class OvertakenError(Exception):
    """Another claim came after ours, or our assignment ended: give up without alarm."""


class InconsistentError(Exception):
    """The log and the database contradict each other: data was lost. Says what to do."""


def claim(
    settings: Settings,
    place: Place,
    owner: str,
    still: Callable[[], bool],
    outside: Outside = OUTSIDE,
) -> Claim:
    """Take a partition over. `still` tells whether it is still assigned to us.

    All connections are made first, and what takes time is done: the last owner may still be at
    work until the epoch rises.
    Raises OvertakenError, InconsistentError, and whatever PostgreSQL and Kafka raise.
    """
    laps, ends = Laps(), outside.ends(settings)
    connection = outside.connect(settings, f"claim-{place.partition}")
    try:
        with (
            connection.cursor() as cursor,
            Tails(settings, outside.consumer) as tails,
            outside.fence(settings, place) as shut_out,
        ):
            first = ends.ask(topics_of(settings), place.partition, decided=True)
            publisher = Publisher(settings, place, outside)
            tails.get_ready(place.partition, topics_of(settings), place.topic)
            first.answer()  # so that it is connected, too
            laps.lap("connected")
            outside.summarise(connection)
            laps.lap("summarised")
            _go_on(still)
            mine = progress.raise_epoch(cursor, place, owner)  # 1
            faults.reached("inside-claim")
            shut_out()
            laps.lap("shut out")
            publisher, now = _alone(publisher, cursor, place, mine, settings, outside)  # 2, 3
            laps.lap("alone")
            unsaid = _unsaid(settings, place, tails, ends, cursor, now)  # 5, before it is said
            laps.lap("read")
            _go_on(still)
            if any(unsaid):
                publisher.publish(*unsaid)  # 4
                laps.lap("said")
    finally:
        connection.close()
    log.info(
        "claimed",
        partition=place.partition,
        epoch=now.epoch,
        next_offset=now.next_offset,
        results=len(unsaid.results),
        events=len(unsaid.events),
        ms=str(laps),
    )
    return Claim(place, now.epoch, now.next_offset, now.next_event, publisher)


def _go_on(still: Callable[[], bool]) -> None:
    if not still():
        raise OvertakenError("the assignment ended during the claim")


def _still_ours(cursor: extensions.cursor, place: Place, mine: Progress) -> Progress:
    """The row as it is now, unless another claim came after ours."""
    now = progress.read(cursor, place)
    if now.epoch != mine.epoch:
        raise OvertakenError(f"epoch {now.epoch} came after our {mine.epoch}")
    return now


def _alone(
    publisher: Publisher,
    cursor: extensions.cursor,
    place: Place,
    mine: Progress,
    settings: Settings,
    outside: Outside,
) -> tuple[Publisher, Progress]:
    """Shut others out, and end what Kafka forgot to end; who publishes then, and the row."""
    publisher.fence()
    now = _still_ours(cursor, place, mine)
    ends = outside.ends(settings)
    hung = hanging(ends, settings, place)
    if not hung:
        return publisher, now
    log.warning("Kafka has left a transaction hanging", partition=place.partition, topics=hung)
    outside.commit(settings, place, hung)
    publisher = Publisher(settings, place, outside)
    publisher.fence()
    now = _still_ours(cursor, place, mine)
    if left := hanging(ends, settings, place):
        raise InconsistentError(
            f"A transaction hangs on partition {place.partition} of {', '.join(left)}, and it is"
            f" not of {transactional_id(settings, place)} as it is now: nobody sees what stands"
            " behind it. Find it with kafka-transactions.sh find-hanging, and end it with abort."
        )
    return publisher, now


def _within_log(place: Place, bounds: tuple[int, int], now: Progress) -> None:
    """Refuse when the commands log begins after, or ends before, the next command."""
    low, high = bounds
    if low > now.next_offset:
        raise InconsistentError(
            f"{place.topic}[{place.partition}] begins at {low}, but the next command to process is"  # noqa: S608 - advice or constants of ours
            f" {now.next_offset}: {low - now.next_offset} commands expired unprocessed. Restore"
            " them, or decide to skip them: UPDATE partitions SET next_offset."
        )
    if high < now.next_offset:
        raise InconsistentError(
            f"{place.topic}[{place.partition}] ends at {high}, but the database has processed up to"
            f" {now.next_offset}: the broker lost commands, or the topic was made anew. Restore the"
            " topic, or point the worker at the database that belongs to it."
        )


def _unsaid(
    settings: Settings,
    place: Place,
    tails: Tails,
    ends: Ends,
    cursor: extensions.cursor,
    now: Progress,
) -> Unsaid:
    """What is to be said, where log and database agree on the rest."""
    ours = topics_of(settings)
    asked = (  # all at once
        ends.ask_begins([place.topic, *ours], place.partition),
        # Commands are read as they come: somebody's open transaction among them holds nothing up.
        ends.ask([place.topic], place.partition, decided=False),
        ends.ask(ours, place.partition, decided=True),
    )
    begins, written, seen = (question.answer() for question in asked)
    end = {**written, **seen}
    bounds = {topic: (begins[topic], end[topic]) for topic in begins}
    try:
        _within_log(place, bounds[place.topic], now)
        return _unpublished(settings, place, tails, bounds, cursor, now)
    except InconsistentError as error:
        # Frozen since 3, we compare an old row with a log that has gone on: no alarm.
        if progress.read(cursor, place).epoch != now.epoch:
            raise OvertakenError("the partition went on without us") from error
        raise


def _unpublished(
    settings: Settings,
    place: Place,
    tails: Tails,
    bounds: Mapping[str, tuple[int, int]],
    cursor: extensions.cursor,
    now: Progress,
) -> Unsaid:
    """What the database has and the log has not."""
    topics = settings.topics
    headers = dict.fromkeys(topics_of(settings), "src") | {topics.events.name: "number"}
    last = tails.last(place.partition, headers, bounds)
    said = _last_result(place, last[topics.results.name], now)
    known = min(said, now.batch_offset - 1, now.last_result - 1)
    stored = retelling.stored_results(cursor, place, known, now.next_offset)
    if stored:
        _same_log(place, tails, bounds[place.topic][0], stored[-1][0])
    results = [result for command, result, _ in stored if command.offset > said]
    steps: list[Message] = []
    if any(step is not None for _, _, step in stored):
        stepped = _source(last[topics.scheduled.name])
        steps = [step for command, _, step in stored if step and command.offset > stepped]
    events = _events(place, last[topics.events.name], cursor, now)
    after = max(_source(last[topics.dead_letters.name]), now.batch_offset - 1)
    dead = retelling.stored_dead_letters(cursor, place, after, now.next_offset)
    return Unsaid(results, events, steps, dead)


def _same_log(place: Place, tails: Tails, low: int, newest: CommandRef) -> None:
    """Refuse when another command stands where the newest one with a result was processed."""
    if newest.offset < low:
        return  # it has expired
    found = samelog.another_command(tails.at(place.topic, place.partition, newest.offset), newest)
    if found:
        raise InconsistentError(
            f"{place.topic}[{place.partition}] has {found} at {newest.offset}, where the database"
            f" has processed command {newest.id} of {newest.source}: the topic was made anew, or"
            " the broker lost commands, and it has grown since. What stands before that was never"
            " done. Restore the topic, or point the worker at the database that belongs to it."
        )


def _last_result(place: Place, tail: Tail, now: Progress) -> int:
    """The source offset of the last result published."""
    said = _source(tail)
    if said >= now.next_offset:
        raise InconsistentError(
            f"The log has the result of command {said} on partition {place.partition}, the database"
            f" only knows commands before {now.next_offset}: the database lost commits. If it was"
            " restored from a backup, stop the workers and say `wallet replay --catch-up`."
        )
    never_or_lost = tail.value is None and tail.low == 0
    if said < now.floor_offset and (tail.value is not None or never_or_lost):
        raise InconsistentError(
            f"The last result on partition {place.partition} is that of command {said}, but that of"
            f" {now.floor_offset} was published: the broker lost results. Restore the topic."
        )
    return max(said, now.floor_offset)


def _events(place: Place, tail: Tail, cursor: extensions.cursor, now: Progress) -> list[Message]:
    """The events of the newest batch that the log has not."""
    following = -1 if tail.value is None else int(tail.value)
    following += 1
    if following == now.next_event:
        return []
    if not now.batch_event <= following < now.next_event:
        raise InconsistentError(
            f"The events log of partition {place.partition} goes to number {following - 1}; the"
            f" database expects {now.batch_event - 1} to {now.next_event - 1}: events were lost."
            " Restore the topic."
        )
    events = retelling.stored_events(cursor, place, now)
    assert len(events) == now.next_event - now.batch_event, "a batch's events are all stored"
    return events[following - now.batch_event :]


def _source(tail: Tail) -> int:
    """The offset within a `src` header, "partition:offset"; -1 where there is no record."""
    return -1 if tail.value is None else int(tail.value.split(b":")[1])
