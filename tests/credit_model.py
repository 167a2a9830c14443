"""The rules of credit requests once more, on dicts. Shares nothing with what it is held to."""

from dataclasses import dataclass
from typing import Any

from tests.model_words import (
    LARGEST,
    Account,
    Answer,
    minor,
    missing,
    not_active,
    refused,
    show,
    wrong_amount,
    wrong_currency,
)


@dataclass
class Asked:
    """A credit request."""

    wallet: str
    amount: int
    number: int
    status: str = "pending"


class CreditRequests:
    """All of them, and the wallets that they are of.

    `number` is that of the present command: what it makes has this integer id.
    """

    def __init__(self, wallets: dict[str, Account]) -> None:
        self.wallets = wallets
        self.all: dict[str, Asked] = {}
        self.number = 0

    def answer(self, kind: str, data: dict[str, Any], transaction_id: str) -> Answer:
        """What is said to a command: a refusal, or number, status and amount of the request."""
        if data["wallet_id"] not in self.wallets:
            return missing(data["wallet_id"])
        own = self.wallets[data["wallet_id"]]
        name = data.get("credit_request_id", transaction_id)
        if kind == "credit_request.create":
            wrong = self._ask(data, own, transaction_id)
        else:
            wrong = self._end(kind, data, own)
        if wrong:
            return wrong
        own.sequence += 1
        found = self.all[name]
        told = (found.number, found.status, show(found.amount, own.currency))
        return {"credit_request": told}

    def _ask(self, data: dict[str, Any], own: Account, name: str) -> Answer | None:
        wrong = (
            wrong_currency(data, own)
            or wrong_amount(data, own)
            or not_active(data["wallet_id"], own)
        )
        if wrong is None:
            amount = minor(data["amount"], own.currency)
            self.all[name] = Asked(data["wallet_id"], amount, self.number)
        return wrong

    def _end(self, kind: str, data: dict[str, Any], own: Account) -> Answer | None:
        name = data["credit_request_id"]
        found = self.all.get(name)
        if found is None or found.wallet != data["wallet_id"]:
            said = {"credit_request_id": name}
            return refused("credit_request_not_found", "credit_request_id", **said)
        approves = kind == "credit_request.approve"
        if approves and own.balance + found.amount > LARGEST:
            return refused("amount_too_large", "amount")
        asleep = not_active(data["wallet_id"], own) if approves else None
        if asleep:
            return asleep
        if found.status != "pending":
            said = {"credit_request_id": name, "status": found.status}
            return refused("credit_request_not_pending", "credit_request_id", **said)
        found.status = "approved" if approves else "rejected"
        own.balance += found.amount if approves else 0
        return None
