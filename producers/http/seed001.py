"""Service 001: integers of minor units, withdrawals on time."""

from typing import Final

from producers.http.route import Route

ROUTES: Final[tuple[Route, ...]] = ()
