"""Withdrawals in the ledger: every step, every refusal, and what is told of them."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.settings import Settings
from tests.ledgers import Ledger, at_work
from tests.workers import Workers, execute, rows

pytestmark = pytest.mark.integration

SOON = "PT0.3S"


@pytest.fixture(scope="module")
def ledger(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """A ledger with one worker; in the end it must be clean."""
    with at_work(new_ledger(), tmp_path_factory.mktemp("worker"), seed=4) as made:
        yield made


class Person:
    """A wallet with some money, and what its owner does with withdrawals."""

    def __init__(self, ledger: Ledger, partition: int = 0, deposit: str | None = "100.00") -> None:
        self.ledger = ledger
        self.wallet = ledger.wallet_on(partition)
        said = [ledger.command("wallet.create", self.wallet)]
        if deposit is not None:
            said.append(ledger.command("deposit", self.wallet, amount=deposit))
        ledger.ask(*said)

    def ask(self, kind: str, **data: str) -> dict[str, Any]:
        """The result of one command."""
        (result,) = self.ledger.ask(self.ledger.command(kind, self.wallet, **data))
        return result

    def step(self, name: str, withdrawal_id: str, **data: str) -> dict[str, Any]:
        """The result of one step of a withdrawal."""
        return self.ask(f"withdrawal.{name}", withdrawal_id=withdrawal_id, **data)

    def schedule(self, amount: str = "50.00", **data: str) -> dict[str, Any]:
        """The result of scheduling; due soon where nothing else is said."""
        if not {"due_at", "delay"} & data.keys():
            data["delay"] = SOON
        return self.ask("withdrawal.schedule", amount=amount, **data)

    def execute(self, withdrawal_id: str) -> dict[str, Any]:
        """The result of the execution, as soon as it is due."""
        deadline = time.monotonic() + 30
        while (result := self.step("execute", withdrawal_id))["status"] == "rejected":
            assert result["error"]["code"] == "withdrawal_not_due"
            assert time.monotonic() < deadline
        return result

    def executed(self, amount: str = "50.00", **data: str) -> str:
        """A withdrawal that is executing."""
        withdrawal_id: str = self.schedule(amount, **data)["withdrawal"]["id"]
        assert self.execute(withdrawal_id)["withdrawal"]["status"] == "executing"
        return withdrawal_id


def told(result: dict[str, Any]) -> tuple[str, str]:
    """The status that a result tells of its withdrawal, and the wallet's balance."""
    return result["withdrawal"]["status"], result["balance"]


def codes(*results: dict[str, Any]) -> list[tuple[str, str]]:
    """Why commands were refused, and over which field."""
    return [(result["error"]["code"], result["error"]["param"]) for result in results]


def move_clock(ledger: Ledger, ahead: timedelta) -> None:
    """Let the development clock run ahead of the broker's by so much."""
    milliseconds = ahead // timedelta(milliseconds=1)
    execute(ledger.settings, "INSERT INTO clock (ahead_ms) VALUES (%s)", milliseconds)


def test_paid_to_a_bank_account(ledger: Ledger) -> None:
    """The money leaves the wallet when it is due, and the ledger when the bank has paid."""
    person = Person(ledger)
    scheduled = person.schedule(target="IR62 0960 0000 0010 0324 2000 01")
    withdrawal = scheduled["withdrawal"]
    assert told(scheduled) == ("scheduled", "100.00")
    assert withdrawal["id"] == scheduled["transaction_id"]
    assert told(person.execute(withdrawal["id"])) == ("executing", "50.00")
    paid = person.step("settle", withdrawal["id"])
    assert told(paid) == ("paid", "50.00")
    assert paid["withdrawal"]["target"] == "IR62 0960 0000 0010 0324 2000 01"
    again = person.step("settle", withdrawal["id"])
    assert codes(again) == [("withdrawal_not_executing", "withdrawal_id")]
    assert again["error"]["context"]["status"] == "paid"


def test_paid_to_a_wallet_of_another_partition(ledger: Ledger) -> None:
    """The target is credited when the bank has paid, also if it is not active any more."""
    person, other = Person(ledger, 0), Person(ledger, 1)
    withdrawal_id = person.executed(target=other.wallet)
    other.ask("wallet.set_status", status="suspended")
    paid = person.step("settle", withdrawal_id)
    assert told(paid) == ("paid", "50.00")
    assert paid["sequences"] == {person.wallet: 5, other.wallet: 4}
    ledger.verify()  # the event on the other partition is there
    event = json.loads(
        next(
            e.value() or b""
            for e in ledger.events()
            if e.key() == other.wallet.encode() and b'"withdrawal.settle"' in (e.value() or b"")
        )
    )
    assert event["balance"] == {"before": "100.00", "after": "150.00"}
    assert event["withdrawal"]["id"] == withdrawal_id


def test_scheduled_on_a_wrong_partition(ledger: Ledger) -> None:
    """It is due, and in transit, where its wallet's commands are: there the next steps stand."""
    person = Person(ledger, 2)
    said = ledger.command("withdrawal.schedule", person.wallet, amount="50.00", delay=SOON)
    (scheduled,) = ledger.ask(said._replace(partition=3))
    withdrawal_id = scheduled["withdrawal"]["id"]
    assert told(person.execute(withdrawal_id)) == ("executing", "50.00")
    query = "SELECT partition FROM withdrawals WHERE withdrawal_id = %s"
    with rows(ledger.settings, query, withdrawal_id) as found:
        assert found == [(2,)]
    assert told(person.step("settle", withdrawal_id)) == ("paid", "50.00")


def test_what_failed_returns(ledger: Ledger) -> None:
    """The wallet has its money again, and the reason is told."""
    person = Person(ledger)
    failed = person.step("fail", person.executed(), reason="account closed")
    assert told(failed) == ("failed", "100.00")
    assert failed["withdrawal"]["reason"] == "account closed"


def test_a_person_ends_what_needs_review(ledger: Ledger) -> None:
    """The money stays in transit until somebody knows; both ends are open."""
    person = Person(ledger)
    paid, failed = person.executed("30.00"), person.executed("20.00")
    for withdrawal_id in (paid, failed):
        reviewed = person.step("review", withdrawal_id, reason="no answer")
        assert told(reviewed) == ("needs_review", "50.00")
        again = person.step("review", withdrawal_id, reason="no answer")
        assert codes(again) == [("withdrawal_not_executing", "withdrawal_id")]
    assert told(person.step("settle", paid)) == ("paid", "50.00")
    assert told(person.step("fail", failed, reason="never arrived")) == ("failed", "70.00")


def test_the_balance_counts_when_it_is_due(ledger: Ledger) -> None:
    """Not when it is scheduled; what cannot be paid has failed, with the numbers."""
    person = Person(ledger, deposit=None)
    failed = person.execute(person.schedule("50.00")["withdrawal"]["id"])
    assert told(failed) == ("failed", "0.00")
    words = "Insufficient funds. Available balance: 0.00. Required amount: 50.00."
    assert failed["withdrawal"]["reason"] == words
    late = person.schedule("5.00")["withdrawal"]["id"]
    person.ask("deposit", amount="5.00")
    assert told(person.execute(late)) == ("executing", "0.00")


def test_who_is_not_active_is_not_paid(ledger: Ledger) -> None:
    """Neither the wallet nor the target may be stopped when it is due."""
    person, other = Person(ledger, 2), Person(ledger, 3)
    ids = [person.schedule(target=t)["withdrawal"]["id"] for t in (other.wallet, "IR1")]
    other.ask("wallet.set_status", status="deactivated")
    stopped = person.execute(ids[0])
    assert stopped["withdrawal"]["reason"] == f"The wallet {other.wallet} is deactivated."
    person.ask("wallet.set_status", status="suspended")
    assert told(person.execute(ids[1])) == ("failed", "100.00")
    assert codes(person.schedule()) == [("wallet_not_active", "wallet_id")]


def test_called_off(ledger: Ledger) -> None:
    """Only before it is executed."""
    person = Person(ledger)
    withdrawal_id = person.schedule(delay="PT1H")["withdrawal"]["id"]
    assert told(person.step("cancel", withdrawal_id)) == ("cancelled", "100.00")
    executing = person.executed()
    late = [person.step("cancel", withdrawal_id), person.step("cancel", executing)]
    assert codes(*late) == [("withdrawal_not_scheduled", "withdrawal_id")] * 2
    assert [result["error"]["context"]["status"] for result in late] == ["cancelled", "executing"]
    assert codes(person.step("execute", withdrawal_id))[0][0] == "withdrawal_not_scheduled"


def test_not_before_it_is_due(ledger: Ledger) -> None:
    """Whoever asks; the broker's clock is the one that counts."""
    person = Person(ledger)
    early = person.step("execute", person.schedule(delay="PT1H")["withdrawal"]["id"])
    assert codes(early) == [("withdrawal_not_due", "withdrawal_id")]
    assert early["error"]["context"].keys() == {"withdrawal_id", "due_at", "recorded_at"}


def test_refused_schedules(ledger: Ledger) -> None:
    """Each kind of bad input has a code of its own, and names the field."""
    person, dollars = Person(ledger), ledger.new_id()
    ledger.ask(ledger.command("wallet.create", dollars, currency="USD"))
    nobody = ledger.new_id()
    now = datetime.now(UTC)
    refused = [
        person.schedule(due_at="2020-01-01T00:00:00Z"),
        person.schedule(due_at=(now + timedelta(days=400)).isoformat()),
        person.schedule(delay="P400D"),
        person.schedule("0"),
        person.schedule("-50.00"),
        person.schedule("1.001"),
        person.schedule(target=nobody),
        person.schedule(target=person.wallet),
        person.schedule(target=dollars),
        person.schedule(currency="USD"),
        person.ask("withdrawal.schedule", amount="1"),
        person.schedule(due_at="2099-01-01T00:00:00Z", delay="PT1S"),
        person.step("cancel", nobody),
        Person(ledger).step("execute", person.schedule()["withdrawal"]["id"]),
    ]
    assert codes(*refused) == [
        ("due_not_in_future", "due_at"),
        ("due_too_far", "due_at"),
        ("due_too_far", "delay"),
        ("amount_not_positive", "amount"),
        ("amount_not_positive", "amount"),
        ("amount_precision", "amount"),
        ("target_not_found", "target"),
        ("same_wallet", "target"),
        ("currency_mismatch", "target"),
        ("currency_mismatch", "currency"),
        ("missing_field", "due_at"),
        ("invalid_field", "delay"),
        ("withdrawal_not_found", "withdrawal_id"),
        ("withdrawal_not_found", "withdrawal_id"),
    ]
    unknown = ledger.command("withdrawal.schedule", nobody, amount="1", delay=1)
    assert codes(*ledger.ask(unknown)) == [("wallet_not_found", "wallet_id")]


def test_the_delayed_topic_tells_every_step(ledger: Ledger) -> None:
    """In the wallet's order, on the command's partition, with the withdrawal as it then was."""
    person = Person(ledger, 3)
    withdrawal_id = person.executed()
    person.step("settle", withdrawal_id)
    topic = ledger.settings.topics.scheduled.name
    mine = [s for s in ledger.read(topic) if s.key() == person.wallet.encode()]
    bodies = [json.loads(step.value() or b"") for step in mine]
    assert [body["withdrawal"]["status"] for body in bodies] == ["scheduled", "executing", "paid"]
    headers = [dict(step.headers() or ()) for step in mine]
    assert [h["ce_type"] for h in headers] == [
        b"withdrawal.scheduled.v1",
        b"withdrawal.executing.v1",
        b"withdrawal.paid.v1",
    ]
    assert headers[2]["ce_id"] == f"{withdrawal_id}:paid".encode()
    assert {step.partition() for step in mine} == {3}


def test_a_clock_ahead_counts(ledger: Ledger) -> None:
    """A development clock that was moved forward moves the moment of every command."""
    person = Person(ledger)
    withdrawal_id = person.schedule(delay="P2D")["withdrawal"]["id"]
    assert codes(person.step("execute", withdrawal_id))[0][0] == "withdrawal_not_due"
    move_clock(ledger, timedelta(days=3))
    assert told(person.step("execute", withdrawal_id)) == ("executing", "50.00")
    later = person.schedule(delay="PT1H")["withdrawal"]["due_at"]
    assert datetime.fromisoformat(later) > datetime.now(UTC) + timedelta(days=3)


def test_all_steps_in_one_batch(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """What waits in the log is decided at one go, and just the same."""
    ledger = Ledger(new_ledger(), seed=5)
    wallet, other = ledger.wallet_on(0), ledger.wallet_on(1)
    said = [ledger.command("wallet.create", each) for each in (wallet, other)]
    said.append(ledger.command("deposit", wallet, amount="100.00"))
    schedule = ledger.command("withdrawal.schedule", wallet, amount="10", delay=1, target=other)
    with Workers(ledger.settings, tmp_path) as workers:
        workers.start_and_hold()
        ledger.ask(*said)
        withdrawal_id = ledger.ask(schedule)[0]["withdrawal"]["id"]
    move_clock(ledger, timedelta(minutes=1))
    ledger.send(
        ledger.command("withdrawal.execute", wallet, withdrawal_id=withdrawal_id),
        ledger.command("withdrawal.settle", wallet, withdrawal_id=withdrawal_id),
        ledger.command("withdrawal.fail", wallet, withdrawal_id=withdrawal_id, reason="late"),
    )
    with Workers(ledger.settings, tmp_path) as workers:
        workers.start_and_hold()
        ledger.verify()
    with rows(ledger.settings, "SELECT status, target FROM withdrawals") as found:
        assert found == [(3, other)]
    balances = "SELECT balance_minor FROM wallets ORDER BY balance_minor"
    with rows(ledger.settings, balances) as found:
        assert found == [(1000,), (9000,)]
