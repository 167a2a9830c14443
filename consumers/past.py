"""A wallet's balance as it was: at a time, after one of its changes, at a place in the log.

What never was so is an error that says what is known: a time to come, or before the wallet.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from consumers.looking import Looking
from consumers.views import PastBalance, WalletView
from producers.http.v1 import reading_transactions
from schemas import results
from schemas.moments import in_milliseconds
from schemas.money import show
from schemas.tables import commands, entries, partitions


class NeverSoError(Exception):
    """Nothing is known of the wallet at that point; the text is one line and says why."""


class Offset(NamedTuple):
    """A place in the commands topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class Past:
    """A reader of what was. Methods raise NeverSoError, and LookingError as Looking does."""

    def __init__(self, looking: Looking) -> None:
        self._looking = looking

    def at_sequence(self, wallet: WalletView, sequence: int) -> PastBalance:
        """After the change with this number."""
        if sequence > wallet.sequence:
            raise NeverSoError(f"the wallet has had {wallet.sequence} changes, not {sequence}")
        with self._looking.connected() as connection:
            return _at_sequence(connection, wallet, sequence)

    def at_time(self, wallet: WalletView, moment: datetime) -> PastBalance:
        """After the last change recorded at a moment or before it."""
        latest = max(datetime.now(UTC), datetime.fromisoformat(wallet.updated_at))
        if moment > latest:
            now = in_milliseconds(latest)
            raise NeverSoError(f"{in_milliseconds(moment)} is still to come; it is {now}")
        with self._looking.connected() as connection:
            line = reading_transactions.change_at(connection, wallet.wallet_id, until=moment)
            if line is None:
                opened = wallet.created_at or "an unknown time"
                raise NeverSoError(
                    f"the wallet was opened at {opened}, after {in_milliseconds(moment)}"
                )
            return _at_sequence(connection, wallet, line.sequence)

    def at_offset(self, wallet: WalletView, place: Offset) -> PastBalance:
        """After the last change made by a command of this partition, there or before."""
        with self._looking.connected() as connection:
            _refuse_beyond(connection, place)
            query = (
                select(entries.c.sequence)
                .join(commands, commands.c.transaction_id == entries.c.transaction_id)
                .where(
                    entries.c.account_id == wallet.wallet_id,
                    entries.c.sequence.is_not(None),
                    commands.c.partition == place.partition,
                    commands.c.offset <= place.offset,
                )
                .order_by(entries.c.sequence.desc())
                .limit(1)
            )
            found = connection.execute(query).scalar_one_or_none()
            if found is None:
                raise NeverSoError(f"no command up to {place} has changed the wallet")
            return _at_sequence(connection, wallet, found)


def _at_sequence(connection: Connection, wallet: WalletView, sequence: int) -> PastBalance:
    query = (
        select(entries.c.balance_minor, entries.c.currency, commands.c.result)
        .join(commands, commands.c.transaction_id == entries.c.transaction_id)
        .where(entries.c.account_id == wallet.wallet_id, entries.c.sequence == sequence)
    )
    row = connection.execute(query).one()
    result = results.decode(row.result)
    return PastBalance(
        wallet_id=wallet.wallet_id,
        currency=row.currency,
        balance=show(int(row.balance_minor), row.currency),
        sequence=sequence,
        recorded_at=result.recorded_at,
        command=str(Offset(result.command.partition, result.command.offset)),
    )


def _refuse_beyond(connection: Connection, place: Offset) -> None:
    """Refuse a place that the ledger has not come to."""
    query = select(partitions.c.next_offset).where(partitions.c.partition == place.partition)
    reached = connection.execute(query).scalars().all()
    if not reached:
        raise NeverSoError(f"the ledger knows no partition {place.partition}")
    if place.offset >= max(reached):
        last = max(reached) - 1
        raise NeverSoError(f"the ledger has come to {place.partition}:{last}, not to {place}")
