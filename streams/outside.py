"""What the protocol reaches for beyond its own process: database, log, and its own end.

One seam, at the edge of the libraries: everything of ours is inside it. The simulation
(wallet/torture/simulation) puts servers of its own there, in memory.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from confluent_kafka import Consumer, Producer
from psycopg2 import extensions

from schemas.settings import Settings
from streams.crashing import crash
from streams.journal import connect


class Outside(NamedTuple):
    """How to get at PostgreSQL and Kafka, and how to end the process.

    Producer and consumer are made from a configuration of librdkafka.
    """

    connect: Callable[[Settings, str], extensions.connection]
    producer: Callable[..., Producer]
    consumer: Callable[..., Consumer]
    crash: Callable[[str, BaseException], None]


OUTSIDE: Final = Outside(connect, Producer, Consumer, crash)
"""The real servers, and os._exit."""
