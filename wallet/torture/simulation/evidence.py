"""What the auditor looks at, out of the simulated servers: topics, and one view of the database."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from consumers.audit import cases, end_state, journal
from consumers.audit.audit import Audit
from consumers.audit.findings import Findings
from consumers.audit.log import Record as AuditRecord
from consumers.audit.rest import Rest
from consumers.audit.snapshot import Standing
from consumers.audit.sources import Sources
from wallet.torture.simulation import sums
from wallet.torture.simulation.broker import Broker, Headers, Record

if TYPE_CHECKING:
    from wallet.torture.simulation.world import World

TOLD: Final = 2
"""Violations told of each invariant."""


class Seen:
    """A record as confluent-kafka gives it."""

    __slots__ = ("_record",)

    def __init__(self, record: Record) -> None:
        self._record = record

    def partition(self) -> int:
        """Number of the partition."""
        return self._record.partition

    def offset(self) -> int:
        """Where in the partition."""
        return self._record.offset

    def key(self) -> bytes | None:
        """The record's key."""
        return self._record.key

    def value(self) -> bytes | None:
        """The record's value."""
        return self._record.value

    def headers(self) -> Headers:
        """The record's headers."""
        return self._record.headers

    def timestamp(self) -> tuple[int, int]:
        """Log append time, in milliseconds."""
        return 2, self._record.timestamp


class SimulatedLog:
    """A topic, as consumers.audit.log.Log gives it."""

    def __init__(self, broker: Broker, topic: str, partitions: int) -> None:
        self._broker = broker
        self.topic: Final = topic
        self.partitions: Final = tuple(range(partitions))

    def bounds(self, partition: int) -> tuple[int, int]:
        """First offset and end; nothing is ever taken."""
        return 0, self._broker.stable_end(self.topic, partition)

    def read(self, starts: Mapping[int, int]) -> Iterator[list[AuditRecord]]:
        """All committed records from these offsets."""
        for partition, start in starts.items():
            found = self._broker.committed(self.topic, partition, start)
            if found:
                yield [cast("AuditRecord", Seen(record)) for record in found]

    def record(self, partition: int, offset: int) -> AuditRecord | None:
        """The record at an offset."""
        return cast("AuditRecord", Seen(self._broker.log(self.topic, partition)[offset]))


class SimulatedSnapshot:
    """The committed rows, as consumers.audit.snapshot.Snapshot gives them."""

    def __init__(self, world: "World") -> None:
        self._tables = world.database.tables
        self._answers: Final = {
            "SELECT count(*) FROM commands": self._count,
            'SELECT partition, "offset", result FROM commands': self._results,
            'SELECT partition, "offset" FROM dead_letters': self._dead_letters,
            journal.SQL: self._commands,
            end_state.WALLETS: self._wallets,
            end_state.WITHDRAWALS: self._withdrawals,
            end_state.CREDIT_REQUESTS: self._credit_requests,
            cases.REFUNDS: self._refunds,
            cases.INACTIVE: self._inactive,
        }

    def all(self, sql: str, _arguments: object = ()) -> list[tuple[Any, ...]]:
        """Every row of an answer."""
        return self._answers[sql]()

    def batches(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of an answer, at once."""
        yield self._answers[sql]()

    def standing(self, topic: str) -> dict[int, Standing]:
        """Progress of every partition."""
        return {
            partition: Standing(row.next_offset, row.next_event, row.last_result_offset)
            for (name, partition), row in self._tables["partitions"].items()
            if name == topic
        }

    def advances(self) -> frozenset[int]:
        """The clock is never moved."""
        return frozenset()

    def waiting(self) -> set[tuple[str, int]]:
        """Events that nobody has published."""
        return {(wallet, sequence) for _, wallet, sequence in self._tables["arrivals"]}

    def _count(self) -> list[tuple[Any, ...]]:
        return [(len(self._tables["commands"]),)]

    def _results(self) -> list[tuple[Any, ...]]:
        return [(row.partition, row.offset, row.result) for row in self._rows("commands")]

    def _dead_letters(self) -> list[tuple[Any, ...]]:
        return list(self._tables["dead_letters"])

    def _commands(self) -> list[tuple[Any, ...]]:
        lines: dict[str, list[str]] = {}
        for row in self._rows("entries"):
            fields = [row.account_id, row.amount_minor, row.currency, row.sequence]
            texts = [str(field) for field in (*fields, row.balance_minor) if field is not None]
            lines.setdefault(row.transaction_id, []).append(" ".join(texts))
        return [
            (row.partition, row.offset, row.key, row.fingerprint, row.transaction_id, row.result,
             row.details, "\n".join(lines.get(row.transaction_id, ())) or None)
            for row in self._rows("commands")
        ]  # fmt: skip

    def _wallets(self) -> list[tuple[Any, ...]]:
        return [
            (row.wallet_id, row.balance_minor, row.sequence, row.currency, row.status)
            for row in self._rows("wallets")
        ]

    def _withdrawals(self) -> list[tuple[Any, ...]]:
        return [
            (*row[:6], row.partition, row.status, row.reason, row.changed_at_ms)
            for row in self._rows("withdrawals")
        ]

    def _credit_requests(self) -> list[tuple[Any, ...]]:
        return [
            (*row[:5], row.requested_at_ms, row.changed_at_ms, row.status, row.by, row.reason)
            for row in self._rows("credit_requests")
        ]

    def _refunds(self) -> list[tuple[Any, ...]]:
        return [(refund_id,) for _, refund_id in self._tables["refunds"]]

    def _inactive(self) -> list[tuple[Any, ...]]:
        return [(row.wallet_id, row.status) for row in self._rows("wallets") if row.status]

    def _rows(self, table: str) -> list[Any]:
        return list(self._tables[table].values())


class SimulatedSources:
    """Where the audit looks (consumers.audit.sources.Sources)."""

    payments = None
    seals = ()

    def __init__(self, world: "World") -> None:
        topics, count = world.settings.topics, world.settings.partitions
        self.horizon_days: Final = world.settings.withdrawal_horizon_days
        self.snapshot: Final = SimulatedSnapshot(world)
        self.commands, self.results, self.events, self.delayed = (
            SimulatedLog(world.broker, topic.name, count)
            for topic in (topics.commands, topics.results, topics.events, topics.scheduled)
        )

    def standing_now(self) -> dict[int, Standing]:
        """Progress: nobody is at work any more."""
        return self.snapshot.standing(self.commands.topic)


def judge(world: "World") -> Findings:
    """Everything that is off at the end of a schedule, by the auditor's own rules."""
    findings = Findings(TOLD)
    sources = SimulatedSources(world)
    ends = {partition: sources.commands.bounds(partition)[1] for partition in range(2)}
    rest = Rest(sources.standing_now(), ends, sources.snapshot.waiting())
    Audit(cast("Sources", sources), findings, rest, lambda *_: None).run(0.0)
    sums.judge(findings, world.database.tables)
    return findings
