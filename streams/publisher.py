"""The publisher: one Kafka transaction a batch (step 7 of the commit protocol, DESIGN.md 3).

A publisher belongs to one claim. After any error it is never used again: librdkafka lacks
KIP-890's epoch for each transaction, so a late EndTxn could hit a later one (FAULTS.md).

No batch is written to the database before readers see the last one (`glance`, `await_seen`). Kafka
says that a transaction is committed before its markers are written, and has been seen never to
write them (streams.hanging): were the next one aborted then, or the one that ends what hangs, both
would be, and the database keeps only the newest batch's events to be told again.
"""

from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Message as Delivered

from schemas.settings import Settings
from schemas.topics import MAX_DEAD_LETTER_BYTES
from streams import faults
from streams.ends import Question, may_pass
from streams.hanging import TRANSACTION_TIMEOUT_MS, transactional_id
from streams.outside import OUTSIDE, Outside
from streams.rendering import Message
from streams.rows import Place

CONNECTING: Final = 10
"""Questions to the broker until one is answered by a node that stays; mostly it is the second."""

LOOKS_MAX: Final = 50
"""Looks in vain, and the markers of a transaction are taken for lost: some 4 s; they take 5 ms."""

PAUSE_SECONDS: Final = 0.002
PAUSE_GROWTH: Final = 1.5
PAUSE_MAX_SECONDS: Final = 0.1
"""From one look to the next, when something waits to be said."""

REST_SECONDS: Final = 0.02
REST_MAX_SECONDS: Final = 0.1
"""The same at rest; the first time so soon that the next batch need not ask."""


class HangingError(Exception):
    """Kafka does not end a transaction that it has called committed. A claim ends it."""


class Publisher:
    """The transactional producer of one partition, made by a claim.

    Making it only connects; `fence` shuts the last producer of the partition out. All methods
    raise confluent_kafka.KafkaException when the broker refuses or does not answer in time.
    """

    def __init__(self, settings: Settings, place: Place, outside: Outside = OUTSIDE) -> None:
        self._partition = place.partition
        self._topics = settings.topics
        self._timeout = settings.kafka_timeout
        self._producer = outside.producer(_configuration(settings, place))
        self._ends = outside.ends(settings)
        self._pause = outside.pause
        self._unseen: dict[str, int] = {}
        self._question: Question | None = None
        self._looks = 0
        self._connect()

    def _connect(self) -> None:
        """Have a connection to a node that the cluster has named.

        Without one librdkafka (2.16) looks for the transaction coordinator in vain, the address it
        was given being closed as soon as the nodes are known, and looks again after half a second.
        """
        for _ in range(CONNECTING):
            told = self._producer.list_topics(self._topics.results.name, timeout=self._timeout)
            if told.orig_broker_id >= 0:
                return

    def fence(self) -> None:
        """Shut the last producer of the partition out, and end what it has left open."""
        self._producer.init_transactions(self._timeout)

    @property
    def seen(self) -> bool:
        """Whether readers are known to see all that was said."""
        return not self._unseen

    @property
    def patience(self) -> float:
        """Seconds until a lane at rest should look (again)."""
        return min(REST_MAX_SECONDS, REST_SECONDS * 2.0**self._looks)

    def ask(self) -> None:
        """Begin to ask whether they do, where that is not known; `look` has the answer."""
        if self._unseen and self._question is None:
            self._question = self._ends.ask(self._unseen, self._partition, decided=True)

    def glance(self) -> bool:
        """As `look`, where others wait meanwhile: what nobody tells within a second is not seen."""
        try:
            return self._look(at_once=True)
        except KafkaException as error:
            if not may_pass(error):
                raise
            return False

    def look(self) -> bool:
        """Whether readers see all that was said. Raises HangingError when they do not for long."""
        return self._look(at_once=False)

    def _look(self, *, at_once: bool) -> bool:
        self.ask()
        question, self._question = self._question, None
        if question is None:
            return True
        ends = question.answer(at_once=at_once)
        self._unseen = {topic: at for topic, at in self._unseen.items() if ends[topic] <= at}
        self._looks = self._looks + 1 if self._unseen else 0
        if self._looks > LOOKS_MAX:
            raise HangingError(
                f"Kafka has committed a transaction on partition {self._partition}, and readers do"
                f" not see its records {self._unseen}: its markers are late, or were never written."
            )
        return not self._unseen

    def publish(
        self,
        results: Sequence[Message],
        events: Sequence[Message],
        steps: Sequence[Message] = (),
        dead: Sequence[Message] = (),
    ) -> None:
        """Say all of it or nothing. Returns when the transaction is known to be committed.

        What was said before must have been seen (`look`).
        """
        self._producer.begin_transaction()
        topics = self._topics
        self._produce(topics.results.name, results)
        self._produce(topics.events.name, events)
        self._produce(topics.scheduled.name, steps)
        self._produce(topics.dead_letters.name, dead)
        if faults.armed():
            self._producer.flush(self._timeout)
            faults.reached("before-kafka-commit")
        self._producer.commit_transaction(self._timeout)
        faults.reached("after-kafka-commit")

    def await_seen(self) -> None:
        """Look until readers see all that was said. Raises HangingError as `look` does."""
        pause = PAUSE_SECONDS
        while not self.look():
            self._pause(pause)
            pause = min(PAUSE_MAX_SECONDS, pause * PAUSE_GROWTH)

    def _produce(self, topic: str, messages: Sequence[Message]) -> None:
        """Send messages, and note where the last of them will stand."""
        produce, partition = self._producer.produce, self._partition
        last = len(messages) - 1
        for number, message in enumerate(messages):
            produce(
                topic,
                message.body,
                message.about,
                partition,
                headers=message.headers,
                on_delivery=self._delivered if number == last else None,
            )

    def _delivered(self, error: KafkaError | None, message: Delivered) -> None:
        """Note where a topic's last record stands; called within the commit, which flushes."""
        topic, offset = message.topic(), message.offset()
        if error is None and topic is not None and offset is not None:
            self._unseen[topic] = offset


def _configuration(settings: Settings, place: Place) -> dict[str, str | int | float | bool]:
    return {
        **settings.kafka_client(),
        "transactional.id": transactional_id(settings, place),
        "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        "acks": "all",
        # A commit sends at once whatever waits; until then messages gather to fewer requests.
        "linger.ms": 5,
        "compression.type": "lz4",
        # A batch and its events: 2,000 commands, as many transfers' events from elsewhere.
        "queue.buffering.max.messages": 1_000_000,
        # The default of 100 ms is paid whenever the next transaction begins before the markers of
        # the last one are written (DESIGN.md 3).
        "retry.backoff.ms": 2,
        "retry.backoff.max.ms": 20,
        "socket.nagle.disable": True,
        # A dead letter is as large as the record it carries; librdkafka's own limit is less.
        "message.max.bytes": MAX_DEAD_LETTER_BYTES,
        "log_level": 2,
    }
