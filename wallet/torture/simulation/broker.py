"""Kafka in memory: logs with transactions, their markers, fencing by epoch, read_committed.

Markers and aborted records take offsets, as they do there. The answer to the end of a transaction
comes before its markers are written; whoever initialises under the same transactional id waits for
them. An end that was sent can arrive late, and counts only if the producer's epoch still does. And
markers can be forgotten, for some partitions (streams.hanging): what was to be decided stays open
until the next marker there.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from msgspec import Struct

if TYPE_CHECKING:
    from wallet.torture.simulation.world import World

Headers = list[tuple[str, bytes]]
Partition = tuple[str, int]


class Record(Struct, gc=False):
    """What stands at an offset of a log: a record, or the marker of a transaction's end."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    state: str = "committed"
    """`open`, `committed`, `aborted` or `marker`."""


class Ended(NamedTuple):
    """A transaction that is decided, and whose markers are still to be written."""

    records: list[Record]
    joined: list[Partition]
    state: str


class Coordinator:
    """What the broker knows of one transactional id."""

    def __init__(self) -> None:
        self.epoch = 0
        self.records: list[Record] = []
        self.joined: list[Partition] = []
        """What a transaction takes part in without a record of its own."""
        self.is_open = False
        self.ended: Ended | None = None


class Broker:
    """All logs, all coordinators."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.logs: Final[dict[Partition, list[Record]]] = {}
        self.coordinators: Final[dict[str, Coordinator]] = {}
        self.late: Final[list[Callable[[], object]]] = []
        """Requests on their way, of which their clients have heard nothing."""

    def log(self, topic: str, partition: int) -> list[Record]:
        """The records and markers of a partition, by offset."""
        return self.logs.setdefault((topic, partition), [])

    def append(self, partition: Partition, timestamp: int, record: tuple[object, ...]) -> Record:
        """Add a record (key, value, headers, state) at the end."""
        log = self.log(*partition)
        made = Record(*partition, len(log), timestamp, *record)  # type: ignore[arg-type] # as said
        log.append(made)
        return made

    def stable_end(self, topic: str, partition: int) -> int:
        """Before which offset everything is decided: as far as read_committed sees."""
        log = self.log(topic, partition)
        return next((record.offset for record in log if record.state == "open"), len(log))

    def committed(self, topic: str, partition: int, start: int = 0) -> list[Record]:
        """What a read_committed consumer gets from an offset on."""
        log, end = self.log(topic, partition), self.stable_end(topic, partition)
        return [record for record in log[start:end] if record.state == "committed"]

    # Transactions

    def initialise(self, transactional_id: str) -> tuple[Coordinator, int]:
        """Shut the last producer out, end its transaction; the coordinator and our epoch."""
        coordinator = self.coordinators.setdefault(transactional_id, Coordinator())
        self.write_markers(coordinator)
        if coordinator.is_open:
            self._decide(coordinator, "aborted")
            self.write_markers(coordinator)
        coordinator.epoch += 1
        return coordinator, coordinator.epoch

    def produce(self, coordinator: Coordinator, epoch: int, records: list[Record]) -> None:
        """Append records of a transaction. Raises KafkaException where it was shut out."""
        self._check(coordinator, epoch)
        self.write_markers(coordinator)
        coordinator.is_open = True
        for record in records:
            log = self.log(record.topic, record.partition)
            record.offset = len(log)
            log.append(record)
            coordinator.records.append(record)

    def take_part(self, transactional_id: str, partitions: list[Partition]) -> Callable[[], None]:
        """Begin a transaction of nothing in these; what is given commits it.

        Whoever initialises the id before aborts it, and all that hangs there with it.
        """
        coordinator, epoch = self.initialise(transactional_id)
        coordinator.is_open, coordinator.joined = True, partitions

        def end() -> None:
            self.commit(coordinator, epoch)
            self.write_markers(coordinator, surely=True)

        return end

    def commit(self, coordinator: Coordinator, epoch: int) -> None:
        """Decide that a transaction is committed; its markers follow."""
        self._check(coordinator, epoch)
        if coordinator.is_open:
            self._decide(coordinator, "committed")

    def time_out(self) -> bool:
        """Abort what has been open for too long, and shut its producer out."""
        for coordinator in self.coordinators.values():
            if coordinator.is_open:
                self._decide(coordinator, "aborted")
                coordinator.epoch += 1
                return True
        return False

    def arrive(self) -> None:
        """Let a request arrive that was on its way; nobody hears the answer."""
        with suppress(KafkaException):
            self.late.pop(0)()

    def write_some_markers(self) -> bool:
        """Finish one decided transaction; False when there is none."""
        for coordinator in self.coordinators.values():
            if coordinator.ended is not None:
                self.write_markers(coordinator)
                return True
        return False

    def write_markers(self, coordinator: Coordinator, *, surely: bool = False) -> None:
        """Make a decided transaction's records visible, or skipped for ever."""
        ended, coordinator.ended = coordinator.ended, None
        if ended is None:
            return
        of_records = {(record.topic, record.partition): None for record in ended.records}
        partitions = of_records | dict.fromkeys(ended.joined)
        forgets = not surely and self.world.weather.takes("markers forgotten")
        for partition in partitions:
            if not (forgets and self.world.coin()):
                self._mark(partition, ended.state)

    def _mark(self, partition: Partition, state: str) -> None:
        """Write a marker, which decides all that is open before it: there is one writer."""
        for record in self.log(*partition):
            if record.state == "open":
                record.state = state
        self.append(partition, 0, (None, None, [], "marker"))

    def _decide(self, coordinator: Coordinator, state: str) -> None:
        coordinator.ended = Ended(coordinator.records, coordinator.joined, state)
        coordinator.records, coordinator.joined = [], []
        coordinator.is_open = False

    def _check(self, coordinator: Coordinator, epoch: int) -> None:
        if coordinator.epoch != epoch:
            raise KafkaException(KafkaError(KafkaError._FENCED))  # noqa: SLF001 - no public name
