"""The mouth of the delayed consumer: an idempotent producer that tells what became of each command.

Nothing here blocks and nothing has a thread of its own: reports come inside serve().
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import structlog
from confluent_kafka import (
    TIMESTAMP_LOG_APPEND_TIME,
    KafkaError,
    KafkaException,
    Producer,
)
from confluent_kafka import Message as Record

from producers.message import Message
from producers.sender import producer_settings
from schemas.settings import Settings

PATIENCE_SECONDS: Final = 60.0
"""How long nothing may be delivered before this process gives up, for a new one to try."""

FLUSH_SECONDS: Final = 5.0

log: Final = structlog.get_logger(__name__)


class Report(NamedTuple):
    """What became of a command: whether it is in the log, and when by the broker's clock."""

    is_taken: bool
    stamped_us: int | None = None


Reported = Callable[[Report], None]


class UndeliverableError(Exception):
    """Kafka took no command for too long."""


class Outbox:
    """Puts commands into the commands topic. Methods raise what must end the process.

    `patience` is how many seconds no command may be delivered, from the first that was not.
    """

    def __init__(self, settings: Settings, *, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._topic = settings.topics.commands.name
        self._bootstrap = settings.kafka_bootstrap
        self._producer = Producer(producer_settings(settings))
        self._failing_since: float | None = None
        self._fatal: KafkaError | None = None

    def put(self, message: Message, reported: Reported) -> bool:
        """Queue a command; whether there was room. What becomes of it is reported later, once."""
        try:
            self._producer.produce(
                self._topic,
                value=message.value,
                key=message.key,
                headers=message.headers,  # type: ignore[arg-type]
                on_delivery=partial(self._delivered, reported),
            )
        except BufferError:
            return False
        return True

    def serve(self) -> None:
        """Hear what became of the commands so far."""
        self._producer.poll(0)
        if self._fatal is not None:
            raise KafkaException(self._fatal)
        since = self._failing_since
        if since is not None and time.monotonic() - since > self._patience:
            raise UndeliverableError(
                f"Kafka at {self._bootstrap} took no command for {self._patience:g} s;"
                " is it up, and is WALLET_KAFKA_BOOTSTRAP right?"
            )

    def close(self) -> None:
        """Send what is queued, for a moment; what is left the next owner sends again."""
        self._producer.flush(FLUSH_SECONDS)

    def _delivered(self, reported: Reported, error: KafkaError | None, record: Record) -> None:
        if error is None:
            self._failing_since = None
            kind, stamp_ms = record.timestamp()
            known = kind == TIMESTAMP_LOG_APPEND_TIME and stamp_ms > 0
            reported(Report(is_taken=True, stamped_us=stamp_ms * 1000 if known else None))
            return
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            log.warning("a command was not taken, sending it again", why=error.str())
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001 - its spelling
            self._fatal = error
        reported(Report(is_taken=False))
