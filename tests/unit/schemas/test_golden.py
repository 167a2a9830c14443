"""Golden messages: what was once written is read for ever, and is still written so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas import balances, events, identifiers, results
from schemas.balances import BALANCE
from schemas.commands import TYPES, Command
from schemas.decoding import decode
from schemas.events import EVENT_TYPES, WITHDRAWAL_STEPS, Event
from schemas.refusals import Code
from schemas.results import COMPLETED, REJECTED, Completed, Rejected
from schemas.statuses import CREDIT_REQUEST_STATUSES, WITHDRAWAL_STATUSES

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
    about = event.withdrawal or event.credit_request
    assert headers["ce_type"] == events.event_type(event.transaction.kind, about)
    assert headers["ce_id"] == identifiers.event_id(event.wallet_id, event.sequence)
    assert headers["ce_causationid"] == event.command.id
    assert headers["src"] == f"{event.command.partition}:{event.command.offset}"
    assert message["key"] == headers["ce_subject"] == event.wallet_id


@pytest.mark.parametrize("name", files("steps"))
def test_a_step_is_read_and_written_as_the_golden_bytes(golden: Load, name: str) -> None:
    """The delayed topic is kept for ever; a withdrawal comes to each status once."""
    message = golden(name)
    value = bytes_of(message["value"])
    step = events.decode_step(value)
    assert events.encode_step(step) == value
    headers = message["headers"]
    assert headers["ce_type"] == WITHDRAWAL_STEPS[step.withdrawal.status]
    assert headers["ce_id"] == f"{step.withdrawal.id}:{step.withdrawal.status}"
    assert headers["ce_causationid"] == step.command.id
    assert message["key"] == headers["ce_subject"] == step.wallet_id


@pytest.mark.parametrize("name", files("balances"))
def test_a_balance_is_read_and_written_as_the_golden_bytes(golden: Load, name: str) -> None:
    """It is named for the event that it follows from."""
    message = golden(name)
    value = bytes_of(message["value"])
    balance = balances.decode(value)
    assert balances.encode(balance) == value
    headers = message["headers"]
    assert headers["ce_id"] == identifiers.event_id(balance.wallet_id, balance.sequence)
    assert (headers["ce_time"], headers["ce_source"]) == (balance.recorded_at, balances.SOURCE)
    assert message["key"] == headers["ce_subject"] == balance.wallet_id


@pytest.mark.parametrize("kind", ["commands", "events", "steps", "balances"])
def test_a_golden_file_is_named_for_its_type(golden: Load, kind: str) -> None:
    """What stands behind a hyphen tells one example of a type from another."""
    for name in files(kind):
        assert Path(name).stem.partition("-")[0] == golden(name)["headers"]["ce_type"]


def test_every_message_has_its_golden_file() -> None:
    """A new command, refusal code, event or step comes with its example."""
    told = {
        "commands": TYPES,
        "events": EVENT_TYPES.values(),
        "steps": WITHDRAWAL_STEPS.values(),
        "balances": [BALANCE],
    }
    for kind, types in told.items():
        assert {Path(name).stem.partition("-")[0] for name in files(kind)} == set(types)
    codes = {Path(name).stem for name in files("results/rejected")}
    assert codes == {str(code) for code in Code}
    statuses = {Path(name).stem.partition("-")[0] for name in files("results/withdrawals")}
    assert statuses == set(WITHDRAWAL_STATUSES)
    ends = {Path(name).stem for name in files("results/credit_requests")}
    assert ends == set(CREDIT_REQUEST_STATUSES)


@pytest.mark.parametrize("name", files("results/withdrawals"))
def test_a_golden_withdrawal_has_its_status(golden: Load, name: str) -> None:
    """The file's name is the status inside; the id is that of its scheduling transaction."""
    result = results.decode(bytes_of(golden(name)["value"]))
    assert result.withdrawal is not None
    assert result.withdrawal.status == Path(name).stem.partition("-")[0]
    scheduled = result.command.type == "withdrawal.schedule.v1"
    assert (result.withdrawal.id == result.transaction_id) == scheduled


@pytest.mark.parametrize("name", files("results/credit_requests"))
def test_a_golden_credit_request_has_its_status(golden: Load, name: str) -> None:
    """The file's name is the status inside; id and number are those of the asking command."""
    result = results.decode(bytes_of(golden(name)["value"]))
    request = result.credit_request
    assert request is not None
    assert request.status == Path(name).stem
    asked = request.status == "pending"
    assert (request.id == result.transaction_id) == asked
    place = identifiers.place_of(request.number, partitions=4)
    assert (place == (result.command.partition, result.command.offset)) == asked


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
