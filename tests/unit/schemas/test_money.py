"""Money is an integer of minor units inside and a decimal string outside, and nothing between."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import money
from schemas.money import DECIMALS, MAX_MINOR, AmountError, parse, show

CODES = {"invalid_field", "amount_not_positive", "amount_precision", "amount_too_large"}
currencies = st.sampled_from(sorted(DECIMALS))


def code_of(text: str, currency: str = "IRR") -> str:
    """The rejection code of an amount that cannot be taken."""
    with pytest.raises(AmountError) as caught:
        parse(text, currency)
    assert str(caught.value)
    return caught.value.code


@given(st.integers(1, MAX_MINOR), currencies)
def test_what_is_shown_is_read_back(minor: int, currency: str) -> None:
    """parse(show(x)) == x for every amount of every currency."""
    assert parse(show(minor, currency), currency) == minor


@given(st.integers(-MAX_MINOR, MAX_MINOR), currencies)
def test_what_is_shown_is_the_exact_decimal(minor: int, currency: str) -> None:
    """The text is the fraction of minor units to the unit, with all decimals of the currency."""
    shown = show(minor, currency)
    assert Fraction(shown) == Fraction(minor, 10 ** DECIMALS[currency])
    assert int(shown.replace(".", "")) == minor
    assert len(shown.partition(".")[2]) == DECIMALS[currency]


@given(st.text(alphabet="0123456789.-+eE_ ,\u0663\u00b2NaInf\0\n", max_size=50), currencies)
def test_any_text_is_an_amount_or_refused(text: str, currency: str) -> None:
    """Nothing but an AmountError is raised, and what is taken is exactly what the text says."""
    try:
        minor = parse(text, currency)
    except AmountError as error:
        refusal = error
    else:
        assert 0 < minor <= MAX_MINOR
        assert text.isascii()
        assert Fraction(text) == Fraction(minor, 10 ** DECIMALS[currency])
        return
    assert refusal.code in CODES
    assert "\0" not in str(refusal)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("5000.00", "IRR", 500_000),
        ("5000", "IRR", 500_000),
        ("5000.5", "IRR", 500_050),
        ("0.01", "EUR", 1),
        ("007", "EUR", 700),
        ("7", "JPY", 7),
        ("0.001", "KWD", 1),
        ("0.0001", "CLF", 1),
    ],
)
def test_amounts_follow_iso_4217(text: str, currency: str, minor: int) -> None:
    """Minor units are ISO 4217's: two for IRR, none for JPY, three for KWD."""
    assert parse(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "NaN", "Infinity", "-Infinity", "1e5", "1E5", "0x10", "1_000", "1,000", "+5", "+0",
        " 5", "5 ", "5\n", "\u0665\u0660", "\uff15", "\u00b2", "5.", ".5", ".", "-", "-.5", "--5",
        "5.0.0", "5-", "$5", "5\0",
    ],
)  # fmt: skip
def test_what_is_no_plain_decimal_is_an_invalid_field(text: str) -> None:
    """Only ASCII digits and one point: no exponent, sign, blank, grouping or other digits."""
    assert code_of(text) == "invalid_field"


@pytest.mark.parametrize("text", ["0", "0.00", "00", "-0", "-5", "-5.00", "-0.001", "-" + "9" * 60])
def test_nothing_and_less_are_not_positive(text: str) -> None:
    """Nobody moves nothing; a negative amount is no other direction."""
    assert code_of(text) == "amount_not_positive"


@pytest.mark.parametrize(
    ("text", "currency"), [("0.001", "IRR"), ("5.000", "EUR"), ("5.0", "JPY"), ("0.0000", "KWD")]
)
def test_more_decimals_than_the_currency_has(text: str, currency: str) -> None:
    """Also when they are zeros: what is not a number of minor units is not rounded."""
    assert code_of(text, currency) == "amount_precision"


def test_the_largest_amount_and_the_next() -> None:
    """38 digits of minor units fit numeric(38, 0); one more does not."""
    assert parse("9" * 36 + ".99", "IRR") == MAX_MINOR
    assert parse("9" * 38, "JPY") == MAX_MINOR
    assert code_of("1" + "0" * 36, "IRR") == "amount_too_large"
    assert code_of("1" + "0" * 38, "JPY") == "amount_too_large"
    assert code_of("9" * 10_000, "IRR") == "amount_too_large"
    assert code_of("0" * 10_000, "IRR") == "amount_not_positive"


def test_leading_zeros_do_not_make_an_amount_large() -> None:
    """Up to the limit of digits zeros in front are nothing; beyond it they are refused."""
    assert parse("0" * 37 + "1", "JPY") == 1
    assert code_of("0" * 38 + "1", "JPY") == "amount_too_large"


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(0, "IRR", "0.00"), (-1, "IRR", "-0.01"), (-500, "EUR", "-5.00"), (0, "JPY", "0"),
     (-7, "JPY", "-7"), (5, "KWD", "0.005")],
)  # fmt: skip
def test_entries_are_shown_with_their_sign(minor: int, currency: str, text: str) -> None:
    """Debits have a minus, and every amount the currency's own decimals."""
    assert show(minor, currency) == text


def test_currencies_without_a_minor_unit_are_no_money_here() -> None:
    """Gold, test codes and no currency at all have no decimals in ISO 4217."""
    assert not {"XAU", "XTS", "XXX"} & DECIMALS.keys()
    assert DECIMALS[money.DEFAULT_CURRENCY] == 2
    assert all(0 <= decimals <= 4 for decimals in DECIMALS.values())
