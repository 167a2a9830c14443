"""Credit requests from the command line on a real ledger."""

from collections.abc import Iterator
from typing import Any

import pytest

from producers.message import uuid7
from schemas.settings import Settings
from tests.shell import Done, Shell
from tests.workers import Workers

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def served(fresh_ledger: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A ledger with one worker."""
    with Workers(fresh_ledger, tmp_path_factory.mktemp("workers")) as workers:
        workers.start_and_hold()
        yield fresh_ledger


@pytest.fixture(scope="module")
def wallet(served: Settings) -> Shell:
    """The command line."""
    return Shell(served)


@pytest.fixture
def own(wallet: Shell) -> str:
    """An empty wallet."""
    wallet_id = uuid7()
    assert wallet("create", wallet_id).code == 0
    return wallet_id


def requested(wallet: Shell, wallet_id: str, amount: str = "40") -> dict[str, Any]:
    """A credit request that is pending."""
    done = wallet("credit", "request", wallet_id, amount, "--json")
    assert done.code == 0, done
    request: dict[str, Any] = done.json["credit_request"]
    return request


def listed(done: Done) -> list[str]:
    """The ids that a list tells."""
    return [each["id"] for each in done.json["credit_requests"]]


def test_a_request_is_shown_with_its_number(wallet: Shell, own: str) -> None:
    """It can be found again by that number, and no money has moved."""
    done = wallet("credit", "request", own, "250", "--reference", "season 4")
    assert done.code == 0
    (found,) = wallet("credit", "list", "--wallet", own, "--json").json["credit_requests"]
    for said in ("pending", "250.00 IRR", found["id"], str(found["number"])):
        assert said in done.said
    assert (found["wallet_id"], found["status"], found["by"]) == (own, "pending", None)
    assert wallet("balance", own, "--json").json["balance"] == "0.00"


@pytest.mark.parametrize("name", ["id", "number"])
def test_an_approval_gives_the_money_once(wallet: Shell, own: str, name: str) -> None:
    """By id or by number, with who said so; a second one is refused with exit code 1."""
    request = requested(wallet, own)
    said = ("--by", "Sara", "--reason", "known to us")
    done = wallet("credit", "approve", request[name], *said, "--json")
    assert (done.code, done.json["balance"]) == (0, "40.00")
    assert done.json["credit_request"]["by"] == "Sara"
    again = wallet("credit", "approve", request[name], "--json")
    assert (again.code, again.json["error"]["code"]) == (1, "credit_request_not_pending")
    late = wallet("credit", "reject", request[name])
    assert late.code == 1
    assert "is approved; only a pending one" in late.said.replace("\n", " ")
    people = wallet("credit", "list", "--wallet", own).said
    for told in ("approved", "Sara", "known to us", "40.00 IRR"):
        assert told in people


def test_a_rejection_gives_nothing(wallet: Shell, own: str) -> None:
    """And says why."""
    done = wallet("credit", "reject", requested(wallet, own)["id"].upper(), "--reason", "no")
    assert done.code == 0
    assert "rejected" in done.said
    assert wallet("balance", own, "--json").json["balance"] == "0.00"


def test_a_list_is_chosen_by_wallet_and_status_in_pages(wallet: Shell, own: str) -> None:
    """Those made last come first."""
    made = [requested(wallet, own, "1")["id"] for _ in range(4)]
    wallet("credit", "reject", made[1])

    def found(*options: object) -> list[str]:
        return listed(wallet("credit", "list", "--wallet", own, *options, "--json"))

    assert found() == made[::-1]
    assert found("--status", "rejected") == [made[1]]
    assert found("--status", "rejected", "--status", "pending") == made[::-1]
    page = wallet("credit", "list", "--wallet", own, "--limit", 2, "--json").json
    assert [each["id"] for each in page["credit_requests"]] == made[:1:-1]
    assert found("--before", page["older"]) == made[1::-1]
    assert f"--before {made[2]}" in wallet("credit", "list", "--limit", 2).complained
    assert made[0] in listed(wallet("credit", "list", "--status", "pending", "--json"))
    assert wallet("credit", "list", "--wallet", uuid7(), "--json").json["older"] is None


UNKNOWN = "01930f6e-0000-7000-8000-0000000000ff"


@pytest.mark.parametrize("name", [UNKNOWN, "999999999", "9" * 40])
def test_what_is_not_there_is_not_asked_of_the_ledger(wallet: Shell, name: str) -> None:
    """The list is pointed to."""
    done = wallet("credit", "approve", name)
    assert done.code == 1
    assert f"no credit request {name}" in done.complained
    assert "wallet credit list" in done.complained


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("approve", "the first"), "neither a credit request's id nor its number"),
        (("list", "--status", "aproved"), "Did you mean approved?"),
        (("request", "7", "5"), "is no UUID"),
        (("approve", "²"), "neither a credit request's id nor its number"),
    ],
)
def test_wrong_words_are_told(wallet: Shell, words: tuple[str, ...], complaint: str) -> None:
    """With exit code 2, and nothing is sent."""
    done = wallet("credit", *words)
    assert done.code == 2
    assert complaint in " ".join(done.complained.replace("│", " ").split())


def test_a_refused_request_has_its_code(wallet: Shell, own: str) -> None:
    """Exit code 1."""
    done = wallet("credit", "request", own, "0", "--json")
    assert (done.code, done.json["error"]["code"]) == (1, "amount_not_positive")
