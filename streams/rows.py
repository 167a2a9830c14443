"""The shapes a batch works with: the records it takes and the rows it writes."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct


class Record(Protocol):
    """A record of the commands topic. `timestamp` is the broker's, in milliseconds."""

    @property
    def offset(self) -> int: ...  # noqa: D102 - as said above
    @property
    def timestamp(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...  # noqa: D102


class Place(NamedTuple):
    """Where the batch's records stand."""

    topic: str
    partition: int
    partitions: int


class CommandRow(Struct, frozen=True, gc=False):
    """A row of `commands`. A struct is made in a fourth of a named tuple's time."""

    key: str
    fingerprint: str
    transaction_id: str | None
    offset: int
    result: str
    details: str


class EntryRow(Struct, frozen=True, gc=False):
    """A row of `entries` for a wallet, and the account of the world that is its other side.

    `world` is the account's number (schemas.accounts), 0 where the other side is a wallet too or
    has rows of its own: those are an account's of the world, without sequence and balance.
    """

    account_id: str
    transaction_id: str
    sequence: int | None
    amount_minor: int
    balance_minor: int | None
    currency: str
    world: int


class Arrival(NamedTuple):
    """A row of `arrivals`: an event for the writer of another partition."""

    partition: int
    wallet_id: str
    sequence: int
    event: str


class DeadLetter(NamedTuple):
    """A row of `dead_letters`."""

    offset: int
    reason: str
    record: str
