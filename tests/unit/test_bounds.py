"""The ends of a partition: a broker that does not know yet that it leads is asked again."""

from collections.abc import Callable
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from producers.bounds import PASSING, bounds


class Broker:
    """Answers with these, one after the other."""

    def __init__(self, *answers: int | tuple[int, int]) -> None:
        self._answers = iter(answers)

    def get_watermark_offsets(self, _: object, timeout: float) -> tuple[int, int]:
        """As confluent-kafka's."""
        assert timeout > 0
        answer = next(self._answers)
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


def test_what_does_not_pass_is_told_at_once(ask: Callable[..., tuple[int, int]]) -> None:
    """Nobody waits for what time does not mend."""
    with pytest.raises(KafkaException) as raised:
        ask(KafkaError.TOPIC_AUTHORIZATION_FAILED, (4, 9))
    assert raised.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
