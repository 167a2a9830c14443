"""Credit requests as they are now, read from PostgreSQL.

with Looking(settings.database_url) as looking:
    request = CreditRequests(looking).one("01a1...")
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Row, select

from consumers.looking import LIMIT, Looking
from schemas.identifiers import is_uuid
from schemas.moments import in_milliseconds
from schemas.money import show
from schemas.statuses import CREDIT_REQUEST_STATUSES
from schemas.tables import credit_requests

_LARGEST: Final = 2**63 - 1
"""Of the numbers that the table can hold."""


class CreditRequestView(msgspec.Struct, frozen=True):
    """A credit request as it is now; `amount` is a decimal string, times are RFC 3339.

    `by` and `reason` are of whoever has approved or rejected it.
    """

    id: str
    number: int
    wallet_id: str
    status: str
    amount: str
    currency: str
    requested_at: str
    changed_at: str
    by: str | None
    reason: str | None


class CreditRequests:
    """A reader of credit requests; methods raise LookingError when the database cannot be read."""

    def __init__(self, looking: Looking) -> None:
        self._looking = looking

    def one(self, name: str) -> CreditRequestView | None:
        """A credit request by its id or the text of its number; None when there is none."""
        if is_uuid(name):
            query = select(credit_requests).where(credit_requests.c.credit_request_id == name)
        elif name.isdecimal() and name.isascii() and int(name) <= _LARGEST:
            query = select(credit_requests).where(credit_requests.c.number == int(name))
        else:
            return None
        with self._looking.connected() as connection:
            row = connection.execute(query).one_or_none()
        return _view(row) if row else None

    def newest(
        self,
        wallet_id: str | None = None,
        statuses: Sequence[str] = (),
        limit: int = 20,
        before: str | None = None,
    ) -> list[CreditRequestView]:
        """Those made last first, at most LIMIT: of a wallet, in these statuses.

        Without a status all are meant. `before` is the id of the last one of the page before.
        """
        query = select(credit_requests).order_by(credit_requests.c.credit_request_id.desc())
        if wallet_id is not None:
            query = query.where(credit_requests.c.wallet_id == wallet_id)
        if statuses:
            numbers = [CREDIT_REQUEST_STATUSES.index(status) for status in statuses]
            query = query.where(credit_requests.c.status.in_(numbers))
        if before is not None:
            query = query.where(credit_requests.c.credit_request_id < before)
        with self._looking.connected() as connection:
            return [_view(row) for row in connection.execute(query.limit(min(limit, LIMIT)))]


def _view(row: Row[Any]) -> CreditRequestView:
    return CreditRequestView(
        id=row.credit_request_id,
        number=row.number,
        wallet_id=row.wallet_id,
        status=CREDIT_REQUEST_STATUSES[row.status],
        amount=show(int(row.amount_minor), row.currency),
        currency=row.currency,
        requested_at=in_milliseconds(row.requested_at),
        changed_at=in_milliseconds(row.changed_at),
        by=row.by,
        reason=row.reason,
    )
