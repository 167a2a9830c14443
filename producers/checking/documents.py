"""The messages of a file: JSON documents one after the other, however they are broken into lines.

A document is a command in structured mode, the value of one in binary mode where headers are given,
or a record as `kcat -J` prints it, with its key and headers inside.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

Headers = Sequence[tuple[str, bytes]]

_BLANKS: Final = " \t\r\n\ufeff"

_UNFINISHED: Final = "the document ends too early: a brace, bracket or quote is not closed"


class Document(NamedTuple):
    """A message of a file. `start` is where it begins in the file's text, `end` where it ends.

    `text` and `value_at` are where its value's text begins; of a record of kcat, whose value stands
    in a text of its own, `value_at` is None.
    """

    start: int
    end: int
    value: bytes
    key: bytes | None
    headers: Headers
    value_at: int | None
    partition: int | None = None
    has_key: bool = False
    """Whether the key is known: None is one, too."""
    place: str = ""
    """Of a record: "partition:offset"."""
    repeated: tuple[str, ...] = ()
    """Names that stand twice in one object: the last of them counts."""


class Broken(NamedTuple):
    """What is no JSON, where, and why not."""

    position: int
    why: str


def documents_of(text: str, key: bytes | None, headers: Headers) -> Iterator[Document | Broken]:
    """The messages of a file's text. After what is no JSON, it goes on with the next line."""
    repeated: list[str] = []
    decoder = json.JSONDecoder(object_pairs_hook=partial(_object, repeated))
    position = _blanks(text, 0)
    while position < len(text):
        repeated.clear()
        try:
            found, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            broken_from, position = position, _next_line(text, position)
            if position <= error.pos:  # the next document had to end this one
                yield Broken(len(text[:position].rstrip()), _UNFINISHED)
                continue
            yield Broken(error.pos, _why(text, broken_from, error))
            position = _next_line(text, error.pos)
            continue
        except RecursionError:
            yield Broken(position, "nested too deep")
            return
        made = _document(text, position, end, found, (key, headers))
        yield made._replace(repeated=tuple(dict.fromkeys(repeated)))
        position = _blanks(text, end)


def _object(repeated: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its members, the last of each name; names that stand twice are noted."""
    made = dict(pairs)
    if len(made) < len(pairs):
        times = Counter(name for name, _ in pairs)
        repeated.extend(name for name in made if times[name] > 1)
    return made


def _document(
    text: str, start: int, end: int, found: object, given: tuple[bytes | None, Headers]
) -> Document:
    key, headers = given
    if isinstance(found, dict) and "payload" in found and "topic" in found and not headers:
        return _record(start, end, found)
    value = text[start:end].encode(errors="surrogatepass")
    return Document(start, end, value, key, headers, start, has_key=key is not None)


def _record(start: int, end: int, found: dict[str, Any]) -> Document:
    """A record as kcat prints it: headers are one list of names and values in turn."""
    payload, key, partition = found["payload"], found.get("key"), found.get("partition")
    listed = [str(each) for each in found.get("headers") or ()]
    headers = [(name, text.encode()) for name, text in zip(listed[::2], listed[1::2], strict=False)]
    return Document(
        start,
        end,
        payload.encode() if isinstance(payload, str) else b"",
        key.encode() if isinstance(key, str) else None,
        headers,
        None,
        partition if isinstance(partition, int) else None,
        has_key=True,
        place=f"{partition}:{found.get('offset')}",
    )


def _why(text: str, start: int, error: json.JSONDecodeError) -> str:
    """What is wrong, for a person: the usual slips by name."""
    rest = text[error.pos : error.pos + 20]
    if error.pos >= len(text.rstrip()):
        return _UNFINISHED
    if rest[:1] in "\r\n":
        return "a text ends in the line where it begins: its quote is not closed"
    if rest[:1] == "'":
        return "texts stand in double quotes"
    if text[start : error.pos].rstrip().endswith(",") and rest[:1] in "}]":
        return "a comma before the end: take it away"
    return f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"


def _next_line(text: str, position: int) -> int:
    """Where the next line begins that looks like the beginning of a document."""
    while (at := text.find("\n", position)) >= 0:
        position = at + 1
        if text[position : position + 1] == "{":
            return position
    return len(text)


def _blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in _BLANKS:
        position += 1
    return position
