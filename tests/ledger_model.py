"""The rules of money once more, from the contract and on dicts: what a test holds the ledger to.

Shares nothing with `streams` nor with the auditor.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.credit_model import CreditRequests
from tests.model_words import (
    LARGEST,
    Account,
    Answer,
    minor,
    missing,
    no_funds,
    not_active,
    refused,
    show,
    wrong_amount,
    wrong_currency,
)
from tests.withdrawal_model import Withdrawals


@dataclass
class Paid:
    """A transaction that may be refunded."""

    payer: str
    payee: str | None
    amount: int
    refunded: int = 0


@dataclass
class Model:
    """Everything the ledger must know: wallets, payments, and which ids it has answered."""

    wallets: dict[str, Account] = field(default_factory=dict)
    payments: dict[str, Paid] = field(default_factory=dict)
    answered: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Withdrawals and credit requests are of the same wallets."""
        self.withdrawals = Withdrawals(self.wallets)
        self.credit_requests = CreditRequests(self.wallets)

    def answer(self, command: dict[str, Any], transaction_id: str, now_ms: int) -> Answer | None:
        """What must be said to a command; None for one that has its answer."""
        contents = self.answered.setdefault(command["id"], [])
        content = _content(command)
        if content in contents:
            return None
        contents.append(content)
        if len(contents) > 1:
            return refused("idempotency_key_reused", "id", id=command["id"]) | {"sequences": {}}
        expires_ms = command.get("expires_ms")
        if expires_ms is not None and expires_ms < now_ms:
            return {**refused("command_expired", "expirytime"), "sequences": {}}
        kind, data = command["type"], command["data"]
        if kind.startswith("withdrawal."):
            looked_at = self.withdrawals.looked_at(kind, data)
            said = self.withdrawals.answer(kind, data, transaction_id, now_ms)
        elif kind.startswith("credit_request."):
            looked_at = [data["wallet_id"]]
            said = self.credit_requests.answer(kind, data, transaction_id)
        else:
            looked_at = self._looked_at(kind, data)
            said = getattr(self, kind.replace(".", "_"))(data, transaction_id)
        if said is None or "status" not in said:
            own = self.wallets[data["wallet_id"]]
            done = {"status": "completed", "balance": own.balance, "sequence": own.sequence}
            said = done | (said or {})
        return {**said, "sequences": {w: self._sequence(w) for w in looked_at}}

    def _sequence(self, wallet: str) -> int:
        return self.wallets[wallet].sequence if wallet in self.wallets else 0

    def _looked_at(self, kind: str, data: dict[str, Any]) -> list[str]:
        own = data["wallet_id"]
        if "to_wallet_id" in data:
            return [own, data["to_wallet_id"]]
        paid = self.payments.get(data.get("transaction_id", ""))
        if kind == "refund" and paid and paid.payer == own and paid.payee:
            return [own, paid.payee]
        return [own]

    def wallet_create(self, data: dict[str, Any], _: str) -> Answer | None:
        """Open one."""
        if data["wallet_id"] in self.wallets:
            return refused("wallet_exists", "wallet_id", wallet_id=data["wallet_id"])
        self.wallets[data["wallet_id"]] = Account(data.get("currency", "IRR"))
        return None

    def wallet_set_status(self, data: dict[str, Any], _: str) -> Answer | None:
        """Any status after any other."""
        if data["wallet_id"] not in self.wallets:
            return missing(data["wallet_id"])
        own = self.wallets[data["wallet_id"]]
        wanted = data.get("if_sequence", own.sequence)
        if wanted != own.sequence:
            return refused(
                "sequence_mismatch", "if_sequence", wallet_id=data["wallet_id"],
                sequence=str(own.sequence), if_sequence=str(wanted),
            )  # fmt: skip
        own.status, own.sequence = data["status"], own.sequence + 1
        return None

    def deposit(self, data: dict[str, Any], _: str) -> Answer | None:
        """From outside."""
        own = self.wallets.get(data["wallet_id"])
        if own is None:
            return missing(data["wallet_id"])
        wrong = (
            wrong_currency(data, own)
            or wrong_amount(data, own)
            or not_active(data["wallet_id"], own)
        )
        if wrong:
            return wrong
        amount = minor(data["amount"], own.currency)
        if own.balance + amount > LARGEST:
            return refused("amount_too_large", "amount")
        own.balance, own.sequence = own.balance + amount, own.sequence + 1
        return None

    def charge_sale(self, data: dict[str, Any], transaction_id: str) -> Answer | None:
        """To outside, or to the wallet of the phone's owner."""
        if "to_wallet_id" in data:
            return self.transfer(data, transaction_id)
        own = self.wallets.get(data["wallet_id"])
        if own is None:
            return missing(data["wallet_id"])
        wrong = (
            wrong_currency(data, own)
            or wrong_amount(data, own)
            or not_active(data["wallet_id"], own)
        )
        amount = 0 if wrong else minor(data["amount"], own.currency)
        wrong = wrong or no_funds(own, amount)
        if wrong:
            return wrong
        own.balance, own.sequence = own.balance - amount, own.sequence + 1
        self.payments[transaction_id] = Paid(data["wallet_id"], None, amount)
        return None

    def _no_pair(self, own_id: str, other_id: str) -> Answer | None:
        """Why these are not two wallets."""
        if own_id == other_id:
            return refused("same_wallet", "to_wallet_id")
        if own_id not in self.wallets:
            return missing(own_id)
        return None if other_id in self.wallets else missing(other_id, "to_wallet_id")

    def transfer(self, data: dict[str, Any], transaction_id: str) -> Answer | None:
        """From one to another."""
        own_id, other_id = data["wallet_id"], data["to_wallet_id"]
        absent = self._no_pair(own_id, other_id)
        if absent:
            return absent
        own, other = self.wallets[own_id], self.wallets[other_id]
        wrong = wrong_currency(data, own)
        if not wrong and other.currency != own.currency:
            numbers = {"wallet_id": other_id, "held": other.currency, "given": own.currency}
            wrong = refused("currency_mismatch", "to_wallet_id", **numbers)
        wrong = wrong or wrong_amount(data, own) or not_active(own_id, own)
        wrong = wrong or not_active(other_id, other, "to_wallet_id")
        amount = 0 if wrong else minor(data["amount"], own.currency)
        wrong = wrong or no_funds(own, amount)
        if wrong:
            return wrong
        if other.balance + amount > LARGEST:
            return refused("amount_too_large", "amount")
        own.balance, own.sequence = own.balance - amount, own.sequence + 1
        other.balance, other.sequence = other.balance + amount, other.sequence + 1
        self.payments[transaction_id] = Paid(own_id, other_id, amount)
        return None

    def exchange(self, data: dict[str, Any], _: str) -> Answer | None:
        """From one to another of another currency; nothing that could be refunded."""
        own_id, other_id = data["wallet_id"], data["to_wallet_id"]
        absent = self._no_pair(own_id, other_id)
        if absent:
            return absent
        own, other = self.wallets[own_id], self.wallets[other_id]
        wrong = wrong_currency(data, own) or wrong_currency(data, other, "to_")
        if not wrong and other.currency == own.currency:
            wrong = refused("same_currency", "to_wallet_id", currency=own.currency)
        wrong = wrong or wrong_amount(data, own) or wrong_amount(data, other, "to_amount")
        wrong = wrong or not_active(own_id, own) or not_active(other_id, other, "to_wallet_id")
        wrong = wrong or no_funds(own, minor(data["amount"], own.currency))
        if wrong:
            return wrong
        got = minor(data["to_amount"], other.currency)
        if other.balance + got > LARGEST:
            return refused("amount_too_large", "to_amount")
        own.balance -= minor(data["amount"], own.currency)
        other.balance += got
        own.sequence, other.sequence = own.sequence + 1, other.sequence + 1
        return None

    def refund(self, data: dict[str, Any], _: str) -> Answer | None:
        """Back from whoever was paid."""
        own = self.wallets.get(data["wallet_id"])
        if own is None:
            return missing(data["wallet_id"])
        paid = self.payments.get(data["transaction_id"])
        if paid is None or paid.payer != data["wallet_id"]:
            gone = {"transaction_id": data["transaction_id"]}
            return refused("transaction_not_found", "transaction_id", **gone)
        wrong = wrong_currency(data, own) or (wrong_amount(data, own) if "amount" in data else None)
        wrong = wrong or not_active(data["wallet_id"], own)
        other = self.wallets[paid.payee] if paid.payee else None
        if other is not None and paid.payee:
            wrong = wrong or not_active(paid.payee, other)
        return wrong or self._give_back(data, own, other, paid)

    def _give_back(
        self, data: dict[str, Any], own: Account, other: Account | None, paid: Paid
    ) -> Answer | None:
        left = paid.amount - paid.refunded
        amount = minor(data["amount"], own.currency) if "amount" in data else left
        if amount > left or left == 0:
            numbers = {"paid": paid.amount, "refunded": paid.refunded, "refundable": left}
            told = {name: show(number, own.currency) for name, number in numbers.items()}
            return refused("already_refunded", "amount", **told)
        wrong = no_funds(other, amount) if other else None
        if wrong:
            return wrong
        if own.balance + amount > LARGEST:
            return refused("amount_too_large", "amount")
        paid.refunded += amount
        own.balance, own.sequence = own.balance + amount, own.sequence + 1
        if other:
            other.balance, other.sequence = other.balance - amount, other.sequence + 1
        return None


def _content(command: dict[str, Any]) -> str:
    """What tells one command from another: a default said is a default meant."""
    said = dict(command["data"])
    if command["type"] == "wallet.create":
        said.setdefault("currency", "IRR")
    return repr((command["type"], sorted(said.items())))
