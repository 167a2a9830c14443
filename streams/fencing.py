"""Fencing a partition's last owner at Kafka, ahead of the claim's own producer, to save time.

Nothing depends on it: the producer shuts that owner out too, but takes half a second where a
transaction was open (producers.fencing).
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from producers import fencing
from schemas.settings import Settings
from streams.hanging import TRANSACTION_TIMEOUT_MS, transactional_id
from streams.rows import Place

log: Final = structlog.get_logger(__name__)

LIMIT_SECONDS: Final = 2.0
"""It takes 2 to 40 ms; a broker that has just come back is given up, and asked by the producer."""

ShutOut = Callable[[], None]
"""Aborts what the last owner has left open, if that is done in time."""


@contextmanager
def fence(settings: Settings, place: Place) -> Iterator[ShutOut]:
    """Connect, so that the last owner of a partition can be shut out at once, within the block."""
    try:
        made = fencing.Fence(
            settings, transactional_id(settings, place), TRANSACTION_TIMEOUT_MS, LIMIT_SECONDS
        )
    except (KafkaError, TimeoutError) as error:
        _tell(place, error)
        yield lambda: None
        return
    with closing(made):

        def shut_out() -> None:
            try:
                made.shut_out()
            except (KafkaError, TimeoutError) as error:
                _tell(place, error)

        yield shut_out


def _tell(place: Place, error: Exception) -> None:
    log.info("not shut out ahead", partition=place.partition, why=repr(error))
