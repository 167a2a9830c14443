"""The mouth of the bank caller: commands that end a withdrawal, each awaited until Kafka has it."""

import asyncio
import threading
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Record

from producers.message import Message
from producers.sender import producer_settings
from schemas.settings import Settings

FLUSH_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 5.0


class UntoldError(Exception):
    """Kafka did not take a command in time."""


class Teller:
    """An idempotent producer; for callers in one loop, with a thread that hears the reports."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topics.commands.name
        self._bootstrap = settings.kafka_bootstrap
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(producer_settings(settings))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="deliveries", daemon=True)
        self._thread.start()

    async def tell(self, message: Message) -> None:
        """Put a command into the log; returns when all replicas have it.

        Raises UntoldError when they do not within `kafka_timeout`.
        """
        delivered: asyncio.Future[None] = self._loop.create_future()
        try:
            self._producer.produce(
                self._topic,
                value=message.value,
                key=message.key,
                headers=message.headers,  # type: ignore[arg-type]
                on_delivery=partial(self._reported, delivered),
            )
        except (BufferError, KafkaException) as error:
            raise UntoldError(f"Kafka at {self._bootstrap} took no command: {error}") from error
        await delivered

    async def reaches(self) -> bool:
        """Whether Kafka answers."""
        try:
            await asyncio.to_thread(self._producer.list_topics, self._topic, ANSWER_SECONDS)
        except KafkaException:
            return False
        return True

    async def close(self) -> None:
        """Send what is queued, for a moment; what is left is sent again by the next caller."""
        await asyncio.to_thread(self._producer.flush, FLUSH_SECONDS)
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)

    def _reported(
        self, delivered: "asyncio.Future[None]", error: KafkaError | None, _: Record
    ) -> None:
        self._loop.call_soon_threadsafe(self._resolve, delivered, error)

    def _resolve(self, delivered: "asyncio.Future[None]", error: KafkaError | None) -> None:
        if delivered.cancelled():
            return
        if error is None:
            delivered.set_result(None)
        else:
            why = f"Kafka at {self._bootstrap} took no command: {error.str()}"
            delivered.set_exception(UntoldError(why))

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(0.1)
