"""What the bank caller notes of a withdrawal, and the commands on it; for Reading.read()."""

from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, or_, select

from producers.withdrawals import BANK, DELAYED, OPERATOR, command_id
from schemas import identifiers, results
from schemas.commands import kind_of
from schemas.money import show
from schemas.results import AnyResult
from schemas.statuses import BANK_CALL_STATES
from schemas.tables import bank_calls as calls_table
from schemas.tables import commands, refunds

_STEPS: Final = (
    *((DELAYED, "execute", attempt) for attempt in range(1, 10)),
    (BANK, "settle", 1),
    (BANK, "fail", 1),
    (BANK, "review", 1),
    (OPERATOR, "settle", 1),
    (OPERATOR, "fail", 1),
)
"""Who sends which step, and the how manieth time, under ids that follow from the withdrawal's."""


class BankCalls(msgspec.Struct, frozen=True):
    """The calls that were begun; of these the bank has certainly not executed `not_done`."""

    calls: int
    not_done: int
    state: str
    begun_at: datetime
    changed_at: datetime
    note: str | None


class Step(msgspec.Struct, frozen=True):
    """A command on a withdrawal: done, or refused with a reason."""

    result: AnyResult
    metadata: dict[str, str]

    @property
    def kind(self) -> str:
        """What it did."""
        return kind_of(self.result.command.type or "")


class _Said(msgspec.Struct):
    metadata: dict[str, str] | None = None


def bank_calls(connection: Connection, withdrawal_id: str) -> BankCalls | None:
    """The calls of a withdrawal; None while the bank caller has made none."""
    query = select(calls_table).where(calls_table.c.withdrawal_id == withdrawal_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return BankCalls(
        calls=row.calls,
        not_done=row.not_done,
        state=BANK_CALL_STATES[row.state],
        begun_at=row.begun_at,
        changed_at=row.changed_at,
        note=row.note,
    )


def history(connection: Connection, withdrawal_id: str, changed_at: str) -> list[Step]:
    """The commands on a withdrawal, the oldest first, refused ones too.

    Found by their ids; the newest, whoever sent it, by the moment at which it changed.
    """
    keys = [
        identifiers.command_key(source, command_id(verb, withdrawal_id, attempt))
        for source, verb, attempt in _STEPS
    ]
    stamp = f"{round(datetime.fromisoformat(changed_at).timestamp() * 1000):012x}"
    start = f"{stamp[:8]}-{stamp[8:]}"
    first, last = f"{start}-0000-0000-000000000000", f"{start}-ffff-ffff-ffffffffffff"
    query = select(commands.c.result, commands.c.details).where(
        or_(
            commands.c.command_key.in_(keys),
            commands.c.transaction_id == withdrawal_id,
            commands.c.transaction_id.between(first, last),
        )
    )
    found = [_step(row.result, row.details) for row in connection.execute(query)]
    own = [each for each in found if _is_of(each.result, withdrawal_id)]
    return sorted(own, key=lambda each: (each.result.recorded_at, each.result.command.offset))


def refunds_of(connection: Connection, transaction_id: str, currency: str) -> list[tuple[str, str]]:
    """The refunds of a transaction: id and amount."""
    query = select(refunds.c.refund_id, refunds.c.amount_minor)
    found = connection.execute(query.where(refunds.c.transaction_id == transaction_id))
    return [(row.refund_id, show(int(row.amount_minor), currency)) for row in found]


def _is_of(result: AnyResult, withdrawal_id: str) -> bool:
    """Whether a command was about it: those that were refused name it in their id."""
    if result.withdrawal is None:
        return result.error is not None
    return result.withdrawal.id == withdrawal_id


def _step(result: str, details: str | None) -> Step:
    said = msgspec.json.decode(details, type=_Said) if details else _Said()
    return Step(results.decode(result), said.metadata or {})
