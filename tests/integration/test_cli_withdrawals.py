"""Withdrawals from the command line on a real ledger; the bank's part is played by the test."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from consumers.bank.policy import State
from producers import withdrawals as steps
from producers.client import Client
from producers.message import Message, uuid7
from schemas.results import AnyResult
from schemas.settings import Settings
from tests.shell import Done, Shell
from tests.workers import Workers, execute

pytestmark = pytest.mark.integration

IBAN = "IR06 2960 0000 0010 0324 2000 01"
SOON = "0.05s"


@pytest.fixture(scope="module")
def served(fresh_ledger: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A ledger with one worker; nothing fires what becomes due, and no bank is called."""
    with Workers(fresh_ledger, tmp_path_factory.mktemp("workers")) as workers:
        workers.start_and_hold()
        yield fresh_ledger


@pytest.fixture(scope="module")
def wallet(served: Settings) -> Shell:
    """The command line."""
    return Shell(served)


@pytest.fixture(scope="module")
def client(served: Settings) -> Iterator[Client]:
    """Sends what the delayed consumer and the bank caller would send."""
    with Client(served) as client:
        yield client


@pytest.fixture
def funded(wallet: Shell) -> str:
    """A wallet that holds 100.00 IRR."""
    wallet_id = uuid7()
    assert wallet("create", wallet_id).code == 0
    assert wallet("deposit", wallet_id, "100").code == 0
    return wallet_id


def scheduled(wallet: Shell, wallet_id: str, amount: str = "40", *more: str) -> str:
    """The id of a withdrawal that is due at once."""
    done = wallet("withdraw", wallet_id, amount, "--in", SOON, *more, "--json")
    assert done.code == 0, done
    due_at = datetime.fromisoformat(done.json["withdrawal"]["due_at"])
    time.sleep(max(0.0, (due_at - datetime.now(UTC)).total_seconds()) + 0.01)  # a moment to come
    withdrawal_id: str = done.json["withdrawal"]["id"]
    return withdrawal_id


def sent(client: Client, *messages: Message) -> AnyResult:
    """The result of the last of these steps."""
    results = [client.wait(client.send_message(message)) for message in messages]
    assert [result.error for result in results] == [None] * len(results)
    return results[-1]


def listed(done: Done) -> list[str]:
    """The ids that a list tells."""
    return [each["id"] for each in done.json["withdrawals"]]


def test_a_withdrawal_is_scheduled_at_a_moment(wallet: Shell, funded: str) -> None:
    """It has an id and a due time; no money has moved, and the balance is not looked at."""
    moment = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    elsewhere = moment.astimezone(timezone(timedelta(hours=2))).isoformat()
    note = ("--reference", "payout 8", "--to", IBAN)
    done = wallet("withdraw", funded, "250", "--at", elsewhere, *note)
    assert done.code == 0
    for said in ("scheduled", "250.00 IRR", f"{moment:%Y-%m-%dT%H:%M:%S}.000Z", IBAN, "100.00"):
        assert said in done.said
    (listed_one,) = wallet("withdrawals", "list", "--wallet", funded, "--json").json["withdrawals"]
    assert listed_one["id"] in done.said
    assert (listed_one["status"], listed_one["target"]) == ("scheduled", IBAN)


def test_a_withdrawal_is_scheduled_so_long_from_now(wallet: Shell, funded: str) -> None:
    """By the ledger's clock."""
    result = wallet("withdraw", funded, "5", "--in", "2h30m", "--json").json
    due_at = datetime.fromisoformat(result["withdrawal"]["due_at"])
    ahead = due_at - datetime.fromisoformat(result["recorded_at"])
    assert ahead.total_seconds() == 9000
    assert result["withdrawal"]["id"] == result["transaction_id"]


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        (("5", "--at", "2020-01-01T00:00:00Z"), "due_not_in_future", "due_at"),
        (("5", "--in", "900d"), "due_too_far", "delay"),
        (("0", "--in", "1d"), "amount_not_positive", "amount"),
        (("-5", "--in", "1d"), "amount_not_positive", "amount"),
        (("0.001", "--in", "1d"), "amount_precision", "amount"),
        (("5", "--in", "1d", "--currency", "EUR"), "currency_mismatch", "currency"),
        (("5", "--in", "1d", "--to", uuid7()), "target_not_found", "target"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(
    wallet: Shell, funded: str, words: tuple[str, ...], code: str, field: str
) -> None:
    """With its code and its field, and exit code 1; nothing is kept."""
    amount, *options = words
    done = wallet("withdraw", *options, "--json", "--", funded, amount)
    assert done.code == 1
    assert (done.json["error"]["code"], done.json["error"]["param"]) == (code, field)
    assert listed(wallet("withdrawals", "list", "--wallet", funded, "--json")) == []


def test_an_unknown_wallet_and_the_wallet_itself(wallet: Shell, funded: str) -> None:
    """Each its own code."""
    unknown = wallet("withdraw", uuid7(), "5", "--in", "1d", "--json").json["error"]
    assert (unknown["code"], unknown["param"]) == ("wallet_not_found", "wallet_id")
    itself = wallet("withdraw", funded, "5", "--in", "1d", "--to", funded, "--json").json["error"]
    assert (itself["code"], itself["param"]) == ("same_wallet", "target")


def test_a_withdrawal_is_cancelled_once(wallet: Shell, funded: str) -> None:
    """And shown with the command that did it, whoever sent it."""
    own = wallet("withdraw", funded, "5", "--in", "3d", "--json").json["withdrawal"]["id"]
    done = wallet("withdrawals", "cancel", own, "--metadata", "by=Sara", "--json")
    assert (done.code, done.json["withdrawal"]["status"]) == (0, "cancelled")
    again = wallet("withdrawals", "cancel", own.upper(), "--json")
    assert (again.code, again.json["error"]["code"]) == (1, "withdrawal_not_scheduled")
    assert again.json["error"]["context"]["status"] == "cancelled"
    told = wallet("withdrawals", "show", own, "--json").json
    assert [step["kind"] for step in told["history"]] == [
        "withdrawal.schedule",
        "withdrawal.cancel",
    ]
    assert told["history"][-1]["metadata"] == {"by": "Sara"}
    assert "Sara" in wallet("withdrawals", "show", own).said


def test_cancel_after_execution_is_refused(wallet: Shell, client: Client, funded: str) -> None:
    """The money is on its way."""
    own = scheduled(wallet, funded)
    sent(client, steps.execution(funded, own))
    done = wallet("withdrawals", "cancel", own)
    assert done.code == 1
    assert "withdrawal_not_scheduled" in done.said
    assert "executing" in done.said


def test_the_whole_way_is_shown(wallet: Shell, client: Client, funded: str) -> None:
    """From the schedule to the bank's word, with the balance at each step in the history."""
    own = scheduled(wallet, funded, "40", "--to", IBAN)
    sent(client, steps.execution(funded, own))
    assert wallet("balance", funded, "--json").json["balance"] == "60.00"
    sent(client, steps.settlement(funded, own))
    told = wallet("withdrawals", "show", own, "--json").json
    assert (told["withdrawal"]["status"], told["withdrawal"]["amount"]) == ("paid", "40.00")
    assert told["bank"] is None
    assert [(step["kind"], step["status"], step["source"]) for step in told["history"]] == [
        ("withdrawal.schedule", "scheduled", "/wallet"),
        ("withdrawal.execute", "executing", steps.DELAYED),
        ("withdrawal.settle", "paid", steps.BANK),
    ]
    people = wallet("withdrawals", "show", own).said
    for said in ("paid", IBAN, "40.00 IRR", steps.DELAYED, "withdrawal.execute"):
        assert said in people
    page = wallet("history", funded, "--limit", 3, "--json").json["lines"]
    assert [(line["kind"], line["amount"], line["status"]) for line in page] == [
        ("withdrawal.settle", "0.00", "paid"),
        ("withdrawal.execute", "-40.00", "executing"),
        ("withdrawal.schedule", "0.00", "scheduled"),
    ]
    assert page[1]["counterparties"] == ["world:in_transit"]


def test_an_execution_that_came_too_early_is_shown(
    wallet: Shell, client: Client, funded: str
) -> None:
    """It is refused, and the withdrawal waits on for a second attempt."""
    own = wallet("withdraw", funded, "5", "--in", "2h", "--json").json["withdrawal"]["id"]
    for attempt in (1, 2):
        result = client.wait(client.send_message(steps.execution(funded, own, attempt)))
        assert result.error is not None
    told = wallet("withdrawals", "show", own, "--json").json
    assert told["withdrawal"]["status"] == "scheduled"
    errors = [step["error"] for step in told["history"]]
    assert [error and error.split(":")[0] for error in errors] == [
        None,
        "withdrawal_not_due",
        "withdrawal_not_due",
    ]
    assert "refused" in wallet("withdrawals", "show", own).said


def test_what_the_balance_does_not_cover_tells_why(
    wallet: Shell, client: Client, funded: str
) -> None:
    """In the words of the refusal that it would have been."""
    own = scheduled(wallet, funded, "250")
    sent(client, steps.execution(funded, own))
    told = wallet("withdrawals", "show", own, "--json").json
    reason = "Insufficient funds. Available balance: 100.00. Required amount: 250.00."
    assert (told["withdrawal"]["status"], told["withdrawal"]["reason"]) == ("failed", reason)
    assert told["history"][-1]["reason"] == reason
    events = wallet("events", "tail", "--wallet", funded).said
    assert reason in events
    assert "wallet.withdrawal_failed" in events


def test_a_list_is_chosen_by_wallet_and_status_in_pages(
    wallet: Shell, client: Client, funded: str
) -> None:
    """Those scheduled last come first."""
    due = scheduled(wallet, funded)
    sent(client, steps.execution(funded, due), steps.review(funded, due, "who knows"))
    later = [
        wallet("withdraw", funded, "1", "--in", "1d", "--json").json["withdrawal"]["id"]
        for _ in range(3)
    ]
    wallet("withdrawals", "cancel", later[1])

    def found(*options: str) -> list[str]:
        return listed(wallet("withdrawals", "list", "--wallet", funded, *options, "--json"))

    assert found() == [*reversed(later), due]
    assert found("--status", "needs_review") == [due]
    assert found("--status", "executing", "--status", "cancelled") == [later[1]]
    page = wallet("withdrawals", "list", "--wallet", funded, "--limit", 2, "--json").json
    assert [each["id"] for each in page["withdrawals"]] == later[:0:-1]
    assert found("--before", page["older"]) == [later[0], due]
    assert due in listed(wallet("withdrawals", "list", "--status", "needs_review", "--json"))
    people = wallet("withdrawals", "list", "--wallet", funded, "--limit", 4)
    assert "who knows" in people.said
    assert f"--before {due}" in people.complained
    assert wallet("withdrawals", "list", "--wallet", uuid7(), "--json").json["older"] is None


@pytest.mark.parametrize(
    ("word", "status", "balance"), [("--paid", "paid", "60.00"), ("--failed", "failed", "100.00")]
)
def test_a_person_ends_what_the_bank_left_open(
    wallet: Shell, client: Client, funded: str, word: str, status: str, balance: str
) -> None:
    """Once, and it is kept who it was and how it was found out."""
    own = scheduled(wallet, funded)
    sent(client, steps.execution(funded, own), steps.review(funded, own, "no answer in 900 s"))
    why = ("--by", "Sara", "--reason", "as in the bank's statement")
    done = wallet("withdrawals", "resolve", own, word, *why, "--json")
    assert done.code == 0
    assert done.json["withdrawal"]["status"] == status
    assert done.json["command"]["source"] == steps.OPERATOR
    assert done.json["balance"] == balance
    last = wallet("withdrawals", "show", own, "--json").json["history"][-1]
    assert last["metadata"]["by"] == "Sara"
    assert "as in the bank's statement" in str(last)
    again = wallet("withdrawals", "resolve", own, word, *why)
    assert again.code == 1
    assert f"is {status}; only one that needs review or is executing" in again.complained


def test_a_failure_without_a_reason_says_whose_word_it_is(
    wallet: Shell, client: Client, funded: str
) -> None:
    """Somebody reads it a year later."""
    own = scheduled(wallet, funded)
    sent(client, steps.execution(funded, own), steps.review(funded, own, "no answer"))
    assert wallet("withdrawals", "resolve", own, "--failed", "--by", "Sara").code == 0
    told = wallet("withdrawals", "show", own, "--json").json
    assert told["withdrawal"]["reason"] == "Sara says that the bank has not paid."


def noted(served: Settings, withdrawal_id: str, state: State, note: str) -> None:
    """What the bank caller would note after its second call."""
    execute(
        served,
        "INSERT INTO bank_calls"
        " (withdrawal_id, begun_at, changed_at, calls, not_done, state, note)"
        " VALUES (%s, now(), now(), 2, 1, %s, %s)",
        withdrawal_id,
        state.value,
        note,
    )


def test_an_executing_one_is_the_bank_callers(
    wallet: Shell, client: Client, served: Settings, funded: str
) -> None:
    """Until a person insists; what the caller is doing is said."""
    own = scheduled(wallet, funded)
    sent(client, steps.execution(funded, own))
    early = wallet("withdrawals", "resolve", own, "--paid", "--by", "Sara")
    assert early.code == 1
    assert "has not called the bank yet" in early.complained
    noted(served, own, State.NOT_DONE, "HTTP 503")
    busy = wallet("withdrawals", "resolve", own, "--paid", "--by", "Sara")
    assert busy.code == 1
    assert "its call 2 is not_done since" in busy.complained
    assert "--force" in busy.complained
    bank = wallet("withdrawals", "show", own, "--json").json["bank"]
    assert (bank["calls"], bank["not_done"], bank["note"]) == (2, 1, "HTTP 503")
    assert "called 2 times, 1 certainly not done" in wallet("withdrawals", "show", own).said
    done = wallet("withdrawals", "resolve", own, "--paid", "--by", "Sara", "--force", "--json")
    assert (done.code, done.json["withdrawal"]["status"]) == (0, "paid")


@pytest.mark.parametrize("is_left", [False, True])
def test_what_the_bank_has_paid_never_comes_back(
    wallet: Shell, client: Client, served: Settings, funded: str, *, is_left: bool
) -> None:
    """Not even by force, between the bank's answer and the ledger's; nor where it came too late.

    Then the withdrawal was left to a person before.
    """
    own = scheduled(wallet, funded)
    sent(client, steps.execution(funded, own))
    if is_left:
        sent(client, steps.review(funded, own, "no answer"))
    noted(served, own, State.PAID, "success")
    done = wallet("withdrawals", "resolve", own, "--failed", "--by", "Sara", "--force")
    assert done.code == 1
    assert "has answered that it has paid" in done.complained
    assert wallet("balance", funded, "--json").json["balance"] == "60.00"


def test_what_is_left_to_a_person_needs_no_force(
    wallet: Shell, client: Client, served: Settings, funded: str
) -> None:
    """The bank caller calls no more, whether or not the ledger has heard of it."""
    own = scheduled(wallet, funded)
    sent(client, steps.execution(funded, own))
    noted(served, own, State.REVIEW, "unknown for 900 s")
    done = wallet("withdrawals", "resolve", own, "--failed", "--by", "Sara", "--json")
    assert (done.code, done.json["balance"]) == (0, "100.00")


def test_a_withdrawal_that_is_not_there_is_said(wallet: Shell) -> None:
    """By every command that names one."""
    for command in (("show",), ("cancel",), ("resolve", "--paid", "--by", "Sara")):
        done = wallet("withdrawals", command[0], uuid7(), *command[1:])
        assert done.code == 1
        assert "there is no withdrawal" in done.complained
        assert "wallet withdrawals list" in done.complained


def test_a_scheduled_one_is_not_resolved_but_cancelled(wallet: Shell, funded: str) -> None:
    """The state is told."""
    own = wallet("withdraw", funded, "5", "--in", "3d", "--json").json["withdrawal"]["id"]
    done = wallet("withdrawals", "resolve", own, "--failed", "--by", "Sara")
    assert done.code == 1
    assert "is scheduled; only one that needs review" in done.complained


def test_the_same_id_schedules_once(wallet: Shell, funded: str) -> None:
    """However often it is said."""
    asked = ("withdraw", funded, "5", "--in", "1d", "--id", f"payout {uuid7()}", "--json")
    assert wallet(*asked).json == wallet(*asked).json
    assert len(listed(wallet("withdrawals", "list", "--wallet", funded, "--json"))) == 1
