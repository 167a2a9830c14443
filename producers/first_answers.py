"""First answers of repeated commands, asked of a gateway: for services without the database.

A command that is sent again gets no second result in the log. Where the first one was not heard,
`GET /v1/results/ID` has it.
"""

import http.client
import logging
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from producers.client import FindResult
from schemas import results
from schemas.results import AnyResult

SECONDS: Final = 2.0
"""Longest call. The log may answer meanwhile, so nobody waits long for a gateway."""

MOST_BYTES: Final = 1024 * 1024
"""Longest answer that is read: a result has some 500 bytes."""

_log: Final = logging.getLogger(__name__)


def answers_at(base: str, *, key: str | None = None, timeout: float = SECONDS) -> FindResult:
    """How a client looks first answers up at a gateway, such as "http://127.0.0.1:8001".

    `key` is an API key, where logins are required. A gateway that does not answer finds nothing:
    the log still may. Raises ValueError for an address that is none.
    """
    place = urlsplit(base)
    if place.scheme not in {"http", "https"} or not place.hostname:
        raise ValueError(f"{base!r} is no address of a gateway, such as http://127.0.0.1:8001")
    connect = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    def find(source: str, command_id: str, fingerprint: str | None) -> AnyResult | None:
        told = f"source={quote(source, safe='')}"
        if fingerprint is not None:
            told += f"&fingerprint={fingerprint}"
        path = f"{place.path.rstrip('/')}/v1/results/{quote(command_id, safe='')}?{told}"
        connection = connect[place.scheme](place.netloc.rpartition("@")[2], timeout=timeout)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read(MOST_BYTES)
            return results.decode(body) if answer.status == http.HTTPStatus.OK else None
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
            _log.debug("%s: %s", base, error)
            return None
        finally:
            connection.close()

    return find
