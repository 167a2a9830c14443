"""Types of fields as the API has them: amounts are texts, moments have a zone, bodies closed."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from producers.http.fields import Uuid
from producers.http.reading_bodies import has_bad_characters
from schemas.content import is_beyond
from schemas.identifiers import MAX_BIGINT
from schemas.moments import in_milliseconds
from schemas.money import DECIMALS

LIMIT: Final = 50
LIMIT_MAX: Final = 500
"""Most things in one answer of a list."""

MOMENT_CHARACTERS_MAX: Final = 64
DELAY_CHARACTERS_MAX: Final = 64
DELAY_MAX: Final = 10**10
"""Most seconds, as schemas.commands.Seconds."""
_WHEN: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ](?!24)\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+ -]\d\d:?\d\d)?\Z", re.ASCII
)
"""RFC 3339, and its zone without a colon. One without a zone is told so, not taken for UTC.

Newer Pythons (3.14) take 24:00 for the next midnight; RFC 3339 has no such hour."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,64}(?:\.[0-9]{1,64})?\Z")


class Closed(BaseModel):
    """A body or a query in which every field is known; another one is refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _wrong(words: str) -> PydanticCustomError:
    return PydanticCustomError("value", "{words}", {"words": words})


def _amount(given: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(given, str):
        raise _wrong('write an amount as a text, like "50.00"; a number may lose digits')
    if len(given) > 64 or not _NUMBER.match(given):  # noqa: PLR2004 - as schemas.commands.Amount
        raise _wrong('not a decimal number; write it like "50.00"')
    return given


def _moment(given: Any) -> datetime:  # noqa: ANN401 - as above
    words = "a moment with its zone in RFC 3339, like 2026-11-20T10:00:00Z"
    if not isinstance(given, str) or len(given) > MOMENT_CHARACTERS_MAX:
        raise _wrong(words)
    text = given.upper()  # "t" and "z" may be small
    if not _WHEN.match(text):
        raise _wrong(words)
    try:
        # In an address a plus sign that is not escaped arrives as a space.
        found = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)\Z", r"+\1", text))
    except ValueError as wrong:
        raise _wrong(f"no moment: {wrong}") from None
    if found.tzinfo is None:
        raise _wrong(f"{words}; it has no zone")
    return _in_utc(found)


def _in_utc(moment: datetime) -> datetime:
    """The moment in UTC, whose years count and not those of its zone; one that the ledger takes."""
    try:
        found = moment.astimezone(UTC)
    except OverflowError:  # before the year 1, or after 9999
        found = None
    if found is None or is_beyond(found):
        raise _wrong("a moment of the years 1970 to 9998")
    return found


def _delay(given: Any) -> int | str:  # noqa: ANN401 - as above
    if isinstance(given, int) and not isinstance(given, bool):
        if 0 < given <= DELAY_MAX:
            return given
        raise _wrong(f"seconds are a whole number from 1 to {DELAY_MAX}")
    if isinstance(given, str) and given.startswith("P") and len(given) <= DELAY_CHARACTERS_MAX:
        return given
    raise _wrong('whole seconds as a number, or an ISO 8601 duration like "PT5M"')


def _currency(given: str) -> str:
    if given not in DECIMALS:
        raise _wrong("no ISO 4217 code that has minor units")
    return given


def _storable(text: str) -> str:
    if has_bad_characters(text):
        raise _wrong("a NUL or half a character cannot be stored")
    return text


Amount = Annotated[
    str,
    BeforeValidator(_amount),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$", "maxLength": 64}),
    Field(description="Decimal text in major units", examples=["50.00"]),
]
Currency = Annotated[
    str,
    Field(pattern="^[A-Z]{3}$", description="ISO 4217; the wallet's if left out", examples=["IRR"]),
    AfterValidator(_currency),
]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Delay = Annotated[
    int | str,
    BeforeValidator(_delay),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": DELAY_MAX},
                {"type": "string", "pattern": "^P", "maxLength": DELAY_CHARACTERS_MAX},
            ]
        }
    ),
]
WalletId = Annotated[
    Uuid,
    Field(description="A wallet", examples=["01930f6e-8a70-7c3a-9d53-0242ac120002"]),
]
Text = Annotated[str, AfterValidator(_storable)]
Reference = Annotated[
    Text, Field(max_length=128, description="Your own name for it", examples=["order 17"])
]
Metadata = Annotated[
    dict[
        Annotated[Text, Field(max_length=64)],
        Annotated[Text, Field(max_length=512)],
    ],
    Field(max_length=20, description="Your own notes", examples=[{"cart": "9"}]),
]
Phone = Annotated[
    Text,
    Field(pattern=r"^\+?[0-9]{10,15}$", description="10 to 15 digits", examples=["09121234567"]),
]
Sequence = Annotated[int, Field(ge=1, le=MAX_BIGINT)]
Limit = Annotated[
    int, Field(ge=1, le=LIMIT_MAX, description="Most things in the answer", examples=[50])
]
Cursor = Annotated[
    Text, Field(max_length=512, description="`next_cursor` of the page before; opaque")
]


class Noted(Closed):
    """What every command may say besides."""

    effective_at: Moment | None = Field(
        None, description="When it counts, if that is another time than now"
    )
    reference: Reference | None = None
    metadata: Metadata | None = None


class DryRun(Closed):
    """Whether a command is only tried."""

    dry_run: bool = Field(
        default=False, description="Try it by the real rules; nothing is sent nor stored"
    )


class Paged(Closed):
    """Which part of a list."""

    limit: Limit = LIMIT
    cursor: Cursor | None = None


def data_of(body: BaseModel, **more: object) -> dict[str, Any]:
    """A command's data: what the body says, moments as texts; and more."""
    said = body.model_dump(exclude_none=True) | more
    return {name: _plain(value) for name, value in said.items()}


def _plain(value: object) -> object:
    return in_milliseconds(value) if isinstance(value, datetime) else value


def given_of(query: BaseModel) -> Mapping[str, str]:
    """What a query says, as texts of an address."""
    said = query.model_dump(exclude_none=True, exclude_defaults=True)
    return {name: str(_plain(value)) for name, value in said.items()}
