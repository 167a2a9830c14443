"""The fault `clock`: wall clocks step by seconds and by an hour, and nothing is paid too early.

One side steps at a time, as where each has a machine of its own: our processes, Kafka or
PostgreSQL. While that lasts withdrawals are watched that are due in half an hour by the database's
clock, and some that are due at once.
"""

import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, timedelta
from pathlib import Path
from random import Random
from typing import ClassVar, Final

import psycopg2

from producers.message import Message, message_of
from schemas.moments import in_milliseconds
from schemas.settings import Settings
from schemas.statuses import WITHDRAWAL_STATUSES
from wallet.torture.clocks import SteppedClocks
from wallet.torture.faults import FaultError, Ground, Needs, Raw, Stage, Struck

PROCESSES: Final = Path(sys.executable).name
SIDES: Final = {"our processes": PROCESSES, "Kafka": "java", "PostgreSQL": "postgres"}
STEPS: Final = (2.0, -2.0, 3600.0, -3600.0)
WATCH_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 3.0
"""How long after a step what was due by the clock of before may still be executed."""
LOOK_SECONDS: Final = 0.2
LIMIT_SECONDS: Final = 60.0
WATCHED: Final = 10
FAR: Final = timedelta(minutes=30)
"""Due neither now nor after two seconds, but long ago on a clock that is an hour ahead."""
NEAR: Final = timedelta(seconds=3)
SOURCE: Final = "/torture/clock"

_SCHEDULED, _CANCELLED = map(WITHDRAWAL_STATUSES.index, ("scheduled", "cancelled"))
_NOW = "SELECT clock_timestamp()"
_KNOWN = "SELECT withdrawal_id::text, status FROM withdrawals WHERE wallet_id = %s"
# Executed, and by the database's clock more than a second before its time.
_EARLY = (
    "SELECT withdrawal_id::text FROM withdrawals"  # noqa: S608 - numbers of ours
    f" WHERE status NOT IN ({_SCHEDULED}, {_CANCELLED})"
    " AND due_at > clock_timestamp() + interval '1 second'"
    " + (SELECT coalesce(max(ahead_ms), 0) FROM clock) * interval '1 millisecond'"
)


class ClockSteps:
    """Wall clocks that step, while withdrawals wait."""

    name: ClassVar[str] = "clock"
    weight: ClassVar[int] = 1

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._clocks: SteppedClocks | None = None

    def prepare(self, ground: Ground) -> Needs:  # noqa: ARG002 - nothing of it is needed
        """Make the clocks. Raises Failure where there is no C compiler."""
        self._folder = tempfile.TemporaryDirectory(prefix="wallet-clocks-")
        self._clocks = SteppedClocks(Path(self._folder.name), *SIDES.values())
        found = self._clocks.environment
        return Needs(servers=found, processes=found, withdrawals=True)

    def strike(self, stage: Stage, dice: Random) -> Struck:
        """Step one side's clock and, a little later, set it right; watch what is executed."""
        side, step = dice.choice([*SIDES]), dice.choice(STEPS)
        assert self._clocks is not None, "prepared"
        watched = Watched(stage, dice)
        watched.schedule()
        try:
            self._clocks.set_ahead(SIDES[side], step)
            watched.watch()
        finally:
            self._clocks.set_ahead(SIDES[side], 0.0)
        watched.watch()
        watched.cancel()
        what = f"the clock of {side} stepped by {step:+g} s, and back"
        return Struck(what, {"clock steps": 2}, sort=side)

    def close(self) -> None:
        """Forget the clocks."""
        if self._clocks is not None:
            self._clocks.close()
        if self._folder is not None:
            self._folder.cleanup()


class Watched:
    """Withdrawals of a wallet of its own, and all others too: none may be executed early."""

    def __init__(self, stage: Stage, dice: Random) -> None:
        self._stage = stage
        self._dice = dice
        self._wallet = self._new_id()

    def schedule(self) -> None:
        """Make the wallet and its withdrawals; returns when the database has them."""
        now = self._ask(_NOW)[0][0].astimezone(UTC)
        own = {"wallet_id": self._wallet}
        dues = [now + FAR] * (WATCHED // 2) + [now + NEAR] * (WATCHED - WATCHED // 2)
        self._send("wallet.create.v1", {**own, "currency": "IRR"})
        self._send("deposit.v1", {**own, "amount": "1000.00"})
        for due in dues:
            terms = {"amount": "1.00", "due_at": in_milliseconds(due), "target": "IR-clock"}
            self._send("withdrawal.schedule.v1", own | terms)
        self._stage.wait_until(
            lambda: len(self._known()) == WATCHED, LIMIT_SECONDS, "the withdrawals to watch"
        )

    def watch(self) -> None:
        """Look for a while whether any is executed early. Raises FaultError when one is."""
        self._stage.pause(SETTLE_SECONDS)
        before = self._early()
        for _ in range(round(WATCH_SECONDS / LOOK_SECONDS)):
            self._stage.pause(LOOK_SECONDS)
            early = self._early() - before
            if early:
                raise FaultError(
                    f"{len(early)} withdrawals were executed more than a second before they were"
                    f" due by the database's clock: {', '.join(sorted(early)[:3])}"
                )

    def cancel(self) -> None:
        """Take back those that are not due in this run."""
        for withdrawal_id, status in self._known().items():
            if status == _SCHEDULED:
                own = {"wallet_id": self._wallet, "withdrawal_id": withdrawal_id}
                self._send("withdrawal.cancel.v1", own)

    def _known(self) -> dict[str, int]:
        return dict(self._ask(_KNOWN, self._wallet))

    def _early(self) -> set[str]:
        return {row[0] for row in self._ask(_EARLY)}

    def _send(self, command: str, data: dict[str, str]) -> None:
        said = message_of(command, data, source=SOURCE, command_id=self._new_id())
        self._stage.send(raw(said))

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))

    def _ask(self, query: str, *arguments: object) -> list[tuple]:  # type: ignore[type-arg]
        return list(_rows(self._stage.settings, query, arguments))


def raw(said: Message) -> Raw:
    """A record for the commands topic."""
    return Raw(said.key, said.value, tuple(said.headers))


def _rows(settings: Settings, query: str, arguments: tuple[object, ...]) -> Iterator[tuple]:  # type: ignore[type-arg]
    """The rows of a query. Raises FaultError when the database does not answer."""
    try:
        found = psycopg2.connect(**settings.database_client("torture"))
        with closing(found), found, found.cursor() as cursor:
            cursor.execute(query, arguments)
            yield from cursor.fetchall()
    except psycopg2.Error as error:
        raise FaultError(f"the database does not answer: {error}") from error
