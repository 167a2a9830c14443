"""How the OpenAPI document tells what a route wants to know of who asks."""

from typing import Any, Final

from producers.http.people.access import Access

SCHEMES: Final[dict[str, Any]] = {
    "basic": {"type": "http", "scheme": "basic", "description": "A username and its password."},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `POST /v1/tokens`, or an API key.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}
_KNOWN: Final[list[dict[str, list[str]]]] = [{name: []} for name in SCHEMES]


def security_of(access: Access) -> list[dict[str, list[str]]]:
    """What may be sent, one of the list; nothing too where no logins are required."""
    if access is Access.PUBLIC:
        return []
    return _KNOWN if access is Access.SIGNED_IN else [*_KNOWN, {}]
