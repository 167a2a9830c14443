"""What a cluster has against what the contract says of the topics, and how the two are made equal.

Nothing is ever deleted, and a partition count never changed. A setting is set where it lets go of
nothing; what would throw records away is done only when that is asked for.
"""

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, Final, Literal

import msgspec
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    TopicMetadata,
)

from producers import unreached
from schemas.settings import Settings
from schemas.topics import Topic
from wallet import topics
from wallet.failure import Failure, NoAnswer

ANSWER_SECONDS: Final = 10.0

Step = Literal["make", "set", "shorten", "count"]
"""Make the topic; set a setting; set one by which records are lost; a count that stays as it is."""

_GROWING: Final = frozenset({"retention.ms", "max.message.bytes"})
"""Settings that keep or take more when they grow; -1 is without end."""


class Difference(msgspec.Struct, frozen=True):
    """One thing in which a topic is not as the contract says. `hurts`: the ledger may go wrong."""

    topic: str
    step: Step
    setting: str
    contract: str
    cluster: str
    hurts: bool

    def line(self) -> str:
        """It in one line."""
        match self.step:
            case "make":
                return f"make {self.topic} ({self.contract})"
            case "count":
                return (
                    f"{self.topic} has {self.cluster} partitions, the settings say {self.contract}:"
                    f" the count is fixed for a topic's life, set WALLET_PARTITIONS={self.cluster}"
                )
            case "set" | "shorten":
                return f"{self.topic}: {self.setting} {self.cluster} -> {self.contract}"


class Plan(msgspec.Struct, frozen=True):
    """All differences, in the order of the topics."""

    brokers: int
    replicas: int
    """Of the topic that has the fewest; 0 while there is none."""
    differences: tuple[Difference, ...]

    def of(self, *steps: Step) -> list[Difference]:
        """Those differences."""
        return [each for each in self.differences if each.step in steps]


def plan(settings: Settings, timeout_seconds: float = ANSWER_SECONDS) -> Plan:
    """Compare; nothing is changed. Raises NoAnswer when the cluster does not in time."""
    admin = topics.client(settings)
    try:
        found = admin.list_topics(timeout=timeout_seconds)
    except KafkaException as error:
        raise NoAnswer(
            f"Kafka at {settings.kafka_bootstrap} does not answer: {error.args[0].str()}:"
            f" {unreached.why(settings)}"
        ) from None
    wanted = settings.topics.all()
    there = [topic for topic in wanted if topic.name in found.topics]
    configs = _configs(admin, there, timeout_seconds)
    differences = [
        each
        for topic in wanted
        for each in _differences(topic, found.topics.get(topic.name), configs.get(topic.name, {}))
    ]
    replicas = [
        len(partition.replicas)
        for topic in there
        for partition in found.topics[topic.name].partitions.values()
    ]
    return Plan(len(found.brokers), min(replicas, default=0), tuple(differences))


def kept_ms(settings: Settings, topic: Topic) -> int | None:
    """How long the cluster keeps every record of a topic, in milliseconds.

    None where no record goes by its age, or one may go before, since a size is set. Raises NoAnswer
    when the cluster does not answer, Failure when it refuses to tell.
    """
    config = _configs(topics.client(settings), [topic], ANSWER_SECONDS)[topic.name]
    kept, size = (int(config.get(name) or -1) for name in ("retention.ms", "retention.bytes"))
    return None if kept < 0 or size >= 0 else kept


def carry_out(settings: Settings, made: Plan, *, shorten: bool) -> list[Difference]:
    """Do what a plan says, but not what loses records unless asked to; gives what was done.

    Raises Failure when the cluster refuses, or has a topic with another number of partitions.
    """
    topics.apply(settings, ANSWER_SECONDS)
    steps: tuple[Step, ...] = ("set", "shorten") if shorten else ("set",)
    _set(topics.client(settings), made.of(*steps))
    return made.of("make", *steps)


def _differences(
    topic: Topic, found: TopicMetadata | None, config: dict[str, str]
) -> Iterable[Difference]:
    if found is None:
        yield Difference(topic.name, "make", "", f"{topic.partitions} partitions", "", hurts=True)
        return
    count = len(found.partitions)
    if count != topic.partitions:
        both = (str(topic.partitions), str(count))
        yield Difference(topic.name, "count", "partitions", *both, hurts=True)
    for setting, said in topic.config.items():
        has = config.get(setting, "")
        if has != said:
            yield _of_setting(topic, setting, said, has)


def _of_setting(topic: Topic, setting: str, said: str, has: str) -> Difference:
    if setting in _GROWING and has:
        more = _size(said) > _size(has)
        return Difference(topic.name, "set" if more else "shorten", setting, said, has, hurts=more)
    is_cut = setting == "cleanup.policy" and said == "delete"
    # Compaction took what it took; from here on old segments would go at once.
    loses = is_cut and topic.config["retention.ms"] != "-1"
    return Difference(topic.name, "shorten" if loses else "set", setting, said, has, hurts=True)


def _size(text: str) -> float:
    return float("inf") if text == "-1" else float(text)


def _configs(
    admin: AdminClient, there: list[Topic], timeout_seconds: float
) -> dict[str, dict[str, str]]:
    if not there:
        return {}
    asked = [ConfigResource(ConfigResource.Type.TOPIC, topic.name) for topic in there]
    answers = admin.describe_configs(asked, request_timeout=timeout_seconds)
    return {
        resource.name: {name: entry.value or "" for name, entry in _answer(future).items()}
        for resource, future in answers.items()
    }


def _set(admin: AdminClient, wanted: list[Difference]) -> None:
    by_topic: dict[str, list[Difference]] = {}
    for each in wanted:
        by_topic.setdefault(each.topic, []).append(each)
    if not by_topic:
        return
    asked = [
        ConfigResource(
            ConfigResource.Type.TOPIC,
            name,
            incremental_configs=[_entry(each) for each in settings],
        )
        for name, settings in by_topic.items()
    ]
    for future in admin.incremental_alter_configs(asked, request_timeout=ANSWER_SECONDS).values():
        _answer(future)


def _entry(wanted: Difference) -> ConfigEntry:
    return ConfigEntry(wanted.setting, wanted.contract, incremental_operation=AlterConfigOpType.SET)


def _answer(future: "Future[Any]") -> Any:  # noqa: ANN401 - whatever was asked for
    try:
        return future.result(ANSWER_SECONDS * 2)
    except KafkaException as error:
        said = error.args[0]
        if said.code() < 0:  # the client's own words: no broker has said anything
            raise NoAnswer(f"Kafka does not answer: {said.str()}") from None
        raise Failure(f"Kafka refuses: {said.str()}") from None
    except TimeoutError:
        raise NoAnswer("Kafka does not answer in time") from None
