"""Types of the fields of service 002, and its two ways to tell what is wrong with them."""

from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, TypeAdapter, ValidationError

from producers.http import fields
from producers.http.errors import custom

REQUIRED: Final = "Amount is required"
INVALID: Final = "Invalid amount"
NOT_POSITIVE: Final = "Amount must be positive"

_AMOUNT: Final[TypeAdapter[Decimal]] = TypeAdapter(fields.Amount)


def nested(errors: dict[str, Any]) -> object:
    """{"error": {"field": [...]}}, as transfers tell it."""
    return {"error": errors}


def one_sentence(errors: dict[str, Any]) -> object:
    """{"error": "Amount is required"}, as deposits tell it."""
    said = errors.get("amount", [INVALID])[0]
    return {"error": said if said in {INVALID, NOT_POSITIVE} else REQUIRED}


def _positive(amount: Decimal) -> Decimal:
    if amount <= 0:
        raise custom("Ensure this value is greater than or equal to 0.01.")
    return amount


def _deposited(given: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    if given is None or given == "":
        raise custom(REQUIRED)
    try:
        amount = _AMOUNT.validate_python(given)
    except ValidationError:
        raise custom(INVALID) from None
    if amount <= 0:
        raise custom(NOT_POSITIVE)
    return given


PositiveAmount = Annotated[fields.Amount, AfterValidator(_positive)]
"""An amount that moves something."""

Deposited = Annotated[fields.Amount, BeforeValidator(_deposited)]
"""The same, in the words of deposits."""
