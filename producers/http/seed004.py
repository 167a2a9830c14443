"""Service 004: decimal strings, wallets that are paid by others."""

from typing import Final

from producers.http.route import Route

ROUTES: Final[tuple[Route, ...]] = ()
