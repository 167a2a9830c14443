"""Whether messages changed so that the other side breaks: two versions of a JSON Schema compared.

What was written by one side must be understood by the other: every message that the narrow schema
lets through, the wide one must let through too. Of commands the released schema is the narrow one
(old producers, new ledger); of all that the ledger writes it is the wide one (new ledger, old
readers, who ignore fields that they do not know).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Schema = dict[str, Any]

OPEN_LISTS: Final = (".error.code",)
"""Ends of paths whose values may become more: readers take an unknown code as a refusal."""

_UPPER: Final = ("maxLength", "maximum", "exclusiveMaximum", "maxProperties", "maxItems")
_LOWER: Final = ("minLength", "minimum", "exclusiveMinimum", "minProperties", "minItems")
_SAME: Final = ("pattern", "format", "oneOf", "not")
_PARTS: Final = ("type", "const", "enum", "properties", "required", "additionalProperties", "items")
_OTHERS: Final = ("propertyNames", "anyOf", "$ref", "default")
_WORDS: Final = ("title", "description", "examples", "$schema", "$id", "$defs")
_KNOWN: Final = {*_UPPER, *_LOWER, *_SAME, *_PARTS, *_OTHERS, *_WORDS}


def breaking(
    old: Mapping[str, Schema], new: Mapping[str, Schema], is_command: Callable[[str], bool]
) -> list[str]:
    """What breaks the other side of messages, by type; `old` are the released schemas."""
    found = [f"{name}: the message is gone" for name in old if name not in new]
    for name in old.keys() & new.keys():
        if is_command(name):
            told = Comparison(wide=new[name], narrow=old[name], ours=True)
        else:
            told = Comparison(wide=old[name], narrow=new[name], ours=False)
        found += [f"{name}{finding}" for finding in told.findings()]
    return sorted(found)


class Comparison:
    """A wide and a narrow schema of one message; `ours`: whether the wide one is the ledger's."""

    def __init__(self, wide: Schema, narrow: Schema, *, ours: bool) -> None:
        self._wide = wide
        self._narrow = narrow
        self._ours = ours

    def findings(self) -> list[str]:
        """Where the narrow schema lets something through that the wide one does not."""
        return list(self._compare(self._wide, self._narrow, ""))

    def _compare(self, wide: Schema, narrow: Schema, path: str) -> Iterator[str]:
        for schema in (wide, narrow):
            assert schema.keys() <= _KNOWN, f"{path}: nobody compares {schema.keys() - _KNOWN}"
        if self._ours and wide.get("default") != narrow.get("default"):
            yield f"{path}: left out, it meant {narrow.get('default')}"
        choices = list(_choices(self._wide, wide))
        for each in _choices(self._narrow, narrow):
            tried = [list(self._compare_one(choice, each, path)) for choice in choices]
            yield from min(tried, key=len)

    def _compare_one(self, wide: Schema, narrow: Schema, path: str) -> Iterator[str]:
        if told := list(_kinds(wide, narrow, path)):
            yield from told
            return  # the rest would follow from it
        yield from _values(wide, narrow, path)
        yield from _limits(wide, narrow, path)
        for name in ("items", "propertyNames"):
            if name in wide:
                yield from self._compare(wide[name], narrow.get(name, {}), f"{path}[{name}]")
        yield from self._fields(wide, narrow, path)
        yield from self._other_fields(wide, narrow, path)

    def _fields(self, wide: Schema, narrow: Schema, path: str) -> Iterator[str]:
        for name in sorted({*wide.get("required", ())} - {*narrow.get("required", ())}):
            yield (
                f"{path}.{name}: is required now"
                if self._ours
                else (f"{path}.{name}: is not always there any more")
            )
        told = narrow.get("properties", {})
        for name, part in wide.get("properties", {}).items():
            if name in told:
                yield from self._compare(part, told[name], f"{path}.{name}")
            elif narrow.get("additionalProperties") is not False:
                yield f"{path}.{name}: is gone"

    def _other_fields(self, wide: Schema, narrow: Schema, path: str) -> Iterator[str]:
        """What an object may hold besides the fields it names."""
        rest = wide.get("additionalProperties", True)
        if rest is True:
            return
        if rest is False:
            for name in narrow.get("properties", {}).keys() - wide.get("properties", {}).keys():
                yield f"{path}.{name}: is gone"
            if narrow.get("additionalProperties", True) is not False:
                yield f"{path}: takes no other fields any more"
            return
        others = narrow.get("additionalProperties", {})
        if others is not False:
            yield from self._compare(rest, {} if others is True else others, f"{path}[*]")


def _choices(root: Schema, schema: Schema) -> Iterator[Schema]:
    """The schemas of which a value must fit one."""
    if "$ref" in schema:
        yield from _choices(root, root["$defs"][schema["$ref"].rpartition("/")[2]])
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _choices(root, each)
    else:
        yield schema


def _kinds(wide: Schema, narrow: Schema, path: str) -> Iterator[str]:
    if "type" not in wide:
        return
    taken, told = _types(wide), _types(narrow)
    if "type" not in narrow and _listed(narrow) is not None:
        return  # a list of values says more than a type
    if not told or not told <= taken | ({"integer"} if "number" in taken else set()):
        yield f"{path}: was {_named(told)}, and is {_named(taken)} to the other side"


def _types(schema: Schema) -> set[str]:
    told = schema.get("type", [])
    return {told} if isinstance(told, str) else set(told)


def _named(types: set[str]) -> str:
    return " or ".join(sorted(types)) or "anything"


def _listed(schema: Schema) -> list[Any] | None:
    """The values that are possible; None where they are not listed."""
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _values(wide: Schema, narrow: Schema, path: str) -> Iterator[str]:
    taken, told = _listed(wide), _listed(narrow)
    if taken is None or path.endswith(OPEN_LISTS):
        return
    if told is None:
        yield f"{path}: may be anything, the other side knows only {taken}"
        return
    for value in told:
        if value not in taken:
            yield f"{path}: {value!r} is unknown to the other side"


def _limits(wide: Schema, narrow: Schema, path: str) -> Iterator[str]:
    for name in _UPPER:
        if name in wide and narrow.get(name, float("inf")) > wide[name]:
            yield f"{path}: {name} is {wide[name]} to the other side"
    for name in _LOWER:
        if name in wide and narrow.get(name, float("-inf")) < wide[name]:
            yield f"{path}: {name} is {wide[name]} to the other side"
    for name in _SAME:
        if name in wide and narrow.get(name) != wide[name] and _listed(narrow) is None:
            yield f"{path}: {name} differs"
