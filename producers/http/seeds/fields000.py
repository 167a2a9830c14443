"""Types of the fields of service 000: phones of eleven characters, amounts from 1000 on."""

import re
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from producers.http import fields
from producers.http.errors import custom

PHONE_CHARACTERS: Final = 11
LEAST: Final = 1000
"""The smallest amount, in major units."""

_PHONE: Final = re.compile(r"\+?[0-9]+\Z")


def _phone(given: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if given is None:
        raise custom("This field may not be null.")
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise custom("Not a valid string.")
    if isinstance(given, int) and abs(given) >= 10**PHONE_CHARACTERS:
        raise custom(f"Ensure this field has no more than {PHONE_CHARACTERS} characters.")
    text = str(given).strip()
    if not text:
        raise custom("This field may not be blank.")
    if len(text) > PHONE_CHARACTERS:
        raise custom(f"Ensure this field has no more than {PHONE_CHARACTERS} characters.")
    if len(text) < PHONE_CHARACTERS:
        raise custom(f"Ensure this field has at least {PHONE_CHARACTERS} characters.")
    if not _PHONE.match(text):
        raise custom("Enter a valid phone number.")
    return text


def _enough(amount: Decimal) -> Decimal:
    if amount < LEAST:
        raise custom(f"Ensure this value is greater than or equal to {LEAST}.")
    return amount


Phone = Annotated[
    str,
    BeforeValidator(_phone),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": PHONE_CHARACTERS,
            "maxLength": PHONE_CHARACTERS,
            "examples": ["09125129188"],
        }
    ),
]
"""A phone number of eleven characters."""

Amount = Annotated[
    fields.Amount,
    AfterValidator(_enough),
    WithJsonSchema({"type": "string", "format": "decimal", "examples": ["5000.00"]}),
]
"""An amount of at least 1000, with two decimals at most."""
