"""The AsyncAPI document: valid by its own schema, whole, and true to what is sent and written."""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.validators import validator_for

from schemas import asyncapi, vectors
from schemas.channels import CHANNELS, DEAD_LETTER
from schemas.commands import TYPES
from schemas.jsonschemas import MESSAGES
from schemas.topics import Topics

VENDORED = Path(__file__).parents[2] / "vendored" / "asyncapi-specs"
META = VENDORED / "3.0.0.json"
"""npm's package @asyncapi/specs 6.11.1, file schemas/3.0.0-without-$id.json, as it is there."""
META_SHA256 = "abe96881dbfaad495ccbb6bd8d3fb43ca18a13b9d7564849ccb66f39d5e5b20f"

Json = dict[str, Any]


@cache
def document() -> Json:
    """The document of the usual topics."""
    return asyncapi.document(Topics())


@cache
def example_of(name: str) -> Json:
    """The example of a message."""
    found: Json = document()["components"]["messages"][name]["examples"][0]
    return found


def schema_of(name: str, part: str) -> Json:
    """The payload's or the headers' schema of a message, with the components it refers to."""
    whole = document()
    told = whole["components"]["messages"][name][part]
    return {"components": {"schemas": whole["components"]["schemas"]}, **told}


def references(value: object) -> Iterator[str]:
    """Every reference within."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "$ref":
                yield part
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def aim_of(reference: str) -> object:
    """What a reference leads to. Raises KeyError where it leads nowhere."""
    found: Any = document()
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


NAMES = sorted(
    name for channel in CHANNELS for name in asyncapi.names(channel) if name != DEAD_LETTER
)


def test_the_meta_schema_is_asyncapis_own() -> None:
    """Untouched, and with its licence."""
    assert hashlib.sha256(META.read_bytes()).hexdigest() == META_SHA256
    assert {path.name for path in VENDORED.iterdir()} == {"3.0.0.json", "LICENSE", "NOTICE"}


def test_the_document_is_valid() -> None:
    """By AsyncAPI's own schema of version 3.0.0, which refuses what it does not know."""
    meta = json.loads(META.read_text(encoding="utf-8"))
    assert validator_for(meta) is Draft7Validator
    validator = Draft7Validator(meta)
    assert [error.message for error in validator.iter_errors(document())] == []
    assert not validator.is_valid({**document(), "channel": {}})


def test_every_reference_leads_somewhere() -> None:
    """To a message, a channel, or a part of a schema, and every part is used."""
    found = set(references(document()))
    assert all(aim_of(each) for each in found)
    parts = {f"#/components/schemas/{name}" for name in document()["components"]["schemas"]}
    assert parts - found == set()


def test_all_topics_and_messages_are_told() -> None:
    """Each message on one topic; commands in both modes, and results as their replies."""
    told = document()
    addresses = {each["address"] for each in told["channels"].values()}
    assert addresses == {topic.name for topic in Topics().all()}
    carried = [name for channel in CHANNELS for name in channel.types]
    assert sorted(carried) == sorted([*MESSAGES, DEAD_LETTER])
    assert set(told["components"]["messages"]) == {*NAMES, DEAD_LETTER}
    assert {f"{name}.structured" for name in TYPES} < set(NAMES)
    replies = told["operations"]["commands"]["reply"]["messages"]
    assert [aim_of(each["$ref"]) for each in replies] == [
        {"$ref": "#/components/messages/command.completed.v1"},
        {"$ref": "#/components/messages/command.rejected.v1"},
    ]


def test_topics_are_told_as_they_are_made() -> None:
    """Prefix, partitions and how long a record is kept are the settings'."""
    told = asyncapi.document(Topics("test.", 24), "kafka-1:9092,kafka-2:9092")
    commands = told["channels"]["commands"]
    assert commands["address"] == "test.wallet.commands.v1"
    kafka = commands["bindings"]["kafka"]
    assert kafka["partitions"] == 24
    assert kafka["topicConfiguration"]["retention.ms"] == 7 * 24 * 3600 * 1000
    assert kafka["topicConfiguration"]["cleanup.policy"] == ["delete"]
    assert told["servers"]["kafka"]["variables"]["bootstrap"]["default"].startswith("kafka-1:")


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_message_is_valid(name: str) -> None:
    """Headers and value by their schemas, in drafts 7 and 2020-12 alike; no other type's."""
    example = example_of(name)
    for validator in (Draft7Validator, Draft202012Validator):
        assert validator(schema_of(name, "payload")).is_valid(example["payload"])
        if "headers" in example:
            headers = validator(schema_of(name, "headers"))
            assert headers.is_valid(example["headers"])
            assert not headers.is_valid({**example["headers"], "ce_type": "deposit.v2"})
        assert not validator(schema_of(name, "payload")).is_valid({})


def test_the_example_of_a_dead_letter_is_valid() -> None:
    """Its headers tell why it is there."""
    example = example_of(DEAD_LETTER)
    assert Draft7Validator(schema_of(DEAD_LETTER, "headers")).is_valid(example["headers"])
    assert example["headers"]["_dlq.errors.reason"] == "the key is not the wallet id"


def test_all_that_the_ledger_says_in_the_vectors_is_valid() -> None:
    """Results and events of every sample, not the examples alone."""
    for sample in vectors.document()["samples"]:
        said = [sample["result"]] if sample["result"] else []
        for message in (*said, *sample["events"], *sample["scheduled"]):
            name = message["headers"]["ce_type"]
            assert Draft7Validator(schema_of(name, "payload")).is_valid(message["value"])
            assert Draft7Validator(schema_of(name, "headers")).is_valid(message["headers"])
