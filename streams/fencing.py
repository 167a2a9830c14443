"""Fencing a partition's last owner at Kafka, ahead of the claim's own producer, to save time.

Nothing depends on it: the producer shuts that owner out too, but takes half a second where a
transaction was open (producers.fencing).
"""

from typing import Final

import structlog
from aiokafka.errors import KafkaError

from producers import fencing
from schemas.settings import Settings
from streams.hanging import TRANSACTION_TIMEOUT_MS, transactional_id
from streams.rows import Place

log: Final = structlog.get_logger(__name__)

LIMIT_SECONDS: Final = 2.0
"""It takes 10 to 40 ms; a broker that has just come back is given up, and asked by the producer."""


def shut_out(settings: Settings, place: Place) -> None:
    """Abort what the last owner has left open on a partition, if that is done in time."""
    name = transactional_id(settings, place)
    try:
        fencing.shut_out(settings, name, TRANSACTION_TIMEOUT_MS, LIMIT_SECONDS)
    except (KafkaError, TimeoutError) as error:
        log.info("not shut out ahead", partition=place.partition, why=repr(error))
