"""confluent-kafka as the ledger sees it: a transactional producer, and a consumer of tails."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from wallet.torture.simulation.broker import Broker, Coordinator, Headers, Record
from wallet.torture.simulation.turns import Process


class Producer:
    """A transactional producer, of the broker in memory."""

    def __init__(self, broker: Broker, process: Process, configuration: Mapping[str, Any]) -> None:
        self._broker = broker
        self._world = broker.world
        self._process = process
        self._id: Final[str] = configuration["transactional.id"]
        self._coordinator: Coordinator | None = None
        self._epoch = 0
        self._unsent: list[Record] = []

    def list_topics(self, _topic: str, **_: float) -> "Metadata":
        """Connect; who answers is a node that stays."""
        self._world.step("connect a producer")
        return Metadata(1)

    def init_transactions(self, _timeout: float) -> None:
        """Shut the last producer of this id out."""
        self._world.step("init_transactions")
        self._fail_perhaps("init lost")
        if self._world.takes("init late"):
            self._broker.late.append(partial(self._broker.initialise, self._id))
            self._fail()
        self._coordinator, self._epoch = self._broker.initialise(self._id)
        self._fail_perhaps("init unanswered")

    def begin_transaction(self) -> None:
        """Begin; the broker hears of it with the first record."""
        self._unsent = []

    def produce(
        self,
        topic: str,
        value: str | bytes | None,
        key: str | bytes | None,
        partition: int,
        *,
        headers: Headers,
    ) -> None:
        """Add a record to what is sent."""
        # A copy: lists of headers are made once and added to.
        said = _bytes(key), _bytes(value)
        record = Record(topic, partition, -1, 0, *said, list(headers), "open")
        self._unsent.append(record)

    def commit_transaction(self, _timeout: float) -> None:
        """Send what was not sent, then the end of the transaction."""
        assert self._coordinator is not None, "transactions are initialised first"
        self._world.step("produce")
        self._fail_perhaps("produce lost")
        unsent, self._unsent = self._unsent, []
        if self._world.takes("produce late"):
            late = partial(self._broker.produce, self._coordinator, self._epoch, unsent)
            self._broker.late.append(late)
            self._fail()
        self._broker.produce(self._coordinator, self._epoch, unsent)
        self._fail_perhaps("produce unanswered")
        self._world.step("end of transaction")
        if self._world.takes("end late"):
            self._broker.late.append(partial(self._broker.commit, self._coordinator, self._epoch))
            self._fail()
        self._fail_perhaps("end lost")
        self._broker.commit(self._coordinator, self._epoch)
        self._fail_perhaps("end unanswered")
        self._world.step("committed")

    def _fail_perhaps(self, fault: str) -> None:
        if self._world.takes(fault):
            self._fail()

    def _fail(self) -> None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - no public name


class Metadata(NamedTuple):
    """What the broker tells of itself."""

    orig_broker_id: int


class Message:
    """A record, or the news that there is none."""

    def __init__(self, record: Record | None) -> None:
        self._record = record

    def error(self) -> KafkaError | None:
        """The end of the partition is told as an error."""
        if self._record is not None:
            return None
        return KafkaError(KafkaError._PARTITION_EOF)  # noqa: SLF001 - there is no public name

    def headers(self) -> Headers:
        """The record's headers."""
        assert self._record is not None, "only records have headers"
        return self._record.headers


class Consumer:
    """A read_committed consumer that assigns itself one partition."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._world = broker.world
        self._left: list[Record] = []

    def get_watermark_offsets(self, asked: TopicPartition, **_: float) -> tuple[int, int]:
        """Begin and end of a partition, as far as read_committed sees."""
        self._world.step("watermarks")
        if self._world.takes("watermarks lost"):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - as above
        return 0, self._broker.stable_end(asked.topic, asked.partition)

    def assign(self, assigned: list[TopicPartition]) -> None:
        """Go to an offset."""
        (one,) = assigned
        self._left = self._broker.committed(one.topic, one.partition, one.offset)

    def poll(self, _timeout: float) -> Message | None:
        """Give the next record, or the end; nothing when the broker is silent."""
        if not self._left and self._world.takes("poll lost"):
            return None
        return Message(self._left.pop(0) if self._left else None)

    def close(self) -> None:
        """Nothing to leave."""


def _bytes(said: str | bytes | None) -> bytes | None:
    """As confluent's client takes it: a text is sent as UTF-8."""
    return said.encode() if isinstance(said, str) else said
