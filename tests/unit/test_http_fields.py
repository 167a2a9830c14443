"""Fields as Django REST reads them: what is taken, and the sentences for what is not."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from producers.http import fields, moments, reading_bodies
from producers.http.answers import Answer
from producers.http.errors import EarlyError, WrongFields, field_errors
from producers.http.reading_bodies import data_of, model_of
from producers.http.seeds.seed001 import NewDeposit
from schemas.identifiers import transaction_id
from schemas.money import MAX_MINOR

UUID = "01930f6e-0000-7000-8000-00000000000a"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KINDS = {
    "whole": fields.Whole,
    "minor": fields.MinorAmount,
    "amount": fields.Amount,
    "moment": fields.Moment,
    "duration": fields.Duration,
    "uuid": fields.Uuid,
    "text": fields.Text,
}


def read(kind: Any, given_: object) -> Any:  # noqa: ANN401 - a type, and what it makes
    """What a field makes of a value; its sentences where it takes none."""
    try:
        return TypeAdapter(kind).validate_python(given_)
    except ValidationError as wrong:
        return field_errors(WrongFields.of(wrong))["non_field_errors"]


@pytest.mark.parametrize(
    ("kind", "given_", "made"),
    [
        (fields.MinorAmount, 10000, 10000),
        (fields.MinorAmount, "10000", 10000),
        (fields.MinorAmount, Decimal("5.0"), 5),
        (fields.MinorAmount, MAX_MINOR, MAX_MINOR),
        (fields.MinorAmount, 1.5, ["A valid integer is required."]),
        (fields.MinorAmount, -1, ["Ensure this value is greater than or equal to 1."]),
        (fields.MinorAmount, False, ["A valid integer is required."]),
        (
            fields.MinorAmount,
            MAX_MINOR + 1,
            [f"Ensure this value is less than or equal to {MAX_MINOR}."],
        ),
        (fields.Amount, "100.00", Decimal("100.00")),
        (fields.Amount, 100, Decimal(100)),
        (fields.Amount, "1e2", Decimal(100)),
        (fields.Amount, "-0.10", Decimal("-0.10")),
        (fields.Amount, "9" * 36 + ".99", Decimal("9" * 36 + ".99")),
        (fields.Amount, "9" * 37, ["Ensure that there are no more than 38 digits in total."]),
        (fields.Amount, "1.001", ["Ensure that there are no more than 2 decimal places."]),
        (fields.Amount, "sNaN", ["A valid number is required."]),
        (fields.Amount, "1_0", ["A valid number is required."]),
        (fields.Amount, "1" * 1001, ["String value too large."]),
        (fields.Amount, None, ["This field may not be null."]),
        (fields.Moment, "2026-02-15T15:00:00Z", datetime(2026, 2, 15, 15, tzinfo=UTC)),
        (fields.Moment, "2026-02-15 15:00", datetime(2026, 2, 15, 15, tzinfo=UTC)),
        (fields.Moment, "2026-02-15T18:30:00+03:30", datetime(2026, 2, 15, 15, tzinfo=UTC)),
        (fields.Moment, None, ["This field may not be null."]),
        (fields.Duration, "90", timedelta(seconds=90)),
        (fields.Duration, 90, timedelta(seconds=90)),
        (fields.Duration, "1 02:03:04.5", timedelta(1, 11045 - 3661, 500_000)),
        (fields.Duration, "PT5M", timedelta(minutes=5)),
        (fields.Uuid, UUID.upper(), UUID),
        (fields.Uuid, 5, ["Must be a valid UUID."]),
        (fields.Text, "a\0b", ["Null characters are not allowed."]),
        (fields.Text, "x" * 257, ["Ensure this field has no more than 256 characters."]),
    ],
)  # fmt: skip
def test_what_a_field_makes_of_a_value(kind: object, given_: object, made: object) -> None:
    """The value, or the sentences of Django REST."""
    assert read(kind, given_) == made


@pytest.mark.parametrize(
    "text",
    ["2026-02-30T00:00:00Z", "2026-02-15", "0001-01-01T00:00:00+23:59", "15:00:00Z", 5],
)
def test_what_is_no_moment(text: object) -> None:
    """A day that is not in the calendar, at its rim, or without a time."""
    (said,) = read(fields.Moment, text)
    assert said.startswith("Datetime has wrong format.")


@pytest.mark.parametrize(
    "text", ["", "1:2:3:4", "-5", "P", "PT" + "9" * 60 + "S", "999999999 1", []]
)
def test_what_is_no_duration(text: object) -> None:
    """Nor is one that no clock of ours can count."""
    said = read(fields.Duration, text)
    assert said == timedelta(days=999999999, seconds=1) or said[0].startswith("Duration has wrong")


@pytest.mark.parametrize("kind", KINDS)
@given(value=ANYTHING)
def test_whatever_comes_is_taken_or_refused(kind: str, value: object) -> None:
    """Never another error, and a refusal is always of sentences."""
    made = read(KINDS[kind], value)
    assert not isinstance(made, list) or all(isinstance(said, str) and said for said in made)


@given(minor=st.integers(-MAX_MINOR, MAX_MINOR))
def test_an_amount_keeps_every_digit(minor: int) -> None:
    """All 38 of them, with exactly two decimals."""
    sign, digits = "-" if minor < 0 else "", str(abs(minor)).rjust(3, "0")
    text = f"{sign}{digits[:-2]}.{digits[-2:]}"
    assert fields.two_decimals(read(fields.Amount, text)) == text


@given(body=st.binary(max_size=200))
def test_any_body_is_data_or_a_refusal(body: bytes) -> None:
    """And what is data is an object with an amount, or named as what it lacks."""
    for kind in ("application/json", "application/x-www-form-urlencoded", "image/png"):
        answer = refusal(kind, body)
        assert answer is None or (answer.status in {400, 415} and isinstance(answer.body, dict))


def refusal(kind: str, body: bytes) -> Answer | None:
    """What is said against a deposit's body, if anything is."""
    try:
        model_of(NewDeposit, data_of(kind, body))
    except EarlyError as early:
        return early.answer
    return None


class Name(str):
    """A name that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        return str.__hash__(self)


def test_a_name_that_comes_twice_among_many_is_found_in_one_walk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stranger's body may hold ten thousand: each with each would hold up all others."""
    names = [*(f"n{number}" for number in range(2000)), "again", "again"]
    monkeypatch.setattr(Name, "compared", 0)
    with pytest.raises(ValueError, match=r"\A'again' is there twice\Z"):
        reading_bodies._unique([(Name(name), 0) for name in names])  # noqa: SLF001 - it alone
    assert Name.compared <= len(names)
    members = ",".join(f'"{name}":0' for name in names)
    answer = refusal("application/json", f"{{{members}}}".encode())
    assert answer is not None
    assert answer.body == {"detail": "JSON parse error - 'again' is there twice"}


def test_errors_of_many_fields_are_told_at_once() -> None:
    """By field, also for what is deeper in it."""

    class Both(BaseModel):
        one: fields.Whole
        other: list[fields.Uuid]

    with pytest.raises(EarlyError) as early:
        model_of(Both, {"other": ["x"]})
    assert early.value.answer.body == {
        "one": ["This field is required."],
        "other": ["Must be a valid UUID."],
    }


@given(milliseconds=st.integers(0, 4_102_444_800_000))
def test_a_transaction_id_tells_its_moment(milliseconds: int) -> None:
    """To the millisecond."""
    moment = moments.of_id(transaction_id(milliseconds, 999, 2**40 - 1, "f" * 32))
    assert moment == datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


def test_moments_are_written_as_django_writes_them() -> None:
    """In UTC, with six decimals or none."""
    assert moments.of_text("2026-11-20T10:00:00.000Z") == "2026-11-20T10:00:00Z"
    assert moments.of_text("2026-11-20T13:30:00.120+03:30") == "2026-11-20T10:00:00.120000Z"
