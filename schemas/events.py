"""What happened to a wallet: one event for each wallet a command touched (DESIGN.md 2)."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from schemas.foreign import decoder
from schemas.results import CommandRef, CreditRequestBody, WithdrawalBody
from schemas.statuses import WITHDRAWAL_STATUSES

EVENT_TYPES: Final[dict[str, str]] = {
    "wallet.create": "wallet.created.v1",
    "wallet.set_status": "wallet.status_changed.v1",
    "deposit": "wallet.deposited.v1",
    "transfer": "wallet.transferred.v1",
    "charge_sale": "wallet.charge_sold.v1",
    "refund": "wallet.refunded.v1",
    "exchange": "wallet.exchanged.v1",
    "credit_request.create": "wallet.credit_requested.v1",
    "credit_request.approve": "wallet.credit_approved.v1",
    "credit_request.reject": "wallet.credit_rejected.v1",
    "withdrawal.schedule": "wallet.withdrawal_scheduled.v1",
    "withdrawal.cancel": "wallet.withdrawal_cancelled.v1",
    "withdrawal.execute": "wallet.withdrawal_executing.v1",
    "withdrawal.settle": "wallet.withdrawal_paid.v1",
    "withdrawal.fail": "wallet.withdrawal_failed.v1",
    "withdrawal.review": "wallet.withdrawal_needs_review.v1",
}
"""Kind of the transaction -> type of its events. An execution that the balance does not cover has
the type of a failure."""

WITHDRAWAL_STEPS: Final[dict[str, str]] = {
    status: f"withdrawal.{status}.v1" for status in WITHDRAWAL_STATUSES
}
"""Status of a withdrawal -> type of the record that tells it on the delayed topic."""


def event_type(kind: str, about: WithdrawalBody | CreditRequestBody | None = None) -> str:
    """The type of the events of a transaction."""
    failed = isinstance(about, WithdrawalBody) and about.status == "failed"
    return EVENT_TYPES["withdrawal.fail" if failed else kind]


class EntryBody(msgspec.Struct, frozen=True, gc=False):
    """One signed amount on one account: a wallet id or one of the world's accounts."""

    account: str
    amount: str
    currency: str


class TransactionBody(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the command did. `status` and `phone_number` are told by kinds that have them."""

    id: str
    kind: str
    effective_at: str
    recorded_at: str
    reference: str | None
    metadata: Mapping[str, str]
    status: str | None = None
    phone_number: str | None = None


class Balance(msgspec.Struct, frozen=True, gc=False):
    """The wallet's balance around the event, decimal strings of the wallet's currency."""

    before: str
    after: str


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A ledger event, self-sufficient: all entries of the posting, and where it came from.

    A change that moves no money (wallet created, status changed) has no entries.
    """

    wallet_id: str
    sequence: int
    currency: str
    transaction: TransactionBody
    entries: list[EntryBody]
    balance: Balance
    command: CommandRef
    withdrawal: WithdrawalBody | None = None
    credit_request: CreditRequestBody | None = None


class WithdrawalStep(msgspec.Struct, frozen=True, gc=False):
    """A record of the delayed topic: a withdrawal, each time that its status has changed."""

    wallet_id: str
    withdrawal: WithdrawalBody
    recorded_at: str
    command: CommandRef


_encoder: Final = msgspec.json.Encoder()
_decode: Final = decoder(Event)
_decode_step: Final = decoder(WithdrawalStep)


def encode(event: Event) -> bytes:
    """The JSON value of an event's record; the same event gives the same bytes."""
    return _encoder.encode(event)


def transaction_text(body: TransactionBody) -> str:
    """The JSON text of what a command did, for event_text()."""
    return _encoder.encode(body).decode()


def plain_transaction_text(
    transaction_id: str, kind: str, recorded_at: str, phone_number: str | None = None
) -> str:
    """As transaction_text(), where there is nothing more to say; in a fourth of the time."""
    phone = "" if phone_number is None else f',"phone_number":"{phone_number}"'
    return (
        f'{{"id":"{transaction_id}","kind":"{kind}","effective_at":"{recorded_at}",'
        f'"recorded_at":"{recorded_at}","reference":null,"metadata":{{}}{phone}}}'
    )


def entries_text(entries: Iterable[tuple[str, str, str]]) -> str:
    """The JSON text of a posting's entries, (account, amount, currency), in their order."""
    parts = [
        f'{{"account":"{account}","amount":"{amount}","currency":"{currency}"}}'
        for account, amount, currency in entries
    ]
    return f"[{','.join(parts)}]"


def pair_text(debited: str, credited: str, amount: str, currency: str) -> str:
    """As entries_text(), where one account has paid `amount` to another; in half of the time."""
    return (
        f'[{{"account":"{debited}","amount":"-{amount}","currency":"{currency}"}},'
        f'{{"account":"{credited}","amount":"{amount}","currency":"{currency}"}}]'
    )


def event_text(
    wallet: tuple[str, int, str],
    transaction: str,
    entries: str,
    balance: tuple[str, str],
    command: str,
    about: str = "",
) -> str:
    """The JSON text of an Event from the texts of its parts, byte for byte what encode() gives.

    `wallet` is its id, sequence and currency; `balance` before and after; `about` is
    results.about_text(), or nothing.
    """
    wallet_id, sequence, currency = wallet
    before, after = balance
    return (
        f'{{"wallet_id":"{wallet_id}","sequence":{sequence},"currency":"{currency}",'
        f'"transaction":{transaction},"entries":{entries},'
        f'"balance":{{"before":"{before}","after":"{after}"}},"command":{command}{about}}}'
    )


def encode_step(step: WithdrawalStep) -> bytes:
    """The JSON value of a record of the delayed topic."""
    return _encoder.encode(step)


def step_text(wallet_id: str, withdrawal: str, recorded_at: str, command: str) -> str:
    """The JSON text of a WithdrawalStep from the texts of its parts, as encode_step() gives it."""
    return (
        f'{{"wallet_id":"{wallet_id}","withdrawal":{withdrawal},'
        f'"recorded_at":"{recorded_at}","command":{command}}}'
    )


def decode_step(value: bytes | str) -> WithdrawalStep:
    """A record of the delayed topic from its value. Raises msgspec.DecodeError."""
    return _decode_step(value)


def decode(value: bytes | str) -> Event:
    """An event from its record's value. Raises msgspec.DecodeError on anything else."""
    return _decode(value)
