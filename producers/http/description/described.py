"""The words of the OpenAPI document that belong to no single route."""

from typing import Any, Final

TITLE: Final = "Wallet Streams"

WORDS: Final = """\
A wallet ledger on Kafka and PostgreSQL.

Every request that changes something becomes a command on its wallet's partition, and is answered
with what the ledger made of it: once committed, it is done. What is read comes from PostgreSQL.

- Every path is served with and without a slash at its end.
- Send an `Idempotency-Key` with what must not be done twice, and the same key again when an answer
  was lost: the first answer comes again.
- 202 says that the result is not there yet; its `url` tells it.
- 503 says that a server is away, or that too many wait; come again after `Retry-After` seconds.
- Every answer has an `X-Request-ID`, the caller's own or a new one.
- The Kafka topics behind it, for who produces or consumes there: `/docs/messages`.
- Wallets can be followed live: `/v1/wallets/UUID/events` speaks server-sent events, `/v1/stream`
  WebSocket.
"""

FAMILIES: Final = {
    "000": ("Service 000: sellers and charges", "Credit requests, charges of phones, users."),
    "001": (
        "Service 001: wallets and their withdrawals",
        "Amounts are integers of minor units. A withdrawal is scheduled for a moment to come.",
    ),
    "002": ("Service 002: transfers among users", "Basic authentication. Receipts are PDFs."),
    "003": (
        "Service 003: sellers, credit, charge sales",
        "Amounts are decimal strings. Charges to phones are sold from the credit given.",
    ),
    "004": (
        "Service 004: wallets and targets",
        "Amounts are decimal strings. A withdrawal may have another wallet as its target.",
    ),
    "v1": ("v1", "The ledger's own paths."),
    "people": (
        "People",
        "Users and their tokens. Who asks shows a password (Basic), a token or a key (Bearer).",
    ),
    "gateway": ("The gateway", "Health, results that came late, this document."),
}
"""Family -> how it is shown, and what it is about. Others are shown by their name."""

REASONS: Final = {
    200: "Done, or found",
    201: "Made",
    202: "Taken; the result is not there yet",
    204: "Done",
    400: "Not valid, or refused by a rule",
    401: "Nobody said who asks, or nobody knows",
    402: "The money is not there",
    403: "Not for those who ask",
    404: "There is no such thing",
    408: "The body did not come in time",
    409: "It contradicts what is there",
    412: "It has changed since: another version than If-Match names",
    413: "The body is too large",
    415: "A body of this type is not read",
    422: "Refused by a rule",
    429: "Too many requests: come again",
    500: "An error of ours",
    503: "A server is away, or too many wait: come again",
}

_PENDING: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Pending",
    "description": "The command is in the log and will be done.",
    "properties": {
        "status": {"const": "pending"},
        "command_id": {"type": "string"},
        "source": {"type": "string", "examples": ["/http/003"]},
        "url": {"type": "string", "format": "uri", "description": "Where its result will be"},
    },
    "required": ["status", "command_id", "source", "url"],
}
_REFUSAL: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Refusal",
    "description": "Sentences by field; `detail` or `error` for what is no field's matter.",
    "examples": [{"amount": ["This field is required."]}, {"detail": "Not found."}],
}
SHARED: Final = {"Pending": _PENDING, "Refusal": _REFUSAL}
"""Bodies that no model makes."""


def _shared(status: int) -> dict[str, Any]:
    name = "Pending" if status < 400 else "Refusal"  # noqa: PLR2004 - HTTP's own
    schema = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    kinds = ["application/json"]
    if name == "Refusal":
        kinds.append("application/problem+json")
    headers = _HEADERS if status in {202, 429, 503} else {}
    said: dict[str, Any] = {
        "description": REASONS[status],
        "content": dict.fromkeys(kinds, schema),
    }
    return {**said, "headers": headers} if headers else said


_HEADERS: Final = {
    "Retry-After": {"description": "Seconds", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
}
REFUSALS: Final = {
    str(status): _shared(status)
    for status in (202, 400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 429, 500, 503)
}
"""Answers that many routes share, by status."""
