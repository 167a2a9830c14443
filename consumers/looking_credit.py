"""Credit requests as they are now, read from PostgreSQL.

with Looking(settings.database_url) as looking:
    request = CreditRequests(looking).one("01a1...")
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from consumers.looking import Looking
from consumers.paging import newest_rows
from consumers.views import CreditRequestView
from schemas.identifiers import MAX_BIGINT, is_uuid
from schemas.moments import in_milliseconds
from schemas.money import show
from schemas.statuses import CREDIT_REQUEST_STATUSES
from schemas.tables import credit_requests


class CreditRequests:
    """A reader of credit requests; methods raise LookingError when the database cannot be read."""

    def __init__(self, looking: Looking) -> None:
        self._looking = looking

    def one(self, name: str) -> CreditRequestView | None:
        """A credit request by its id or the text of its number; None when there is none."""
        if is_uuid(name):
            query = select(credit_requests).where(credit_requests.c.credit_request_id == name)
        elif name.isdecimal() and name.isascii() and int(name) <= MAX_BIGINT:
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
        numbers = [CREDIT_REQUEST_STATUSES.index(status) for status in statuses]
        own = credit_requests.c.credit_request_id
        rows = newest_rows(self._looking, own, wallet_id, numbers, limit, before)
        return [_view(row) for row in rows]


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
