"""Every refusal has words for a person and a code for a program."""

import re
from string import Formatter

import pytest

from schemas.refusals import DETAILS, TITLES, Code, Refusal, detail_of
from schemas.results import error_of


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_its_words(code: Code) -> None:
    """Whole words, a title, and a sentence that fills in the numbers it is given."""
    assert re.fullmatch("[a-z]+(_[a-z]+)*", code)
    assert TITLES[code][0].isupper()
    assert not TITLES[code].endswith(".")
    fields = [field for _, field, _, _ in Formatter().parse(DETAILS[code]) if field]
    context = {field: f"<{field}>" for field in fields}
    detail = detail_of(Refusal(code, None, context))
    assert detail.endswith(".")
    assert all(value in detail for value in context.values())


@pytest.mark.parametrize("code", list(Code))
def test_a_detail_of_its_own_goes_first(code: Code) -> None:
    """The words for one case, braces and all."""
    assert detail_of(Refusal(code, detail="{not} a template.")) == "{not} a template."


def test_an_error_tells_all_of_a_refusal() -> None:
    """For programs the code, the field and the numbers; for people the rest."""
    context = {"available": "3.00", "required": "5.00", "shortage": "2.00"}
    error = error_of(Refusal(Code.INSUFFICIENT_FUNDS, "amount", context))
    assert error.code is Code.INSUFFICIENT_FUNDS
    assert (error.title, error.param, error.context) == ("Insufficient funds", "amount", context)
    assert error.detail == "Insufficient funds. Available balance: 3.00. Required amount: 5.00."
    assert error.retryable is False
    assert error.doc_url == "/docs/errors#insufficient_funds"


def test_context_with_braces_is_shown_as_it_is() -> None:
    """A sender's text is filled in, not read as a template."""
    assert "{0.__class__}" in detail_of(
        Refusal(Code.MISSING_FIELD, "x", {"field": "{0.__class__}"})
    )
