"""What the API answers: the models of its bodies. Amounts are decimal texts, moments RFC 3339."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

WALLET = "01930f6e-8a70-7c3a-9d53-0242ac120002"
OTHER_WALLET = "01930f6e-8a71-7d10-8a55-0242ac120003"
TRANSACTION = "019aa1c5-7f20-8c3a-8d53-0242ac120004"
MOMENT = "2026-11-20T10:00:00.123Z"


def _example(**said: Any) -> ConfigDict:  # noqa: ANN401 - JSON
    return ConfigDict(json_schema_extra={"example": said})


class CommandBody(BaseModel):
    """The command that did it: its source, and its id, which is the Idempotency-Key."""

    id: str
    source: str | None


class Entry(BaseModel):
    """One signed amount on one account: a wallet's id, or one of the world's accounts."""

    account: str
    amount: str
    currency: str


class WalletBody(BaseModel):
    """A wallet as it is now. `sequence` counts its changes and is its ETag."""

    model_config = _example(
        wallet_id=WALLET, url=f"http://127.0.0.1:8001/v1/wallets/{WALLET}", currency="IRR",
        balance="5000.00", status="active", sequence=7, created_at=MOMENT, updated_at=MOMENT,
        owner={"name": "Sara"}, metadata={},
    )  # fmt: skip

    wallet_id: str
    url: str
    currency: str
    balance: str
    status: Literal["active", "deactivated", "suspended"]
    sequence: int
    created_at: str
    updated_at: str
    owner: dict[str, str] | None
    metadata: dict[str, str]


class BalanceBody(BaseModel):
    """A balance: now, or after a change. `recorded_at` is when that change was recorded."""

    model_config = _example(
        wallet_id=WALLET, currency="IRR", balance="5000.00", sequence=7, recorded_at=MOMENT
    )

    wallet_id: str
    currency: str
    balance: str
    sequence: int
    recorded_at: str


class MoveBody(BaseModel):
    """What a command has done: a transaction, and its wallet after it.

    Of a dry run `dry_run` is true, there is no id, and `entries` tells what would be booked.
    """

    model_config = _example(
        transaction_id=TRANSACTION, url=f"http://127.0.0.1:8001/v1/transactions/{TRANSACTION}",
        kind="transfer", wallet_id=WALLET, amount="50.00", currency="IRR", balance="4950.00",
        sequence=8, recorded_at=MOMENT, command={"id": "order-17", "source": "/http/v1"},
    )  # fmt: skip

    transaction_id: str | None
    url: str | None
    kind: str
    wallet_id: str
    amount: str | None = Field(description="None where a dry run leaves it to the ledger")
    currency: str
    balance: str
    sequence: int
    recorded_at: str
    command: CommandBody | None
    to_wallet_id: str | None = None
    to_amount: str | None = Field(None, description="Of an exchange: what the other wallet gets")
    to_currency: str | None = None
    phone_number: str | None = None
    refunded_transaction_id: str | None = None
    reference: str | None = None
    metadata: dict[str, str] | None = None
    dry_run: bool = False
    entries: list[Entry] | None = None


class WithdrawalBody(BaseModel):
    """A withdrawal as it is now."""

    model_config = _example(
        withdrawal_id=TRANSACTION, url=f"http://127.0.0.1:8001/v1/withdrawals/{TRANSACTION}",
        wallet_id=WALLET, status="scheduled", amount="50.00", currency="IRR", due_at=MOMENT,
        target="IR820540102680020817909002", reason=None, created_at=MOMENT, changed_at=MOMENT,
    )  # fmt: skip

    withdrawal_id: str | None
    url: str | None
    wallet_id: str
    status: Literal["scheduled", "executing", "needs_review", "paid", "failed", "cancelled"]
    amount: str
    currency: str
    due_at: str
    target: str | None
    reason: str | None
    created_at: str
    changed_at: str
    dry_run: bool = False


class CreditRequestBody(BaseModel):
    """A credit request as it is now. `number` is its integer id, as service 003 has it."""

    model_config = _example(
        credit_request_id=TRANSACTION, number=4711, wallet_id=WALLET, status="approved",
        url=f"http://127.0.0.1:8001/v1/credit-requests/{TRANSACTION}", amount="50.00",
        currency="IRR", by="admin", reason=None, requested_at=MOMENT, changed_at=MOMENT,
    )  # fmt: skip

    credit_request_id: str | None
    number: int | None
    url: str | None
    wallet_id: str
    status: Literal["pending", "approved", "rejected"]
    amount: str
    currency: str
    by: str | None
    reason: str | None
    requested_at: str
    changed_at: str
    dry_run: bool = False


class TransactionBody(BaseModel):
    """A transaction: one posting. One that moves no money (a status, a schedule) has no entries."""

    model_config = _example(
        transaction_id=TRANSACTION, url=f"http://127.0.0.1:8001/v1/transactions/{TRANSACTION}",
        kind="transfer", wallet_id=WALLET, currency="IRR", recorded_at=MOMENT, effective_at=MOMENT,
        reference="order 17", metadata={}, phone_number=None,
        entries=[
            {"account": WALLET, "amount": "-50.00", "currency": "IRR"},
            {"account": OTHER_WALLET, "amount": "50.00", "currency": "IRR"},
        ],
        command={"id": "order-17", "source": "/http/v1"}, withdrawal_id=None,
        credit_request_id=None,
    )  # fmt: skip

    transaction_id: str
    url: str
    kind: str
    wallet_id: str
    currency: str
    recorded_at: str
    effective_at: str
    reference: str | None
    metadata: dict[str, str]
    phone_number: str | None
    entries: list[Entry]
    command: CommandBody
    withdrawal_id: str | None
    credit_request_id: str | None
    refunded_transaction_id: str | None = Field(
        None, description="Of a refund that is asked for by its id: what it gives back of"
    )


class StatementLine(BaseModel):
    """A change of a wallet: `direction` and amount, and the balance after it."""

    model_config = _example(
        sequence=8, direction="out", kind="transfer", amount="50.00", balance="4950.00",
        currency="IRR", counterparty=OTHER_WALLET, transaction_id=TRANSACTION,
        recorded_at=MOMENT, effective_at=MOMENT, reference="order 17", metadata={},
        phone_number=None,
    )  # fmt: skip

    sequence: int
    direction: Literal["in", "out", "none"]
    kind: str
    amount: str
    balance: str
    currency: str
    counterparty: str | None = Field(
        description="The other account, of an exchange the other wallet; null where no money moved"
    )
    transaction_id: str
    recorded_at: str
    effective_at: str
    reference: str | None
    metadata: dict[str, str]
    phone_number: str | None


class _Page(BaseModel):
    next_cursor: str | None = Field(description="For the next page; null on the last one")


class WalletPage(_Page):
    """Wallets, by id."""

    data: list[WalletBody]


class WithdrawalPage(_Page):
    """Withdrawals, those scheduled last first."""

    data: list[WithdrawalBody]


class CreditRequestPage(_Page):
    """Credit requests, those made last first."""

    data: list[CreditRequestBody]


class TransactionPage(_Page):
    """Transactions, the newest first. A page of a kind may be short, and still not be the last."""

    data: list[TransactionBody]


class StatementPage(_Page):
    """Changes of a wallet."""

    wallet_id: str
    data: list[StatementLine]
