"""What a worker counts: once a batch, never a command; the rest is looked up when somebody asks."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from producers.metrics import REGISTRY

if TYPE_CHECKING:
    from streams.deciding import Decided
    from streams.lanes import Lane

_COMMANDS: Final = Counter(
    "wallet_commands", "Commands by what became of them.", ["outcome"], registry=REGISTRY
)
_COMPLETED: Final = _COMMANDS.labels("completed")
_REJECTED: Final = _COMMANDS.labels("rejected")
_UNREADABLE: Final = _COMMANDS.labels("dead_letter")
_REPEATED: Final = _COMMANDS.labels("repeated")
_EVENTS: Final = Counter("wallet_events", "Ledger events published.", registry=REGISTRY)
_CLAIMS: Final = Counter("wallet_claims", "Partitions taken over.", registry=REGISTRY)
_SIZES: Final = Histogram(
    "wallet_batch_commands",
    "Commands in a batch.",
    buckets=(1, 3, 10, 30, 100, 300, 1000, 2000),
    registry=REGISTRY,
)
_SECONDS: Final = Histogram(
    "wallet_batch_seconds",
    "A batch from its first command taken to all of it published.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
    registry=REGISTRY,
)


def claimed() -> None:
    """Count a partition taken over."""
    _CLAIMS.inc()


def batch(count: int, decided: "Decided", events: int, seconds: float) -> None:
    """Count a batch of so many records that was committed and published."""
    said, dead = len(decided.commands), len(decided.dead)
    rejected = [row.transaction_id for row in decided.commands].count(None)
    _COMPLETED.inc(said - rejected)
    _REJECTED.inc(rejected)
    _UNREADABLE.inc(dead)
    # An unreadable record of which an id could be read has a result and is buried too.
    _REPEATED.inc(max(0, count - said - dead))
    _EVENTS.inc(events)
    _SIZES.observe(count)
    _SECONDS.observe(seconds)


class Partitions(Collector):
    """The partitions held, as they are when somebody asks.

    `ends` gives the end of each one's log by its number, as far as it is known.
    """

    def __init__(
        self, lanes: Callable[[], "list[Lane]"], ends: Callable[[], dict[int, int]]
    ) -> None:
        self._lanes = lanes
        self._ends = ends

    def collect(self) -> Iterator[Metric]:
        """One value for each partition."""
        what = {
            "next_offset": "Offset of the next command.",
            "queued": "Commands that wait in memory.",
            "lag": "Commands in the log that are not done, as of two seconds ago.",
        }
        found = {
            name: GaugeMetricFamily(f"wallet_partition_{name}", said, labels=["partition"])
            for name, said in what.items()
        }
        ends = self._ends()
        for lane in self._lanes():
            number, done = lane.place.partition, lane.next_offset
            labels = [str(number)]
            found["next_offset"].add_metric(labels, done)
            found["queued"].add_metric(labels, lane.queued)
            if number in ends:
                found["lag"].add_metric(labels, max(0, ends[number] - done))
        yield from found.values()
