"""What each process must be allowed to do in Kafka, and nothing more.

Read and Write imply Describe. A test starts every process with these rights alone.
"""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from schemas.settings import Settings
from schemas.topics import Topics

Kind = Literal["topic", "group", "transactional-id", "cluster"]

CLUSTER: Final = "kafka-cluster"
"""The only name that Kafka knows of this kind."""


class Right(NamedTuple):
    """One process may do these operations, named as Kafka names them, on what is called so."""

    process: str
    kind: Kind
    name: str
    operations: tuple[str, ...]
    is_prefix: bool = False

    def options(self, principal: str) -> str:
        """The right as Kafka's own kafka-acls takes it, behind --add."""
        operations = " ".join(f"--operation {each}" for each in self.operations)
        what = "--cluster" if self.kind == "cluster" else f"--{self.kind} '{self.name}'"
        prefixed = " --resource-pattern-type prefixed" if self.is_prefix else ""
        return f"--allow-principal '{principal}' {operations} {what}{prefixed}"


def rights(settings: Settings) -> Iterator[Right]:
    """All rights of all processes, by process."""
    topics, application = settings.topics, settings.application
    for process, operation, names in _topics(topics):
        for name in names:
            yield Right(process, "topic", name, (operation,))
    for process, group in _GROUPS.items():
        yield Right(process, "group", f"{application}{group}", ("Read",))
    # A worker has one of each partition, a process of balances one of its slot.
    for process, begin in (("worker", topics.commands.name), ("balances", "balances")):
        yield Right(process, "transactional-id", f"{application}-{begin}-", ("Write",), True)  # noqa: FBT003 - is_prefix
    for name in (each.name for each in topics.all()):
        yield Right(
            "setup", "topic", name, ("Create", "Describe", "DescribeConfigs", "AlterConfigs")
        )
        yield Right("operator", "topic", name, ("Read", "DescribeConfigs"))
    yield Right("operator", "topic", topics.commands.name, ("Write",))
    # Who looks into a topic by itself names a group too, and never joins it.
    yield Right("worker", "group", f"{application}-tails", ("Describe",))
    for process in ("client", "gateway", "receipts", "balances"):
        yield Right(process, "group", f"{application}-unused", ("Describe",))
    yield Right("gateway", "group", f"{application}-console", ("Describe",))
    for name in (application, "wallet-audit"):
        yield Right("operator", "group", name, ("Describe",), True)  # noqa: FBT003 - is_prefix


_GROUPS: Final = {
    "worker": "",
    "delayed": "-delayed",
    "bank-caller": "-bank",
    "receipts": "-receipts",
    "balances": "-balances",
}
"""Process -> the end of its group's name."""


def _topics(topics: Topics) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Process, operation, and the topics that it does it on."""
    commands, results, events = (
        each.name for each in (topics.commands, topics.results, topics.events)
    )
    scheduled, balances, dead = (
        each.name for each in (topics.scheduled, topics.balances, topics.dead_letters)
    )
    # What it has said is read by the claim of whoever comes next.
    yield "worker", "Read", (commands, results, events, scheduled, dead)
    yield "worker", "DescribeConfigs", (commands,)
    yield "worker", "Write", (results, events, scheduled, dead)
    yield "client", "Write", (commands,)
    yield "client", "Read", (results,)
    yield "gateway", "Write", (commands,)
    yield "gateway", "Read", (commands, results, events)
    for process in ("delayed", "bank-caller"):
        yield process, "Read", (scheduled,)
        yield process, "Write", (commands,)
    yield "receipts", "Read", (events,)
    yield "balances", "Read", (events, balances)
    yield "balances", "Write", (balances,)
