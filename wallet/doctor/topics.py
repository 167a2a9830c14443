"""The cluster, its topics and what producers have put into them."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from confluent_kafka import Message

from consumers.records import Records
from producers.headers import headers_of
from schemas.cloudevents import EnvelopeError, read
from schemas.identifiers import is_uuid, partition_of
from schemas.settings import Settings
from wallet import topic_plan
from wallet.doctor.clocks import judge_skew
from wallet.doctor.findings import Finding, fine, harm, warning
from wallet.failure import Failure
from wallet.topic_plan import Plan

ANSWER_SECONDS: Final = 5.0

SAMPLE: Final = 200
"""The last records of each partition that are looked at."""

REPLICAS: Final = 3
"""With fewer copies, one broker that is lost may take records with it."""

KAFKA: Final = "kafka"
MISSING: Final = "missing topics"
COUNTS: Final = "partitions"
"""Checks without which no other one can look into the topics."""

FIX_PARTITIONER: Final = (
    "producers must partition by murmur2 of the wallet id: librdkafka needs"
    " partitioner=murmur2_random (docs/MESSAGES.md)"
)


def contract(settings: Settings) -> Iterator[Finding]:
    """Whether Kafka answers, and whether the topics are as the contract says.

    Raises Failure when it does not answer.
    """
    yield from judge(settings, topic_plan.plan(settings, ANSWER_SECONDS))


def judge(settings: Settings, plan: Plan) -> Iterator[Finding]:
    """What the difference between a cluster and the contract means."""
    yield fine(KAFKA, f"answers at {settings.kafka_bootstrap}; brokers: {plan.brokers}")
    for each in plan.differences:
        if not each.hurts:
            yield fine("topics", f"{each.line()}: more than the contract asks for")
        elif each.step == "count":
            yield harm(COUNTS, each.line(), f"set WALLET_PARTITIONS={each.cluster}")
        elif each.step == "make":
            yield harm(MISSING, each.line(), "wallet topics apply")
        else:
            option = " --shorten" if each.step == "shorten" else ""
            yield harm("topics", each.line(), f"wallet topics apply{option}")
    if not plan.differences:
        yield fine("topics", f"all {len(settings.topics.all())} are as the contract says")
    if plan.brokers >= REPLICAS > plan.replicas > 0:
        yield warning(
            "replicas",
            f"a topic has {plan.replicas} copies on {plan.brokers} brokers",
            "give all topics 3 copies, and min.insync.replicas=2",
        )


def producers(settings: Settings) -> Iterator[Finding]:
    """Whether the newest commands stand on their wallets' partitions; and the broker's clock.

    Raises RecordsError.
    """
    topic, strays, newest_ms, seen = settings.topics.commands, Counter[str](), 0, 0
    with Records(settings, ANSWER_SECONDS) as records:
        for partition in range(topic.partitions):
            low, high = records.bounds(topic.name, partition)
            start = max(low, high - SAMPLE)
            for record in records.read(topic.name, partition, start, high) if start < high else ():
                seen += 1
                newest_ms = max(newest_ms, record.timestamp()[1])
                key = (record.key() or b"").decode(errors="replace")
                if is_uuid(key) and partition_of(key, topic.partitions) != partition:
                    strays[_source(record)] += 1
    for source, count in strays.most_common(5):
        what = f"{count} of the last commands of {source} are on a wrong partition"
        yield harm("partitioner", what, FIX_PARTITIONER)
    if not strays:
        yield fine("partitioner", f"{seen:,} commands looked at, none on a wrong partition")
    ahead = newest_ms / 1000 - time.time()
    if newest_ms:
        # Of a broker that is behind nothing can be said: its last record may be an old one.
        yield judge_skew("broker's clock", max(ahead, 0.0))


def _source(record: Message) -> str:
    try:
        return read(record.value(), headers_of(record) or ()).source or "no source"
    except EnvelopeError:
        return "no source"


def unanswered(error: Failure) -> Finding:
    """Kafka does not answer. What to do stands last (producers/unreached.py)."""
    said = str(error)
    what, _, fix = said.rpartition("; " if "; " in said else ": ")
    return harm(KAFKA, what or said, fix)
