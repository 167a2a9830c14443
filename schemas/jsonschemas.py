"""JSON Schema 2020-12 of every message, made from the very types that read and write them.

A schema describes the message in structured mode: envelope and `data`. In binary mode the
attributes are `ce_*` headers and the value alone is the schema's `#/properties/data`.
"""

from typing import Any, Final

import msgspec

from schemas.balances import BALANCE, WalletBalance
from schemas.cloudevents import MAX_ATTRIBUTE
from schemas.commands import TYPES, PhoneNumber
from schemas.events import EVENT_TYPES, WITHDRAWAL_STEPS, Event, WithdrawalStep
from schemas.identifiers import END, UUID_PATTERN
from schemas.results import COMPLETED, REJECTED, Completed, Rejected
from schemas.statuses import CREDIT_REQUEST_STATUSES, WITHDRAWAL_STATUSES

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Final = "#/$defs/{name}"

MESSAGES: Final[dict[str, type[msgspec.Struct]]] = {
    **TYPES,
    COMPLETED: Completed,
    REJECTED: Rejected,
    **dict.fromkeys(EVENT_TYPES.values(), Event),
    **dict.fromkeys(WITHDRAWAL_STEPS.values(), WithdrawalStep),
    BALANCE: WalletBalance,
}
"""Type of a message -> the type of its data."""

_TEXT: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": MAX_ATTRIBUTE}
_MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
_ENVELOPE: Final[dict[str, Schema]] = {
    "specversion": {"const": "1.0"},
    "id": {**_TEXT, "description": "a command's idempotency key, unique within its source"},
    "source": {**_TEXT, "description": "who sends, as a URI reference"},
    "type": {},
    "time": _MOMENT,
    "subject": {**_TEXT, "description": "the wallet id"},
    "datacontenttype": {"const": "application/json"},
    "correlationid": {**_TEXT, "description": "carried from a command to its result and events"},
    "causationid": {**_TEXT, "description": "the id of the command that led to this"},
    "traceparent": {**_TEXT, "description": "W3C trace context, carried like correlationid"},
    "expirytime": {**_MOMENT, "description": "recorded later than this, a command is refused"},
    "data": {},
}
_REQUIRED: Final = ["specversion", "id", "source", "type", "data"]

_DECIMAL: Final[Schema] = {"pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_UUID: Final[Schema] = {"pattern": UUID_PATTERN}
_SAID: Final[dict[str, Schema]] = {
    "amount": _DECIMAL,
    "balance": _DECIMAL,
    "before": _DECIMAL,
    "after": _DECIMAL,
    "currency": {"pattern": "^[A-Z]{3}$"},
    "due_at": {"format": "date-time"},
    "effective_at": {"format": "date-time"},
    "recorded_at": {"format": "date-time"},
    "transaction_id": _UUID,
    "wallet_id": _UUID,
}
"""What our own messages keep to beyond their Python types, by the field's name."""

_STATUS_OF: Final = {
    "withdrawal": {
        name: status
        for status, step in WITHDRAWAL_STEPS.items()
        for name in (step, f"wallet.withdrawal_{status}.v1")
    },
    "credit_request": {
        "wallet.credit_requested.v1": "pending",
        "wallet.credit_approved.v1": "approved",
        "wallet.credit_rejected.v1": "rejected",
    },
}
"""Of either case: type of an event or of a record of the delayed topic -> its status in it."""

_CASES: Final = {
    "withdrawal": ("WithdrawalBody", WITHDRAWAL_STATUSES),
    "credit_request": ("CreditRequestBody", CREDIT_REQUEST_STATUSES),
}
"""The member that tells a case -> the name of its part of a schema, and its statuses."""

_MORE_KINDS: Final = {EVENT_TYPES["withdrawal.fail"]: ["withdrawal.execute"]}
"""An execution that could not be done is told as a failure."""

_LENGTH: Final = (
    r"^[+]?[Pp](?=.)([0-9.]+[Dd])?([Tt](?=[0-9])([0-9.]+[Hh])?([0-9.]+[Mm])?([0-9.]+[Ss])?)?$"
)
"""A duration in days, hours, minutes and seconds: not years, months or weeks, and not back."""


def message_schema(message_type: str) -> Schema:
    """The schema of one message. Raises KeyError for a type that is not in MESSAGES."""
    body = MESSAGES[message_type]
    (reference,), parts = msgspec.json.schema_components([body], ref_template=_REFERENCE)
    if message_type in TYPES:
        _say_more_of_commands(parts)
    else:
        _say_more(parts, message_type)
    properties = {**_ENVELOPE, "type": {"const": message_type}, "data": reference}
    return {
        "$schema": DIALECT,
        "$id": f"urn:wallet-streams:{message_type}",
        "title": message_type,
        "description": _plain(body.__doc__ or ""),
        "type": "object",
        "properties": properties,
        "required": _REQUIRED,
        "$defs": {name: portable(part) for name, part in parts.items()},
    }


def all_schemas() -> dict[str, Schema]:
    """Type of every message -> its schema."""
    return {message_type: message_schema(message_type) for message_type in MESSAGES}


def _say_more_of_commands(parts: dict[str, Schema]) -> None:
    """Add to the parts of a command what only schemas.decoding checks."""
    if "ScheduleWithdrawal" not in parts:
        return
    part = parts["ScheduleWithdrawal"]
    for text in part["properties"]["delay"]["anyOf"]:
        if text.get("format") == "duration":
            text["pattern"] = _LENGTH
    part["oneOf"] = [
        {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
        for name in ("due_at", "delay")
    ]


def _say_more(parts: dict[str, Schema], message_type: str) -> None:
    """Add to the parts of what we write what holds for all that we write."""
    _say_forms(parts)
    for struct, status in (("Completed", "completed"), ("Rejected", "rejected")):
        if struct in parts:
            parts[struct]["properties"]["status"] = {"const": status}
    if "TransactionBody" in parts:
        kinds = [kind for kind, event_type in EVENT_TYPES.items() if event_type == message_type]
        kinds += _MORE_KINDS.get(message_type, [])
        parts["TransactionBody"]["properties"]["kind"] = {"enum": kinds}
        _say_phone_number(parts["TransactionBody"], told="charge_sale" in kinds)
    for member in _CASES:
        _say_more_of_case(parts, member, message_type)


def _say_forms(parts: dict[str, Schema]) -> None:
    """Add which form the texts of each field have."""
    for part in parts.values():
        for name, said in part.get("properties", {}).items():
            for text in (said, *said.get("anyOf", ())):
                if text == {"type": "string"}:
                    text.update(_SAID.get(name, {}))


def _say_phone_number(part: Schema, *, told: bool) -> None:
    """Add that events of sales tell the phone, and that no others do."""
    if told:
        part["properties"]["phone_number"] = msgspec.json.schema(PhoneNumber)
        part["required"].append("phone_number")
    else:
        del part["properties"]["phone_number"]


def _say_more_of_case(parts: dict[str, Schema], member: str, message_type: str) -> None:
    """Add which messages tell a withdrawal or credit request, and in which status it is there."""
    name, statuses = _CASES[member]
    if name not in parts:
        return
    told = parts[name]["properties"]
    told["id"] = {"type": "string", **_UUID}
    told["status"] = {"enum": list(statuses)}
    if "number" in told:
        told["number"]["minimum"] = 1
    if "Completed" in parts:
        return
    status = _STATUS_OF[member].get(message_type)
    if status is None:
        del parts["Event"]["properties"][member], parts[name]
        return
    told["status"] = {"const": status}
    if "Event" in parts:
        parts["Event"]["properties"][member] = {"$ref": _REFERENCE.format(name=name)}
        parts["Event"]["required"].append(member)


def portable(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """A schema's part with patterns as ECMA-262 has them, where `$` is the end and no more."""
    if isinstance(schema, dict):
        return {
            name: _plain(part) if name == "description" else portable(part)
            for name, part in schema.items()
        }
    if isinstance(schema, list):
        return [portable(part) for part in schema]
    return schema.replace(END, "$") if isinstance(schema, str) else schema


def _plain(docstring: str) -> str:
    return " ".join(docstring.split())
