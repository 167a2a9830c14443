"""Withdrawals as they are now, and how they came to it, read from PostgreSQL.

with Looking(settings.database_url) as looking:
    withdrawal = Withdrawals(looking).one("01a1...")
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Row, or_, select

from consumers.bank.policy import State
from consumers.looking import Looking
from consumers.paging import newest_rows
from consumers.views import BankCallsView, WithdrawalStepLine, WithdrawalView
from producers.withdrawals import BANK, DELAYED, OPERATOR, command_id
from schemas import identifiers, results
from schemas.commands import kind_of
from schemas.moments import in_milliseconds
from schemas.money import show
from schemas.results import AnyResult
from schemas.statuses import WITHDRAWAL_STATUSES
from schemas.tables import bank_calls, commands, withdrawals

ATTEMPTS: Final = 9
"""Executions that are looked for; there is a second only where the broker's clock was behind."""

_STEPS: Final = (
    *((DELAYED, "execute", attempt) for attempt in range(1, ATTEMPTS + 1)),
    (BANK, "settle", 1),
    (BANK, "fail", 1),
    (BANK, "review", 1),
    (OPERATOR, "settle", 1),
    (OPERATOR, "fail", 1),
)
"""Who sends which step, and the how manieth time, under ids that follow from the withdrawal's."""


class _Said(msgspec.Struct):
    """The part of `commands.details` that is shown."""

    metadata: dict[str, str] | None = None


class Withdrawals:
    """A reader of withdrawals; methods raise LookingError when the database cannot be read."""

    def __init__(self, looking: Looking) -> None:
        self._looking = looking

    def one(self, withdrawal_id: str) -> WithdrawalView | None:
        """A withdrawal as it is now; None when there is none."""
        query = select(withdrawals).where(withdrawals.c.withdrawal_id == withdrawal_id)
        with self._looking.connected() as connection:
            row = connection.execute(query).one_or_none()
        return _view(row) if row else None

    def newest(
        self,
        wallet_id: str | None = None,
        statuses: Sequence[str] = (),
        limit: int = 20,
        before: str | None = None,
    ) -> list[WithdrawalView]:
        """Those scheduled last first, at most LIMIT: of a wallet, in these statuses.

        Without a status all are meant. `before` is the id of the last one of the page before.
        """
        numbers = [WITHDRAWAL_STATUSES.index(status) for status in statuses]
        own = withdrawals.c.withdrawal_id
        rows = newest_rows(self._looking, own, wallet_id, numbers, limit, before)
        return [_view(row) for row in rows]

    def calls(self, withdrawal_id: str) -> BankCallsView | None:
        """What the bank caller notes of its calls; None while it has made none."""
        query = select(bank_calls).where(bank_calls.c.withdrawal_id == withdrawal_id)
        with self._looking.connected() as connection:
            row = connection.execute(query).one_or_none()
        return _calls(row) if row else None

    def history(self, withdrawal: WithdrawalView) -> list[WithdrawalStepLine]:
        """The commands on a withdrawal, oldest first, refused ones too.

        Found by their ids, and the newest, whoever sent it, by its moment.
        """
        keys = [
            identifiers.command_key(source, command_id(verb, withdrawal.id, attempt))
            for source, verb, attempt in _STEPS
        ]
        first, last = _transactions_at(withdrawal.changed_at)
        query = select(commands.c.result, commands.c.details).where(
            or_(
                commands.c.command_key.in_(keys),
                commands.c.transaction_id == withdrawal.id,
                commands.c.transaction_id.between(first, last),
            )
        )
        with self._looking.connected() as connection:
            rows = connection.execute(query).all()
        read = [(results.decode(row.result), row.details) for row in rows]
        own = [(each, details) for each, details in read if _is_of(each, withdrawal.id)]
        own.sort(key=lambda pair: (pair[0].recorded_at, pair[0].command.offset))
        return [_step(each, details) for each, details in own]


def _transactions_at(moment: str) -> tuple[str, str]:
    """The first and the last transaction id of a millisecond."""
    stamp = f"{round(datetime.fromisoformat(moment).timestamp() * 1000):012x}"
    start = f"{stamp[:8]}-{stamp[8:]}"
    return f"{start}-0000-0000-000000000000", f"{start}-ffff-ffff-ffffffffffff"


def _is_of(result: AnyResult, withdrawal_id: str) -> bool:
    """Whether a command was about a withdrawal: those that were refused name it in their id."""
    if result.withdrawal is None:
        return result.error is not None
    return result.withdrawal.id == withdrawal_id


def _view(row: Row[Any]) -> WithdrawalView:
    return WithdrawalView(
        id=row.withdrawal_id,
        wallet_id=row.wallet_id,
        status=WITHDRAWAL_STATUSES[row.status],
        amount=show(int(row.amount_minor), row.currency),
        currency=row.currency,
        due_at=in_milliseconds(row.due_at),
        changed_at=in_milliseconds(row.changed_at),
        target=row.target,
        reason=row.reason,
    )


def _calls(row: Row[Any]) -> BankCallsView:
    return BankCallsView(
        calls=row.calls,
        not_done=row.not_done,
        state=State(row.state).name.lower(),
        begun_at=in_milliseconds(row.begun_at),
        changed_at=in_milliseconds(row.changed_at),
        note=row.note,
    )


def _step(result: AnyResult, details: str | None) -> WithdrawalStepLine:
    withdrawal, error = result.withdrawal, result.error
    said = msgspec.json.decode(details, type=_Said) if details else _Said()
    return WithdrawalStepLine(
        recorded_at=result.recorded_at,
        kind=kind_of(result.command.type or ""),
        source=result.command.source,
        command_id=result.command.id,
        status=withdrawal.status if withdrawal else None,
        reason=withdrawal.reason if withdrawal else None,
        error=f"{error.code}: {error.detail}" if error else None,
        metadata=said.metadata,
    )
