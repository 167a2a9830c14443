"""The table of all routes: routing, validation and the OpenAPI document come from it."""

from typing import Final

from producers.http import meta
from producers.http.console import routes as console
from producers.http.description import contract, docs
from producers.http.live import routes as live
from producers.http.people import serving_audit, serving_tokens, serving_users
from producers.http.route import Route
from producers.http.seeds import seed000, seed001, seed002, seed003, seed004
from producers.http.v1 import routes as v1

ROUTES: Final[tuple[Route, ...]] = (
    *seed000.ROUTES,
    *seed001.ROUTES,
    *seed002.ROUTES,
    *seed003.ROUTES,
    *seed004.ROUTES,
    *serving_users.ROUTES,
    *serving_tokens.ROUTES,
    *serving_audit.ROUTES,
    *v1.ROUTES,
    *live.ROUTES,
    *meta.ROUTES,
    *contract.ROUTES,
    *docs.ROUTES,
    *console.ROUTES,
)
