"""Credit requests and sales to a wallet in the ledger: every step, every refusal, what is told."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.identifiers import place_of
from schemas.settings import Settings
from tests.ledgers import Ledger, Said, at_work
from tests.workers import Workers, rows

pytestmark = pytest.mark.integration

PHONE = "+989120000000"
AT_ONCE = 100


@pytest.fixture(scope="module")
def ledger(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """A ledger with one worker; in the end it must be clean."""
    with at_work(new_ledger(), tmp_path_factory.mktemp("worker"), seed=6) as made:
        yield made


class Person:
    """A wallet with some money, and what its owner asks for."""

    def __init__(self, ledger: Ledger, partition: int = 0, currency: str = "IRR") -> None:
        self.ledger = ledger
        self.wallet = ledger.wallet_on(partition)
        self.ask("wallet.create", currency=currency)
        self.ask("deposit", amount="100.00")

    def said(self, kind: str, **data: str) -> Said:
        """One command."""
        return self.ledger.command(kind, self.wallet, **data)

    def ask(self, kind: str, **data: str) -> dict[str, Any]:
        """The result of one command."""
        (result,) = self.ledger.ask(self.said(kind, **data))
        return result

    def request(self, amount: str = "50.00", **data: str) -> dict[str, Any]:
        """The result of asking for credit."""
        return self.ask("credit_request.create", amount=amount, **data)

    def pending(self, amount: str = "50.00") -> str:
        """The id of a credit request that is pending."""
        name: str = self.request(amount)["credit_request"]["id"]
        return name

    def end(self, step: str, credit_request_id: str, **data: str) -> dict[str, Any]:
        """The result of an approval or a rejection."""
        return self.ask(f"credit_request.{step}", credit_request_id=credit_request_id, **data)

    def sell(self, amount: str = "5.00", **data: str) -> dict[str, Any]:
        """The result of a charge sale."""
        return self.ask("charge_sale", phone_number=PHONE, amount=amount, **data)


def told(result: dict[str, Any]) -> tuple[str, str]:
    """The status that a result tells of its credit request, and the wallet's balance."""
    return result["credit_request"]["status"], result["balance"]


def codes(*results: dict[str, Any]) -> list[tuple[str, str]]:
    """Why commands were refused, and over which field."""
    return [(result["error"]["code"], result["error"]["param"]) for result in results]


def test_approved_once(ledger: Ledger) -> None:
    """No money before somebody says yes, all of it then, and nothing ever again."""
    person = Person(ledger)
    asked = person.request(currency="IRR")
    request = asked["credit_request"]
    assert told(asked) == ("pending", "100.00")
    assert request["id"] == asked["transaction_id"]
    command = asked["command"]
    place = place_of(request["number"], ledger.settings.partitions)
    assert place == (command["partition"], command["offset"])
    approved = person.end("approve", request["id"], by="admin", reason="known to us")
    assert told(approved) == ("approved", "150.00")
    said = {"status": "approved", "by": "admin", "reason": "known to us"}
    assert approved["credit_request"] == request | said
    late = [person.end(step, request["id"]) for step in ("approve", "reject")]
    assert codes(*late) == [("credit_request_not_pending", "credit_request_id")] * 2
    context = {"credit_request_id": request["id"], "status": "approved"}
    assert [result["error"]["context"] for result in late] == [context] * 2
    event = ledger.events_of(approved["transaction_id"])[person.wallet]
    assert [entry["account"] for entry in event["entries"]] == ["world:credit", person.wallet]
    assert event["credit_request"] == approved["credit_request"]


def test_a_hundred_approve_at_once(ledger: Ledger) -> None:
    """Each under an id of its own, on all partitions: one is done, the others are told that."""
    person = Person(ledger, 2)
    name = person.pending("7.00")
    approvals = [
        person.said("credit_request.approve", credit_request_id=name, by=f"admin {n}")._replace(
            partition=n % ledger.settings.partitions  # most are astray, so their writers race
        )
        for n in range(AT_ONCE)
    ]
    results = ledger.ask(*approvals)
    done = [result for result in results if result["status"] == "completed"]
    assert [told(result) for result in done] == [("approved", "107.00")]
    assert {result["error"]["code"] for result in results if "error" in result} == {
        "credit_request_not_pending"
    }
    query = "SELECT balance_minor FROM wallets WHERE wallet_id = %s"
    with rows(ledger.settings, query, person.wallet) as found:
        assert found == [(10_700,)]


def test_rejected(ledger: Ledger) -> None:
    """The wallet gets nothing, also where it is asleep by then."""
    person = Person(ledger)
    name = person.pending()
    person.ask("wallet.set_status", status="suspended")
    rejected = person.end("reject", name, reason="no")
    assert told(rejected) == ("rejected", "100.00")
    assert rejected["credit_request"]["reason"] == "no"
    assert "by" not in rejected["credit_request"]
    assert codes(person.end("reject", name)) == [
        ("credit_request_not_pending", "credit_request_id")
    ]


def test_of_another_wallet(ledger: Ledger) -> None:
    """It is not found there, and stays as it is."""
    person, other = Person(ledger, 0), Person(ledger, 1)
    name = person.pending()
    wrong = [other.end(step, name) for step in ("approve", "reject")]
    wrong.append(person.end("approve", ledger.new_id()))
    assert codes(*wrong) == [("credit_request_not_found", "credit_request_id")] * 3
    assert wrong[0]["error"]["context"] == {"credit_request_id": name}
    assert told(person.end("approve", name)) == ("approved", "150.00")


def test_who_is_not_active(ledger: Ledger) -> None:
    """Neither asks nor gets; what was asked for can be had when the wallet is awake again."""
    person = Person(ledger)
    name = person.pending()
    person.ask("wallet.set_status", status="deactivated")
    assert codes(person.request(), person.end("approve", name)) == [
        ("wallet_not_active", "wallet_id")
    ] * 2  # fmt: skip
    person.ask("wallet.set_status", status="active")
    assert told(person.end("approve", name)) == ("approved", "150.00")


def test_amounts(ledger: Ledger) -> None:
    """Each kind of bad amount has a code of its own; so has one that outgrows the balance."""
    person = Person(ledger, 3)
    refused = [
        person.request("0"),
        person.request("-50.00"),
        person.request("1.001"),
        person.request("9" * 37),
        person.request("x"),
        person.request(currency="USD"),
    ]
    largest = person.pending("9" * 36)
    refused.append(person.end("approve", largest))
    refused += ledger.ask(ledger.command("credit_request.create", ledger.new_id(), amount="1"))
    assert codes(*refused) == [
        ("amount_not_positive", "amount"),
        ("amount_not_positive", "amount"),
        ("amount_precision", "amount"),
        ("amount_too_large", "amount"),
        ("invalid_field", "amount"),
        ("currency_mismatch", "currency"),
        ("amount_too_large", "amount"),
        ("wallet_not_found", "wallet_id"),
    ]
    with rows(
        ledger.settings,
        "SELECT amount_minor, status FROM credit_requests WHERE wallet_id = %s",
        person.wallet,
    ) as found:
        assert found == [(int("9" * 36 + "00"), 0)]


def test_a_sale_to_a_wallet_of_another_partition(ledger: Ledger) -> None:
    """Both have their event, which tells the phone; a refund takes it back from the receiver."""
    seller, owner = Person(ledger, 0), Person(ledger, 1)
    sold = seller.sell(to_wallet_id=owner.wallet, reference="visit 4")
    assert (sold["balance"], set(sold["sequences"])) == ("95.00", {seller.wallet, owner.wallet})
    events = ledger.events_of(sold["transaction_id"])
    assert events[owner.wallet]["balance"] == {"before": "100.00", "after": "105.00"}
    for event in events.values():
        transaction = event["transaction"]
        assert (transaction["kind"], transaction["reference"]) == ("charge_sale", "visit 4")
        assert list(transaction)[-1] == "phone_number"
        assert transaction["phone_number"] == PHONE
    back = seller.ask("refund", transaction_id=sold["transaction_id"], amount="2.00")
    assert (back["balance"], back["sequences"][owner.wallet]) == ("97.00", 4)
    rest = seller.ask("refund", transaction_id=sold["transaction_id"])
    assert rest["balance"] == "100.00"
    again = seller.ask("refund", transaction_id=sold["transaction_id"])
    assert codes(again) == [("already_refunded", "amount")]
    told_back = ledger.events_of(rest["transaction_id"])
    assert told_back[owner.wallet]["balance"]["after"] == "100.00"
    assert all("phone_number" not in event["transaction"] for event in told_back.values())


def test_a_sale_tells_its_phone_and_nothing_else(ledger: Ledger) -> None:
    """To the outside world, with and without other details."""
    person = Person(ledger)
    for more in ({}, {"effective_at": "2026-01-02T03:04:05Z", "reference": "r"}):
        sold = person.sell(**more)
        (event,) = ledger.events_of(sold["transaction_id"]).values()
        assert event["transaction"]["phone_number"] == PHONE
        assert event["transaction"]["reference"] == more.get("reference")


def test_refused_sales_to_a_wallet(ledger: Ledger) -> None:
    """As transfers are refused."""
    person, sleeping = Person(ledger), Person(ledger, 1)
    dollars = Person(ledger, 2, currency="USD")
    sleeping.ask("wallet.set_status", status="suspended")
    refused = [
        person.sell(to_wallet_id=person.wallet),
        person.sell(to_wallet_id=ledger.new_id()),
        person.sell(to_wallet_id=dollars.wallet),
        person.sell(to_wallet_id=sleeping.wallet),
        person.sell("100.01", to_wallet_id=Person(ledger, 3).wallet),
    ]
    assert codes(*refused) == [
        ("same_wallet", "to_wallet_id"),
        ("wallet_not_found", "to_wallet_id"),
        ("currency_mismatch", "to_wallet_id"),
        ("wallet_not_active", "to_wallet_id"),
        ("insufficient_funds", "amount"),
    ]


def test_all_steps_in_one_batch(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """What waits in the log is decided at one go, and just the same."""
    ledger = Ledger(new_ledger(), seed=7)
    with Workers(ledger.settings, tmp_path) as workers:
        workers.start_and_hold()
        person, other = Person(ledger, 0), Person(ledger, 1)
        first, second = person.pending("10"), person.pending("20")
    asked = {"credit_request_id": first}
    ledger.send(
        person.said("credit_request.approve", **asked, by="'); --\\\"\n{},NULL"),
        person.said("credit_request.approve", **asked),
        person.said("credit_request.reject", credit_request_id=second, reason="\tno"),
        person.said("charge_sale", phone_number=PHONE, amount="1", to_wallet_id=other.wallet),
        person.said("credit_request.create", amount="30"),
    )
    with Workers(ledger.settings, tmp_path) as workers:
        workers.start_and_hold()
        ledger.verify()
    query = "SELECT status, amount_minor, by, reason FROM credit_requests ORDER BY number"
    with rows(ledger.settings, query) as found:
        assert found == [
            (1, 1000, "'); --\\\"\n{},NULL", None),
            (2, 2000, None, "\tno"),
            (0, 3000, None, None),
        ]
