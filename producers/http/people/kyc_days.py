"""How much people may move in a day, by how well they are known.

Each command takes its amount from the day of its wallet before it is sent, in a transaction that
holds the wallet's own lock: so all gateways together let no more through. What was taken is looked
at again only where it would be too much: what the ledger has refused, and withdrawals that were
cancelled or have failed, count no more. What was taken for a command that was certainly not sent is
given back. One of which nobody knows whether it was ever sent counts until the day is over: rather
too little is moved than too much.

A day is one of UTC by the database's clock: that of the request, not of the booking.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from producers.http.errors import EarlyError, early
from producers.http.people.kyc import amount_of, is_limited, limit_of
from producers.http.people.principal import Principal
from producers.http.reading import Reading
from schemas.commands import Command
from schemas.networks import limits_of
from schemas.statuses import WITHDRAWAL_STATUSES

CODE: Final = "kyc_day_limit_exceeded"
LOCKS: Final = 0x6B7963
"""The class of our advisory locks; that of workers is another (`streams/presence.py`)."""


class Move(NamedTuple):
    """What a command would move, and what may be moved on its day."""

    wallet_id: str
    command_key: str
    fingerprint: str
    amount: Decimal
    limit: Decimal


class Day(NamedTuple):
    """A day of a wallet: what was moved on it, before; of a command that `is_known` nothing is."""

    day: date
    moved: Decimal
    is_known: bool
    is_over: bool


class Taken(NamedTuple):
    """What one request has taken from a day: a row, and its version."""

    move: Move
    version: str


class KycDays:
    """The limits of a day, of one gateway's settings."""

    def __init__(self, limits: str, writing: Reading) -> None:
        self._limits = sorted(limits_of(limits).items())
        self._writing = writing

    async def admit(
        self, who: Principal, command: Command, *, is_dry: bool = False
    ) -> Taken | None:
        """Take a command's amount from the day, or only look whether there is enough of it.

        One that has been taken before, or has its result, takes nothing. Raises EarlyError 403
        where it would be too much, 503.
        """
        if not self._limits or not is_limited(who, command.type):
            return None
        limit = limit_of(self._limits, who.kyc_level)
        amount = amount_of(getattr(command.data, "amount", None))
        if limit is None or amount is None or amount <= 0:
            return None
        wallet_id = command.data.wallet_id
        move = Move(wallet_id, command.key, command.fingerprint, amount, limit)
        if is_dry:
            found, taken = await self._writing.read(_look, move), None
        else:
            found, taken = await self._writing.read(_take, move)
        if found.is_over:
            raise _refusal(who, move, found)
        return taken

    async def give_back(self, taken: Taken) -> None:
        """Give back what a request has taken whose command it has certainly not sent.

        It stays taken where another request has met it since, which may have sent the command, and
        where the database takes nothing now.
        """
        with suppress(EarlyError):
            await self._writing.read(_give_back, taken)


def _refusal(who: Principal, move: Move, found: Day) -> EarlyError:
    words = (
        f"At most {move.limit:f} may be moved in a day on KYC level {who.kyc_level};"
        f" {found.moved:f} of {found.day} is moved."
    )
    told = {
        "level": str(who.kyc_level),
        "limit": f"{move.limit:f}",
        "moved": f"{found.moved:f}",
        "left": f"{max(move.limit - found.moved, Decimal()):f}",
        "required": f"{move.amount:f}",
        "day": found.day.isoformat(),
    }
    return early(403, {"detail": words, "code": CODE, **told})


def _take(connection: Connection, move: Move) -> tuple[Day, Taken | None]:
    """Take it, unless it is taken; then nobody gives back any more what is relied upon twice."""
    with _alone(connection, move):
        found = _look(connection, move)
        if found.is_known:
            connection.execute(_MEET, move._asdict())
        if found.is_known or found.is_over:
            return found, None
        version = connection.execute(_INSERT, {**move._asdict(), "day": found.day}).scalar()
        connection.execute(_FORGET, {"wallet_id": move.wallet_id, "day": found.day})
        return found, Taken(move, version) if version else None


def _give_back(connection: Connection, taken: Taken) -> None:
    with _alone(connection, taken.move):
        connection.execute(_GIVE_BACK, {**taken.move._asdict(), "version": taken.version})


@contextmanager
def _alone(connection: Connection, move: Move) -> Iterator[None]:
    """A transaction, alone on its wallet until it ends."""
    connection.execution_options(isolation_level="READ COMMITTED")
    with connection.begin():
        connection.execute(_LOCK, {"locks": LOCKS, "wallet_id": move.wallet_id})
        yield


def _look(connection: Connection, move: Move) -> Day:
    """The day as it is; what counts no more is left out where it matters."""
    found = _day(connection, move, is_exact=False)
    return _day(connection, move, is_exact=True) if found.is_over else found


def _day(connection: Connection, move: Move, *, is_exact: bool) -> Day:
    given = {**move._asdict(), "is_exact": is_exact, "undone": _UNDONE}
    row = connection.execute(_DAY, given).one()
    is_over = not row.is_known and row.moved + move.amount > move.limit
    return Day(row.day, row.moved, row.is_known, is_over)


_UNDONE: Final = [WITHDRAWAL_STATUSES.index(each) for each in ("cancelled", "failed")]

# What was refused has no transaction, or its id is another content's; what was undone is a
# withdrawal of which no money has left. What was taken on an earlier day may have no result yet: it
# is known all the same.
_DAY: Final = text("""
    WITH today AS (SELECT (now() AT TIME ZONE 'UTC')::date AS day)
    SELECT today.day,
        EXISTS (SELECT FROM commands WHERE command_key = :command_key)
        OR EXISTS (
            SELECT FROM kyc_moves AS m
            WHERE m.wallet_id = :wallet_id
                AND m.command_key = :command_key AND m.fingerprint = :fingerprint
        ) AS is_known,
        (
            SELECT coalesce(sum(m.amount), 0) FROM kyc_moves AS m
            WHERE m.wallet_id = :wallet_id AND m.day = today.day AND NOT (:is_exact AND EXISTS (
                SELECT FROM commands AS c
                LEFT JOIN withdrawals AS w ON w.withdrawal_id = c.transaction_id
                WHERE c.command_key = m.command_key AND (
                    c.fingerprint <> m.fingerprint OR c.transaction_id IS NULL
                    OR w.status = ANY(:undone)
                )
            ))
        ) AS moved
    FROM today
""")
_LOCK: Final = text("SELECT pg_advisory_xact_lock(:locks, hashtext(:wallet_id))")
_INSERT: Final = text(
    "INSERT INTO kyc_moves (wallet_id, day, command_key, fingerprint, amount)"
    " VALUES (:wallet_id, :day, :command_key, :fingerprint, :amount) ON CONFLICT DO NOTHING"
    " RETURNING xmin::text"
)
# Every update gives a row another xmin: it is no more the version that whoever took it knows.
_OWN: Final = "wallet_id = :wallet_id AND command_key = :command_key AND fingerprint = :fingerprint"
_MEET: Final = text(f"UPDATE kyc_moves SET amount = amount WHERE {_OWN}")  # noqa: S608 - ours
_GIVE_BACK: Final = text(f"DELETE FROM kyc_moves WHERE {_OWN} AND xmin::text = :version")  # noqa: S608
_FORGET: Final = text("DELETE FROM kyc_moves WHERE wallet_id = :wallet_id AND day < :day")
