"""confluent-kafka as the ledger sees it: a transactional producer, a consumer of tails, ends."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from wallet.torture.simulation.broker import Broker, Coordinator, Headers, Partition, Record
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
        self._told: list[tuple[Record, Callable[[None, Delivered], None]]] = []

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
        self._unsent, self._told = [], []

    def produce(
        self,
        topic: str,
        value: str | bytes | None,
        key: str | bytes | None,
        partition: int,
        *,
        headers: Headers,
        on_delivery: "Callable[[None, Delivered], None] | None" = None,
    ) -> None:
        """Add a record to what is sent."""
        # A copy: lists of headers are made once and added to.
        said = _bytes(key), _bytes(value)
        record = Record(topic, partition, -1, 0, *said, list(headers), "open")
        self._unsent.append(record)
        if on_delivery is not None:
            self._told.append((record, on_delivery))

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
        if self._world.takes("produce in part"):
            self._broker.produce(self._coordinator, self._epoch, self._some(unsent))
            self._fail()
        self._broker.produce(self._coordinator, self._epoch, unsent)
        self._fail_perhaps("produce unanswered")
        for record, on_delivery in self._told:
            on_delivery(None, Delivered(record))
        self._world.step("end of transaction")
        if self._world.takes("end late"):
            self._broker.late.append(partial(self._broker.commit, self._coordinator, self._epoch))
            self._fail()
        self._fail_perhaps("end lost")
        self._broker.commit(self._coordinator, self._epoch)
        self._fail_perhaps("end unanswered")
        self._world.step("committed")

    def _some(self, records: list[Record]) -> list[Record]:
        """What has come of each topic, in order, when the connection broke."""
        chance = self._world.chance
        count = Counter(record.topic for record in records)
        left = {topic: chance.randrange(some + 1) for topic, some in count.items()}
        return [record for record in records if _count_down(left, record.topic)]

    def _fail_perhaps(self, fault: str) -> None:
        if self._world.takes(fault):
            self._fail()

    def _fail(self) -> None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - no public name


class Delivered(NamedTuple):
    """A record that has its place in the log."""

    record: Record

    def topic(self) -> str:
        """Where it stands."""
        return self.record.topic

    def offset(self) -> int:
        """Where in the partition."""
        return self.record.offset


class Ends:
    """Where logs begin and end (streams.ends.Ends)."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def ask(self, topics: Iterable[str], partition: int, *, decided: bool) -> "Question":
        """Ask; the broker looks now, or when the answer is waited for."""
        return Question(self._broker, list(topics), partition, decided=decided)

    def ask_begins(self, topics: Iterable[str], _partition: int) -> "Begins":
        """Ask; nothing expires here."""
        return Begins(list(topics))


class Begins:
    """A question whose answer everybody knows."""

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def answer(self, *, at_once: bool = False) -> dict[str, int]:
        """All logs are whole."""
        del at_once
        return dict.fromkeys(self._topics, 0)


class Question:
    """A question under way."""

    def __init__(self, broker: Broker, topics: list[str], partition: int, *, decided: bool) -> None:
        self._broker = broker
        self._world = broker.world
        self._topics = topics
        self._partition = partition
        self._decided = decided
        self._early = self._look() if broker.world.coin() else None

    def answer(self, *, at_once: bool = False) -> dict[str, int]:
        """What the broker has seen, early or late; it never gets better by asking again."""
        del at_once
        self._world.step("ends")
        if self._world.takes("ends lost"):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - as above
        return self._look() if self._early is None else self._early

    def _look(self) -> dict[str, int]:
        broker, at = self._broker, self._partition
        if self._decided:
            return {topic: broker.stable_end(topic, at) for topic in self._topics}
        return {topic: len(broker.log(topic, at)) for topic in self._topics}


class Metadata(NamedTuple):
    """What the broker tells of itself."""

    orig_broker_id: int


class Message:
    """A record, or the news that there is none."""

    def __init__(self, topic: str, record: Record | None, end: int) -> None:
        self._topic = topic
        self._record = record
        self._end = end

    @property
    def is_end(self) -> bool:
        """Whether it is the news."""
        return self._record is None

    def topic(self) -> str:
        """Where it stands, or where there is none."""
        return self._topic

    def error(self) -> KafkaError | None:
        """The end of the partition is told as an error."""
        if self._record is not None:
            return None
        return KafkaError(KafkaError._PARTITION_EOF)  # noqa: SLF001 - there is no public name

    def offset(self) -> int:
        """Where the record stands, or where the partition ends."""
        return self._end if self._record is None else self._record.offset

    def value(self) -> bytes | None:
        """The record's value."""
        return self._told.value

    def headers(self) -> Headers:
        """The record's headers."""
        return self._told.headers

    @property
    def _told(self) -> Record:
        assert self._record is not None, "only records have these"
        return self._record


class Consumer:
    """A read_committed consumer that assigns itself a partition of some topics."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._world = broker.world
        self._left: list[Message] = []

    def list_topics(self, _topic: str, **_: float) -> None:
        """Learn who leads: it is always the same broker."""

    def get_watermark_offsets(self, asked: TopicPartition, **_: float) -> tuple[int, int]:
        """Begin and end of a partition, as far as read_committed sees."""
        self._world.step("watermarks")
        if self._world.takes("watermarks lost"):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - as above
        return 0, self._broker.stable_end(asked.topic, asked.partition)

    def assign(self, assigned: list[TopicPartition]) -> None:
        """Go to these offsets."""
        self._left = []
        for one in assigned:
            records = self._broker.committed(one.topic, one.partition, one.offset)
            end = self._broker.stable_end(one.topic, one.partition)
            self._left += [Message(one.topic, record, end) for record in [*records, None]]

    def poll(self, _timeout: float) -> Message | None:
        """Give the next record, or the end of a topic; nothing when the broker is silent."""
        if self._left[0].is_end and self._world.takes("poll lost"):
            return None
        return self._left.pop(0)

    def close(self) -> None:
        """Nothing to leave."""


def _count_down(left: dict[str, int], topic: str) -> bool:
    left[topic] -= 1
    return left[topic] >= 0


def _bytes(said: str | bytes | None) -> bytes | None:
    """As confluent's client takes it: a text is sent as UTF-8."""
    return said.encode() if isinstance(said, str) else said


def commit_hanging(broker: Broker, transactional_id: str, partitions: list[Partition]) -> None:
    """Commit what is open in these, as producers.hanging does, in two requests."""
    world = broker.world
    world.step("commit what hangs")
    end = broker.take_part(transactional_id, partitions)
    world.step("end what hangs")
    if world.takes("end lost"):
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - no public name
    end()
    world.step("what hung is committed")
