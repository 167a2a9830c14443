"""Fields of service 003, with the sentences of Django REST."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from producers.http import fields
from producers.http.errors import custom
from producers.http.reading_bodies import has_bad_characters
from producers.http.seeds.reading003 import LIMIT
from schemas.identifiers import MAX_BIGINT

OFFSET_MAX: Final = 1_000_000
PHONE_DIGITS: Final = (10, 15)
_WHOLE: Final = "A valid integer is required."
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+\Z")


def _words(given: Any, longest: int) -> str:  # noqa: ANN401 - whatever JSON holds
    """A text without blanks around it; numbers are texts too."""
    if given is None:
        raise custom("This field may not be null.")
    if isinstance(given, bool) or not isinstance(given, str | int | Decimal):
        raise custom("Not a valid string.")
    if isinstance(given, int) and abs(given) > MAX_BIGINT:
        raise custom("Not a valid string.")
    text = str(given).strip()
    if len(text) > longest:
        raise custom(f"Ensure this field has no more than {longest} characters.")
    if has_bad_characters(text):
        raise custom("Null characters are not allowed.")
    return text


def _of(longest: int, *, may_be_blank: bool = False) -> Callable[[Any], str]:
    def read(given: Any) -> str:  # noqa: ANN401 - as above
        text = _words(given, longest)
        if not text and not may_be_blank:
            raise custom("This field may not be blank.")
        return text

    return read


def _email(text: str) -> str:
    if not _EMAIL.match(text):
        raise custom("Enter a valid email address.")
    return text


def _phone(text: str) -> str:
    digits = re.sub(r"[^0-9]", "", text)
    fewest, most = PHONE_DIGITS
    if len(digits) < fewest:
        raise custom(f"Phone number must have at least {fewest} digits.")
    if len(digits) > most:
        raise custom(f"Phone number must have no more than {most} digits.")
    return digits


def _positive(amount: Decimal) -> Decimal:
    if amount <= 0:
        raise custom("Ensure this value is greater than or equal to 0.01.")
    return amount


def _id(number: int) -> int:
    if abs(number) > MAX_BIGINT:
        raise custom(_WHOLE)
    return number


def _limit(number: int) -> int:
    if not 1 <= number <= LIMIT:
        raise custom(f"A number from 1 to {LIMIT}.")
    return number


def _offset(number: int) -> int:
    if not 0 <= number <= OFFSET_MAX:
        raise custom(f"A number from 0 to {OFFSET_MAX}.")
    return number


def _choice(*allowed: str) -> Callable[[Any], str]:
    def read(given: Any) -> str:  # noqa: ANN401 - as above
        if given is None:
            raise custom("This field may not be null.")
        if not isinstance(given, str) or given not in allowed:
            said = str(given) if isinstance(given, str | int | Decimal) else "..."
            raise custom(f'"{said[:50]}" is not a valid choice.')
        return given

    return read


def _seller(given: Any) -> int:  # noqa: ANN401 - as above
    """The id of a seller, as Django REST reads the key of something related."""
    if given is None:
        raise custom("This field may not be null.")
    text = str(given).strip() if isinstance(given, str | int) else ""
    if isinstance(given, bool) or not re.fullmatch(r"-?[0-9]{1,64}", text):
        raise custom(f"Incorrect type. Expected pk value, received {type(given).__name__}.")
    return int(text)


def _flag(given: Any) -> bool:  # noqa: ANN401 - as above
    if given is None:
        raise custom("This field may not be null.")
    text = str(given).lower() if isinstance(given, bool | str | int) else ""
    for words, meant in _FLAGS.items():
        if text in words:
            return meant
    raise custom("Must be a valid boolean.")


_FLAGS: Final = {
    frozenset({"true", "t", "yes", "y", "on", "1"}): True,
    frozenset({"false", "f", "no", "n", "off", "0"}): False,
}

_TEXT: Final = WithJsonSchema({"type": "string"})

Name = Annotated[str, BeforeValidator(_of(255)), _TEXT]
"""A name of at most 255 characters."""

Email = Annotated[
    str,
    BeforeValidator(_of(254)),
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "format": "email"}),
]
"""An e-mail address, by its looks."""

Phone = Annotated[
    str,
    BeforeValidator(_of(64)),
    AfterValidator(_phone),
    WithJsonSchema({"type": "string", "examples": ["09123456789"]}),
]
"""The digits of a phone number, 10 to 15; whatever else stands between them is left out."""

By = Annotated[str, BeforeValidator(_of(128)), _TEXT]
"""Who has decided."""

Notes = Annotated[str, BeforeValidator(_of(256, may_be_blank=True)), _TEXT]
"""Why; may be blank."""

Flag = Annotated[bool, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})]
"""Yes or no, in one of the ways in which Django REST reads it."""

Action = Annotated[
    str,
    BeforeValidator(_choice("approve", "reject")),
    WithJsonSchema({"type": "string", "enum": ["approve", "reject"]}),
]
"""What is done with a credit request."""

Amount = Annotated[fields.Amount, AfterValidator(_positive)]
"""A positive number, of two decimals at most."""

Id = Annotated[fields.Whole, AfterValidator(_id)]
"""A whole number that may be somebody's id."""

SellerId = Annotated[int, BeforeValidator(_seller), WithJsonSchema({"type": "integer"})]
"""The id of a seller, who may not exist."""

Limit = Annotated[fields.Whole, AfterValidator(_limit)]
Offset = Annotated[fields.Whole, AfterValidator(_offset)]
