"""A record's headers, whatever their sender has put there."""

from collections.abc import Callable
from operator import methodcaller
from typing import Any, Final

_ask: Final[Callable[[Any], list[tuple[str, bytes]] | None]] = methodcaller("headers")


def headers_of(record: Any) -> list[tuple[str, bytes]] | None:  # noqa: ANN401 - any client's record
    """A record's headers; None where a name is no UTF-8. To be called once for a record.

    confluent-kafka then returns a broken list with an error set. A plain call in Python 3.11 does
    not look at the error, takes the list and dies of it; a call made in C looks.
    """
    try:
        return _ask(record) or []
    except SystemError:
        return None
