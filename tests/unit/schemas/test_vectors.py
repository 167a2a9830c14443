"""The test vectors are what the rules make of the samples today, and cover all messages."""

import json

import msgspec
from aiokafka import partitioner

from consumers.audit.books import Place
from consumers.audit.oracle import Oracle
from schemas import events as messages
from schemas import identifiers, vectors
from schemas.commands import TYPES, Command
from schemas.decoding import decode
from schemas.jsonschemas import MESSAGES
from schemas.topics import Topics
from tests.vectors import FILE, document, text_of


def test_the_file_is_what_the_rules_say() -> None:
    """If a change to the rules is meant: `python -m tests.vectors` writes it anew."""
    assert FILE == vectors.FILE
    assert json.loads(vectors.text()) == json.loads(text_of(document()))


def test_the_auditors_own_rules_say_the_same() -> None:
    """They share no code with those that made the file."""
    told = vectors.document()
    oracle = Oracle(Topics().commands.name, partitions=told["partitions"])
    for sample in told["samples"]:
        record, key = sample["record"], sample["record"]["key"]
        headers = [(name, text.encode()) for name, text in record["headers"].items()]
        decoded = decode(key and key.encode(), record["value"].encode(), headers)
        place = Place(record["partition"], record["offset"], record["timestamp_ms"])
        answer = oracle.answer(decoded, place)
        said = [msgspec.to_builtins(answer.result)] if answer else []
        assert said == ([sample["result"]["value"]] if sample["result"] else []), sample["name"]
        answered = answer.events if answer else ()
        events = {(event.wallet_id, messages.encode(event).decode()) for event in answered}
        assert events == {
            (event["key"], json.dumps(event["value"], separators=(",", ":"), ensure_ascii=False))
            for event in sample["events"]
        }


def test_every_type_of_message_has_an_example() -> None:
    """Commands are such as are done."""
    assert set(vectors.examples()) == set(MESSAGES)
    assert vectors.dead_letter().headers["src"]


def test_keys_go_where_other_clients_send_them() -> None:
    """The partitioner of aiokafka, which is Java's; keys of every length modulo four."""
    for line in vectors.document()["keys"]:
        key = line["key"].encode()
        assert partitioner.murmur2(key) % 2**32 == line["murmur2"] % 2**32
        for count, home in line["partitions"].items():
            everyone = list(range(int(count)))
            assert partitioner.DefaultPartitioner()(key, everyone, everyone) == home
    lengths = {len(line["key"].encode()) % 4 for line in vectors.document()["keys"]}
    assert lengths == {0, 1, 2, 3}


def test_samples_stand_where_their_keys_lead() -> None:
    """But for the one without a key; offsets rise by one on each partition."""
    ends: dict[int, int] = {}
    for sample in vectors.document()["samples"]:
        record = sample["record"]
        if record["key"] is None:
            assert record["partition_given"]
        else:
            home = identifiers.partition_of(record["key"], vectors.document()["partitions"])
            assert record["partition"] == home
        assert record["offset"] == ends.get(record["partition"], 0)
        ends[record["partition"]] = record["offset"] + 1


def test_an_example_means_the_same_in_structured_mode() -> None:
    """As the AsyncAPI document tells it: the same command, however it is written."""
    for command_type in TYPES:
        example = vectors.examples()[command_type]
        whole = json.dumps(vectors.structured(example)).encode()
        headers = [(name, text.encode()) for name, text in example.headers.items()]
        value = json.dumps(example.value).encode()
        command = decode(None, whole)
        assert isinstance(command, Command)
        assert command == decode(None, value, headers)
