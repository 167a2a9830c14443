"""What the protocol reaches for beyond its own process: database, log, and its own end.

One seam, at the edge of the libraries: everything of ours is inside it. The simulation
(wallet/torture/simulation) puts servers of its own there, in memory.
"""

import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import Final, NamedTuple

from confluent_kafka import Consumer, Producer
from psycopg2 import extensions

from schemas.settings import Settings
from streams import ends, fencing, hanging, summaries
from streams.crashing import crash
from streams.ends import Ends
from streams.fencing import ShutOut
from streams.journal import connect
from streams.rows import Place


class Outside(NamedTuple):
    """How to get at PostgreSQL and Kafka, and how to end the process.

    Producer and consumer are made from a configuration of librdkafka. `summarise` has the database
    find its newest rows quickly (streams.summaries), `fence` shuts the last owner out ahead of a
    producer (streams.fencing), `commit` ends what hangs (streams.hanging), `pause` lets some
    seconds pass between two looks at a server.
    """

    connect: Callable[[Settings, str], extensions.connection]
    producer: Callable[..., Producer]
    consumer: Callable[..., Consumer]
    crash: Callable[[str, BaseException], None]
    ends: Callable[[Settings], Ends]
    summarise: Callable[[extensions.connection], None]
    fence: Callable[[Settings, Place], AbstractContextManager[ShutOut]]
    commit: Callable[[Settings, Place, Collection[str]], None]
    pause: Callable[[float], None]


OUTSIDE: Final = Outside(
    connect=connect,
    producer=Producer,
    consumer=Consumer,
    crash=crash,
    ends=ends.shared,
    summarise=summaries.bring_up_to_date,
    fence=fencing.fence,
    commit=hanging.commit,
    pause=time.sleep,
)
"""The real servers, and os._exit."""
