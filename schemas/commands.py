"""What can be asked of the ledger. Commands are imperatives; their data is closed.

Amounts stay decimal strings here: how many decimals are right depends on the wallet's currency,
which only the ledger knows.
"""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from schemas.identifiers import END, MAX_BIGINT, UUID_PATTERN
from schemas.money import DEFAULT_CURRENCY

Uuid = Annotated[str, Meta(pattern=UUID_PATTERN, description="lower-case UUID")]
Amount = Annotated[
    str,
    Meta(
        max_length=64,
        description='decimal string in major units, such as "5000.00"',
        # Told, not checked here: money.parse refuses a wrong amount with a code of its own.
        extra_json_schema={"pattern": r"^[0-9]+(\.[0-9]+)?$"},
    ),
]
CurrencyCode = Annotated[str, Meta(pattern="^[A-Z]{3}" + END, description="ISO 4217 code")]
PhoneNumber = Annotated[str, Meta(pattern=r"^\+?[0-9]{10,15}" + END, description="10 to 15 digits")]
Moment = Annotated[datetime, Meta(tz=True)]
Reference = Annotated[str, Meta(max_length=128)]
Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
    Meta(max_length=20),
]
Name = Annotated[str, Meta(max_length=256)]
SequenceNumber = Annotated[int, Meta(ge=1, le=MAX_BIGINT)]
Seconds = Annotated[int, Meta(gt=0, le=10**10)]
Reason = Annotated[str, Meta(min_length=1, max_length=256)]
By = Annotated[str, Meta(min_length=1, max_length=128)]
Target = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}" + END,
        description="a wallet id, or the number of a bank account",
    ),
]


class CommandData(
    Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False
):
    """Fields that every command's data has. `wallet_id` is also the record's key."""

    wallet_id: Uuid
    effective_at: Moment | None = None
    reference: Reference | None = None
    metadata: Metadata | None = None


class Owner(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who a wallet belongs to."""

    name: Name | None = None
    email: Name | None = None
    phone: PhoneNumber | None = None


class CreateWallet(CommandData, frozen=True, gc=False):
    """wallet.create.v1: open an empty, active wallet."""

    currency: CurrencyCode = DEFAULT_CURRENCY
    owner: Owner | None = None

    def __post_init__(self) -> None:
        # A default is left out of the fingerprint only where it is the very object.
        if self.currency == DEFAULT_CURRENCY:
            force_setattr(self, "currency", DEFAULT_CURRENCY)


class SetWalletStatus(CommandData, frozen=True, gc=False):
    """wallet.set_status.v1: a wallet that is not active neither gives nor takes money.

    With `if_sequence` only while the wallet is as it was seen, after so many changes.
    """

    status: Literal["active", "deactivated", "suspended"]
    if_sequence: SequenceNumber | None = None


class Deposit(CommandData, frozen=True, gc=False):
    """deposit.v1: money from outside into the wallet."""

    amount: Amount
    currency: CurrencyCode | None = None


class Transfer(CommandData, frozen=True, gc=False):
    """transfer.v1: money from the wallet to another wallet of the same currency."""

    to_wallet_id: Uuid
    amount: Amount
    currency: CurrencyCode | None = None


class Exchange(CommandData, frozen=True, gc=False):
    """exchange.v1: money of the wallet for money of another currency, into another wallet.

    `amount` leaves, in the wallet's currency; `to_amount` arrives, in the other wallet's. The
    ledger knows no rates: whoever asks has agreed on both.
    """

    to_wallet_id: Uuid
    amount: Amount
    to_amount: Amount
    currency: CurrencyCode | None = None
    to_currency: CurrencyCode | None = None


class SellCharge(CommandData, frozen=True, gc=False):
    """charge_sale.v1: the wallet's owner sells a phone charge; the money leaves the wallet.

    It goes to the outside world, or to the wallet of the phone's owner if there is one.
    """

    phone_number: PhoneNumber
    amount: Amount
    currency: CurrencyCode | None = None
    to_wallet_id: Uuid | None = None


class Refund(CommandData, frozen=True, gc=False):
    """refund.v1: give back, in whole or in part, what the wallet paid in a transaction.

    `wallet_id` is the wallet that paid; without an amount all that is left is given back.
    """

    transaction_id: Uuid
    amount: Amount | None = None
    currency: CurrencyCode | None = None


class CreateCreditRequest(CommandData, frozen=True, gc=False):
    """credit_request.create.v1: ask for money; somebody else says yes or no, once."""

    amount: Amount
    currency: CurrencyCode | None = None


class ApproveCreditRequest(CommandData, frozen=True, gc=False):
    """credit_request.approve.v1: the wallet gets what it asked for. `by` is who says so."""

    credit_request_id: Uuid
    by: By | None = None
    reason: Reason | None = None


class RejectCreditRequest(CommandData, frozen=True, gc=False):
    """credit_request.reject.v1: the wallet does not get what it asked for."""

    credit_request_id: Uuid
    by: By | None = None
    reason: Reason | None = None


class ScheduleWithdrawal(CommandData, frozen=True, gc=False):
    """withdrawal.schedule.v1: at a moment to come, take money out of the wallet by way of the bank.

    The moment is `due_at`, or `delay` from when the command is recorded: an ISO 8601 duration in
    days, hours, minutes and seconds, or a number of seconds. The balance is looked at then, not
    now. `target` gets the money: another wallet, or a bank account; without one the bank knows.
    """

    amount: Amount
    currency: CurrencyCode | None = None
    due_at: Moment | None = None
    delay: Seconds | timedelta | None = None
    target: Target | None = None


class CancelWithdrawal(CommandData, frozen=True, gc=False):
    """withdrawal.cancel.v1: call a withdrawal off that has not been executed."""

    withdrawal_id: Uuid


class ExecuteWithdrawal(CommandData, frozen=True, gc=False):
    """withdrawal.execute.v1: its time has come; the money leaves the wallet, or it has failed."""

    withdrawal_id: Uuid


class SettleWithdrawal(CommandData, frozen=True, gc=False):
    """withdrawal.settle.v1: the bank has paid."""

    withdrawal_id: Uuid


class FailWithdrawal(CommandData, frozen=True, gc=False):
    """withdrawal.fail.v1: the bank has certainly not paid; the money returns to the wallet."""

    withdrawal_id: Uuid
    reason: Reason


class ReviewWithdrawal(CommandData, frozen=True, gc=False):
    """withdrawal.review.v1: nobody knows whether the bank has paid; a person has to find out."""

    withdrawal_id: Uuid
    reason: Reason


TYPES: Final[dict[str, type[CommandData]]] = {
    "wallet.create.v1": CreateWallet,
    "wallet.set_status.v1": SetWalletStatus,
    "deposit.v1": Deposit,
    "transfer.v1": Transfer,
    "charge_sale.v1": SellCharge,
    "refund.v1": Refund,
    "exchange.v1": Exchange,
    "credit_request.create.v1": CreateCreditRequest,
    "credit_request.approve.v1": ApproveCreditRequest,
    "credit_request.reject.v1": RejectCreditRequest,
    "withdrawal.schedule.v1": ScheduleWithdrawal,
    "withdrawal.cancel.v1": CancelWithdrawal,
    "withdrawal.execute.v1": ExecuteWithdrawal,
    "withdrawal.settle.v1": SettleWithdrawal,
    "withdrawal.fail.v1": FailWithdrawal,
    "withdrawal.review.v1": ReviewWithdrawal,
}
"""The closed list of command types."""


def kind_of(command_type: str) -> str:
    """The kind of a transaction: its command's type without the version."""
    return command_type.removesuffix(".v1")


class Command(Struct, frozen=True, gc=False):
    """A command whose data fits its type. `name` is identifiers.digest(source, id).

    `key` dedupes it, `fingerprint` (32 hex digits) tells its content from other content under
    the same id. `extras` are the attributes that travel on to results and events.
    """

    id: str
    source: str
    type: str
    data: CommandData
    name: str
    key: str
    fingerprint: str
    expires_at: datetime | None = None
    extras: dict[str, str] | None = None
