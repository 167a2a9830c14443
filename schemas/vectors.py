"""The test vectors: sample records, where they go, and what the ledger says to each.

`vectors.json` beside this module is made by playing the samples through the real rules; tests hold
it against them and against a running ledger. The examples of all documents are taken from it.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from schemas import balances
from schemas.events import Event

FILE: Final = Path(__file__).with_name("vectors.json")

Json = dict[str, Any]


class Example(NamedTuple):
    """A message as it stands in a topic: key, headers, and its value as JSON."""

    says: str
    key: str | None
    headers: dict[str, str]
    value: Any


@cache
def text() -> bytes:
    """The file as it is."""
    return FILE.read_bytes()


@cache
def document() -> Json:
    """The file, read. It is shared: do not change it."""
    found: Json = json.loads(text())
    return found


@cache
def examples() -> dict[str, Example]:
    """The first example of every type of message. Commands are such as the ledger has done."""
    found: dict[str, Example] = {}
    for sample in document()["samples"]:
        says, result = sample["says"], sample["result"]
        said = [result] if result else []
        for message in (*said, *sample["events"], *sample["scheduled"]):
            found.setdefault(message["headers"]["ce_type"], _example(says, message))
        record = sample["record"]
        if result and result["value"]["status"] == "completed" and record["headers"]:
            command = {**record, "value": json.loads(record["value"])}
            found.setdefault(record["headers"]["ce_type"], _example(says, command))
    return found | {balances.BALANCE: _balance(found["wallet.deposited.v1"])}


@cache
def dead_letter() -> Example:
    """A record in which no command could be read, as it stands in the dead letter topic."""
    letters = (sample for sample in document()["samples"] if sample["dead_letter"])
    first = next(letters)
    return _example(first["says"], first["dead_letter"])


def structured(example: Example) -> Json:
    """The example as one JSON document: attributes and data."""
    named = example.headers.items()
    attributes = {name[3:]: text for name, text in named if name.startswith("ce_")}
    return {**attributes, "data": example.value}


def _balance(event: Example) -> Example:
    """The record of the balances topic that follows from an event."""
    told = balances.balance_of(msgspec.convert(event.value, Event))
    own = {"ce_source": balances.SOURCE, "ce_type": balances.BALANCE}
    headers = {**event.headers, **own, "event": f"{event.value['command']['partition']}:5102"}
    del headers["number"]
    return Example(event.says, event.key, headers, msgspec.to_builtins(told))


def _example(says: str, message: Json) -> Example:
    return Example(says, message["key"], message["headers"], message["value"])
