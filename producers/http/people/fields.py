"""Fields of people, with the sentences of Django REST."""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

from producers.http.errors import custom
from producers.http.people.credentials import NAME_MAX
from producers.http.people.passwords import LONGEST
from producers.http.people.roles import USER_TYPES
from producers.http.reading_bodies import has_bad_characters

_NAME: Final = re.compile(r"[\w.@+-]+\Z")
_PHONE: Final = re.compile(r"\+?[0-9]{7,15}\Z", re.ASCII)
_BETWEEN: Final = re.compile(r"[\s()-]")


def _text(given: Any, longest: int) -> str:  # noqa: ANN401 - whatever JSON holds
    if given is None:
        raise custom("This field may not be null.")
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise custom("Not a valid string.")
    if isinstance(given, int) and abs(given) >= 10**18:
        raise custom("Not a valid string.")
    text = str(given)
    if not text.strip():
        raise custom("This field may not be blank.")
    if len(text) > longest:
        raise custom(f"Ensure this field has no more than {longest} characters.")
    if has_bad_characters(text):
        raise custom("Null characters are not allowed.")
    return text


def _username(given: Any) -> str:  # noqa: ANN401 - as above
    text = _text(given, NAME_MAX).strip()
    if not _NAME.match(text):
        raise custom(
            "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_"
            " characters."
        )
    return text


def _phone(given: Any) -> str:  # noqa: ANN401 - as above
    text = _BETWEEN.sub("", _text(given, 32))
    if not _PHONE.match(text):
        raise custom("Enter a valid phone number, as 09123456789 or +989123456789.")
    return text


def _user_type(given: Any) -> int:  # noqa: ANN401 - as above
    text = str(given).strip() if isinstance(given, str | int) else "..."
    if isinstance(given, bool) or text not in {str(each) for each in USER_TYPES}:
        raise custom(f'"{text[:50]}" is not a valid choice.')
    return int(text)


Username = Annotated[
    str,
    BeforeValidator(_username),
    WithJsonSchema({"type": "string", "maxLength": NAME_MAX, "examples": ["sara"]}),
]
"""A name to log in with: letters, digits and @ . + - _ of any script."""

Password = Annotated[
    str,
    BeforeValidator(lambda given: _text(given, LONGEST)),
    WithJsonSchema({"type": "string", "format": "password", "maxLength": LONGEST}),
]
"""A password, with every blank of it."""

Phone = Annotated[
    str,
    BeforeValidator(_phone),
    WithJsonSchema({"type": "string", "examples": ["09123456789"]}),
]
"""A phone number: digits, with a + in front or not; blanks, hyphens and brackets are left out."""

UserType = Annotated[
    int,
    BeforeValidator(_user_type),
    WithJsonSchema({"type": "integer", "enum": list(USER_TYPES)}),
]
"""0 is an admin, 1 a seller, 3 a user."""
