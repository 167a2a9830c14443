"""What a fault is: something that breaks a running copy, heals it, and says what it did.

A run of `wallet torture` has one object for each kind of fault asked for. Before the copy starts
each may prepare the ground and say what it needs; then the plan of the seed has it strike, one
after the other, while commands keep coming. After each strike the run itself waits until every
partition moves again, and measures how long that took.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from signal import Signals
from typing import ClassVar, NamedTuple, Protocol

from schemas.settings import Settings
from wallet.local.folder import DataFolder

Headers = tuple[tuple[str, bytes], ...]


class Ground(NamedTuple):
    """Where the copy will stand; known before it starts, the folder being empty still.

    A kind that stands in between (a proxy) connects to these ports, and has our processes sent to
    its own by `Needs.processes`. Load and audit use these ports always.
    """

    folder: DataFolder
    kafka_port: int
    postgres_port: int
    bank_port: int


@dataclass(frozen=True, slots=True)
class Needs:
    """What a kind of fault wants of the copy from its start."""

    kafka: Mapping[str, str] = field(default_factory=dict)
    """More of the broker's settings, e.g. a second listener."""
    postgres: Mapping[str, str] = field(default_factory=dict)
    """More of the database server's settings (-c name=value)."""
    servers: Mapping[str, str] = field(default_factory=dict)
    """Environment of Kafka and PostgreSQL."""
    processes: Mapping[str, str] = field(default_factory=dict)
    """Environment of workers and consumers, e.g. WALLET_DATABASE_URL at a proxy."""
    bank: Mapping[str, str] = field(default_factory=dict)
    """Environment of the pretend bank."""
    withdrawals: bool = False
    """Whether to run a bank, its caller and the delayed consumer, and to send withdrawals."""


class Raw(NamedTuple):
    """A record for the commands topic as it is, however bad; partition -1: by its key.

    In the end each must have its dead letter, or its one result, or be a repetition.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int = -1


class Struck(NamedTuple):
    """What one strike did.

    `what`: one line for people, e.g. "worker-2 killed". `counts`: figures of the verdict, summed
    over the run, e.g. {"kills": 1}. `hit`: partitions that may be silent for longer; None: all.
    `back_at`: the monotonic moment at which a server that was broken answered again.
    `sort`: a finer name under which recovery is told and judged, where a kind has several.
    """

    what: str
    counts: Mapping[str, int]
    hit: frozenset[int] | None = None
    back_at: float | None = None
    sort: str = ""


class FaultError(Exception):
    """A strike did not come to its end, or saw what must not be."""


class LateError(FaultError):
    """What was waited for has not come within its limit."""


class Stage(Protocol):
    """The running copy; every wait has a limit in seconds and raises LateError.

    Its processes are kafka, postgres, worker-1 and so on, and with withdrawals also pretend-bank,
    delayed, bank-caller, receipts and balances.
    """

    ground: Ground
    settings: Settings
    """How load and audit reach it: directly."""

    def workers(self) -> tuple[str, ...]:
        """The names of the workers that are kept running, by slot."""
        ...

    def pid(self, name: str) -> int | None:
        """Number of a process; None while it is not running."""
        ...

    def owned(self, name: str) -> frozenset[int]:
        """The partitions that a worker's present life has claimed last."""
        ...

    def signal(self, name: str, number: Signals) -> int | None:
        """Send a signal to a process; its number, None when it is not running."""
        ...

    def await_new_life(self, name: str, old: int, limit: float) -> int:
        """Wait until a process that was `old` has been started again; its new number."""
        ...

    def await_answers(self, name: str, limit: float) -> float:
        """Wait until kafka or postgres answers (directly); the monotonic moment."""
        ...

    def next_life(self, name: str, environment: Mapping[str, str]) -> None:
        """Add this to a process's environment, in its next life only (e.g. WALLET_FAULT)."""
        ...

    def restart(self, name: str, limit: float) -> None:
        """End a process politely and wait until it runs again."""
        ...

    def keep_workers(self, count: int) -> None:
        """Have so many workers: starts slots, or ends them politely, the last first."""
        ...

    def await_held(self, limit: float) -> None:
        """Wait until every partition is held by a worker that lives."""
        ...

    def await_progress(self, limit: float, partitions: frozenset[int] | None = None) -> float:
        """Wait until each partition has told a result that was not there yet; the seconds."""
        ...

    def send(self, *records: Raw) -> None:
        """Put records into the commands topic, in between the load's; they are accounted for."""
        ...

    def pause(self, seconds: float) -> None:
        """Let things go on as they are for a while; returns at once when the run is to end."""
        ...

    def wait_until(self, done: Callable[[], bool], limit: float, what: str) -> None:
        """Look until it is so."""
        ...


class Fault(Protocol):
    """One kind of fault. It is made without arguments, once a run."""

    name: ClassVar[str]
    """As in --faults; several kinds may share one name and are then asked for together."""
    weight: ClassVar[int]
    """How often it comes in each round of the plan, which has every kind at least once."""

    def prepare(self, ground: Ground) -> Needs:
        """Get ready before the copy starts; may open proxies, mount disks."""
        ...

    def strike(self, stage: Stage, dice: Random) -> Struck:
        """Break something, by the dice alone, and heal it. Raises FaultError.

        What is broken must be healed also when an error ends the strike early.
        """
        ...

    def close(self) -> None:
        """Take down what `prepare` made; the copy has ended. To be survived without `prepare`."""
        ...
