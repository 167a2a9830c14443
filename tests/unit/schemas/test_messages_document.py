"""docs/MESSAGES.md tells other teams the truth: its tables and examples are the code's."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas import balances, events, identifiers, results
from schemas.balances import BALANCE
from schemas.commands import TYPES, Command
from schemas.decoding import decode
from schemas.events import EVENT_TYPES, WITHDRAWAL_STEPS
from schemas.jsonschemas import message_schema
from schemas.refusals import DETAILS, TITLES, Code
from schemas.results import COMPLETED, REJECTED
from schemas.topics import DAY_MS, Topics

TEXT = (Path(__file__).parents[3] / "docs" / "MESSAGES.md").read_text(encoding="utf-8")
EXAMPLES: list[dict[str, Any]] = [
    json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
]


def table(first_cell: str) -> list[list[str]]:
    """The rows of the table whose head begins so, cell by cell without backticks."""
    _, _, after = TEXT.partition(f"\n| {first_cell} |")
    assert after, first_cell
    rows = after.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows]


def test_the_codes_are_all_there_in_their_order() -> None:
    """With their titles, and all that their sentences are made of."""
    rows = table("code")
    assert [(row[0], row[1]) for row in rows] == [(code, TITLES[code]) for code in Code]
    for code, _, _, context, _ in rows:
        filled = set(re.findall(r"{(\w+)}", DETAILS[Code(code)]))
        assert filled <= set(context.split(", ")), code


def test_the_topics_are_all_there() -> None:
    """With how long each is kept."""
    kept = {-1: "for ever", 7 * DAY_MS: "7 days", 30 * DAY_MS: "30 days"}
    newest = "the newest of each wallet"
    expected = [
        (t.name, newest if t == Topics().balances else kept[int(t.config["retention.ms"])])
        for t in Topics().all()
    ]
    assert [(row[0], row[3]) for row in table("topic")] == expected


def test_the_partitioners_examples_are_right() -> None:
    """Other clients are checked against them."""
    for key, hashed, of_4, of_24 in table("key"):
        assert identifiers.murmur2(key.encode()) == int(hashed) % 2**32
        assert identifiers.partition_of(key, 4) == int(of_4)
        assert identifiers.partition_of(key, 24) == int(of_24)


def test_every_type_is_named() -> None:
    """Commands by an example, events and results by name."""
    shown = {example["type"] for example in EXAMPLES if "specversion" in example}
    assert shown == set(TYPES)
    told = (*EVENT_TYPES.values(), *WITHDRAWAL_STEPS.values(), COMPLETED, REJECTED, BALANCE)
    assert [name for name in told if f"`{name}`" not in TEXT] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_a_message(example: dict[str, Any]) -> None:
    """It is read by the ledger or its readers, and valid by its schema."""
    value = json.dumps(example).encode()
    if "specversion" in example:
        assert isinstance(decode(example["data"]["wallet_id"].encode(), value), Command)
        schema = message_schema(example["type"])
        assert Draft202012Validator(schema).is_valid(example)
    elif "status" in example:
        assert results.decode(value).status == example["status"]
    elif "entries" in example:
        assert events.decode(value).wallet_id == example["wallet_id"]
    elif "balance" in example:
        assert balances.decode(value).wallet_id == example["wallet_id"]
    else:
        assert events.decode_step(value).wallet_id == example["wallet_id"]
