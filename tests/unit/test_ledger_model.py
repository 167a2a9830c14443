"""The rules of money against dicts: whatever comes, the ledger says what the model says."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from schemas import identifiers
from schemas.accounts import WORLD
from tests.ledger_model import Answer, Model, show
from tests.paper import PLACE, Paper, PaperRecord

WALLETS = [f"01930f6e-3c00-7000-8000-00000000000{n}" for n in range(5)]
AMOUNTS = [
    "5.00", "5", "0.01", "100.00", "33", "7.5", "0.001", "1000", "0", "0.00", "-3.00", "-0", "5.",
    ".5", "1e3", "", "NaN", "1.2345", "9" * 36, "9" * 38, "1" + "0" * 38, "1" + "0" * 50,
]  # fmt: skip
MOST_LIKELY = [*AMOUNTS[:8], "50.00", "50", "10"] * 4
NOW_MS = 1_795_082_400_000

wallets = st.sampled_from(WALLETS)
amounts = st.sampled_from([amount for amount in MOST_LIKELY + AMOUNTS if amount])
currencies = st.sampled_from(["IRR", "IRR", "IRR", "JPY", "KWD"])


def command(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Commands of a type without their ids; fields that may be absent draw None."""
    data = st.fixed_dictionaries({"wallet_id": wallets, **fields}).map(
        lambda drawn: {name: value for name, value in drawn.items() if value is not None}
    )
    return st.fixed_dictionaries({"type": st.just(kind), "data": data})


maybe_currency = st.none() | st.none() | currencies
commands = st.one_of(
    command("wallet.create", currency=st.none() | currencies),
    command("deposit", amount=amounts, currency=maybe_currency),
    command("deposit", amount=st.sampled_from(["100.00", "40", "7"])),
    command("transfer", to_wallet_id=wallets, amount=amounts, currency=maybe_currency),
    command(
        "charge_sale", phone_number=st.just("+989120000000"), amount=amounts,
        currency=maybe_currency, to_wallet_id=st.none() | wallets,
    ),
    command("credit_request.create", amount=amounts, currency=maybe_currency),
    command("wallet.set_status", status=st.sampled_from(["active", "active", "deactivated"])),
    command("wallet.set_status", status=st.sampled_from(["active", "suspended"])),
)  # fmt: skip


class LedgerMachine(RuleBasedStateMachine):
    """Batches of random commands through the real rules, each result held against the model."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.paper = Paper()
        self.sent: list[dict[str, Any]] = []
        self.paid: list[str] = []
        self.offset = 0

    @initialize()
    def open_some(self) -> None:
        """Most runs begin with money in three wallets, two of them of one currency."""
        opened = [
            ("wallet.create", {"wallet_id": wallet, "currency": currency})
            for wallet, currency in zip(WALLETS[:3], ("IRR", "IRR", "JPY"), strict=True)
        ]
        filled = [("deposit", {"wallet_id": wallet, "amount": "100"}) for wallet in WALLETS[:3]]
        self._batch([{"type": kind, "data": data} for kind, data in opened + filled])

    @rule(batch=st.lists(commands, min_size=1, max_size=6))
    def send(self, batch: list[dict[str, Any]]) -> None:
        """New commands."""
        self._batch(batch)

    @rule(wallet=wallets, choice=st.integers(0, 99), amount=st.none() | amounts)
    def refund(self, wallet: str, choice: int, amount: str | None) -> None:
        """Give back something paid, or something that was not."""
        paid = self.paid[choice % len(self.paid)] if self.paid else WALLETS[4]
        payer = self.model.payments[paid].payer if paid in self.model.payments else wallet
        data = {"wallet_id": payer if choice % 5 else wallet, "transaction_id": paid}
        self._batch([{"type": "refund", "data": data | ({"amount": amount} if amount else {})}])

    @rule(own=wallets, other=wallets, amount=st.sampled_from(["1.00", "3"]))
    def pay_and_take_back(self, own: str, other: str, amount: str) -> None:
        """A payment and refunds of it in one batch."""
        paid = self._transaction_id(len(self.sent), self.offset)
        data = {"wallet_id": own, "to_wallet_id": other, "amount": amount}
        back = {"wallet_id": own, "transaction_id": paid}
        self._batch(
            [{"type": "transfer", "data": data}]
            + [{"type": "refund", "data": back | more} for more in ({"amount": "1"}, {}, {})]
        )

    @rule(
        wallet=wallets,
        choice=st.integers(0, 99),
        steps=st.lists(st.sampled_from(["approve", "approve", "reject"]), min_size=1, max_size=3),
    )
    def end_credit(self, wallet: str, choice: int, steps: list[str]) -> None:
        """Yes and no to a credit request, perhaps of another wallet, or to one that never was."""
        known = list(self.model.requests)
        name = known[choice % len(known)] if known else WALLETS[4]
        own = self.model.requests[name].wallet if known and choice % 5 else wallet
        data = {"wallet_id": own, "credit_request_id": name}
        self._batch([{"type": f"credit_request.{step}", "data": data} for step in steps])

    @rule(own=wallets, step=st.sampled_from(["approve", "reject"]))
    def ask_and_get(self, own: str, step: str) -> None:
        """A credit request and its end, twice, in one batch."""
        name = self._transaction_id(len(self.sent), self.offset)
        end = {"wallet_id": own, "credit_request_id": name}
        self._batch(
            [{"type": "credit_request.create", "data": {"wallet_id": own, "amount": "5"}}]
            + [{"type": f"credit_request.{step}", "data": end}] * 2
        )

    @rule(choice=st.integers(0, 99), twice=st.booleans())
    def repeat(self, choice: int, twice: bool) -> None:  # noqa: FBT001 - drawn by name
        """The same command again: nothing at all."""
        again = self.sent[choice % len(self.sent)]
        self._batch([again, again] if twice else [again])

    @rule(choice=st.integers(0, 99), other=commands)
    def reuse(self, choice: int, other: dict[str, Any]) -> None:
        """Another command under a known id, twice: refused once."""
        reusing = {**other, "id": self.sent[choice % len(self.sent)]["id"]}
        self._batch([reusing, reusing])

    @rule(late=commands, early_ms=st.integers(-2, 2))
    def expire(self, late: dict[str, Any], early_ms: int) -> None:
        """Around its expiry time to the millisecond."""
        self._batch([{**late, "expires_ms": NOW_MS + self.offset + early_ms}])

    def _transaction_id(self, number: int, offset: int) -> str:
        return identifiers.transaction_id(
            NOW_MS + offset, identifiers.digest("/model", f"c{number}")
        )

    def _batch(self, batch: list[dict[str, Any]]) -> None:
        records, expected = [], []
        for asked in batch:
            named = {"id": f"c{len(self.sent)}", **asked}
            offset = self.offset
            self.offset += 1
            number = int(named["id"][1:])
            self.sent.append(named)
            name = self._transaction_id(number, offset)
            self.model.number = offset * PLACE.partitions + PLACE.partition + 1
            answer = self.model.answer(named, name, NOW_MS + offset)
            if answer is not None:
                expected.append((offset, answer))
                if name in self.model.payments:
                    self.paid.append(name)
            records.append(PaperRecord(offset, NOW_MS + offset, None, _value(named)))
        decided = self.paper.batch(records)
        results = [json.loads(message.value or b"") for message in decided.results]
        told = [(result["command"]["offset"], self._told(result)) for result in results]
        assert told == [(offset, self._in_words(answer)) for offset, answer in expected]

    def _told(self, result: dict[str, Any]) -> Answer:
        """A result without what the model does not know."""
        if result["status"] == "completed":
            names = ("status", "balance", "sequence", "currency", "wallet_id", "sequences")
            told = {name: result[name] for name in names}
            if "credit_request" in result:
                request = result["credit_request"]
                assert request["currency"] == result["currency"]
                parts = tuple(request[name] for name in ("number", "status", "amount"))
                told["credit_request"] = parts
            return told
        error = result["error"]
        told = {name: error[name] for name in ("code", "param", "context")}
        if error["code"] == "command_expired":
            told["context"] = {}
        assert error["detail"]
        return {"status": "rejected", **told, "sequences": result["sequences"]}

    def _in_words(self, answer: Answer) -> Answer:
        if answer["status"] == "rejected":
            return answer
        own = next(iter(answer["sequences"]))
        currency = self.model.wallets[own].currency
        balance = show(answer["balance"], currency)
        return {**answer, "balance": balance, "currency": currency, "wallet_id": own}

    @invariant()
    def wallets_are_the_models(self) -> None:
        """Balances, sequences and statuses agree, and none is below zero."""
        names = ("active", "deactivated", "suspended")
        held = {
            w.wallet_id: (w.currency, w.balance_minor, w.sequence, names[w.status])
            for w in self.paper.wallets.values()
        }
        assert held == {
            name: (a.currency, a.balance, a.sequence, a.status)
            for name, a in self.model.wallets.items()
        }
        assert all(wallet.balance_minor >= 0 for wallet in self.paper.wallets.values())

    @invariant()
    def credit_requests_are_the_models(self) -> None:
        """Numbers, amounts and statuses agree."""
        held = {
            name: (c.wallet_id, c.amount_minor, c.number, c.status)
            for name, c in self.paper.credit_requests.items()
        }
        assert held == {
            name: (a.wallet, a.amount, a.number, a.status)
            for name, a in self.model.requests.items()
        }

    @invariant()
    def the_journal_adds_up(self) -> None:
        """Every transaction sums to zero, every wallet to its balance, without a gap."""
        sums = Counter[str]()
        balances = Counter[str]()
        sequences: dict[str, list[int]] = {}
        for row in self.paper.entries:
            if row.world:  # the other side is the world's, written from this row
                assert row.world <= len(WORLD)
            else:
                sums[row.transaction_id] += row.amount_minor
            balances[row.account_id] += row.amount_minor
            assert balances[row.account_id] == row.balance_minor
            assert row.sequence is not None  # no posting here has two sides in the world
            sequences.setdefault(row.account_id, []).append(row.sequence)
        assert not any(sums.values())
        for wallet, numbers in sequences.items():
            assert numbers == list(range(1, self.model.wallets[wallet].sequence + 1))


def _value(asked: dict[str, Any]) -> bytes:
    envelope: dict[str, Any] = {
        "specversion": "1.0", "id": asked["id"], "source": "/model",
        "type": f"{asked['type']}.v1", "data": asked["data"],
    }  # fmt: skip
    if "expires_ms" in asked:
        moment = datetime.fromtimestamp(asked["expires_ms"] / 1000, UTC)
        envelope["expirytime"] = moment.isoformat(timespec="milliseconds")
    return json.dumps(envelope).encode()


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(
    max_examples=200,
    stateful_step_count=20,
    deadline=None,
    phases=set(Phase) - {Phase.explain},  # a failure is explained for minutes
)
