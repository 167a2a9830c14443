"""Places in a log: a broker that does not know yet who leads is asked again, nothing is guessed."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_END, OFFSET_INVALID, Consumer, KafkaError, KafkaException

from producers.bounds import PASSING, at_time, bounds, committed


class Place:
    """What is told of a partition, an error perhaps; an error's offset is as librdkafka has it."""

    def __init__(self, partition: int, offset: int, error: int | None = None) -> None:
        self.partition = partition
        self.offset = offset
        self.error = None if error is None else KafkaError(error)


class Broker:
    """Answers with these, one after the other; `learned`: how often who leads was asked."""

    def __init__(self, *answers: Any) -> None:  # noqa: ANN401 - an error or what the call gives
        self._answers = iter(answers)
        self.learned = 0

    def list_topics(self, topic: str, timeout: float) -> None:
        """Who leads."""
        assert (topic, timeout > 0) == ("topic", True)
        self.learned += 1

    def offsets_for_times(self, asked: list[Any], timeout: float) -> list[Place]:
        """As confluent-kafka's: the moment stands where the offset will."""
        assert [(each.topic, each.partition, each.offset) for each in asked] == [("topic", 3, 17)]
        assert timeout > 0
        return [next(self._answers)]

    def committed(self, asked: list[Any], timeout: float) -> list[Place]:
        """As confluent-kafka's."""
        assert [(each.topic, each.partition) for each in asked] == [("topic", 3), ("topic", 4)]
        assert timeout > 0
        return list(self._answers)

    def get_watermark_offsets(self, _: object, timeout: float) -> tuple[int, int]:
        """As confluent-kafka's."""
        assert timeout > 0
        answer: int | tuple[int, int] = next(self._answers)
        if isinstance(answer, int):
            raise KafkaException(KafkaError(answer))
        return answer


@pytest.fixture
def ask() -> Callable[..., tuple[int, int]]:
    """Ask a broker that has these answers."""
    return lambda *answers: bounds(cast(Consumer, Broker(*answers)), "topic", 3, timeout=5)


@pytest.mark.parametrize("passing", sorted(PASSING))
def test_what_passes_is_asked_again(ask: Callable[..., tuple[int, int]], passing: int) -> None:
    """Every passing answer is worth another try."""
    assert ask(passing, passing, (4, 9)) == (4, 9)


def test_who_leads_is_learned_in_between() -> None:
    """Else the same question would be refused as often as it is asked."""
    broker = Broker(KafkaError.FENCED_LEADER_EPOCH, (4, 9))
    assert bounds(cast(Consumer, broker), "topic", 3, timeout=5) == (4, 9)
    assert broker.learned == 1


def test_a_moment_is_not_guessed() -> None:
    """While the leader changes, the answer is an error beside an offset that means the end."""
    lost = Place(3, OFFSET_END, KafkaError.UNKNOWN_LEADER_EPOCH)
    for offset, expected in ((12, 12), (OFFSET_END, None)):
        broker = Broker(lost, Place(3, offset))
        assert at_time(cast(Consumer, broker), "topic", 3, 17, timeout=5) == expected
        assert broker.learned == 1
    refused = Broker(Place(3, OFFSET_END, KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(KafkaException):
        at_time(cast(Consumer, refused), "topic", 3, 17, timeout=5)


def test_a_groups_place_is_not_guessed() -> None:
    """Taken for none, an error would have the group begin somewhere else."""
    known, never = Place(3, 8), Place(4, OFFSET_INVALID)
    broker = cast(Consumer, Broker(known, never))
    assert committed(broker, "topic", [3, 4], timeout=5) == {3: 8}
    unknown = Place(4, OFFSET_INVALID, KafkaError.GROUP_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        committed(cast(Consumer, Broker(known, unknown)), "topic", [3, 4], timeout=5)


def test_what_does_not_pass_is_told_at_once(ask: Callable[..., tuple[int, int]]) -> None:
    """Nobody waits for what time does not mend."""
    with pytest.raises(KafkaException) as raised:
        ask(KafkaError.TOPIC_AUTHORIZATION_FAILED, (4, 9))
    assert raised.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
