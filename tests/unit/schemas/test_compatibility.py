"""No change of a message breaks who wrote or reads it by the schemas of a release."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.commands import TYPES
from schemas.jsonschemas import all_schemas
from tests.compatibility import breaking

RELEASED = Path(__file__).parents[2] / "golden" / "released"
RELEASES = sorted(path.stem for path in RELEASED.glob("*.json"))

Schemas = dict[str, dict[str, Any]]
Change = Callable[[Schemas], object]


def released(version: str) -> Schemas:
    """All schemas of a release by type, as `wallet schemas` printed them."""
    found: Schemas = json.loads((RELEASED / f"{version}.json").read_text(encoding="utf-8"))
    return found


def written() -> Schemas:
    """All schemas of today, with no part shared, to be changed."""
    found: Schemas = json.loads(json.dumps(all_schemas()))
    return found


def is_command(message_type: str) -> bool:
    """Whether others write it, and we read it."""
    return message_type in TYPES


@pytest.mark.parametrize("version", RELEASES)
def test_nothing_breaks_what_was_released(version: str) -> None:
    """Old commands are still taken; old readers still understand what is written now.

    A change that they cannot take gets a new version of the type (`.v2`).
    """
    assert breaking(released(version), all_schemas(), is_command) == []


def part(schemas: Schemas, message_type: str, name: str) -> dict[str, Any]:
    """A part of a schema, to be changed."""
    found: dict[str, Any] = schemas[message_type]["$defs"][name]
    return found


def rename(fields: dict[str, Any], old: str, new: str) -> None:
    """Call a field otherwise."""
    fields[new] = fields.pop(old)


def deposit(schemas: Schemas) -> dict[str, Any]:
    """The data of a deposit."""
    return part(schemas, "deposit.v1", "Deposit")


def completed(schemas: Schemas) -> dict[str, Any]:
    """The data of a result."""
    return part(schemas, "command.completed.v1", "Completed")


def event(schemas: Schemas) -> dict[str, Any]:
    """The data of an event."""
    return part(schemas, "wallet.transferred.v1", "Event")


BREAKING: dict[str, tuple[Change, str]] = {
    "a command is gone": (lambda s: s.pop("refund.v1"), "refund.v1: the message is gone"),
    "an event is gone": (
        lambda s: s.pop("wallet.refunded.v1"),
        "wallet.refunded.v1: the message is gone",
    ),
    "a field of a command is gone": (
        lambda s: deposit(s)["properties"].pop("reference"),
        "deposit.v1.data.reference: is gone",
    ),
    "a field of a command is renamed": (
        lambda s: rename(deposit(s)["properties"], "reference", "memo"),
        "deposit.v1.data.reference: is gone",
    ),
    "a new field of a command is required": (
        lambda s: deposit(s)["required"].append("currency"),
        "deposit.v1.data.currency: is required now",
    ),
    "a text of a command is a number": (
        lambda s: deposit(s)["properties"].update(amount={"type": "number"}),
        "deposit.v1.data.amount: was string, and is number to the other side",
    ),
    "a text of a command is shorter": (
        lambda s: deposit(s)["properties"]["amount"].update(maxLength=20),
        "deposit.v1.data.amount: maxLength is 20 to the other side",
    ),
    "a text of a command has another form": (
        lambda s: deposit(s)["properties"]["wallet_id"].update(pattern="^w_[0-9]+$"),
        "deposit.v1.data.wallet_id: pattern differs",
    ),
    "a value of a command is gone": (
        lambda s: part(s, "wallet.set_status.v1", "SetWalletStatus")["properties"]["status"][
            "enum"
        ].remove("suspended"),
        "wallet.set_status.v1.data.status: 'suspended' is unknown to the other side",
    ),
    "a default of a command is another": (
        lambda s: part(s, "wallet.create.v1", "CreateWallet")["properties"]["currency"].update(
            default="EUR"
        ),
        "wallet.create.v1.data.currency: left out, it meant IRR",
    ),
    "an attribute of a command is required": (
        lambda s: s["deposit.v1"]["required"].append("time"),
        "deposit.v1.time: is required now",
    ),
    "fewer metadata": (
        lambda s: deposit(s)["properties"]["metadata"]["anyOf"][0].update(maxProperties=5),
        "deposit.v1.data.metadata: maxProperties is 5 to the other side",
    ),
    "metadata are shorter": (
        lambda s: deposit(s)["properties"]["metadata"]["anyOf"][0]["additionalProperties"].update(
            maxLength=5
        ),
        "deposit.v1.data.metadata[*]: maxLength is 5 to the other side",
    ),
    "a field of a result is gone": (
        lambda s: completed(s)["properties"].pop("balance"),
        "command.completed.v1.data.balance: is gone",
    ),
    "a field of a result is optional": (
        lambda s: completed(s)["required"].remove("sequence"),
        "command.completed.v1.data.sequence: is not always there any more",
    ),
    "a text of a result is a number": (
        lambda s: completed(s)["properties"].update(balance={"type": "number"}),
        "command.completed.v1.data.balance: was number, and is string to the other side",
    ),
    "a field of an event may be null": (
        lambda s: event(s)["properties"].update(
            currency={"anyOf": [{"type": "string", "pattern": "^[A-Z]{3}$"}, {"type": "null"}]}
        ),
        "wallet.transferred.v1.data.currency: was null, and is string to the other side",
    ),
    "an amount of an event has another form": (
        lambda s: part(s, "wallet.transferred.v1", "EntryBody")["properties"]["amount"].pop(
            "pattern"
        ),
        "wallet.transferred.v1.data.entries[items].amount: pattern differs",
    ),
    "a kind of an event is new": (
        lambda s: part(s, "wallet.transferred.v1", "TransactionBody")["properties"]["kind"][
            "enum"
        ].append("gift"),
        "wallet.transferred.v1.data.transaction.kind: 'gift' is unknown to the other side",
    ),
    "a status of a withdrawal is new": (
        lambda s: part(s, "command.completed.v1", "WithdrawalBody")["properties"]["status"][
            "enum"
        ].append("lost"),
        "command.completed.v1.data.withdrawal.status: 'lost' is unknown to the other side",
    ),
}


@pytest.mark.parametrize("name", list(BREAKING))
def test_a_breaking_change_is_found(name: str) -> None:
    """And nothing else is."""
    change, finding = BREAKING[name]
    changed = written()
    change(changed)
    assert finding in breaking(all_schemas(), changed, is_command)
    assert len(breaking(all_schemas(), changed, is_command)) == 1


HARMLESS: dict[str, Change] = {
    "a new message": lambda s: s.update({"deposit.v2": s["deposit.v1"]}),
    "a new optional field of a command": lambda s: deposit(s)["properties"].update(
        memo={"type": "string"}
    ),
    "a longer text of a command": lambda s: deposit(s)["properties"]["amount"].update(
        maxLength=100
    ),
    "a field of a command may be left out": lambda s: part(s, "transfer.v1", "Transfer")[
        "required"
    ].remove("amount"),
    "a new value of a command": lambda s: part(s, "wallet.set_status.v1", "SetWalletStatus")[
        "properties"
    ]["status"]["enum"].append("frozen"),
    "a new field of an event": lambda s: event(s)["properties"].update(memo={"type": "string"}),
    "a field of an event is always there": lambda s: event(s)["required"].append("command"),
    "a new code": lambda s: part(s, "command.rejected.v1", "Code")["enum"].append("too_tired"),
    "other words": lambda s: deposit(s).update(description="money comes"),
}


@pytest.mark.parametrize("name", list(HARMLESS))
def test_a_harmless_change_is_none(name: str) -> None:
    """Only optional fields, new types and new codes come within a version."""
    changed = written()
    HARMLESS[name](changed)
    assert changed != all_schemas()
    assert breaking(all_schemas(), changed, is_command) == []


def test_a_release_holds_commands_results_and_events() -> None:
    """An empty file would let everything through."""
    assert RELEASES
    for version in RELEASES:
        assert {"deposit.v1", "command.rejected.v1", "wallet.deposited.v1"} < set(released(version))
