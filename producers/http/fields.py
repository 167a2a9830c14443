"""Types of fields as Django REST reads them, with its sentences for what is wrong."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, WithJsonSchema
from pydantic import ValidationError as PydanticError

from producers.http.errors import custom
from producers.http.reading_bodies import has_bad_characters
from schemas import identifiers
from schemas.money import MAX_DIGITS, MAX_MINOR

NUMBER_CHARACTERS_MAX: Final = 64
MOMENT_CHARACTERS_MAX: Final = 64
DECIMALS: Final = 2
"""Decimals of the amounts of the services, all of which speak of rials."""

_NULL: Final = "This field may not be null."
_MOMENT_WORDS: Final = (
    "Datetime has wrong format. Use one of these formats instead:"
    " YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
)
_DAY_AND_HOUR: Final = re.compile(r"\d{4}-\d\d-\d\d[T ](?!24)", re.ASCII)
"""How a moment begins. Newer Pythons (3.14) take 24:00 for the next midnight, older ones do not."""
_DURATION_WORDS: Final = (
    "Duration has wrong format. Use one of these formats instead: [DD] [HH:[MM:]]ss[.uuuuuu]."
)
_CLOCK: Final = re.compile(
    r"(?:(?P<days>\d{1,9}) )?(?:(?:(?P<hours>\d{1,9}):)?(?P<minutes>\d{1,9}):)?"
    r"(?P<seconds>\d{1,9}(?:\.\d{1,6})?)\Z",
    re.ASCII,
)


def _text(text: str) -> str:
    if has_bad_characters(text):
        raise custom("Null characters are not allowed.")
    return text


def _whole(given: Any) -> int:  # noqa: ANN401 - whatever JSON holds
    if isinstance(given, bool) or not isinstance(given, int | str | Decimal):
        raise custom(_NULL if given is None else "A valid integer is required.")
    text = re.sub(r"\.0*\Z", "", str(given).strip())
    if len(text) > NUMBER_CHARACTERS_MAX or not re.fullmatch(r"[+-]?[0-9]+", text):
        raise custom("A valid integer is required.")
    return int(text)


def _minor(given: Any) -> int:  # noqa: ANN401 - as above
    number = _whole(given)
    if number < 1:
        raise custom("Ensure this value is greater than or equal to 1.")
    if number > MAX_MINOR:
        raise custom(f"Ensure this value is less than or equal to {MAX_MINOR}.")
    return number


def _decimal(given: Any) -> Decimal:  # noqa: ANN401 - as above
    if isinstance(given, bool) or not isinstance(given, int | str | Decimal):
        raise custom(_NULL if given is None else "A valid number is required.")
    text = str(given).strip()
    if len(text) > 1000:  # noqa: PLR2004 - as Django REST
        raise custom("String value too large.")
    if not re.fullmatch(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", text):
        raise custom("A valid number is required.")
    try:
        return _bounded(Decimal(text))
    except InvalidOperation:
        raise custom("A valid number is required.") from None


def _bounded(number: Decimal) -> Decimal:
    """The number, unless it has more digits than an amount can have."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "neither infinite nor no number"
    if exponent < -DECIMALS:
        raise custom(f"Ensure that there are no more than {DECIMALS} decimal places.")
    if number and number.adjusted() >= MAX_DIGITS - DECIMALS:
        raise custom(f"Ensure that there are no more than {MAX_DIGITS} digits in total.")
    # quantize() would round to the 28 digits of the context.
    return Decimal(f"{number:f}")


def two_decimals(number: Decimal) -> str:
    """A number of at most two decimals with exactly two, as "50.00"."""
    whole, _, fraction = f"{number:f}".partition(".")
    return f"{whole}.{fraction.ljust(DECIMALS, '0')}"


def _moment(given: Any) -> datetime:  # noqa: ANN401 - as above
    if given is None:
        raise custom(_NULL)
    is_text = isinstance(given, str) and len(given) <= MOMENT_CHARACTERS_MAX
    if not is_text or not _DAY_AND_HOUR.match(given):
        raise custom(_MOMENT_WORDS)
    try:
        found = datetime.fromisoformat(given.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise custom(_MOMENT_WORDS) from None


def _duration(given: Any) -> timedelta:  # noqa: ANN401 - as above
    if given is None or isinstance(given, bool):
        raise custom(_NULL if given is None else _DURATION_WORDS)
    text = str(given).strip()
    found = _CLOCK.match(text)
    try:
        if found:
            parts = {name: float(each) for name, each in found.groupdict(default="0").items()}
            return timedelta(**parts)
        if len(text) <= NUMBER_CHARACTERS_MAX and text.startswith("P"):
            return _ISO_DURATION.validate_python(text)
    except (OverflowError, PydanticError):
        pass
    raise custom(_DURATION_WORDS)


def _uuid(given: Any) -> str:  # noqa: ANN401 - as above
    lower = given.lower() if isinstance(given, str) else ""
    if not identifiers.is_uuid(lower):
        raise custom(_NULL if given is None else "Must be a valid UUID.")
    return lower


_ISO_DURATION: Final = TypeAdapter(timedelta)

Text = Annotated[str, Field(max_length=256), AfterValidator(_text)]
"""A short text that PostgreSQL can store."""

Whole = Annotated[int, BeforeValidator(_whole), WithJsonSchema({"type": "integer"})]
"""A whole number; a text of digits is one too."""

MinorAmount = Annotated[
    int,
    BeforeValidator(_minor),
    WithJsonSchema({"type": "integer", "minimum": 1, "examples": [10000]}),
]
"""A positive amount in minor units, of at most 38 digits."""

Amount = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    WithJsonSchema({"type": "string", "format": "decimal", "examples": ["100.00"]}),
]
"""A number of at most 38 digits, two of them decimals; whether it is positive is not looked at."""

Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A moment in ISO 8601; one without a zone is UTC's."""

Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "examples": ["00:05:00", "PT5M"]}),
]
"""A time span: "[DD] [HH:[MM:]]ss", or ISO 8601."""

Uuid = Annotated[str, BeforeValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
"""A UUID, in small letters whatever it was written in."""
