"""JSON Schemas of the headers of messages in CloudEvents' binary mode: all are UTF-8 texts."""

from typing import Any, Final

from schemas.balances import SOURCE as BALANCES_SOURCE
from schemas.channels import Channel

CONTENT_TYPE: Final = "application/json"

Json = dict[str, Any]

_TEXT: Final[Json] = {"type": "string", "minLength": 1, "maxLength": 256}
_MOMENT: Final[Json] = {"type": "string", "format": "date-time"}
_ATTRIBUTES: Final[dict[str, Json]] = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": _TEXT,
    "ce_source": _TEXT,
    "ce_type": _TEXT,
    "ce_time": _MOMENT,
    "ce_subject": {**_TEXT, "description": "the wallet id"},
    "ce_correlationid": {**_TEXT, "description": "carried on to the result and the events"},
    "ce_traceparent": {**_TEXT, "description": "W3C trace context, carried on too"},
}
_OF_COMMANDS: Final[dict[str, Json]] = {
    "ce_id": {**_TEXT, "description": "the idempotency key, unique within its source"},
    "ce_source": {**_TEXT, "description": "who asks, as a URI reference"},
    "ce_expirytime": {**_MOMENT, "description": "recorded later than this, it is refused"},
    "content-type": {"type": "string", "examples": [CONTENT_TYPE]},
}
_OF_OURS: Final[dict[str, Json]] = {
    "ce_source": {"const": "/wallet-streams/ledger"},
    "ce_causationid": {**_TEXT, "description": "the id of the command that led to this"},
    "content-type": {"const": CONTENT_TYPE},
    "src": {
        "type": "string",
        "pattern": "^[0-9]+:[0-9]+$",
        "description": "partition:offset of the command",
    },
}
_OF_EVENTS: Final[dict[str, Json]] = {
    "number": {
        "type": "string",
        "pattern": "^[0-9]+$",
        "description": "the event's number on its partition, from 0 without gaps",
    }
}
_OF_BALANCES: Final[dict[str, Json]] = {
    "ce_source": {"const": BALANCES_SOURCE},
    "event": {
        "type": "string",
        "pattern": "^[0-9]+:[0-9]+$",
        "description": "partition:offset of the event",
    },
}
_OF_TOPICS: Final = {"events": _OF_EVENTS, "balances": _OF_BALANCES}
"""Topic -> headers of its own."""

_REQUIRED: Final = ["ce_specversion", "ce_id", "ce_source", "ce_type"]
DEAD_LETTER_HEADERS: Final[Json] = {
    "type": "object",
    "properties": {
        "_dlq.errors.reason": {"type": "string", "description": "why no command could be read"},
        "_dlq.errors.topic": {"type": "string"},
        "_dlq.errors.partition": {"type": "string", "pattern": "^[0-9]+$"},
        "_dlq.errors.offset": {"type": "string", "pattern": "^[0-9]+$"},
        "src": _OF_OURS["src"],
    },
    "required": ["_dlq.errors.reason", "_dlq.errors.partition", "_dlq.errors.offset", "src"],
}


def headers_schema(channel: Channel, message_type: str) -> Json:
    """The headers of a message in binary mode. There may be others: they are ignored."""
    is_command = channel.action == "receive"
    more = _OF_COMMANDS if is_command else _OF_OURS
    named = {**_ATTRIBUTES, **more, "ce_type": {"const": message_type}}
    required = [*_REQUIRED] if is_command else [*_REQUIRED, "ce_time", "ce_causationid", "src"]
    own = _OF_TOPICS.get(channel.topic, {})
    required += [name for name in own if name not in required]
    return {"type": "object", "properties": {**named, **own}, "required": required}
