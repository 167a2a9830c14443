"""The rules of withdrawals once more, on dicts. Shares nothing with `streams` nor the auditor."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

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

START = datetime(1970, 1, 1, tzinfo=UTC)
HORIZON_MS = 366 * 24 * 3600 * 1000
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NEXT = {
    ("scheduled", "cancel"): "cancelled",
    ("scheduled", "execute"): "executing",
    ("executing", "settle"): "paid",
    ("executing", "fail"): "failed",
    ("executing", "review"): "needs_review",
    ("needs_review", "settle"): "paid",
    ("needs_review", "fail"): "failed",
}
"""The arrows of the state machine; an execution may also lead to failed."""


@dataclass
class Withdrawal:
    """A withdrawal; the time in milliseconds since 1970."""

    name: str
    owner: str
    amount: int
    currency: str
    due_ms: int
    target: str | None
    status: str = "scheduled"
    reason: str | None = None

    @property
    def wallet(self) -> str | None:
        """The wallet that is to get the money."""
        return self.target if self.target and UUID.fullmatch(self.target) else None

    def told(self) -> Answer:
        """What results say of it."""
        said = {
            "id": self.name, "status": self.status, "amount": show(self.amount, self.currency),
            "currency": self.currency, "due_at": moment(self.due_ms), "target": self.target,
            "reason": self.reason,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}


class Withdrawals:
    """All of them, and the wallets they are of; `transit` is the money by currency."""

    def __init__(self, wallets: dict[str, Account]) -> None:
        self.wallets = wallets
        self.all: dict[str, Withdrawal] = {}
        self.transit: dict[str, int] = {}

    def looked_at(self, kind: str, data: dict[str, Any]) -> list[str]:
        """The wallets that a command depends on."""
        own, other = data["wallet_id"], None
        if kind == "withdrawal.schedule":
            other = Withdrawal("", own, 0, "", 0, data.get("target")).wallet
        elif kind in ("withdrawal.execute", "withdrawal.settle"):
            found = self.all.get(data["withdrawal_id"])
            other = found.wallet if found and found.owner == own else None
        return [own, other] if other else [own]

    def answer(self, kind: str, data: dict[str, Any], name: str, now_ms: int) -> Answer:
        """A refusal, or the withdrawal as it is then."""
        if kind == "withdrawal.schedule":
            return self._schedule(data, name, now_ms)
        if data["wallet_id"] not in self.wallets:
            return missing(data["wallet_id"])
        known = {"withdrawal_id": data["withdrawal_id"]}
        found = self.all.get(data["withdrawal_id"])
        if found is None or found.owner != data["wallet_id"]:
            return refused("withdrawal_not_found", "withdrawal_id", **known)
        step = kind.removeprefix("withdrawal.")
        status = NEXT.get((found.status, step))
        if status is None:
            word = "scheduled" if step in ("cancel", "execute") else "executing"
            code = f"withdrawal_not_{word}"
            return refused(code, "withdrawal_id", **known, status=found.status)
        if step == "execute" and now_ms < found.due_ms:
            times = {"due_at": moment(found.due_ms), "recorded_at": moment(now_ms)}
            return refused("withdrawal_not_due", "withdrawal_id", **known, **times)
        return self._step(found, step, status, data.get("reason"))

    def _schedule(self, data: dict[str, Any], name: str, now_ms: int) -> Answer:
        own_id, target = data["wallet_id"], data.get("target")
        if own_id == target:
            return refused("same_wallet", "target")
        own = self.wallets.get(own_id)
        if own is None:
            return missing(own_id)
        due_ms = now_ms + length_ms(data["delay"]) if "delay" in data else since_ms(data["due_at"])
        made = Withdrawal(name, own_id, 0, own.currency, due_ms, target)
        wrong = (
            self._wrong_target(made, own, wrong_currency(data, own))
            or wrong_amount(data, own)
            or wrong_time(due_ms, now_ms, "delay" if "delay" in data else "due_at")
            or not_active(own_id, own)
        )
        if wrong:
            return wrong
        made.amount = minor(data["amount"], own.currency)
        self.all[name] = made
        own.sequence += 1
        return {"withdrawal": made.told()}

    def _wrong_target(self, made: Withdrawal, own: Account, before: Answer | None) -> Answer | None:
        """A target that is not there comes before the currency said, its currency after."""
        if made.wallet is None:
            return before
        other = self.wallets.get(made.wallet)
        if other is None:
            return refused("target_not_found", "target", target=made.wallet)
        if before or other.currency == own.currency:
            return before
        numbers = {"wallet_id": made.wallet, "held": other.currency, "given": own.currency}
        return refused("currency_mismatch", "target", **numbers)

    def _step(self, found: Withdrawal, step: str, status: str, reason: str | None) -> Answer:
        own, other = self.wallets[found.owner], self.wallets.get(found.wallet or "")
        if step == "execute":
            reason = self._obstacle(found, own, other)
            status = "failed" if reason else status
        gets = {"settle": (other, "target"), "fail": (own, "amount")}.get(step)
        if gets and gets[0] and gets[0].balance + found.amount > LARGEST:
            return refused("amount_too_large", gets[1])
        found.status, found.reason = status, reason
        own.sequence += 1
        if status == "executing":
            self._move(found, own, -1)
        elif step == "fail":
            self._move(found, own, 1)
        elif step == "settle":
            self._move(found, other, 1)
            if other:
                other.sequence += 1
        return {"withdrawal": found.told()}

    def _move(self, found: Withdrawal, wallet: Account | None, sign: int) -> None:
        """Money into the wallet and out of transit, or the other way."""
        if wallet:
            wallet.balance += sign * found.amount
        held = self.transit.get(found.currency, 0)
        self.transit[found.currency] = held - sign * found.amount

    def _obstacle(self, found: Withdrawal, own: Account, other: Account | None) -> str | None:
        """Why it fails when its time has come."""
        for name, wallet in ((found.owner, own), (found.wallet, other)):
            if wallet and wallet.status != "active":
                return f"The wallet {name} is {wallet.status}."
        short = no_funds(own, found.amount)
        if short is None:
            return None
        told = short["context"]
        return (
            f"Insufficient funds. Available balance: {told['available']}."
            f" Required amount: {told['required']}."
        )


def wrong_time(due_ms: int, now_ms: int, param: str) -> Answer | None:
    """Why it cannot be due then."""
    if due_ms <= now_ms:
        times = {"due_at": moment(due_ms), "recorded_at": moment(now_ms)}
        return refused("due_not_in_future", param, **times)
    if due_ms > now_ms + HORIZON_MS:
        times = {"due_at": moment(due_ms), "latest": moment(now_ms + HORIZON_MS)}
        return refused("due_too_far", param, **times)
    return None


def length_ms(delay: int | str) -> int:
    """A delay, in seconds or as "PT0.005S", in whole milliseconds."""
    return int(Decimal(str(delay).removeprefix("PT").removesuffix("S")) * 1000)


def since_ms(text: str) -> int:
    """A moment in whole milliseconds since 1970."""
    return (datetime.fromisoformat(text) - START) // timedelta(milliseconds=1)


def moment(since_ms: int) -> str:
    """A moment as the ledger writes it."""
    found = START.replace(tzinfo=None) + timedelta(milliseconds=since_ms)
    return f"{found.isoformat(timespec='milliseconds')}Z"
