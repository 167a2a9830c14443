"""What a command was about, as results and events tell it. Pure."""

from schemas import moments
from schemas.commands import Command, SellCharge
from schemas.money import show
from schemas.results import CreditRequestBody, WithdrawalBody
from streams.books import CreditRequest, Posting, Withdrawal
from streams.rendering import NO_DETAILS, Details


def withdrawal_body(withdrawal: Withdrawal) -> WithdrawalBody:
    """A withdrawal as messages tell it."""
    return WithdrawalBody(
        withdrawal.withdrawal_id,
        withdrawal.status,
        show(withdrawal.amount_minor, withdrawal.currency),
        withdrawal.currency,
        moments.of_broker(withdrawal.due_at_ms),
        withdrawal.target,
        withdrawal.reason,
    )


def credit_request_body(found: CreditRequest) -> CreditRequestBody:
    """A credit request as messages tell it."""
    return CreditRequestBody(
        found.credit_request_id,
        found.number,
        found.status,
        show(found.amount_minor, found.currency),
        found.currency,
        found.by,
        found.reason,
    )


def details_of(command: Command, posting: Posting) -> Details:
    """What the events of a command say beyond its result."""
    data = command.data
    phone_number = data.phone_number if type(data) is SellCharge else None
    if (
        data.effective_at is None
        and data.reference is None
        and data.metadata is None
        and posting.status is None
        and command.extras is None
    ):  # nearly always
        return NO_DETAILS if phone_number is None else Details(phone_number=phone_number)
    given = data.effective_at
    effective_at = None if given is None else moments.in_milliseconds(given)
    return Details(
        effective_at, data.reference, data.metadata, posting.status, command.extras, phone_number
    )
