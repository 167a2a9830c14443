"""All routes of the API."""

from typing import Final

from producers.http.route import Route
from producers.http.v1 import (
    balances,
    bulk,
    credit_requests,
    errors_page,
    exchanges,
    moves,
    statements,
    transactions,
    wallets,
    withdrawals,
)

ROUTES: Final[tuple[Route, ...]] = (
    *wallets.ROUTES,
    *balances.ROUTES,
    *statements.ROUTES,
    *moves.ROUTES,
    *exchanges.ROUTES,
    *withdrawals.ROUTES,
    *credit_requests.ROUTES,
    *transactions.ROUTES,
    *bulk.ROUTES,
    *errors_page.ROUTES,
)
