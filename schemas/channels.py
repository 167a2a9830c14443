"""Which messages each topic carries, who writes it, and what its readers and writers have to know.

The table from which the AsyncAPI document and its page are made.
"""

from dataclasses import dataclass
from typing import Final, Literal

from schemas.balances import BALANCE
from schemas.commands import TYPES
from schemas.events import EVENT_TYPES, WITHDRAWAL_STEPS
from schemas.results import COMPLETED, REJECTED

Direction = Literal["receive", "send"]
"""As the ledger sees it: it receives commands and sends all else."""

DEAD_LETTER: Final = "dead_letter"
"""The message of the dead letter topic: it has no type of ours."""

_READ_COMMITTED: Final = (
    "Written in transactions: read it with isolation.level=read_committed. A reader ignores fields"
    " that it does not know."
)


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic as others see it. `topic` is its attribute in schemas.topics.Topics."""

    topic: str
    action: Direction
    title: str
    words: str
    types: tuple[str, ...]
    """The types of its messages, each of schemas.jsonschemas.MESSAGES, or DEAD_LETTER."""


CHANNELS: Final = (
    Channel(
        "commands", "receive", "Commands",
        "What is asked of the ledger. The key is the wallet id, the partitioner murmur2 (Java's"
        " default; librdkafka: partitioner=murmur2_random). Producers are idempotent"
        " (enable.idempotence=true, acks=all) and not transactional. A value has at most 64 KiB."
        " The same source and id with the same content again does nothing; with other content it"
        " is refused.",
        tuple(TYPES),
    ),
    Channel(
        "results", "send", "Results",
        "Exactly one answer for every command, on the command's partition, in command order."
        f" {_READ_COMMITTED}",
        (COMPLETED, REJECTED),
    ),
    Channel(
        "events", "send", "Ledger events",
        "What has happened to each wallet, on the wallet's own partition, in the order of its"
        f" sequence, without gaps. Kept for ever. {_READ_COMMITTED}",
        tuple(EVENT_TYPES.values()),
    ),
    Channel(
        "scheduled", "send", "The delayed topic",
        "Every step of every withdrawal, on the partition of the command that led to it. Kept for"
        f" ever. {_READ_COMMITTED}",
        tuple(WITHDRAWAL_STEPS.values()),
    ),
    Channel(
        "balances", "send", "Balances",
        "What each wallet holds now, on the wallet's own partition: a compacted table, for readers"
        " that come late. One record may stand for several events; never does an older sequence"
        f" follow a newer one. {_READ_COMMITTED}",
        (BALANCE,),
    ),
    Channel(
        "dead_letters", "send", "Dead letters",
        "Records of the commands topic in which no command could be read, as they came, with the"
        f" reason in headers. {_READ_COMMITTED}",
        (DEAD_LETTER,),
    ),
)  # fmt: skip
"""One for each topic."""
