"""A seeded mixture of everything a ledger may be sent, as records of the commands topic."""

import json
import random
import uuid
from collections.abc import Callable
from itertools import cycle, permutations
from typing import Any, NamedTuple

from schemas.identifiers import partition_of

CURRENCIES = ("IRR", "IRR", "IRR", "USD", "JPY", "BHD")
ABROAD = ("EUR", "JPY", "BHD")
AMOUNTS = ("1", "5.00", "12.50", "0.01", "300", "7", "2.5")
WAYS = (
    (),
    ("cancel",),
    ("execute",),
    ("execute", "settle"),
    ("execute", "fail"),
    ("execute", "review"),
    ("execute", "review", "settle"),
    ("execute", "review", "fail"),
)
STEPS = ("execute",) * 5 + ("settle",) * 3 + ("fail", "fail", "review", "cancel")
SOON = "PT0.001S"
DELAYS = (*[SOON] * 6, "PT0.0015S", 1, 3600, "P1DT2H", "P1Y", "PT0.0001S", 10**10, 0, "-PT1S")
"""Of withdrawals: most are due at once, some later, and some can never be."""
BANK = "DE02120300000000202051"
BAD_AMOUNTS = ("0", "0.00", "-1", "1.23456", "abc", "", "1.", ".5", "9" * 40, "1e3", "9" * 38)
SOURCE = "/mixture"


class Sent(NamedTuple):
    """One record to send; `partition` None leaves it to the key."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    partition: int


class Mixture:
    """Draws records from one seed: mostly good commands, and every kind of bad one."""

    def __init__(self, seed: int, partitions: int, wallets: int = 24) -> None:
        self.draw = random.Random(seed)  # noqa: S311 - no secret
        self.partitions = partitions
        self.wallets = [self._wallet(number // 2 % partitions) for number in range(wallets)]
        self.payments: list[tuple[str, str]] = []
        """Wallet and transaction id of payments, for refunds."""
        self.withdrawals: list[tuple[str, str]] = []
        """Wallet and id of withdrawals, for what follows on them."""
        self.credit_requests: list[tuple[str, str]] = []
        """Wallet and id of credit requests, to be approved or rejected."""
        self.foreign: list[str] = []
        """Wallets that `abroad` has made."""
        self._sent: list[Sent] = []
        self._last_ids: list[tuple[str, dict[str, Any]]] = []

    def opening(self) -> list[Sent]:
        """Wallets made and filled."""
        made = []
        for number, wallet in enumerate(self.wallets[:-2]):  # two that nobody makes
            currency = self.draw.choice(CURRENCIES) if number % 2 else CURRENCIES[0]
            owner = {"name": "Ali رضا", "phone": "+989120000000"}
            made.append(self.command("wallet.create.v1", wallet, currency=currency, owner=owner))
            made.append(self.command("deposit.v1", wallet, amount="100"))
        return made

    def schedules(self) -> list[Sent]:
        """Withdrawals of small money from each wallet to each other one, and out of the house."""
        made = self.wallets[:-2]
        return [
            self.command("withdrawal.schedule.v1", own, amount="1", **({"delay": SOON} | more))
            for own in made
            for more in ({"delay": "P2D"}, {}, {"target": BANK}, *({"target": w} for w in made))
        ]

    def lives(self) -> list[Sent]:
        """Every way that a withdrawal can go, each as often as the others."""
        return [
            self.step(step, *known)
            for known, way in zip(self.withdrawals, cycle(WAYS), strict=False)
            for step in way
        ]

    def too_much(self) -> list[Sent]:
        """Withdrawals of more than there is: they fail when their time has come."""
        kind, made = "withdrawal.schedule.v1", self.wallets[:-2]
        return [self.command(kind, own, amount="9999", delay=SOON) for own in made]

    def abroad(self) -> list[Sent]:
        """A wallet of each other currency made and filled, for exchanges only."""
        made = []
        for number, currency in enumerate(ABROAD):
            self.foreign.append(wallet := self._wallet(number % self.partitions))
            made.append(self.command("wallet.create.v1", wallet, currency=currency))
            made.append(self.command("deposit.v1", wallet, amount="100"))
        return made

    def exchanges(self) -> list[Sent]:
        """From each wallet to each other one, in any order; many hold the same currency."""
        pairs = list(permutations(self.wallets[:-2] + self.foreign, 2))
        self.draw.shuffle(pairs)
        return [self._exchange(*pair) for pair in pairs]

    def asks(self) -> list[Sent]:
        """Credit requests of small money, some for each wallet."""
        made = self.wallets[:-2]
        return [self.command("credit_request.create.v1", own, amount="2") for own in made * 3]

    def ends(self) -> list[Sent]:
        """Of the credit requests a third are approved, a third rejected, and a third left."""
        steps = cycle(("approve", "reject", None))
        return [
            self.command(f"credit_request.{step}.v1", wallet, credit_request_id=request)
            for (wallet, request), step in zip(self.credit_requests, steps, strict=False)
            if step is not None
        ]

    def records(self, count: int) -> list[Sent]:
        """So many records."""
        kinds: list[tuple[Callable[[], Sent], int]] = [
            (self._transfer, 40),
            (self._sale, 15),
            (self._deposit, 15),
            (self._refund, 10),
            (self._status, 3),
            (self._schedule, 12),
            (self._step, 30 if self.withdrawals else 2),
            (self._ask_credit, 8),
            (self._end_credit, 10 if self.credit_requests else 2),
            (self._again, 5),
            (self._other_content, 4),
            (self._bad_content, 5),
            (self._poison, 3),
        ]
        makers, weights = zip(*kinds, strict=True)
        return [maker() for maker in self.draw.choices(makers, weights, k=count)]

    def command(self, command_type: str, wallet: str, **data: object) -> Sent:
        """A good command: in either mode, now and then with every optional attribute."""
        attributes = {
            "specversion": "1.0",
            "id": self._uuid() if self.draw.random() < 0.8 else f"order/{self.draw.random()}",
            "source": SOURCE,
            "type": command_type,
        }
        whole = {"wallet_id": wallet, **data}
        if self.draw.random() < 0.2:
            attributes |= {"correlationid": "c-1", "traceparent": "00-ab-cd-01"}
            whole |= {"reference": "Bestellung 17 ✓", "metadata": {"b": "2", "a": '"1\\n'}}
        if self.draw.random() < 0.1:
            whole["effective_at"] = self.draw.choice(
                ("2026-01-02T03:04:05.678901+03:30", "2025-12-31T23:59:59Z")
            )
        if self.draw.random() < 0.06:
            attributes["expirytime"] = self.draw.choice(
                ("2020-01-01T00:00:00.5Z", "2999-01-01T00:00:00+02:00")
            )
        return self._record(attributes, whole)

    def _record(self, attributes: dict[str, str], data: object) -> Sent:
        wallet = data.get("wallet_id") if isinstance(data, dict) else None
        key = wallet.encode() if isinstance(wallet, str) else None
        stray = self.draw.random() < 0.03
        partition = partition_of(wallet, self.partitions) if key and isinstance(wallet, str) else 0
        if stray:
            partition = self.draw.randrange(self.partitions)
        if self.draw.random() < 0.3:
            value = json.dumps({**attributes, "data": data}, ensure_ascii=False).encode()
            sent = Sent(key, value, [], partition)
        else:
            headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
            sent = Sent(key, json.dumps(data).encode(), headers, partition)
        self._sent.append(sent)
        if isinstance(data, dict):
            self._last_ids.append((attributes["id"], data))
        return sent

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.draw.getrandbits(128), version=4))

    def _wallet(self, partition: int) -> str:
        while partition_of(found := self._uuid(), self.partitions) != partition:
            pass
        return found

    def _any(self) -> str:
        return self.draw.choice(self.wallets)

    def _transfer(self) -> Sent:
        amount = self.draw.choice(AMOUNTS)
        return self.command("transfer.v1", self._any(), to_wallet_id=self._any(), amount=amount)

    def _sale(self) -> Sent:
        data = {"phone_number": "+989123456789", "amount": self.draw.choice(AMOUNTS)}
        if self.draw.random() < 0.4:
            data["to_wallet_id"] = self._any()
        return self.command("charge_sale.v1", self._any(), **data)

    def _deposit(self) -> Sent:
        data = {"amount": self.draw.choice(AMOUNTS)}
        if self.draw.random() < 0.1:
            data["currency"] = self.draw.choice(CURRENCIES)
        if self.draw.random() < 0.02:
            data["amount"] = "9" * 35
        return self.command("deposit.v1", self._any(), **data)

    def _refund(self) -> Sent:
        wallet, transaction = self._any(), self._uuid()
        if self.payments and self.draw.random() < 0.9:
            wallet, transaction = self.draw.choice(self.payments)
        data = {"transaction_id": transaction}
        if self.draw.random() < 0.7:
            data["amount"] = self.draw.choice(AMOUNTS)
        return self.command("refund.v1", wallet, **data)

    def _status(self) -> Sent:
        status = self.draw.choice(("active", "active", "active", "deactivated", "suspended"))
        return self.command("wallet.set_status.v1", self._any(), status=status)

    def _schedule(self) -> Sent:
        """A withdrawal: to the bank's own choice, to an account, to wallets that can be or not."""
        wallet, other = self._any(), self._any()
        data: dict[str, object] = {"amount": self.draw.choice(AMOUNTS)}
        if self.draw.random() < 0.8:
            data["delay"] = self.draw.choice(DELAYS)
        else:
            data["due_at"] = self.draw.choice(("2999-01-01T00:00:00Z", "2020-01-01T03:30:00+03:30"))
        target = self.draw.choice((None, BANK, other, other, other, self._uuid(), "no account!"))
        if target is not None:
            data["target"] = target
        return self.command("withdrawal.schedule.v1", wallet, **data)

    def _step(self) -> Sent:
        """What follows on a withdrawal, in any order, at times on a wrong one."""
        wallet, withdrawal = self._any(), self._uuid()
        if self.withdrawals and self.draw.random() < 0.95:
            known, withdrawal = self.draw.choice(self.withdrawals)
            wallet = known if self.draw.random() < 0.95 else wallet
        return self.step(self.draw.choice(STEPS), wallet, withdrawal)

    def step(self, step: str, wallet: str, withdrawal: str) -> Sent:
        """A command on a withdrawal."""
        data = {"withdrawal_id": withdrawal}
        if step in ("fail", "review"):
            data["reason"] = self.draw.choice(("no such account", 'حساب "بسته" است\n✗'))
        return self.command(f"withdrawal.{step}.v1", wallet, **data)

    def _exchange(self, own: str, other: str) -> Sent:
        data = {name: self.draw.choice(AMOUNTS) for name in ("amount", "to_amount")}
        if self.draw.random() < 0.1:
            data["to_currency"] = self.draw.choice(CURRENCIES)
        return self.command("exchange.v1", own, to_wallet_id=other, **data)

    def _ask_credit(self) -> Sent:
        data = {"amount": self.draw.choice(AMOUNTS)}
        if self.draw.random() < 0.2:
            data["currency"] = self.draw.choice(CURRENCIES)
        return self.command("credit_request.create.v1", self._any(), **data)

    def _end_credit(self) -> Sent:
        """Yes or no to a credit request, at times to a wrong one or a second time."""
        wallet, request = self._any(), self._uuid()
        if self.credit_requests and self.draw.random() < 0.95:
            known, request = self.draw.choice(self.credit_requests)
            wallet = known if self.draw.random() < 0.95 else wallet
        data = {"credit_request_id": request}
        if self.draw.random() < 0.5:
            data |= {"by": "admin ✓", "reason": 'says "yes"\n'}
        step = self.draw.choice(("approve", "approve", "reject"))
        return self.command(f"credit_request.{step}.v1", wallet, **data)

    def _again(self) -> Sent:
        """The same record once more, at times on another partition."""
        sent = self.draw.choice(self._sent) if self._sent else self._deposit()
        if self.draw.random() < 0.2:
            return sent._replace(partition=self.draw.randrange(self.partitions))
        return sent

    def _other_content(self) -> Sent:
        """The id of an earlier command with other content, often for another wallet."""
        if not self._last_ids:
            return self._deposit()
        name, _ = self.draw.choice(self._last_ids)
        attributes = {"specversion": "1.0", "id": name, "source": SOURCE, "type": "deposit.v1"}
        amount = self.draw.choice((*AMOUNTS, 7))
        return self._record(attributes, {"wallet_id": self._any(), "amount": amount})

    def _bad_content(self) -> Sent:
        bad: dict[str, object] = {"amount": self.draw.choice(BAD_AMOUNTS)}
        match self.draw.randrange(5):
            case 0:
                bad["amout"] = "1"
            case 1:
                bad["currency"] = "XXX"
            case 2:
                bad["effective_at"] = "yesterday"
            case 3:
                return self.command("withdrawl.v1", self._any(), amount="1")
            case _:
                pass
        return self.command("deposit.v1", self._any(), **bad)

    def _poison(self) -> Sent:
        good = self.command("deposit.v1", self._any(), amount="1")
        values = (b"{", b"", None, b"null", b"[1]", b"\xff\xfe", b"NaN", b'{"id":1}', b"{}" * 9)
        at = self.draw.randrange(self.partitions)
        match self.draw.randrange(4):
            case 0:
                return Sent(good.key, self.draw.choice(values), [], at)
            case 1:
                return good._replace(key=b"another key")
            case 2:
                return good._replace(value=(good.value or b"") + b" " * 70_000)
            case _:
                return good._replace(value=self.draw.choice(values))
