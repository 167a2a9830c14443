"""The AsyncAPI 3.0 document of all topics: made from the types that read and write them.

Commands are told twice, in CloudEvents' binary mode (attributes in headers) and, under
`TYPE.structured`, in structured mode (all in the value).
"""

import json
from collections.abc import Iterable
from importlib import metadata
from typing import Any, Final

from schemas import vectors
from schemas.channels import CHANNELS, DEAD_LETTER, Channel
from schemas.events import EVENT_TYPES
from schemas.header_schemas import CONTENT_TYPE, DEAD_LETTER_HEADERS, headers_schema
from schemas.identifiers import UUID_PATTERN
from schemas.jsonschemas import DIALECT, message_schema, portable
from schemas.topics import Topic, Topics
from schemas.vectors import Example

VERSION: Final = "3.0.0"
BINDING: Final = "0.5.0"
"""Version of AsyncAPI's Kafka binding."""

BOOTSTRAP: Final = "127.0.0.1:9092"
"""Where a local copy's Kafka listens by default."""

STRUCTURED_TYPE: Final = "application/cloudevents+json"

Json = dict[str, Any]

_WORDS: Final = (
    "A wallet ledger on Kafka. Send commands, keyed by wallet id; each gets exactly one result, and"
    " what it changed is told as events. Messages are CloudEvents 1.0: commands in binary or"
    " structured mode, all else in binary mode. Amounts are decimal texts in major units."
    f" The schemas keep to JSON Schema 2020-12 ({DIALECT}) and to draft 7 alike."
)

_EVENTS: Final = {
    name: f"A wallet of the posting, after a command of the kind `{kind}`."
    for kind, name in EVENT_TYPES.items()
}
"""Type of an event -> what it tells; their schemas all say what an event is."""

_KEY: Final[Json] = {
    "type": "string",
    "pattern": portable(UUID_PATTERN),
    "description": "the wallet id, a lower-case UUID",
}


def document(topics: Topics, bootstrap: str = BOOTSTRAP) -> Json:
    """The document for these topics, on the brokers at `bootstrap`."""
    parts = _Parts()
    messages = {
        name: said for channel in CHANNELS for name, said in _messages(channel, parts).items()
    }
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Wallet Streams",
            "version": metadata.version("wallet-streams"),
            "description": _WORDS,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "The Kafka cluster of the ledger",
                "variables": {"bootstrap": {"default": bootstrap}},
            }
        },
        "channels": {each.topic: _channel(each, getattr(topics, each.topic)) for each in CHANNELS},
        "operations": {each.topic: _operation(each) for each in CHANNELS},
        "components": {"messages": messages, "schemas": parts.found},
    }


def names(channel: Channel) -> list[str]:
    """The names of a channel's messages: commands in both modes."""
    if channel.action == "send":
        return list(channel.types)
    return [name for each in channel.types for name in (each, f"{each}.structured")]


def _channel(channel: Channel, topic: Topic) -> Json:
    config = topic.config
    return {
        "address": topic.name,
        "title": channel.title,
        "description": channel.words,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names(channel)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {name: _typed(name, text) for name, text in config.items()},
                "bindingVersion": BINDING,
            }
        },
        "x-partitioner": "murmur2",
    }


def _typed(name: str, text: str) -> list[str] | int | str:
    """A setting of a topic as the Kafka binding has it."""
    if name == "cleanup.policy":
        return text.split(",")
    return int(text) if text.lstrip("-").isdigit() else text


def _operation(channel: Channel) -> Json:
    said: Json = {
        "action": channel.action,
        "channel": {"$ref": f"#/channels/{channel.topic}"},
        "summary": channel.words.partition(". ")[0].rstrip(".") + ".",
        "messages": _references(channel),
    }
    if channel.action == "receive":
        results = next(each for each in CHANNELS if each.topic == "results")
        reference = {"$ref": f"#/channels/{results.topic}"}
        said["reply"] = {"channel": reference, "messages": _references(results)}
    return said


def _references(channel: Channel) -> list[Json]:
    return [{"$ref": f"#/channels/{channel.topic}/messages/{name}"} for name in names(channel)]


def _messages(channel: Channel, parts: "_Parts") -> dict[str, Json]:
    """The messages of a channel by name."""
    if channel.types == (DEAD_LETTER,):
        return {DEAD_LETTER: _dead_letter()}
    found = {}
    for message_type in channel.types:
        schema = message_schema(message_type)
        payload = parts.take(message_type, schema)
        found[message_type] = _binary(channel, schema, payload)
        if channel.action == "receive":
            found[f"{message_type}.structured"] = _structured(schema, payload)
    return found


def _binary(channel: Channel, schema: Json, payload: Json) -> Json:
    message_type = schema["title"]
    location = "ce_id" if channel.action == "receive" else "ce_causationid"
    return {
        **_told(schema),
        "contentType": CONTENT_TYPE,
        "headers": headers_schema(channel, message_type),
        "payload": payload,
        "correlationId": {
            "description": "A result and its events name the command's id in ce_causationid.",
            "location": f"$message.header#/{location}",
        },
        "bindings": _key(),
        **_examples(vectors.examples().get(message_type)),
    }


def _structured(schema: Json, payload: Json) -> Json:
    """A command as one JSON document, with no header needed."""
    example = vectors.examples().get(schema["title"])
    own = {**schema["properties"], "data": payload}
    told = _told(schema)
    return {
        **told,
        "name": f"{told['name']}.structured",
        "title": f"{told['title']} (structured mode)",
        "contentType": STRUCTURED_TYPE,
        "payload": {"type": "object", "properties": own, "required": schema["required"]},
        "correlationId": {"location": "$message.payload#/id"},
        "bindings": _key(),
        **_examples(example and Example(example.says, None, {}, vectors.structured(example))),
    }


def _told(schema: Json) -> Json:
    """Name, title and words of a message; the words begin with its type where it has its own."""
    name: str = schema["title"]
    words: str = schema["description"]
    own = _EVENTS.get(name, words).removeprefix(f"{name}: ")
    return {"name": name, "title": name, "summary": own[:1].upper() + own[1:]}


def _dead_letter() -> Json:
    return {
        "name": DEAD_LETTER,
        "title": "A record that is no command",
        "summary": "Key, value and headers as they came, and why it is here.",
        "contentType": "application/octet-stream",
        "headers": DEAD_LETTER_HEADERS,
        "payload": {"description": "the record's value, whatever it is"},
        **_examples(vectors.dead_letter()),
    }


def _examples(example: Example | None) -> Json:
    """The example of a message, where the test vectors have one."""
    if example is None:
        return {}
    headers = {"headers": example.headers} if example.headers else {}
    return {"examples": [{"summary": example.says, **headers, "payload": example.value}]}


def _key() -> Json:
    return {"kafka": {"key": _KEY, "bindingVersion": BINDING}}


class _Parts:
    """The parts of all schemas, each told once: equal ones share a name."""

    def __init__(self) -> None:
        self.found: dict[str, Json] = {}

    def take(self, message_type: str, schema: Json) -> Json:
        """Take the schema of a message over; a reference to that of its data."""
        names: dict[str, str] = {}
        for part in _inside_out(schema["$defs"]):
            text = _renamed(schema["$defs"][part], names)
            names[part] = self._name(message_type, part, text)
        reference: Json = json.loads(_renamed(schema["properties"]["data"], names))
        return reference

    def _name(self, message_type: str, part: str, text: str) -> str:
        """The name of a part: its own, or with the type in front where another has that."""
        said = json.loads(text)
        for name in (part, f"{message_type}.{part}"):
            if self.found.setdefault(name, said) == said:
                return name
        raise AssertionError(f"{message_type} has two parts called {part}")


def _inside_out(parts: Json) -> Iterable[str]:
    """The names of parts, each after those it refers to."""
    waiting = dict(parts)
    while waiting:
        ready = [
            name
            for name, part in waiting.items()
            if not any(_pointer(other) in json.dumps(part) for other in waiting if other != name)
        ]
        assert ready, "no part holds itself"
        for name in ready:
            del waiting[name]
            yield name


def _pointer(part: str) -> str:
    return f'"#/$defs/{part}"'


def _renamed(part: Json, names: dict[str, str]) -> str:
    text = json.dumps(part, ensure_ascii=False)
    for old, new in names.items():
        text = text.replace(_pointer(old), f'"#/components/schemas/{new}"')
    return text
