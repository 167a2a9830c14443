"""How far logs go: where they begin, and end for readers, who see what is decided, and altogether.

The broker is asked, with a client that the process has once (an AdminClient has threads and
connections of its own). It takes some 0.7 ms of processor time, so nobody asks without need.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Final, Protocol

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

from producers import bounds
from producers.bounds import PAUSE_SECONDS
from schemas.settings import Settings

PASSING: Final = bounds.PASSING | {
    # librdkafka's own: no leader is known of the partitions that it was asked about.
    KafkaError._NOENT,  # noqa: SLF001 - there is no public name
    KafkaError._TIMED_OUT,  # noqa: SLF001 - likewise
}

ATTEMPT_SECONDS: Final = 1.0
"""For one request: where librdkafka knows no leader it waits for news of one to the end of it."""


def may_pass(error: KafkaException) -> bool:
    """Whether to ask again may help."""
    return error.args[0].code() in PASSING


class Question(Protocol):
    """A question under way."""

    def answer(self, *, at_once: bool = False) -> Mapping[str, int]:
        """Wait for the offsets by topic. Raises KafkaException without one.

        `at_once`: also where it would be asked again, after a second at most.
        """
        ...


class Ends(Protocol):
    """Where both ends of logs are asked for."""

    def ask(self, topics: Iterable[str], partition: int, *, decided: bool) -> Question:
        """Begin to ask where these topics end on a partition: the offset after the last.

        `decided`: for those who read what is committed. Their end is the first record of a
        transaction that is still open, where there is one.
        """
        ...

    def ask_begins(self, topics: Iterable[str], partition: int) -> Question:
        """Begin to ask where these topics begin on a partition: the first offset kept."""
        ...


class BrokerEnds:
    """Asks the broker; the question goes out at once, and others may be asked meanwhile."""

    def __init__(self, settings: Settings) -> None:
        self._timeout = settings.kafka_timeout
        self._client = AdminClient(
            {**settings.kafka_client(), "socket.nagle.disable": True, "log_level": 2}
        )

    def ask(self, topics: Iterable[str], partition: int, *, decided: bool) -> Question:
        """As of Ends."""
        level = IsolationLevel.READ_COMMITTED if decided else IsolationLevel.READ_UNCOMMITTED
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call] # as its library left it
        return self._question(topics, partition, latest, level)

    def ask_begins(self, topics: Iterable[str], partition: int) -> Question:
        """As of Ends."""
        earliest = OffsetSpec.earliest()  # type: ignore[no-untyped-call] # as above
        return self._question(topics, partition, earliest, IsolationLevel.READ_UNCOMMITTED)

    def _question(
        self, topics: Iterable[str], partition: int, spec: OffsetSpec, level: IsolationLevel
    ) -> Question:
        asked = {TopicPartition(topic, partition): spec for topic in topics}
        return _Question(self._client, asked, level, self._timeout)


class _Question:
    def __init__(
        self,
        client: AdminClient,
        asked: dict[TopicPartition, OffsetSpec],
        level: IsolationLevel,
        timeout: float,
    ) -> None:
        self._client = client
        self._asked = asked
        self._level = level
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._answers = self._ask()

    def answer(self, *, at_once: bool = False) -> Mapping[str, int]:
        """As of Question. A broker that has just come back is asked again (producers.bounds)."""
        while True:
            try:
                return {place.topic: _known(told) for place, told in self._answers.items()}
            except KafkaException as error:
                if at_once or not may_pass(error) or time.monotonic() > self._deadline:
                    raise
                self._learn()
                self._answers = self._ask()

    def _learn(self) -> None:
        """Ask who leads. By itself librdkafka believes for minutes what it knew of a dead broker.

        It then asks with that broker's epoch, and is refused as often as it asks, or waits for
        news of a leader that it does not ask for.
        """
        try:
            for place in self._asked:
                self._client.list_topics(place.topic, timeout=ATTEMPT_SECONDS)
        except KafkaException:
            pass
        time.sleep(PAUSE_SECONDS)  # nobody tells when the broker has heard

    def _ask(self) -> dict[TopicPartition, "Future[ListOffsetsResultInfo]"]:
        return self._client.list_offsets(
            self._asked,
            isolation_level=self._level,
            request_timeout=min(ATTEMPT_SECONDS, self._timeout),
        )


def _known(told: "Future[ListOffsetsResultInfo]") -> int:
    """The offset that was told.

    Where a leader is away, librdkafka 2.16 gives no error but OFFSET_INVALID (-1001): taken for the
    end of a log it would be an empty one, and a claim would say again what stands there.
    Raises KafkaException.
    """
    offset = int(told.result().offset)
    if offset < 0:
        code = KafkaError.LEADER_NOT_AVAILABLE
        raise KafkaException(KafkaError(code, "no leader has told how far its log goes"))
    return offset


_SHARED: Final[dict[frozenset[tuple[str, object]], BrokerEnds]] = {}
_SHARING: Final = threading.Lock()
"""The first claims of a worker ask together: one of them makes the client, none is thrown away."""


def shared(settings: Settings) -> Ends:
    """The one of this process for a broker."""
    key = frozenset(settings.kafka_client().items())
    with _SHARING:
        if key not in _SHARED:
            _SHARED[key] = BrokerEnds(settings)
        return _SHARED[key]
