"""The rules of money once more, from the contract and on dicts: what a test holds the ledger to.

Shares nothing with `streams` nor with the auditor.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

DECIMALS = {"IRR": 2, "JPY": 0, "KWD": 3}
LARGEST = 10**38 - 1

Answer = dict[str, Any]


@dataclass
class Account:
    """A wallet."""

    currency: str
    balance: int = 0
    sequence: int = 1
    status: str = "active"


@dataclass
class Paid:
    """A transaction that may be refunded."""

    payer: str
    payee: str | None
    amount: int
    refunded: int = 0


@dataclass
class Asked:
    """A credit request."""

    wallet: str
    amount: int
    number: int
    status: str = "pending"


@dataclass
class Model:
    """Everything the ledger must know: wallets, what was paid and asked for, ids it has answered.

    `number` is that of the present command: what it makes has this integer id.
    """

    wallets: dict[str, Account] = field(default_factory=dict)
    payments: dict[str, Paid] = field(default_factory=dict)
    requests: dict[str, Asked] = field(default_factory=dict)
    number: int = 0
    answered: dict[str, list[str]] = field(default_factory=dict)

    def answer(self, command: dict[str, Any], transaction_id: str, now_ms: int) -> Answer | None:
        """What must be said to a command; None for one that has its answer."""
        contents = self.answered.setdefault(command["id"], [])
        content = _content(command)
        if content in contents:
            return None
        contents.append(content)
        if len(contents) > 1:
            return _refused("idempotency_key_reused", "id", id=command["id"]) | {"sequences": {}}
        expires_ms = command.get("expires_ms")
        if expires_ms is not None and expires_ms < now_ms:
            return {**_refused("command_expired", "expirytime"), "sequences": {}}
        data = command["data"]
        looked_at = self._looked_at(command["type"], data)
        said = getattr(self, command["type"].replace(".", "_"))(data, transaction_id)
        if said is None:
            own = self.wallets[data["wallet_id"]]
            said = {"status": "completed", "balance": own.balance, "sequence": own.sequence}
            request = self.requests.get(data.get("credit_request_id", transaction_id))
            if request is not None:
                told = (request.number, request.status, show(request.amount, own.currency))
                said["credit_request"] = told
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
            return _refused("wallet_exists", "wallet_id", wallet_id=data["wallet_id"])
        self.wallets[data["wallet_id"]] = Account(data.get("currency", "IRR"))
        return None

    def wallet_set_status(self, data: dict[str, Any], _: str) -> Answer | None:
        """Any status after any other."""
        if data["wallet_id"] not in self.wallets:
            return _missing(data["wallet_id"])
        own = self.wallets[data["wallet_id"]]
        own.status, own.sequence = data["status"], own.sequence + 1
        return None

    def deposit(self, data: dict[str, Any], _: str) -> Answer | None:
        """From outside."""
        own = self.wallets.get(data["wallet_id"])
        if own is None:
            return _missing(data["wallet_id"])
        refused = _currency(data, own) or _amount(data, own) or _active(data["wallet_id"], own)
        if refused:
            return refused
        amount = minor(data["amount"], own.currency)
        if own.balance + amount > LARGEST:
            return _refused("amount_too_large", "amount")
        own.balance, own.sequence = own.balance + amount, own.sequence + 1
        return None

    def charge_sale(self, data: dict[str, Any], transaction_id: str) -> Answer | None:
        """To outside, or to the wallet of the phone's owner."""
        if "to_wallet_id" in data:
            return self.transfer(data, transaction_id)
        own = self.wallets.get(data["wallet_id"])
        if own is None:
            return _missing(data["wallet_id"])
        refused = _currency(data, own) or _amount(data, own) or _active(data["wallet_id"], own)
        amount = 0 if refused else minor(data["amount"], own.currency)
        refused = refused or _funds(own, amount)
        if refused:
            return refused
        own.balance, own.sequence = own.balance - amount, own.sequence + 1
        self.payments[transaction_id] = Paid(data["wallet_id"], None, amount)
        return None

    def transfer(self, data: dict[str, Any], transaction_id: str) -> Answer | None:
        """From one to another."""
        own_id, other_id = data["wallet_id"], data["to_wallet_id"]
        own, other = self.wallets.get(own_id), self.wallets.get(other_id)
        if own_id == other_id:
            return _refused("same_wallet", "to_wallet_id")
        if own is None:
            return _missing(own_id)
        if other is None:
            return _missing(other_id, "to_wallet_id")
        refused = _currency(data, own)
        if not refused and other.currency != own.currency:
            numbers = {"wallet_id": other_id, "held": other.currency, "given": own.currency}
            refused = _refused("currency_mismatch", "to_wallet_id", **numbers)
        refused = refused or _amount(data, own) or _active(own_id, own)
        refused = refused or _active(other_id, other, "to_wallet_id")
        amount = 0 if refused else minor(data["amount"], own.currency)
        refused = refused or _funds(own, amount)
        if refused:
            return refused
        if other.balance + amount > LARGEST:
            return _refused("amount_too_large", "amount")
        own.balance, own.sequence = own.balance - amount, own.sequence + 1
        other.balance, other.sequence = other.balance + amount, other.sequence + 1
        self.payments[transaction_id] = Paid(own_id, other_id, amount)
        return None

    def refund(self, data: dict[str, Any], _: str) -> Answer | None:
        """Back from whoever was paid."""
        own = self.wallets.get(data["wallet_id"])
        if own is None:
            return _missing(data["wallet_id"])
        paid = self.payments.get(data["transaction_id"])
        if paid is None or paid.payer != data["wallet_id"]:
            gone = {"transaction_id": data["transaction_id"]}
            return _refused("transaction_not_found", "transaction_id", **gone)
        refused = _currency(data, own) or (_amount(data, own) if "amount" in data else None)
        refused = refused or _active(data["wallet_id"], own)
        other = self.wallets[paid.payee] if paid.payee else None
        if other is not None and paid.payee:
            refused = refused or _active(paid.payee, other)
        return refused or self._give_back(data, own, other, paid)

    def credit_request_create(self, data: dict[str, Any], transaction_id: str) -> Answer | None:
        """Ask for money."""
        own_id = data["wallet_id"]
        own = self.wallets.get(own_id)
        if own is None:
            return _missing(own_id)
        refused = _currency(data, own) or _amount(data, own) or _active(own_id, own)
        if refused:
            return refused
        own.sequence += 1
        amount = minor(data["amount"], own.currency)
        self.requests[transaction_id] = Asked(own_id, amount, self.number)
        return None

    def credit_request_approve(self, data: dict[str, Any], _: str) -> Answer | None:
        """Give it, once."""
        refused = self._named(data)
        if refused:
            return refused
        own, request = self.wallets[data["wallet_id"]], self.requests[data["credit_request_id"]]
        if own.balance + request.amount > LARGEST:
            return _refused("amount_too_large", "amount")
        refused = _active(data["wallet_id"], own) or _pending(data, request)
        if refused:
            return refused
        request.status = "approved"
        own.balance, own.sequence = own.balance + request.amount, own.sequence + 1
        return None

    def credit_request_reject(self, data: dict[str, Any], _: str) -> Answer | None:
        """Never give it."""
        refused = self._named(data) or _pending(data, self.requests[data["credit_request_id"]])
        if refused:
            return refused
        self.requests[data["credit_request_id"]].status = "rejected"
        self.wallets[data["wallet_id"]].sequence += 1
        return None

    def _named(self, data: dict[str, Any]) -> Answer | None:
        if data["wallet_id"] not in self.wallets:
            return _missing(data["wallet_id"])
        name = data["credit_request_id"]
        if name in self.requests and self.requests[name].wallet == data["wallet_id"]:
            return None
        return _refused("credit_request_not_found", "credit_request_id", credit_request_id=name)

    def _give_back(
        self, data: dict[str, Any], own: Account, other: Account | None, paid: Paid
    ) -> Answer | None:
        left = paid.amount - paid.refunded
        amount = minor(data["amount"], own.currency) if "amount" in data else left
        if amount > left or left == 0:
            numbers = {"paid": paid.amount, "refunded": paid.refunded, "refundable": left}
            told = {name: show(number, own.currency) for name, number in numbers.items()}
            return _refused("already_refunded", "amount", **told)
        refused = _funds(other, amount) if other else None
        if refused:
            return refused
        if own.balance + amount > LARGEST:
            return _refused("amount_too_large", "amount")
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


def minor(text: str, currency: str) -> int:
    """Minor units of a good amount."""
    return int(Fraction(text) * 10 ** DECIMALS[currency])


def show(amount: int, currency: str) -> str:
    """Minor units as a decimal string."""
    decimals = DECIMALS[currency]
    whole, rest = divmod(amount, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}" if decimals else str(whole)


def _refused(code: str, param: str, **context: str) -> Answer:
    return {"status": "rejected", "code": code, "param": param, "context": context}


def _missing(wallet: str, param: str = "wallet_id") -> Answer:
    return _refused("wallet_not_found", param, wallet_id=wallet)


def _currency(data: dict[str, Any], own: Account) -> Answer | None:
    given = data.get("currency")
    if given is None or given == own.currency:
        return None
    told = {"wallet_id": data["wallet_id"], "held": own.currency, "given": given}
    return _refused("currency_mismatch", "currency", **told)


def _amount(data: dict[str, Any], own: Account) -> Answer | None:
    text = data["amount"]
    plain = text.removeprefix("-")
    if not plain.replace(".", "", 1).isdecimal() or plain[0] == "." or plain[-1] == ".":
        return _refused("invalid_field", "amount")
    if text[0] == "-":
        return _refused("amount_not_positive", "amount")
    if len(text.partition(".")[2]) > DECIMALS[own.currency]:
        return _refused("amount_precision", "amount")
    if minor(text, own.currency) == 0:
        return _refused("amount_not_positive", "amount")
    if minor(text, own.currency) > LARGEST:
        return _refused("amount_too_large", "amount")
    return None


def _active(wallet: str, own: Account, param: str = "wallet_id") -> Answer | None:
    if own.status == "active":
        return None
    return _refused("wallet_not_active", param, wallet_id=wallet, status=own.status)


def _pending(data: dict[str, Any], request: Asked) -> Answer | None:
    if request.status == "pending":
        return None
    told = {"credit_request_id": data["credit_request_id"], "status": request.status}
    return _refused("credit_request_not_pending", "credit_request_id", **told)


def _funds(own: Account, amount: int) -> Answer | None:
    if own.balance >= amount:
        return None
    numbers = {"available": own.balance, "required": amount, "shortage": amount - own.balance}
    told = {name: show(number, own.currency) for name, number in numbers.items()}
    return _refused("insufficient_funds", "amount", **told)
