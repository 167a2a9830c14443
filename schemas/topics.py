"""The topics as objects: name, key, partitions, how long they are kept (DESIGN.md 2)."""

from dataclasses import dataclass, field
from typing import Final

PREFIX_MAX: Final = 249 - 22
"""A name of Kafka's has 249 characters at most, and the longest of ours 22."""

DAY_MS: Final = 24 * 3600 * 1000
FOR_EVER: Final = -1
"""Said as Kafka says it, of milliseconds and of days."""

MAX_DEAD_LETTER_BYTES: Final = 4 * 1024 * 1024
"""A record as large as the commands topic takes by default (1 MiB) fits, headers and all."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `config` holds Kafka's own topic settings, all as text."""

    name: str
    carries: str
    partitions: int
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics of one ledger. `prefix` keeps several ledgers on one cluster apart.

    `kept_days` is how long commands and results are kept: so many days, or FOR_EVER. Every topic
    keyed by wallet has the same number of partitions, fixed for its life.
    """

    prefix: str = ""
    partitions: int = 4
    kept_days: int = 7

    @property
    def commands(self) -> Topic:
        """What is asked. Broker timestamps: they are the ledger's clock."""
        return self._topic("wallet.commands.v1", "what is asked", self._kept_ms, stamped=True)

    @property
    def results(self) -> Topic:
        """One answer for every command, in command order, on the command's partition."""
        return self._topic("wallet.results.v1", "one answer for every command", self._kept_ms)

    @property
    def events(self) -> Topic:
        """Ledger events in each wallet's order, kept for ever."""
        return self._topic("wallet.events.v1", "ledger events", FOR_EVER)

    @property
    def scheduled(self) -> Topic:
        """The delayed topic: withdrawals and their due times."""
        return self._topic("wallet.scheduled.v1", "withdrawals to come", FOR_EVER)

    @property
    def balances(self) -> Topic:
        """What each wallet holds now: the newest record of each, for readers that come late."""
        topic = self._topic("wallet.balances.v1", "the newest balance of each wallet", FOR_EVER)
        topic.config["cleanup.policy"] = "compact"
        return topic

    @property
    def dead_letters(self) -> Topic:
        """Unreadable records of the commands topic, as they came."""
        topic = self._topic("dlq.wallet.commands.v1", "unreadable commands", 30 * DAY_MS)
        topic.config["max.message.bytes"] = str(MAX_DEAD_LETTER_BYTES)
        return topic

    def all(self) -> tuple[Topic, ...]:
        """Every topic, in the order in which they are made."""
        return (
            self.commands,
            self.results,
            self.events,
            self.scheduled,
            self.balances,
            self.dead_letters,
        )

    @property
    def _kept_ms(self) -> int:
        return FOR_EVER if self.kept_days == FOR_EVER else self.kept_days * DAY_MS

    def _topic(self, name: str, carries: str, kept_ms: int, *, stamped: bool = False) -> Topic:
        config = {"cleanup.policy": "delete", "retention.ms": str(kept_ms)}
        if stamped:
            config["message.timestamp.type"] = "LogAppendTime"
        return Topic(self.prefix + name, carries, self.partitions, config)
