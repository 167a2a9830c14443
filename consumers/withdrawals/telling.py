"""The mouth of the bank caller: commands that end a withdrawal, each awaited until Kafka has it."""

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Record

from producers.message import Message
from producers.sender import producer_settings
from schemas.settings import Settings

FLUSH_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 5.0

_Told = asyncio.Future[None]
_Report = tuple[_Told, KafkaError | None]


class UntoldError(Exception):
    """Kafka did not take a command in time."""


class Teller:
    """An idempotent producer; for callers in one loop, with a thread that hears the reports."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topics.commands.name
        self._bootstrap = settings.kafka_bootstrap
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(producer_settings(settings))
        self._reports: list[_Report] = []  # of the thread that polls
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="deliveries", daemon=True)
        self._thread.start()

    async def tell(self, message: Message) -> None:
        """Put a command into the log; returns when all replicas have it.

        Raises UntoldError when they do not within `kafka_timeout`.
        """
        told: _Told = self._loop.create_future()
        try:
            self._producer.produce(
                self._topic,
                value=message.value,
                key=message.key,
                headers=message.headers,  # type: ignore[arg-type]
                on_delivery=partial(self._reported, told),
            )
        except (BufferError, KafkaException) as error:
            raise UntoldError(f"Kafka at {self._bootstrap} took no command: {error}") from error
        await told

    async def reaches(self) -> bool:
        """Whether Kafka answers."""
        try:
            await asyncio.to_thread(self._producer.list_topics, self._topic, ANSWER_SECONDS)
        except KafkaException:
            return False
        return True

    async def close(self) -> None:
        """Send what is queued, for a moment; what is left is sent again by the next caller."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._producer.flush, FLUSH_SECONDS)

    def _reported(self, told: _Told, error: KafkaError | None, _: Record) -> None:
        self._reports.append((told, error))

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(0.1)
            if self._reports:
                # All that came at once, in one go: waking the loop costs more than a report.
                reports, self._reports = self._reports, []
                self._loop.call_soon_threadsafe(self._resolve, reports)

    def _resolve(self, reports: Sequence[_Report]) -> None:
        for told, error in reports:
            if told.cancelled():
                continue
            if error is None:
                told.set_result(None)
            else:
                why = f"Kafka at {self._bootstrap} took no command: {error.str()}"
                told.set_exception(UntoldError(why))
