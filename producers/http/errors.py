"""What a caller is told when it cannot have what it asked for, in the shapes of Django REST.

{"field": ["..."]} for a wrong field, {"detail": "..."} for a wrong request, {"error": "..."} where
a service says it so.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple, Self

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from producers.http.answers import Answer

NOT_OBJECT: Final = "non_field_errors"
RETRY_SECONDS: Final = 1
UNAVAILABLE: Final = 503
FIELDS_TOLD: Final = 100
"""Wrong fields in one answer: 1 MiB of commands may have 50,000, which would be 5 MB to tell."""

_WORDS: Final = {
    "missing": "This field is required.",
    "string_type": "Not a valid string.",
    "bool_type": "Must be a valid boolean.",
    "bool_parsing": "Must be a valid boolean.",
    "int_type": "A valid integer is required.",
    "int_parsing": "A valid integer is required.",
    "int_parsing_size": "A valid integer is required.",
    "int_from_float": "A valid integer is required.",
    "string_too_long": "Ensure this field has no more than {max_length} characters.",
    "string_too_short": "This field may not be blank.",
    "greater_than_equal": "Ensure this value is greater than or equal to {ge}.",
    "less_than_equal": "Ensure this value is less than or equal to {le}.",
    "model_type": "Invalid data. Expected a dictionary.",
}
"""Pydantic's error type -> the sentence of Django REST."""


_UNKNOWN: Final = "Extra inputs are not permitted"
"""Pydantic's sentence."""


class WrongFields(NamedTuple):
    """What is wrong, as pydantic finds it: the first fields, and how many more there are."""

    first: list[ErrorDetails]
    more: int

    @classmethod
    def of(cls, error: ValidationError) -> Self:
        """Those of an error; pydantic itself can only list all of them."""
        first = error.errors(include_url=False)[:FIELDS_TOLD]
        return cls(first, error.error_count() - len(first))

    @classmethod
    def unknown(cls, places: Iterable[tuple[str | int, ...]]) -> Self:
        """Fields that nothing has, as pydantic would find them there."""
        left = iter(places)
        first = [
            ErrorDetails(type="extra_forbidden", loc=place, msg=_UNKNOWN, input="")
            for place in islice(left, FIELDS_TOLD)
        ]
        return cls(first, sum(1 for _ in left))


class EarlyError(Exception):
    """Ends the handling of a request with an answer; raised by whatever finds out first.

    `wrong` is what pydantic found, where it was that: /v1/ tells it in another shape.
    """

    def __init__(self, answer: Answer, wrong: WrongFields | None = None) -> None:
        super().__init__(f"{answer.status}: {answer.body}")
        self.answer = answer
        self.wrong = wrong


def early(status: int, body: object, headers: Mapping[str, str] | None = None) -> EarlyError:
    """An answer to raise."""
    return EarlyError(Answer(body, status, headers or {}))


def detail(status: int, words: str) -> EarlyError:
    """{"detail": words} with a status."""
    return early(status, {"detail": words})


def error(status: int, words: str) -> EarlyError:
    """{"error": words} with a status."""
    return early(status, {"error": words})


def wrong_field(name: str, *words: str) -> EarlyError:
    """400 {"name": [words]}."""
    return early(400, {name: list(words)})


def not_found() -> EarlyError:
    """404, as for a path that leads nowhere."""
    return detail(404, "Not found.")


def busy(words: str, **more: str) -> EarlyError:
    """503: come again after a second."""
    return early(UNAVAILABLE, {"detail": words, **more}, {"Retry-After": str(RETRY_SECONDS)})


def custom(*words: str) -> PydanticCustomError:
    """An error of a field's own validator, in these sentences."""
    return PydanticCustomError("field", "{said}", {"said": " ".join(words), "messages": words})


def field_errors(wrong: WrongFields) -> dict[str, Any]:
    """Pydantic's first errors by field, lists and objects within it too."""
    found: dict[str, Any] = {}
    for each in wrong.first:
        name = str(each["loc"][0]) if each["loc"] else NOT_OBJECT
        found.setdefault(name, []).extend(_words(each))
    return found


def _words(each: ErrorDetails) -> Iterator[str]:
    context: Mapping[str, Any] = each.get("ctx", {})
    if each["type"] == "field":
        yield from context["messages"]
    elif each["input"] is None and each["type"] != "missing":
        yield "This field may not be null."
    else:
        words = _WORDS.get(each["type"])
        # Pydantic's own sentences are whole: braces in them, as of a pattern, are no places.
        yield each["msg"] if words is None else words.format_map(context)
