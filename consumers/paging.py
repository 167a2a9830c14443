"""Pages of what wallets have: the newest first, by an id that grows with time."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Row, select

from consumers.looking import LIMIT, Looking


def newest_rows(
    looking: Looking,
    own: Column[Any],
    wallet_id: str | None,
    statuses: Sequence[int],
    limit: int,
    before: str | None,
) -> Sequence[Row[Any]]:
    """Rows of the table whose id `own` is, those made last first, at most LIMIT.

    `wallet_id` and `statuses` narrow it, where they are given; `before` is the id of the last row
    of the page before. Raises LookingError.
    """
    table = own.table
    query = select(table).order_by(own.desc())
    if wallet_id is not None:
        query = query.where(table.c.wallet_id == wallet_id)
    if statuses:
        query = query.where(table.c.status.in_(statuses))
    if before is not None:
        query = query.where(own < before)
    with looking.connected() as connection:
        return connection.execute(query.limit(min(limit, LIMIT))).all()
