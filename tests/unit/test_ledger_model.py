"""The rules of money against dicts: whatever comes, the ledger says what the model says."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import to_builtins

from schemas import identifiers
from schemas.accounts import WORLD, WORLD_NAMES, WORLD_TRANSIT
from schemas.events import decode_step
from streams.bodies import withdrawal_body
from tests.ledger_model import Model
from tests.model_words import Answer, show
from tests.paper import PLACE, Paper, PaperRecord
from tests.withdrawal_model import HORIZON_MS, moment, since_ms

WALLETS = [f"01930f6e-3c00-7000-8000-00000000000{n}" for n in range(5)]
AMOUNTS = [
    "5.00", "5", "0.01", "100.00", "33", "7.5", "0.001", "1000", "0", "0.00", "-3.00", "-0", "5.",
    ".5", "1e3", "", "NaN", "1.2345", "9" * 36, "9" * 38, "1" + "0" * 38, "1" + "0" * 50,
]  # fmt: skip
MOST_LIKELY = [*AMOUNTS[:8], "50.00", "50", "10"] * 4
NOW_MS = 1_795_082_400_000

wallets = st.sampled_from(WALLETS)
amounts = st.sampled_from([amount for amount in MOST_LIKELY + AMOUNTS if amount])
targets = st.one_of(st.none(), st.just("IR062960000000100324200001"), wallets)
delays = st.sampled_from([1, 2, 3600, "PT0.001S", "PT0.0025S", 366 * 86_400, 366 * 86_400 + 1])
"""At the horizon and beyond it too."""
due_times = st.sampled_from([-1, 0, 1, 5, 5000, HORIZON_MS, HORIZON_MS + 40]).map(
    lambda after: moment(NOW_MS + after)
)
steps = st.sampled_from(["cancel", "execute", "execute", "settle", "settle", "fail", "review"])
ways = st.one_of(
    st.just(["execute", "settle"]),
    st.just(["execute", "fail"]),
    st.just(["execute", "review", "settle"]),
    st.just(["execute", "review", "fail"]),
    st.lists(steps, min_size=1, max_size=4),
)
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
    command(
        "exchange", to_wallet_id=wallets, amount=amounts, to_amount=amounts,
        currency=maybe_currency, to_currency=maybe_currency,
    ),
    command("credit_request.create", amount=amounts, currency=maybe_currency),
    command(
        "withdrawal.schedule", amount=amounts, currency=maybe_currency, target=targets,
        delay=delays,
    ),
    command("withdrawal.schedule", amount=amounts, target=targets, due_at=due_times),
    command("wallet.set_status", status=st.sampled_from(["active", "active", "deactivated"])),
    command("wallet.set_status", status=st.sampled_from(["active", "suspended"])),
    command("wallet.set_status", status=st.just("active"), if_sequence=st.integers(1, 6)),
)  # fmt: skip


class LedgerMachine(RuleBasedStateMachine):
    """Batches of random commands through the real rules, each result held against the model."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.paper = Paper()
        self.sent: list[dict[str, Any]] = []
        self.paid: list[str] = []
        self.scheduled: list[str] = []
        self.offset = 0
        self.now_ms = NOW_MS

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
        paid = self._transaction_id(len(self.sent))
        data = {"wallet_id": own, "to_wallet_id": other, "amount": amount}
        back = {"wallet_id": own, "transaction_id": paid}
        self._batch(
            [{"type": "transfer", "data": data}]
            + [{"type": "refund", "data": back | more} for more in ({"amount": "1"}, {}, {})]
        )

    @rule(
        drawn=st.permutations(WALLETS[:3]), amount=st.sampled_from(["3", "5", "0.001", "1000"]),
        to_amount=st.sampled_from(["5", "7", "2.5", "9" * 36, "9" * 38]),
        said=st.sampled_from([{}, {}, {}, {"currency": "IRR"}, {"to_currency": "JPY"}]),
    )  # fmt: skip
    def exchange_and_ask_back(
        self, drawn: list[str], amount: str, to_amount: str, said: dict[str, str]
    ) -> None:
        """There, back by another exchange, and refunds of both: in their batch and after it."""
        own, other, _ = drawn
        first = len(self.sent)
        there = {"wallet_id": own, "to_wallet_id": other, "amount": amount, "to_amount": to_amount}
        back = {"wallet_id": other, "to_wallet_id": own, "amount": to_amount, "to_amount": amount}
        pair = [{"type": "exchange", "data": data | said} for data in (there, back)]
        names = [self._transaction_id(first + n, later=n) for n in range(2)]
        paid = zip((own, other), names, strict=True)
        asked = [{"wallet_id": wallet, "transaction_id": name} for wallet, name in paid]
        refunds = [{"type": "refund", "data": data} for data in asked]
        self._batch(pair + refunds)
        self._batch(refunds)

    @rule(
        wallet=wallets,
        choice=st.integers(0, 99),
        ends=st.lists(st.sampled_from(["approve", "approve", "reject"]), min_size=1, max_size=3),
    )
    def end_credit(self, wallet: str, choice: int, ends: list[str]) -> None:
        """Yes and no to a credit request, perhaps of another wallet, or to one that never was."""
        known = self.model.credit_requests.all
        name = list(known)[choice % len(known)] if known else WALLETS[4]
        own = known[name].wallet if known and choice % 5 else wallet
        data = {"wallet_id": own, "credit_request_id": name}
        self._batch([{"type": f"credit_request.{end}", "data": data} for end in ends])

    @rule(own=wallets, end=st.sampled_from(["approve", "reject"]))
    def ask_and_get(self, own: str, end: str) -> None:
        """A credit request and its end, twice, in one batch."""
        name = self._transaction_id(len(self.sent))
        ended = {"wallet_id": own, "credit_request_id": name}
        self._batch(
            [{"type": "credit_request.create", "data": {"wallet_id": own, "amount": "5"}}]
            + [{"type": f"credit_request.{end}", "data": ended}] * 2
        )

    @precondition(lambda self: bool(self.scheduled))
    @rule(more=st.lists(st.tuples(st.integers(0, 99), steps, wallets), min_size=1, max_size=4))
    def carry_on(self, more: list[tuple[int, str, str]]) -> None:
        """Steps of withdrawals, whether they fit or not; now and then by another wallet."""
        self._batch([self._step(*each) for each in more])

    @rule(
        own=st.sampled_from(WALLETS[:3]), other=targets | st.sampled_from(WALLETS[:2]),
        amount=st.sampled_from(["1.00", "3", "3", "1000"]), ways=ways,
    )  # fmt: skip
    def withdraw_at_once(self, own: str, other: str | None, amount: str, ways: list[str]) -> None:
        """A withdrawal that is due when its next step comes, all in one batch."""
        name = self._transaction_id(len(self.sent))
        said = {"wallet_id": own, "amount": amount, "delay": "PT0.001S"}
        said |= {"target": other} if other else {}
        told = [{"type": "withdrawal.schedule", "data": said}]
        self._batch(told + [_step_of(name, own, step) for step in ways])

    @rule(seconds=st.sampled_from([1, 2, 3600, 366 * 86_400]), by_hand=st.booleans())
    def wait(self, seconds: int, by_hand: bool) -> None:  # noqa: FBT001 - drawn by name
        """Time passes, or a development copy's clock is moved."""
        if by_hand:
            self.paper.clock_ahead_ms += seconds * 1000
        else:
            self.now_ms += seconds * 1000

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
        now_ms = self.now_ms + self.paper.clock_ahead_ms
        self._batch([{**late, "expires_ms": now_ms + early_ms}])

    def _step(self, choice: int, step: str, wallet: str) -> dict[str, Any]:
        name = self.scheduled[choice % len(self.scheduled)] if choice else WALLETS[4]
        known = self.model.withdrawals.all.get(name)
        return _step_of(name, known.owner if known and choice % 9 else wallet, step)

    def _transaction_id(self, number: int, later: int = 0) -> str:
        """The id that a command gets which is sent next, or so many records after that."""
        now_ms = self.now_ms + self.paper.clock_ahead_ms + later
        name = identifiers.digest("/model", f"c{number}")
        return identifiers.transaction_id(now_ms, PLACE.partition, self.offset + later, name)

    def _batch(self, batch: list[dict[str, Any]]) -> None:
        records, expected = [], []
        for asked in batch:
            named = {"id": f"c{len(self.sent)}", **asked}
            offset, now_ms = self.offset, self.now_ms
            name = self._transaction_id(int(named["id"][1:]))
            self.offset, self.now_ms = self.offset + 1, self.now_ms + 1
            self.sent.append(named)
            self.model.credit_requests.number = offset * PLACE.partitions + PLACE.partition + 1
            answer = self.model.answer(named, name, now_ms + self.paper.clock_ahead_ms)
            if answer is not None:
                expected.append((offset, answer))
                if name in self.model.payments:
                    self.paid.append(name)
                if name in self.model.withdrawals.all:
                    self.scheduled.append(name)
            records.append(PaperRecord(offset, now_ms, None, _value(named)))
        decided = self.paper.batch(records)
        results = [json.loads(message.value or b"") for message in decided.results]
        told = [(result["command"]["offset"], self._told(result)) for result in results]
        assert told == [(offset, self._in_words(answer)) for offset, answer in expected]

    def _told(self, result: dict[str, Any]) -> Answer:
        """A result without what the model does not know."""
        if result["status"] == "completed":
            names = ("status", "balance", "sequence", "currency", "wallet_id", "sequences")
            more = [name for name in ("withdrawal",) if name in result]
            told = {name: result[name] for name in (*names, *more)}
            if "credit_request" in result:
                request = result["credit_request"]
                assert request["currency"] == result["currency"]
                parts = [request[name] for name in ("number", "status", "amount")]
                told["credit_request"] = tuple(parts)
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
        known = self.model.credit_requests.all
        assert held == {name: (a.wallet, a.amount, a.number, a.status) for name, a in known.items()}

    @invariant()
    def withdrawals_are_the_models(self) -> None:
        """Each is what the model knows of it, and each change of it was told once."""
        held = {
            name: {**body, "changed_at_ms": found.changed_at_ms}
            for name, found in self.paper.withdrawals.items()
            for body in (to_builtins(withdrawal_body(found)),)
        }
        told = [decode_step(message.value or b"") for message in self.paper.steps]
        newest = {
            step.withdrawal.id: {
                **to_builtins(step.withdrawal),
                "changed_at_ms": since_ms(step.recorded_at),
            }
            for step in told
        }
        assert held == newest
        known = self.model.withdrawals.all
        assert {name: body | {"changed_at_ms": 0} for name, body in held.items()} == {
            name: found.told() | {"changed_at_ms": 0} for name, found in known.items()
        }
        assert len({(step.withdrawal.id, step.withdrawal.status) for step in told}) == len(told)

    @invariant()
    def the_journal_adds_up(self) -> None:
        """Every transaction sums to zero in each currency, every wallet to its balance, no gap.

        What is in transit is what the model's withdrawals hold.
        """
        sums = Counter[tuple[str, str]]()
        balances = Counter[str]()
        transit = Counter[str]()
        sequences: dict[str, list[int]] = {}
        for row in self.paper.entries:
            if row.world:  # the other side is the world's, written from this row
                account, other = list(WORLD.values())[row.world - 1], -row.amount_minor
            else:
                sums[row.transaction_id, row.currency] += row.amount_minor
                account, other = row.account_id, row.amount_minor
            if account == WORLD[WORLD_TRANSIT]:
                transit[row.currency] += other
            if row.sequence is None:
                assert row.account_id in WORLD_NAMES
                continue
            balances[row.account_id] += row.amount_minor
            assert balances[row.account_id] == row.balance_minor
            sequences.setdefault(row.account_id, []).append(row.sequence)
        assert not any(sums.values())
        assert +transit == +Counter(self.model.withdrawals.transit)
        for wallet, numbers in sequences.items():
            assert numbers == list(range(1, self.model.wallets[wallet].sequence + 1))


def _step_of(name: str, wallet: str, step: str) -> dict[str, Any]:
    data = {"wallet_id": wallet, "withdrawal_id": name}
    data |= {"reason": "the bank said so"} if step in ("fail", "review") else {}
    return {"type": f"withdrawal.{step}", "data": data}


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
