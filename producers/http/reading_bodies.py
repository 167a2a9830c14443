"""Reads the body of a request: JSON or a form, an object, and nothing that trips later code."""

import codecs
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from producers.http.answers import Answer
from producers.http.errors import EarlyError, WrongFields, detail, early, field_errors
from schemas import nesting

Model = TypeVar("Model", bound=BaseModel)

JSON_TYPE: Final = "application/json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
FORM_FIELDS_MAX: Final = 100

_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_ESCAPED: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""Spellings that may stand for a NUL or half a character."""


def model_of(model: type[Model], data: object) -> Model:
    """The data as a model has it. Raises EarlyError 400, by field.

    A model that tells what is wrong in another shape has a static method `told(errors)`.
    """
    if not isinstance(data, dict):
        words = f"Invalid data. Expected a dictionary, but got {_NAMES[type(data)]}."
        raise early(400, _told(model, {"non_field_errors": [words]}))
    try:
        return model.model_validate(data)
    except ValidationError as error:
        wrong = WrongFields.of(error)
        raise EarlyError(Answer(_told(model, field_errors(wrong)), 400), wrong) from None


def _told(model: type[BaseModel], errors: dict[str, Any]) -> object:
    tell: Callable[[dict[str, Any]], object] = getattr(model, "told", lambda same: same)
    return tell(errors)


def data_of(content_type: str, body: bytes) -> object:
    """What a body says; no body is an empty object. Raises EarlyError 400 or 415."""
    if not body:
        return {}
    if content_type == JSON_TYPE or content_type.endswith("+json"):
        return _json(body)
    if content_type == FORM_TYPE:
        return _form(body)
    raise detail(415, f'Unsupported media type "{content_type}" in request.')


def has_bad_characters(text: str) -> bool:
    """Whether a text holds a NUL or half a character: neither can be stored."""
    if text.isascii():
        return "\0" in text
    return "\0" in text or any("\ud800" <= each <= "\udfff" for each in text)


def _json(body: bytes) -> object:
    if nesting.is_too_deep(body):
        raise _parse_error(f"nested deeper than {nesting.DEEPEST} levels")
    if body.startswith(_MARKS):
        raise _parse_error("it begins with a byte order mark; send UTF-8 without one")
    try:
        found: object = _decode(body.decode())
    except UnicodeDecodeError:
        raise _parse_error("not UTF-8") from None
    except ArithmeticError:
        raise _parse_error("a number is too large, or too small") from None
    except (ValueError, RecursionError) as wrong:
        raise _parse_error(str(wrong)[:200]) from None
    if _ESCAPED.search(body) or b"\0" in body:
        _refuse_bad_characters(found)
    return found


def _form(body: bytes) -> object:
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS_MAX
        )
    except ValueError:
        raise detail(400, "The form cannot be read.") from None
    try:
        found = _unique(pairs)
    except ValueError as wrong:
        raise detail(400, f"The form cannot be read: {wrong}.") from None
    _refuse_bad_characters(found)
    return found


def _refuse_bad_characters(found: object) -> None:
    left = [found]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += [*each, *each.values()]
        elif isinstance(each, list):
            left += each
        elif isinstance(each, str) and has_bad_characters(each):
            raise _parse_error("a text holds a NUL or half a character")


def _parse_error(why: str) -> EarlyError:
    return detail(400, f"JSON parse error - {why}")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a name that comes twice in it is a mistake: nobody knows which was meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        times = Counter(name for name, _ in pairs)  # once for all: a body holds 100,000 names
        twice = next(name for name in times if times[name] > 1)
        raise ValueError(f"{twice[:50]!a} is there twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


_decode: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_refuse_constant
).decode

_NAMES: Final = {
    list: "list",
    str: "str",
    int: "int",
    Decimal: "float",
    bool: "bool",
    type(None): "None",
}
