"""Service 002: people who send money to each other, and get receipts."""

from typing import Final

from producers.http.route import Route
from producers.http.seeds import seed002_lists, seed002_moves

ROUTES: Final[tuple[Route, ...]] = (*seed002_moves.ROUTES, *seed002_lists.ROUTES)
