"""What the overview counts; for Reading.read()."""

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select

from schemas.money import show
from schemas.statuses import CREDIT_REQUEST_STATUSES, IN_TRANSIT, STATUSES, WITHDRAWAL_STATUSES
from schemas.tables import (
    credit_requests,
    dead_letter_decisions,
    dead_letters,
    partitions,
    wallets,
    withdrawals,
)

_IN_TRANSIT: Final = [WITHDRAWAL_STATUSES.index(name) for name in IN_TRANSIT]


class Progress(msgspec.Struct, frozen=True):
    """How far a partition is, and who works on it."""

    owner: str | None
    epoch: int
    next_offset: int


class Money(msgspec.Struct, frozen=True):
    """What there is of a currency; amounts are decimal texts."""

    currency: str
    wallets: int
    balance: str
    in_transit: str


class Totals(msgspec.Struct, frozen=True):
    """How much there is: money by currency, wallets and withdrawals by status."""

    money: list[Money]
    wallets: dict[str, int]
    withdrawals: dict[str, int]
    counted_at: datetime


def progress(connection: Connection, topic: str) -> dict[int, Progress]:
    """The partitions of a topic that were ever worked on."""
    query = select(
        partitions.c.partition, partitions.c.owner, partitions.c.epoch, partitions.c.next_offset
    ).where(partitions.c.topic == topic)
    return {
        row.partition: Progress(row.owner, row.epoch, row.next_offset)
        for row in connection.execute(query)
    }


def signs(connection: Connection) -> dict[str, Any]:
    """What needs a person, or shows that a process is away; all by small indexes."""
    is_due = withdrawals.c.status == WITHDRAWAL_STATUSES.index("scheduled")
    is_executing = withdrawals.c.status == WITHDRAWAL_STATUSES.index("executing")
    needs_review = withdrawals.c.status == WITHDRAWAL_STATUSES.index("needs_review")
    is_pending = credit_requests.c.status == CREDIT_REQUEST_STATUSES.index("pending")
    in_transit = withdrawals.c.status.in_(_IN_TRANSIT)
    decided = select(dead_letter_decisions.c.offset).where(
        dead_letter_decisions.c.partition == dead_letters.c.partition,
        dead_letter_decisions.c.offset == dead_letters.c.offset,
    )
    age = func.extract("epoch", func.now() - func.min(withdrawals.c.changed_at))
    late = func.extract("epoch", func.now() - func.min(withdrawals.c.due_at))
    query = select(
        select(func.count()).where(is_pending).scalar_subquery().label("pending_credit"),
        select(func.count()).where(in_transit, needs_review).scalar_subquery().label("review"),
        select(func.count()).where(in_transit, is_executing).scalar_subquery().label("executing"),
        select(age).where(in_transit, is_executing).scalar_subquery().label("executing_seconds"),
        select(func.count())
        .where(is_due, withdrawals.c.due_at <= func.now())
        .scalar_subquery()
        .label("overdue"),
        select(late)
        .where(is_due, withdrawals.c.due_at <= func.now())
        .scalar_subquery()
        .label("overdue_seconds"),
        select(func.count())
        .select_from(dead_letters)
        .where(~decided.exists())
        .scalar_subquery()
        .label("dead_letters"),
    )
    return dict(connection.execute(query).one()._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def totals(connection: Connection) -> Totals:
    """Go through all wallets and all withdrawals."""
    by_wallet = connection.execute(
        select(
            wallets.c.currency, wallets.c.status, func.count(), func.sum(wallets.c.balance_minor)
        ).group_by(wallets.c.currency, wallets.c.status)
    ).all()
    by_withdrawal = connection.execute(
        select(
            withdrawals.c.currency,
            withdrawals.c.status,
            func.count(),
            func.sum(withdrawals.c.amount_minor),
        ).group_by(withdrawals.c.currency, withdrawals.c.status)
    ).all()
    now = connection.execute(select(func.now())).scalar_one()
    return Totals(
        money=[
            _money(currency, by_wallet, by_withdrawal)
            for currency in sorted({row[0] for row in by_wallet})
        ],
        wallets=_counted(STATUSES, by_wallet),
        withdrawals=_counted(WITHDRAWAL_STATUSES, by_withdrawal),
        counted_at=now,
    )


def _money(currency: str, by_wallet: Any, by_withdrawal: Any) -> Money:  # noqa: ANN401 - rows
    own = [row for row in by_wallet if row[0] == currency]
    transit = [row[3] for row in by_withdrawal if row[0] == currency and row[1] in _IN_TRANSIT]
    return Money(
        currency=currency,
        wallets=sum(row[2] for row in own),
        balance=show(sum(int(row[3]) for row in own), currency),
        in_transit=show(sum(int(each) for each in transit), currency),
    )


def _counted(names: tuple[str, ...], rows: Any) -> dict[str, int]:  # noqa: ANN401 - rows
    return {
        name: sum(row[2] for row in rows if row[1] == place) for place, name in enumerate(names)
    }
