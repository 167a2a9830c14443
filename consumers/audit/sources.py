"""Where an audit looks: the topics, one view of the database, the bank's ledger."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Final, Protocol, Self

from consumers.audit.log import Log, Record
from consumers.audit.payments import Payments
from consumers.audit.snapshot import Snapshot, Standing
from consumers.seals import Seal
from schemas.settings import Settings

LOOK_SECONDS: Final = 0.1
"""Between two looks at a log whose last records are still being published."""

Progress = Callable[[str, int, int], None]
"""Takes a stage, how much of it is done and how much there is to do."""


class Columns(Protocol):
    """What is made of a log's records."""

    def take(self, messages: list[Record], /) -> None:
        """Check and keep a batch."""

    def behind(self, partition: int, /) -> bool:
        """Whether something that must be in the log has not been seen yet."""


class Sources:
    """The open topics and the snapshot; a context that closes them.

    `payments` is what the bank says that it has paid; without it I8 is not checked.
    `seals` are links of the chain over the events (consumers.seals), for I11.
    """

    def __init__(
        self, settings: Settings, payments: Payments | None = None, seals: Sequence[Seal] = ()
    ) -> None:
        self.seals: Final = seals
        self._database_url = settings.database_url
        self.horizon_days: Final = settings.withdrawal_horizon_days
        self.payments: Final = payments
        client, topics = settings.kafka_client(), settings.topics
        with ExitStack() as opened:
            self.commands, self.results, self.events, self.delayed = (
                opened.enter_context(closing(Log(client, topic.name, settings.kafka_timeout)))
                for topic in (topics.commands, topics.results, topics.events, topics.scheduled)
            )
            self.snapshot: Final = opened.enter_context(closing(Snapshot(self._database_url)))
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def present(self) -> Snapshot:
        """A view of the database as it is at this moment."""
        return Snapshot(self._database_url)

    def standing_now(self) -> dict[int, Standing]:
        """Progress of every partition at this moment, not at that of the snapshot."""
        with closing(self.present()) as present:
            return present.standing(self.commands.topic)


def read_columns(log: Log, columns: Columns, deadline: float, progress: Progress) -> None:
    """Read a whole log. What a partition is behind is awaited until `deadline` (monotonic).

    A worker commits to the database first and publishes a moment later.
    """
    bounds = {partition: log.bounds(partition) for partition in log.partitions}
    starts = {partition: low for partition, (low, _) in bounds.items()}
    total, done = sum(high - low for low, high in bounds.values()), 0
    while starts:
        for batch in log.read(starts):
            columns.take(batch)
            done += len(batch)
            starts.update({record.partition(): record.offset() + 1 for record in batch})
            progress(log.topic, done, total)
        if time.monotonic() > deadline or not any(map(columns.behind, starts)):
            return
        time.sleep(LOOK_SECONDS)  # what was committed a moment ago is still to be published
