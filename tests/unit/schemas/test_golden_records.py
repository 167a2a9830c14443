"""Whole golden records, headers and all, as the rooms that write them make them."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from producers.message import message_of
from schemas import events, results
from streams import rendering
from streams.dead_letters import dead_letter_text, dead_message
from streams.rendering import Message
from streams.rows import Place

GOLDEN = Path(__file__).parents[2] / "golden"
Load = Callable[[str], dict[str, Any]]


def files(kind: str) -> list[str]:
    """The golden files of a kind, of the version that is written today."""
    return sorted(str(path.relative_to(GOLDEN)) for path in GOLDEN.glob(f"v1/{kind}/**/*.json"))


def bytes_of(value: object) -> bytes:
    """The value's bytes: JSON without blanks, text as UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def extras_of(message: dict[str, Any]) -> dict[str, str] | None:
    """What travelled from the command to this message."""
    names = ("correlationid", "traceparent")
    headers = message["headers"]
    return {name: headers[f"ce_{name}"] for name in names if f"ce_{name}" in headers} or None


def same(record: Message, message: dict[str, Any]) -> bool:
    """Whether a record is the golden one: key, headers in whatever order, bytes."""
    headers = {name: text.encode() for name, text in message["headers"].items()}
    key = None if message["key"] is None else message["key"].encode()
    return (record.key, dict(record.headers), record.value) == (
        key,
        headers,
        bytes_of(message["value"]),
    )


@pytest.mark.parametrize("name", files("commands"))
def test_a_client_sends_the_golden_command(golden: Load, name: str) -> None:
    """As the first producer of this version did."""
    message = golden(name)
    said = {name.removeprefix("ce_"): text for name, text in message["headers"].items()}
    named = {part: said.pop(part) for part in ("source", "id", "type")}
    attributes: Any = {
        part: text for part, text in said.items() if part not in {"specversion", "content-type"}
    }
    sent = message_of(
        named["type"],
        message["value"],
        source=named["source"],
        command_id=named["id"],
        attributes=attributes,
    )
    assert (sent.key, sent.value) == (message["key"].encode(), bytes_of(message["value"]))
    assert {part: text.decode() for part, text in sent.headers} == message["headers"]


@pytest.mark.parametrize("name", files("results"))
def test_the_ledger_writes_the_golden_result(golden: Load, name: str) -> None:
    """Key, headers and value."""
    message = golden(name)
    value = bytes_of(message["value"])
    result = results.decode(value)
    dedupe_key = message["headers"]["ce_id"]
    telling = rendering.Telling(result.command, result.recorded_at, extras_of(message))
    kind = rendering.COMPLETED if result.status == "completed" else rendering.REJECTED
    record = telling.result(dedupe_key, value.decode(), result.wallet_id, kind)
    assert same(record, message)


@pytest.mark.parametrize("name", files("events"))
def test_the_ledger_writes_the_golden_event(golden: Load, name: str) -> None:
    """With its number on the partition."""
    message = golden(name)
    value = bytes_of(message["value"])
    event = events.decode(value)
    moment = event.transaction.recorded_at
    telling = rendering.Telling(event.command, moment, extras_of(message))
    about = event.withdrawal or event.credit_request
    if about is not None:
        telling.about(about)
    record = telling.event(event.wallet_id, event.sequence, value.decode())
    rendering.numbered([record], int(message["headers"]["number"]))
    assert same(record, message)


@pytest.mark.parametrize("name", files("steps"))
def test_the_ledger_writes_the_golden_step(golden: Load, name: str) -> None:
    """As a batch does, and the claim that says it again."""
    message = golden(name)
    step = events.decode_step(bytes_of(message["value"]))
    telling = rendering.Telling(step.command, step.recorded_at, extras_of(message))
    telling.about(step.withdrawal)
    record = telling.step(step.wallet_id, step.withdrawal.id, step.withdrawal.status)
    assert same(record, message)


@pytest.mark.parametrize("name", files("dead_letters"))
def test_the_ledger_writes_the_golden_dead_letter(golden: Load, name: str) -> None:
    """The record as it came, and why it is there."""
    message = golden(name)
    headers = message["headers"]
    place = Place(headers["_dlq.errors.topic"], int(headers["_dlq.errors.partition"]), 4)
    offset = int(headers["_dlq.errors.offset"])
    came: Any = SimpleNamespace(
        offset=offset,
        key=message["key"].encode(),
        value=message["value"].encode(),
        headers=[("trace", b"\x00\xff")],
    )
    assert headers["trace"] == {"base64": "AP8="}
    reason = headers["_dlq.errors.reason"]
    record = dead_message(place, offset, reason, dead_letter_text(came))
    assert (record.key, record.value) == (came.key, came.value)
    ours = {part: text.encode() for part, text in headers.items() if part != "trace"}
    assert dict(record.headers) == {"trace": b"\x00\xff", **ours}
