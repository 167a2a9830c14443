"""Service 003: sellers with a credit that somebody approves, who sell charges to phones."""

from typing import Final

from producers.http.route import Route
from producers.http.seeds import seed003_credit, seed003_sales, seed003_sellers

ROUTES: Final[tuple[Route, ...]] = (
    *seed003_sellers.ROUTES,
    *seed003_credit.ROUTES,
    *seed003_sales.ROUTES,
)
