"""Whether anybody does the work: who follows which topic, and how far behind."""

import threading
from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumers.failure import RecordsError
from consumers.records import Records
from schemas.settings import Settings
from wallet import topics
from wallet.doctor.findings import Finding, fine, harm, warning
from wallet.local.consumers import GROUPS
from wallet.local.groups import partitions_of
from wallet.local.lag import LagReader, LagUnknownError, PartitionLag

LOOK_SECONDS: Final = 1.0
"""Between two looks at a ledger that is behind: does it move?"""

ANSWER_SECONDS: Final = 5.0

BEHIND: Final = 10_000
"""Events that a consumer may be behind before it is told."""

KEEPS_OFFSETS: Final = ("receipts", "balances")
"""Processes whose group's offsets say how far they are; the others have their state elsewhere."""


def workers(settings: Settings) -> Iterator[Finding]:
    """Whether every partition of the commands has a worker, and the ledger moves."""
    held = frozenset[int]().union(
        *partitions_of(topics.client(settings), settings.application).values()
    )
    try:
        lag = LagReader(settings).read()
    except LagUnknownError as error:
        yield harm("ledger", f"how far it is cannot be told: {error}", "see the findings above")
        return
    total = sum(each.lag for each in lag)
    missing = [each.partition for each in lag if each.partition not in held]
    if missing:
        what = f"no worker has partitions {_listed(missing)}; {total:,} commands wait"
        yield harm("workers", what, "start `wallet worker --slot N`, and see its log")
    else:
        yield fine("workers", f"all {len(lag)} partitions have one")
    yield _moving(settings, lag, total)


def followers(settings: Settings) -> Iterator[Finding]:
    """Whether the processes beside the workers follow their topics. Raises RecordsError."""
    admin = topics.client(settings)
    for process, group in GROUPS.items():
        name = f"{settings.application}-{group}"
        held = frozenset[int]().union(*partitions_of(admin, name).values())
        missing = sorted(set(range(settings.partitions)) - held)
        if missing:
            what = f"nobody follows partitions {_listed(missing)}"
            yield warning(process, what, f"start `wallet {process}`, and see its log")
            continue
        behind = _behind(settings, name) if process in KEEPS_OFFSETS else 0
        if behind > BEHIND:
            what = f"{behind:,} events behind"
            yield warning(
                process, what, f"it catches up, or start more `wallet {process} --slot N`"
            )
        else:
            told = f", {behind:,} behind" if process in KEEPS_OFFSETS else ""
            yield fine(process, f"follows all partitions{told}")


def _moving(settings: Settings, lag: tuple[PartitionLag, ...], total: int) -> Finding:
    if not total:
        return fine("lag", "no command waits")
    threading.Event().wait(LOOK_SECONDS)  # nobody tells that it does not move
    try:
        later = LagReader(settings).progress()
    except LagUnknownError as error:
        return harm("lag", f"cannot be told: {error}", "see the findings above")
    stuck = [
        each.partition
        for each in lag
        if each.lag and later.get(each.partition, (0, 0))[1] == each.next_offset
    ]
    if stuck:
        what = f"{total:,} commands wait, and partitions {_listed(stuck)} do not move"
        return harm("lag", what, "see the log of the worker that holds them")
    return fine("lag", f"{total:,} commands wait, and it moves")


def _behind(settings: Settings, group: str) -> int:
    """Events between a group's offsets and the ends, marks of transactions among them."""
    name = settings.topics.events.name
    asker = Consumer({**settings.kafka_client(), "group.id": group, "log_level": 0})
    try:
        places = [TopicPartition(name, number) for number in range(settings.partitions)]
        kept = asker.committed(places, timeout=ANSWER_SECONDS)
    except KafkaException as error:
        raise RecordsError(f"the offsets of {group}: {error.args[0].str()}") from error
    finally:
        asker.close()
    with Records(settings, ANSWER_SECONDS) as records:
        ends = {place.partition: records.bounds(name, place.partition) for place in kept}
    return sum(
        ends[place.partition].high - max(place.offset, ends[place.partition].low) for place in kept
    )


def _listed(partitions: list[int]) -> str:
    return ", ".join(map(str, partitions))
