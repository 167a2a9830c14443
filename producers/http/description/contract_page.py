"""The page of the topics and their messages: one HTML document, without scripts, for offline use.

Made of the AsyncAPI document alone, so the two cannot differ.
"""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from schemas import vectors

Json = Mapping[str, Any]

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)

_STYLE: Final = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 } a { color: inherit }
td, th { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #8886;
vertical-align: top } code, pre { font: .9em/1.45 ui-monospace, monospace }
pre { background: #8881; padding: .8rem; border-radius: .4rem; overflow-x: auto }
summary { cursor: pointer; padding: .35rem 0 } details { border-bottom: 1px solid #8883 }
details > :not(summary) { margin-left: 1.1rem } :target > summary { background: #fd03 }
h2 { margin-top: 2.5rem } small { opacity: .75 } .need { font-weight: 600 }
"""
_CODE: Final = re.compile(r"`([^`]+)`")
DAY_MS: Final = 24 * 3600 * 1000
DEEPEST: Final = 3
"""Fields within fields are told so deep."""


def page_of(document: Json) -> str:
    """The page of an AsyncAPI document."""
    channels = document["channels"].items()
    links = " &middot; ".join(
        f'<a href="#{name}">{_text(ch["title"])}</a>' for name, ch in channels
    )
    parts = "\n".join(_channel(document, name, channel) for name, channel in channels)
    bootstrap = document["servers"]["kafka"]["variables"]["bootstrap"]["default"]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Messages of Wallet Streams</title>
<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>
<h1>Messages</h1>
<p>{_text(document["info"]["description"])}</p>
<p>Brokers: <code>{_text(bootstrap)}</code>. For programs: <a href="/asyncapi.json">AsyncAPI
{document["asyncapi"]}</a> (<a href="/asyncapi.yaml">YAML</a>), <a href="/schemas">JSON Schemas</a>,
<a href="/schemas/vectors.json">test vectors</a>. Why a command is refused:
<a href="/docs/errors">errors</a>.</p>
<p>{links} &middot; <a href="#partitions">Check your partitioner</a></p>
{parts}
{_partitions()}
</body></html>
"""


def _channel(document: Json, name: str, channel: Json) -> str:
    kafka = channel["bindings"]["kafka"]
    known = document["components"]["messages"]
    messages = [
        _message(document, each, known.get(f"{each['name']}.structured"))
        for each in (known[found] for found in channel["messages"])
        if not each["name"].endswith(".structured")
    ]
    return f"""<section id="{name}"><h2>{_text(channel["title"])}</h2>
<p><code>{_text(channel["address"])}</code> &middot; {kafka["partitions"]} partitions &middot;
{_text(_kept(kafka["topicConfiguration"]))} &middot; {_keyed(channel)}</p>
<p>{_text(channel["description"])}</p>
{"".join(messages)}</section>"""


def _message(document: Json, message: Json, structured: Json | None) -> str:
    name = message["name"]
    fields = list(_fields(document, message["payload"], "", 1))
    example = "".join(_example(each) for each in message.get("examples", ()))
    if structured:
        told = structured["examples"][0]["payload"]
        example += f"<p>The same in structured mode, where no header is needed:</p>{_code(told)}"
    schema = f'<p><a href="/schemas/{name}.json">JSON Schema</a></p>' if fields else ""
    return f"""<details id="{_text(name)}"><summary><code>{_text(name)}</code>
<small>{_text(message["summary"])}</small></summary>
{_table("value", fields)}
{_table("header", list(_fields(document, message["headers"], "", DEEPEST)))}
{example}{schema}</details>
"""


def _table(what: str, fields: list[tuple[str, str, str, bool]]) -> str:
    if not fields:
        return ""
    rows = "".join(
        f"<tr><td><code{' class=need' if needed else ''}>{_text(name)}</code>"
        f"<td>{'required' if needed else ''}<td>{_text(kind)}<td>{_text(words)}"
        for name, kind, words, needed in fields
    )
    return f"<table><thead><tr><th>{what}<th><th>is<th></thead><tbody>{rows}</tbody></table>"


def _fields(
    document: Json, schema: Json, above: str, depth: int
) -> Iterator[tuple[str, str, str, bool]]:
    """Name, kind, words of each field, and whether it is required; those within have dots."""
    found = _resolved(document, schema)
    needed = found.get("required", ())
    for name, part in found.get("properties", {}).items():
        inner, words = _meant(document, part)
        path = f"{above}{name}"
        kind = kind_of({key: said for key, said in inner.items() if key != "pattern" or not words})
        if part.get("default") is not None:
            kind = f"{kind}, {part['default']} by default"
        yield path, kind, words, name in needed
        if depth < DEEPEST:
            yield from _fields(document, inner, f"{path}.", depth + 1)
            items = inner.get("items")
            if items:
                yield from _fields(document, items, f"{path}[].", depth + 1)


def _meant(document: Json, part: Json) -> tuple[Json, str]:
    """The schema of a field without what only says that it may be null, and its words."""
    choices = [each for each in part.get("anyOf", ()) if each.get("type") != "null"]
    inner = _resolved(document, choices[0] if len(choices) == 1 else part)
    has_own_words = "properties" not in inner  # else they are of the thing, not of the field
    words = part.get("description") or (inner.get("description", "") if has_own_words else "")
    return inner, words


def _resolved(document: Json, schema: Json) -> Json:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Json = document["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def kind_of(schema: Json) -> str:
    """What a value must be, in a few words."""
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    if "anyOf" in schema:
        kinds = [kind_of(each) for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    kind = schema.get("type", "anything").replace("string", "text")
    limits = [f"{_LIMITS[name]} {schema[name]}" for name in _LIMITS if name in schema]
    return ", ".join([kind, *limits])


_LIMITS: Final = {
    "format": "a",
    "minLength": "from",
    "maxLength": "up to",
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "up to",
    "maxProperties": "at most",
    "pattern": "like",
}
"""A restriction of JSON Schema -> how it is told."""


def _example(example: Json) -> str:
    headers = example.get("headers", {})
    lines = "\n".join(f"{name}: {text}" for name, text in headers.items())
    told = _code(lines) if lines else ""
    return f"<p>Example: {_text(example['summary'])}</p>{told}{_code(example['payload'])}"


def _code(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return f"<pre>{escape(text)}</pre>"


def _kept(config: Json) -> str:
    if "delete" not in config["cleanup.policy"]:
        return "kept compacted: the newest of each key"
    milliseconds = config["retention.ms"]
    return "kept for ever" if milliseconds < 0 else f"kept for {milliseconds // DAY_MS} days"


def _keyed(channel: Json) -> str:
    partitioner = channel["x-partitioner"]
    return f"key: the wallet id, a lower-case UUID; partitioner {_text(partitioner)}"


def _partitions() -> str:
    """What a partitioner must give: the keys of the test vectors."""
    keys = vectors.document()["keys"]
    counts = list(keys[0]["partitions"])
    heads = "".join(f"<th>of {count}" for count in counts)
    rows = "".join(
        f"<tr><td><code>{_text(each['key']) or '(empty)'}</code><td>{each['murmur2']}"
        + "".join(f"<td>{each['partitions'][count]}" for count in counts)
        for each in keys
    )
    return f"""<section id="partitions"><h2>Check your partitioner</h2>
<p>The partition of a record is <code>(murmur2(key) &amp; 0x7fffffff) % partitions</code>, the key
being UTF-8 bytes.</p>
<table><thead><tr><th>key<th>murmur2, signed{heads}</thead>
<tbody>{rows}</tbody></table></section>"""


def _text(text: str) -> str:
    """A text as HTML; what stands in backticks is code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))
