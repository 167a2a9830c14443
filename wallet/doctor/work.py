"""Whether anybody does the work: who follows which topic, and how far behind."""

import threading
from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from consumers.failure import RecordsError
from consumers.records import Records
from schemas.settings import Settings
from wallet import topics
from wallet.doctor.findings import Finding, fine, harm, warning
from wallet.local.consumers import GROUPS
from wallet.local.lag import LagReader, LagUnknownError, PartitionLag

LOOK_SECONDS: Final = 1.0
"""Between two looks at a ledger that is behind: does it move?"""

ANSWER_SECONDS: Final = 5.0

BEHIND: Final = 10_000
"""Events that a consumer may be behind before it is told."""

KEEPS_OFFSETS: Final = ("receipts", "balances")
"""Processes whose group's offsets say how far they are; the others have their state elsewhere."""


def work(settings: Settings, *, is_stored: bool) -> Iterator[Finding]:
    """Whether anybody follows every topic, and how far behind.

    `is_stored`: the database answers, which knows how far the ledger is. Raises RecordsError.
    """
    names = {process: f"{settings.application}-{group}" for process, group in GROUPS.items()}
    held = _held(topics.client(settings), [settings.application, *names.values()])
    if is_stored:
        yield from _workers(settings, held.get(settings.application))
    for process, name in names.items():
        behind = _behind(settings, name) if process in KEEPS_OFFSETS else None
        yield judge_follower(process, settings.partitions, held.get(name), behind)


def judge_follower(
    process: str, partitions: int, held: frozenset[int] | None, behind: int | None
) -> Finding:
    """What it means who follows a topic, and how many events behind."""
    if held is None:
        return warning(process, "Kafka does not say who follows", "ask again")
    missing = sorted(set(range(partitions)) - held)
    if missing:
        what = f"nobody follows partitions {_listed(missing)}"
        return warning(process, what, f"start `wallet {process}`, and see its log")
    if behind is not None and behind > BEHIND:
        fix = f"it catches up, or start more `wallet {process} --slot N`"
        return warning(process, f"{behind:,} events behind", fix)
    told = "" if behind is None else f", {behind:,} behind"
    return fine(process, f"follows all partitions{told}")


def _workers(settings: Settings, held: frozenset[int] | None) -> Iterator[Finding]:
    """Whether every partition of the commands has a worker, and the ledger moves."""
    try:
        lag = LagReader(settings).read()
    except LagUnknownError as error:
        yield harm("ledger", f"how far it is cannot be told: {error}", "see the findings above")
        return
    total = sum(each.lag for each in lag)
    missing = [each.partition for each in lag if held is not None and each.partition not in held]
    if held is None:
        yield warning("workers", "Kafka does not say who is at work", "ask again")
    elif missing:
        what = f"no worker has partitions {_listed(missing)}; {total:,} commands wait"
        yield harm("workers", what, "start `wallet worker --slot N`, and see its log")
    else:
        yield fine("workers", f"all {len(lag)} partitions have one")
    yield _moving(settings, lag, total)


def _held(admin: AdminClient, groups: list[str]) -> dict[str, frozenset[int]]:
    """The partitions that members of each group have; without those that Kafka does not tell of."""
    found: dict[str, frozenset[int]] = {}
    answers = admin.describe_consumer_groups(groups, request_timeout=ANSWER_SECONDS)
    for name, answer in answers.items():
        try:
            members = answer.result(ANSWER_SECONDS * 2).members
        except (KafkaException, TimeoutError):
            continue
        owned = (each.assignment.topic_partitions for each in members)
        found[name] = frozenset(place.partition for places in owned for place in places)
    return found


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
