"""Golden messages: what was once written is read for ever, and is still written so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas import events, identifiers, results
from schemas.commands import TYPES, Command
from schemas.decoding import decode
from schemas.events import EVENT_TYPES, Event
from schemas.refusals import Code
from schemas.results import COMPLETED, REJECTED, Completed, Rejected

GOLDEN = Path(__file__).parents[2] / "golden"
Load = Callable[[str], dict[str, Any]]


def files(kind: str) -> list[str]:
    """The golden files of every version of a kind, by their path under tests/golden."""
    found = sorted(str(path.relative_to(GOLDEN)) for path in GOLDEN.glob(f"*/{kind}/**/*.json"))
    assert found, f"no golden {kind}"
    return found


def bytes_of(value: object) -> bytes:
    """The value's bytes: JSON without blanks, text as UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def headers_of(message: dict[str, Any]) -> list[tuple[str, bytes]]:
    """The record's headers."""
    return [(name, text.encode()) for name, text in message["headers"].items()]


def structured(message: dict[str, Any]) -> dict[str, Any]:
    """The message in structured mode: attributes and data in one object."""
    headers = message["headers"].items()
    attributes = {name[3:]: text for name, text in headers if name.startswith("ce_")}
    return {**attributes, "data": message["value"]}


@pytest.mark.parametrize("name", files("commands"))
def test_a_command_keeps_its_names(golden: Load, name: str) -> None:
    """Its dedupe key and fingerprint never change, or a repeated command would be done again."""
    message = golden(name)
    command = decode(message["key"].encode(), bytes_of(message["value"]), headers_of(message))
    assert isinstance(command, Command)
    kept = {"name": command.name, "key": command.key, "fingerprint": command.fingerprint}
    assert kept == message["decoded"]


@pytest.mark.parametrize("name", files("commands"))
def test_a_command_is_the_same_in_structured_mode(golden: Load, name: str) -> None:
    """Both modes of CloudEvents carry one content."""
    message = golden(name)
    key = message["key"].encode()
    binary = decode(key, bytes_of(message["value"]), headers_of(message))
    assert decode(key, bytes_of(structured(message))) == binary
    assert decode(None, json.dumps(structured(message), indent=1).encode()) == binary


@pytest.mark.parametrize("name", files("commands"))
def test_a_command_is_written_as_the_golden_bytes(golden: Load, name: str) -> None:
    """A producer that encodes the data gives these bytes."""
    message = golden(name)
    data = msgspec.convert(message["value"], TYPES[message["headers"]["ce_type"]])
    assert msgspec.json.encode(data) == bytes_of(message["value"])


@pytest.mark.parametrize("name", files("results"))
def test_a_result_is_read_and_written_as_the_golden_bytes(golden: Load, name: str) -> None:
    """Readers of old results understand them; equal results have equal bytes."""
    message = golden(name)
    value = bytes_of(message["value"])
    read = results.decode(value)
    assert (read.status, read.wallet_id) == (message["value"]["status"], message["key"])
    struct: type[Completed | Rejected] = Completed if read.status == "completed" else Rejected
    assert results.encode(msgspec.convert(message["value"], struct)) == value
    assert message["headers"]["ce_type"] == (COMPLETED if struct is Completed else REJECTED)


@pytest.mark.parametrize("name", files("events"))
def test_an_event_is_read_and_written_as_the_golden_bytes(golden: Load, name: str) -> None:
    """Events are kept for ever, so every version of them is read for ever."""
    message = golden(name)
    value = bytes_of(message["value"])
    event = events.decode(value)
    assert events.encode(event) == value
    assert event == msgspec.convert(message["value"], Event)
    headers = message["headers"]
    assert headers["ce_type"] == EVENT_TYPES[event.transaction.kind]
    assert headers["ce_id"] == identifiers.event_id(event.wallet_id, event.sequence)
    assert headers["ce_causationid"] == event.command.id
    assert headers["src"] == f"{event.command.partition}:{event.command.offset}"
    assert message["key"] == headers["ce_subject"] == event.wallet_id


def test_every_message_has_its_golden_file() -> None:
    """A new command, refusal code or event comes with its example."""
    assert {Path(name).name for name in files("commands")} == {f"{name}.json" for name in TYPES}
    codes = {Path(name).stem for name in files("results/rejected")}
    assert codes == {str(code) for code in Code}
    kinds = {Path(name).name for name in files("events")}
    assert kinds == {f"{name}.json" for name in EVENT_TYPES.values()}


@pytest.mark.parametrize("code", list(Code))
def test_a_golden_refusal_tells_its_code(golden: Load, code: Code) -> None:
    """The file's name is the code inside."""
    error = results.decode(bytes_of(golden(f"v1/results/rejected/{code}.json")["value"])).error
    assert error is not None
    assert (error.code, error.doc_url) == (code, f"/docs/errors#{code}")


@pytest.mark.parametrize("name", files("dead_letters"))
def test_a_dead_letter_names_the_record_it_was(golden: Load, name: str) -> None:
    """The headers tell why it is there and where it stood; the value is as it came."""
    message = golden(name)
    headers = message["headers"]
    partition, offset = headers["_dlq.errors.partition"], headers["_dlq.errors.offset"]
    assert headers["src"] == f"{partition}:{offset}"
    again = decode(message["key"].encode(), message["value"].encode())
    assert getattr(again, "reason", None) == headers["_dlq.errors.reason"]
