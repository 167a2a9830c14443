"""What becomes of a plan for topics when Kafka goes away while it is asked, or refuses."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas.settings import Settings
from wallet import topic_plan, topics
from wallet.failure import Failure, NoAnswer

SETTINGS = Settings(partitions=1)


class Leaving:
    """A client that is told of all topics, and then gets an error for what it asks of them."""

    def __init__(self, code: int) -> None:
        self._error = KafkaException(KafkaError(code))

    def list_topics(self, timeout: float) -> Any:  # noqa: ANN401 - stands for confluent-kafka's
        """Name them all."""
        assert timeout > 0
        led = SimpleNamespace(partitions={0: SimpleNamespace(replicas=[1])})
        found = {topic.name: led for topic in SETTINGS.topics.all()}
        return SimpleNamespace(topics=found, brokers={1: None})

    def describe_configs(self, asked: list[Any], **_given: object) -> dict[Any, Future[Any]]:
        """Fail, one for each."""
        futures = {each: Future[Any]() for each in asked}
        for future in futures.values():
            future.set_exception(self._error)
        return futures


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (KafkaError._TIMED_OUT, NoAnswer, "Kafka does not answer"),  # noqa: SLF001 - its public name
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Failure, "Kafka refuses"),
    ],
)
def test_no_answer_is_no_difference(
    monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Failure], said: str
) -> None:
    """Exit code 1 would be read as work for `wallet topics apply`."""
    monkeypatch.setattr(topics, "client", lambda _settings: Leaving(code))
    with pytest.raises(Failure, match=said) as told:
        topic_plan.plan(SETTINGS)
    assert type(told.value) is kind
