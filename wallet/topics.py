"""Applies `schemas.topics` to a cluster: makes what is missing, never changes a partition count."""

import time
from concurrent.futures import Future
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic, TopicMetadata

from producers import unreached
from producers.bounds import bounds
from schemas.settings import Settings
from schemas.topics import Topic
from wallet.failure import Failure, NoAnswer, Tell, ignore

REQUEST_SECONDS: Final = 10.0
PROBE_SECONDS: Final = 1.0
LEADERS_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 0.05
# The cluster's own default: 1 on the local node, 3 in production.
CLUSTERS_REPLICATION: Final = -1


def apply(settings: Settings, timeout_seconds: float, tell: Tell = ignore) -> tuple[str, ...]:
    """Make the missing topics, waiting for the cluster; give the names of those made.

    Raises:
        NoAnswer: the cluster does not answer in time.
        Failure: it refuses, or has a topic with another number of partitions.

    """
    admin = client(settings)
    wait_until_answers(settings, timeout_seconds, tell)
    wanted = settings.topics.all()
    existing = _listed(admin)
    for topic in wanted:
        if topic.name in existing:
            _refuse_other_count(topic, len(existing[topic.name].partitions))
    missing = [topic for topic in wanted if topic.name not in existing]
    _create(admin, missing)
    _await_leaders(admin, wanted)
    _await_answers(settings, wanted)
    return tuple(topic.name for topic in missing)


def client(settings: Settings) -> AdminClient:
    """Give a client that looks for an absent broker often, and does so in silence."""
    often = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 100, "log_level": 0}
    return AdminClient({**settings.kafka_client(), **often})


def wait_until_answers(settings: Settings, timeout_seconds: float, tell: Tell = ignore) -> None:
    """Wait until the cluster lists its topics; a wait that is not over at once is told.

    Raises:
        NoAnswer: it did not within the time.

    """
    admin, address = client(settings), settings.kafka_bootstrap
    deadline = time.monotonic() + timeout_seconds
    if answers(admin):
        return
    tell(f"waiting for Kafka at {address} ...")
    while not answers(admin):
        if time.monotonic() > deadline:
            raise NoAnswer(
                f"Kafka at {address} does not answer ({timeout_seconds:.0f} s):"
                f" {unreached.why(settings)}"
            )


def answers(admin: AdminClient) -> bool:
    """Ask once; an absent broker takes the whole second."""
    try:
        return bool(admin.list_topics(timeout=PROBE_SECONDS).brokers)
    except KafkaException:
        return False


def _listed(admin: AdminClient) -> dict[str, TopicMetadata]:
    try:
        return admin.list_topics(timeout=REQUEST_SECONDS).topics
    except KafkaException as error:
        raise NoAnswer(f"Kafka does not list its topics: {error.args[0].str()}") from None


def _await_leaders(admin: AdminClient, wanted: tuple[Topic, ...]) -> None:
    """Wait until every partition has a leader: a broker hears of a new topic a moment later."""
    deadline = time.monotonic() + LEADERS_SECONDS
    while leaderless := _leaderless(wanted, _listed(admin)):
        if time.monotonic() > deadline:
            raise NoAnswer(f"no leaders for {', '.join(leaderless)}; are all brokers running?")
        time.sleep(PAUSE_SECONDS)  # nobody tells when the brokers have heard


def _await_answers(settings: Settings, wanted: tuple[Topic, ...]) -> None:
    """Wait until the leaders know that they lead: the metadata says so a moment before."""
    consumer = Consumer(
        {**settings.kafka_client(), "group.id": f"{settings.application}-unused", "log_level": 0}
    )
    try:
        for topic in wanted:
            for partition in range(topic.partitions):
                bounds(consumer, topic.name, partition, LEADERS_SECONDS)
    except KafkaException as error:
        raise NoAnswer(
            f"{topic.name}[{partition}] does not answer: {error.args[0].str()};"
            " are all brokers running?"
        ) from None
    finally:
        consumer.close()


def _leaderless(wanted: tuple[Topic, ...], found: dict[str, TopicMetadata]) -> list[str]:
    return [
        topic.name
        for topic in wanted
        if topic.name not in found
        or len(found[topic.name].partitions) < topic.partitions
        or any(partition.leader < 0 for partition in found[topic.name].partitions.values())
    ]


def _refuse_other_count(topic: Topic, count: int) -> None:
    if count != topic.partitions:
        raise Failure(
            f"topic {topic.name} has {count} partitions, the settings say {topic.partitions};"
            f" the count is fixed for a topic's life: set WALLET_PARTITIONS={count}"
        )


def _create(admin: AdminClient, topics: list[Topic]) -> None:
    if not topics:
        return
    futures: dict[str, Future[None]] = admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions, CLUSTERS_REPLICATION, config=topic.config)
            for topic in topics
        ],
        operation_timeout=REQUEST_SECONDS,
        request_timeout=REQUEST_SECONDS,
    )
    for name, future in futures.items():
        try:
            future.result(REQUEST_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # made by another starter
                raise Failure(f"cannot make topic {name}: {error.args[0].str()}") from None
