"""The record of a command as it lies in Kafka: one look, by its place."""

from typing import Final

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from producers.headers import headers_of
from schemas.settings import Settings

SECONDS: Final = 3.0
SHOWN_MAX: Final = 16_384
"""Characters of a value that are shown."""


class Record(msgspec.Struct, frozen=True):
    """A record: key, headers and value as texts, when the broker took it in milliseconds."""

    key: str
    headers: list[tuple[str, str]]
    value: str
    recorded_ms: int


def record_at(settings: Settings, partition: int, offset: int) -> Record | None:
    """The record at a place; None where Kafka has let it go, or does not answer. Blocks."""
    consumer = Consumer(
        {
            **settings.kafka_client(),
            "group.id": f"{settings.application}-console",  # required, never joined
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "log_level": 0,
        }
    )
    try:
        consumer.assign([TopicPartition(settings.topics.commands.name, partition, offset)])
        message = consumer.poll(SECONDS)
        if message is None or message.error() or message.offset() != offset:
            return None
        said = [(name, _text(text)) for name, text in headers_of(message) or ()]
        return Record(_text(message.key()), said, _text(message.value()), message.timestamp()[1])
    except KafkaException:
        return None
    finally:
        consumer.close()


def _text(given: bytes | str | None) -> str:
    """Bytes as a text, whatever came."""
    found = given.decode(errors="backslashreplace") if isinstance(given, bytes) else given or ""
    return found if len(found) <= SHOWN_MAX else f"{found[:SHOWN_MAX]} ..."
