"""Generated JSON Schemas take what the ledger takes and refuse what it refuses."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from schemas import jsonschemas
from schemas.balances import BALANCE
from schemas.commands import TYPES, Command
from schemas.decoding import decode
from schemas.events import EVENT_TYPES, WITHDRAWAL_STEPS
from schemas.results import COMPLETED, REJECTED

GOLDEN = Path(__file__).parents[2] / "golden"
FILES = sorted(
    str(path.relative_to(GOLDEN))
    for path in GOLDEN.glob("v1/**/*.json")
    if path.parent.name != "dead_letters"
)
Load = Callable[[str], dict[str, Any]]
Change = Callable[[dict[str, Any]], object]


def validator(message_type: str) -> Draft202012Validator:
    """A validator of one message, with formats checked."""
    return Draft202012Validator(
        jsonschemas.message_schema(message_type), format_checker=FormatChecker()
    )


def structured(message: dict[str, Any]) -> dict[str, Any]:
    """The message in structured mode: attributes and data in one object."""
    headers = message["headers"].items()
    attributes = {name[3:]: text for name, text in headers if name.startswith("ce_")}
    return {**attributes, "data": message["value"]}


@pytest.mark.parametrize("message_type", list(jsonschemas.MESSAGES))
def test_every_schema_is_a_json_schema(message_type: str) -> None:
    """A schema is valid by the dialect it names, and holds no reference that leads nowhere."""
    schema = jsonschemas.message_schema(message_type)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == jsonschemas.DIALECT
    used = {part.split('"')[0] for part in json.dumps(schema).split('"#/$defs/')[1:]}
    assert used == set(schema["$defs"])


def test_there_is_a_schema_for_every_message() -> None:
    """Commands, results, events, the delayed topic's records, balances: none is left out."""
    told = {COMPLETED, REJECTED, *EVENT_TYPES.values(), *WITHDRAWAL_STEPS.values(), BALANCE}
    assert set(jsonschemas.all_schemas()) == {*TYPES, *told}


def test_an_unknown_message_has_no_schema() -> None:
    """Asking for it is an error of the caller."""
    with pytest.raises(KeyError):
        jsonschemas.message_schema("deposit.v9")


@pytest.mark.parametrize("name", FILES)
def test_golden_messages_are_valid(golden: Load, name: str) -> None:
    """The schema of a message takes its golden example."""
    message = golden(name)
    found = validator(message["headers"]["ce_type"]).iter_errors(structured(message))
    assert [error.message for error in found] == []


BROKEN: dict[str, tuple[str, Change]] = {
    "no id": ("commands/deposit.v1", lambda m: m.pop("id")),
    "empty source": ("commands/deposit.v1", lambda m: m.update(source="")),
    "another version": ("commands/deposit.v1", lambda m: m.update(specversion="0.3")),
    "another type": ("commands/deposit.v1", lambda m: m.update(type="transfer.v1")),
    "no data": ("commands/deposit.v1", lambda m: m.pop("data")),
    "an amount as number": ("commands/deposit.v1", lambda m: m["data"].update(amount=5)),
    "a negative amount": ("commands/deposit.v1", lambda m: m["data"].update(amount="-5.00")),
    "an exponent": ("commands/deposit.v1", lambda m: m["data"].update(amount="1e5")),
    "an unknown field": ("commands/deposit.v1", lambda m: m["data"].update(amuont="5")),
    "no amount": ("commands/deposit.v1", lambda m: m["data"].pop("amount")),
    "a wallet in capitals": (
        "commands/deposit.v1",
        lambda m: m["data"].update(wallet_id="01930F6E-3C00-7000-8000-00000000000A"),
    ),
    "a short currency": ("commands/deposit.v1", lambda m: m["data"].update(currency="EU")),
    "21 of metadata": (
        "commands/deposit.v1",
        lambda m: m["data"].update(metadata={str(n): "" for n in range(21)}),
    ),
    "a status unheard of": (
        "commands/wallet.set_status.v1",
        lambda m: m["data"].update(status="closed"),
    ),
    "a phone of letters": (
        "commands/wallet.create.v1",
        lambda m: m["data"]["owner"].update(phone="abc"),
    ),
    "a completed rejection": (
        "results/completed",
        lambda m: m["data"].update(status="rejected"),
    ),
    "a code unheard of": (
        "results/rejected/same_wallet",
        lambda m: m["data"]["error"].update(code="bad_luck"),
    ),
    "an event of another kind": (
        "events/wallet.transferred.v1",
        lambda m: m["data"]["transaction"].update(kind="deposit"),
    ),
    "a sequence as text": (
        "events/wallet.transferred.v1",
        lambda m: m["data"].update(sequence="7"),
    ),
    "a target of 65": (
        "commands/withdrawal.schedule.v1",
        lambda m: m["data"].update(target="x" * 65),
    ),
    "no time": ("commands/withdrawal.schedule.v1", lambda m: m["data"].pop("due_at")),
    "a time that is null": (
        "commands/withdrawal.schedule.v1",
        lambda m: m["data"].update(due_at=None),
    ),
    "two times": ("commands/withdrawal.schedule.v1", lambda m: m["data"].update(delay=5)),
    "no reason": ("commands/withdrawal.fail.v1", lambda m: m["data"].pop("reason")),
    "an empty reason": ("commands/withdrawal.review.v1", lambda m: m["data"].update(reason="")),
    "an event without its withdrawal": (
        "events/wallet.withdrawal_paid.v1",
        lambda m: m["data"].pop("withdrawal"),
    ),
    "an event of another status": (
        "events/wallet.withdrawal_paid.v1",
        lambda m: m["data"]["withdrawal"].update(status="failed"),
    ),
    "a failure of another kind": (
        "events/wallet.withdrawal_failed.v1",
        lambda m: m["data"]["transaction"].update(kind="withdrawal.settle"),
    ),
    "a step of another status": (
        "steps/withdrawal.scheduled.v1",
        lambda m: m["data"]["withdrawal"].update(status="paid"),
    ),
    "a sale without its phone": (
        "events/wallet.charge_sold.v1",
        lambda m: m["data"]["transaction"].pop("phone_number"),
    ),
    "an event without its credit request": (
        "events/wallet.credit_approved.v1",
        lambda m: m["data"].pop("credit_request"),
    ),
    "a credit request of another status": (
        "events/wallet.credit_approved.v1",
        lambda m: m["data"]["credit_request"].update(status="pending"),
    ),
    "a credit request without a number": (
        "results/credit_requests/approved",
        lambda m: m["data"]["credit_request"].update(number=0),
    ),
    "nobody approves": (
        "commands/credit_request.approve.v1",
        lambda m: m["data"].update(by=""),
    ),
    "a withdrawal's name": (
        "results/withdrawals/paid",
        lambda m: m["data"]["withdrawal"].update(id="withdrawal 7"),
    ),
    "a status of no withdrawal": (
        "results/withdrawals/paid",
        lambda m: m["data"]["withdrawal"].update(status="gone"),
    ),
}


@pytest.mark.parametrize("broken", list(BROKEN))
def test_broken_messages_are_invalid(golden: Load, broken: str) -> None:
    """What the ledger would refuse by its form, the schema refuses."""
    name, change = BROKEN[broken]
    message = structured(golden(f"v1/{name}.json"))
    message_type = message["type"]
    changed = deepcopy(message)
    change(changed)
    assert validator(message_type).is_valid(message)
    assert not validator(message_type).is_valid(changed)


LENGTHS: list[object] = [1, 10**10, "P3D", "PT90S", "P1DT2H3M4.5S", "pt2h", "PT1.5H"]
NO_LENGTHS: list[object] = [0, -1, 1.5, 10**11, True, [], "", "P", "PT", "P1M", "P1Y", "P1W"]
NO_LENGTHS += ["-P1D", "P1DT", "90", "3d", "PT1H1D"]


@pytest.mark.parametrize("delay", [*LENGTHS, *NO_LENGTHS])
def test_a_delay_is_taken_by_schema_and_ledger_alike(golden: Load, delay: object) -> None:
    """Whole seconds, or a duration in days, hours, minutes and seconds."""
    message = structured(golden("v1/commands/withdrawal.schedule.v1-delay.json"))
    message["data"]["delay"] = delay
    taken = any(delay is length for length in LENGTHS)
    assert validator("withdrawal.schedule.v1").is_valid(message) == taken
    assert isinstance(decode(None, json.dumps(message).encode()), Command) == taken


def test_only_events_of_a_case_tell_it() -> None:
    """A reader of the others has nothing to wonder at."""
    for name in EVENT_TYPES.values():
        parts = jsonschemas.message_schema(name)["$defs"]
        told = parts["Event"]["properties"]
        assert ("withdrawal" in told) == name.startswith("wallet.withdrawal_")
        assert ("credit_request" in told) == name.startswith("wallet.credit_")
        phone = "phone_number" in parts["TransactionBody"]["properties"]
        assert phone == (name == "wallet.charge_sold.v1")


def test_patterns_are_portable() -> None:
    """No schema holds the lookahead that only Python's `$` needs."""
    assert "(?!" not in json.dumps(jsonschemas.all_schemas())
