"""A publisher asks until a node answers that stays, and whether the last is seen."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas.settings import Settings
from streams.outside import OUTSIDE
from streams.publisher import CONNECTING, LOOKS_MAX, HangingError, Publisher
from streams.rendering import Message
from streams.rows import Place

BOOTSTRAP = -1
PLACE = Place("commands", 0, 1)


class Metadata(NamedTuple):
    """What a broker tells."""

    orig_broker_id: int


class Delivered(NamedTuple):
    """A record in the log."""

    name: str
    at: int

    def topic(self) -> str:
        """Where it stands."""
        return self.name

    def offset(self) -> int:
        """Where in the partition."""
        return self.at


class PaperProducer:
    """A producer whose questions are answered by these nodes, one after the other."""

    def __init__(self, nodes: Iterator[int]) -> None:
        self._nodes = nodes
        self.calls: list[str] = []
        self._length: dict[str, int] = {}

    def list_topics(self, _topic: str, **_: float) -> Metadata:
        """Answer."""
        self.calls.append("ask")
        return Metadata(next(self._nodes))

    def init_transactions(self, _timeout: float) -> None:
        """Shut the last producer out."""
        self.calls.append("fence")

    def begin_transaction(self) -> None:
        """Begin."""
        self.calls.append("begin")

    def produce(
        self,
        topic: str,
        *_: object,
        on_delivery: Callable[[None, Delivered], None] | None = None,
        **__: object,
    ) -> None:
        """Take a record; it is delivered at once."""
        at = self._length[topic] = self._length.get(topic, -1) + 1
        if on_delivery is not None:
            on_delivery(None, Delivered(topic, at))

    def commit_transaction(self, _timeout: float) -> None:
        """End it."""
        self.calls.append("commit")


class PaperEnds:
    """A broker that tells one end of all topics; `asked` are those it was asked for."""

    def __init__(self) -> None:
        self.end = 0
        self.asked: list[set[str]] = []
        self.trouble: int | None = None
        """What it answers instead, to those who want an answer at once."""

    def ask(self, topics: Iterable[str], _partition: int, *, decided: bool) -> "PaperEnds":
        """Take a question."""
        assert decided, "what readers see"
        self.asked.append(set(topics))
        return self

    def answer(self, *, at_once: bool = False) -> dict[str, int]:
        """Answer the last one."""
        if at_once and self.trouble is not None:
            raise KafkaException(KafkaError(self.trouble))
        return dict.fromkeys(self.asked[-1], self.end)


def publisher_of(
    producer: PaperProducer, ends: PaperEnds | None = None, pause: Callable[[float], object] = float
) -> Publisher:
    """A publisher of that producer, of a broker that tells these ends."""
    outside = OUTSIDE._replace(
        producer=cast("Any", lambda _: producer),
        ends=cast("Any", lambda _: ends),
        pause=cast("Any", pause),
    )
    return Publisher(Settings(), PLACE, outside)


@pytest.mark.parametrize(
    ("nodes", "asked"),
    [((2,), 1), ((BOOTSTRAP, 1), 2), ((BOOTSTRAP,) * 99, CONNECTING)],
)
def test_it_asks_until_a_node_answers(nodes: tuple[int, ...], asked: int) -> None:
    """Not for ever: where the given address is no node's, its connection stays and will do."""
    producer = PaperProducer(iter(nodes))
    publisher = publisher_of(producer)
    assert producer.calls == ["ask"] * asked
    publisher.fence()
    assert producer.calls[asked:] == ["fence"]


def said(count: int) -> list[Message]:
    """Some messages."""
    return [Message("key", "value", [])] * count


def test_it_waits_until_the_last_is_seen() -> None:
    """It asks for the topics that it has written to, and pauses until their last record is seen."""
    names, ends = Settings().topics, PaperEnds()
    producer = PaperProducer(iter((1,)))
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        ends.end += 1

    publisher = publisher_of(producer, ends, pause)
    publisher.publish(said(3), said(1))
    assert not publisher.seen
    publisher.await_seen()
    publisher.publish(said(1), said(0))
    # Of three results the last is seen when the end is 3; of one event, when it is 1.
    both = {names.results.name, names.events.name}
    assert ends.asked == [both, both, {names.results.name}, {names.results.name}]
    assert len(pauses) == ends.end == 3
    assert pauses == sorted(pauses)
    assert producer.calls == ["ask", "begin", "commit", "begin", "commit"]


def test_a_question_that_is_under_way_is_not_asked_again() -> None:
    """It is asked while the database works, and answered when it is needed."""
    ends = PaperEnds()
    publisher = publisher_of(PaperProducer(iter((1,))), ends)
    publisher.ask()
    assert not ends.asked, "nothing was said yet"
    publisher.publish(said(1), [])
    ends.end = 1
    for _ in range(3):
        publisher.ask()
    assert len(ends.asked) == 1
    assert publisher.look()
    assert publisher.seen
    assert publisher.look(), "what is known is not asked for"
    assert len(ends.asked) == 1


def test_who_is_waited_for_does_not_wait_for_a_leader() -> None:
    """While nobody leads, a glance is in vain and no alarm; what is refused is told."""
    ends = PaperEnds()
    publisher = publisher_of(PaperProducer(iter((1,))), ends)
    publisher.publish(said(1), [])
    ends.end, ends.trouble = 1, KafkaError.LEADER_NOT_AVAILABLE
    for _ in range(LOOKS_MAX + 1):
        assert not publisher.glance()
    ends.trouble = KafkaError.TOPIC_AUTHORIZATION_FAILED
    with pytest.raises(KafkaException):
        publisher.glance()
    ends.trouble = None
    assert publisher.glance()
    assert publisher.seen


def test_markers_that_never_come_are_told() -> None:
    """After so many looks; until then each look is in vain."""
    publisher = publisher_of(PaperProducer(iter((1,))), PaperEnds())
    publisher.publish(said(1), [])
    for _ in range(LOOKS_MAX):
        assert not publisher.look()
    with pytest.raises(HangingError, match="partition 0, and readers do not see"):
        publisher.look()
