"""The command line on a real ledger: commands, their answers, and looking at what is so."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.message import uuid7
from schemas.settings import Settings
from tests.shell import Shell
from tests.workers import Workers

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def wallet(fresh_ledger: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """The command line, on a ledger with one worker."""
    with Workers(fresh_ledger, tmp_path_factory.mktemp("workers")) as workers:
        workers.start_and_hold()
        yield Shell(fresh_ledger)


@pytest.fixture
def funded(wallet: Shell) -> str:
    """A wallet that holds 100.00 IRR."""
    wallet_id = uuid7()
    assert wallet("create", wallet_id).code == 0
    assert wallet("deposit", wallet_id, "100").code == 0
    return wallet_id


def test_money_goes_its_way(wallet: Shell, funded: str) -> None:
    """Create, deposit, transfer, sell, refund: each answer tells the balance after it."""
    other = wallet("create", "--currency", "IRR", "--name", "Zahra", "--json").json["wallet_id"]
    assert wallet("transfer", funded, other, "30.5", "--json").json["balance"] == "69.50"
    sale = wallet("sell", funded, "09121234567", "9.50", "--json").json
    assert sale["balance"] == "60.00"
    refund = wallet("refund", funded, sale["transaction_id"], "4.50", "--json").json
    assert (refund["status"], refund["balance"]) == ("completed", "64.50")
    assert wallet("balance", other, "--json").json["owner"] == {"name": "Zahra"}
    assert wallet("balance", other, "--json").json["balance"] == "30.50"


def test_an_exchange_says_both_amounts(wallet: Shell, funded: str) -> None:
    """Each arrives in its own currency; a wrong one is told by the field that was meant."""
    euro = wallet("create", "--currency", "EUR", "--json").json["wallet_id"]
    done = wallet("exchange", funded, euro, "60", "0.5", "--to-currency", "EUR", "--json").json
    assert (done["status"], done["balance"], done["currency"]) == ("completed", "40.00", "IRR")
    assert wallet("balance", euro, "--json").json["balance"] == "0.50"
    refused = wallet("exchange", funded, euro, "1", "-0.5", "--json")
    assert (refused.code, refused.json["error"]["param"]) == (1, "to_amount")
    other = wallet("create", "--json").json["wallet_id"]
    same = wallet("exchange", funded, other, "1", "1")
    assert same.code == 1
    assert "same_currency" in same.said
    (newest,) = wallet("history", funded, "--limit", 1, "--json").json["lines"]
    assert (newest["kind"], newest["amount"]) == ("exchange", "-60.00")
    assert sorted(newest["counterparties"]) == sorted([euro, "world:exchange"])


def test_a_refusal_is_exit_code_1_and_says_all(wallet: Shell, funded: str) -> None:
    """Code, field and the numbers, for people and for programs."""
    done = wallet("sell", funded, "09121234567", "5000")
    assert done.code == 1
    for said in ("insufficient_funds", "amount", "100.00", "5000.00", "4900.00"):
        assert said in done.said
    refused = wallet("sell", funded, "09121234567", "5000", "--json")
    assert refused.code == 1
    assert refused.json["error"]["context"]["shortage"] == "4900.00"


def test_a_status_stops_a_wallet(wallet: Shell, funded: str) -> None:
    """And its event and history say which."""
    assert wallet("set-status", funded, "suspended").code == 0
    assert wallet("deposit", funded, "1", "--json").json["error"]["code"] == "wallet_not_active"
    assert wallet("balance", funded, "--json").json["status"] == "suspended"
    newest = wallet("history", funded, "--limit", 1, "--json").json["lines"][0]
    assert (newest["kind"], newest["status"]) == ("wallet.set_status", "suspended")


def test_the_same_id_is_the_first_answer(wallet: Shell, funded: str) -> None:
    """Whatever happened since; other content under it is refused, every time."""
    own_id = f"order {uuid7()}"
    first = wallet("deposit", funded, "1", "--id", own_id, "--json")
    wallet("deposit", funded, "5")
    again = wallet("deposit", funded, "1", "--id", own_id, "--json")
    assert again.json == first.json
    for _ in range(2):
        other = wallet("deposit", funded, "2", "--id", own_id, "--json")
        assert (other.code, other.json["error"]["code"]) == (1, "idempotency_key_reused")
    assert wallet("result", own_id, "--json").json == first.json
    assert wallet("balance", funded, "--json").json["balance"] == "106.00"


def test_a_create_without_a_wallet_id_can_be_repeated(wallet: Shell) -> None:
    """The wallet's id follows from the command's."""
    own_id = uuid7()
    first = wallet("create", "--id", own_id, "--json")
    assert first.code == 0
    assert wallet("create", "--id", own_id, "--json").json == first.json


def test_a_result_is_found_by_its_id(wallet: Shell, funded: str) -> None:
    """A UUID of whatever source; another id with its source. A refused one is exit code 1."""
    own_id = uuid7()
    done = wallet("deposit", funded, "1", "--id", own_id, "--source", "/shop", "--json").json
    assert wallet("result", own_id, "--json").json == done
    wallet("deposit", funded, "0", "--id", f"a {own_id}", "--source", "/shop")
    unknown = wallet("result", f"a {own_id}")
    assert unknown.code == 3
    assert "--source" in unknown.complained
    refused = wallet("result", f"a {own_id}", "--source", "/shop", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "amount_not_positive")


def test_an_amount_below_zero_is_no_option(wallet: Shell, funded: str) -> None:
    """The ledger says what is wrong with it; a word that is no option is still told."""
    other, euro = uuid7(), uuid7()
    assert wallet("create", other).code == 0
    assert wallet("create", euro, "--currency", "EUR").code == 0
    for words in (
        ("deposit", funded, "-5"),
        ("transfer", funded, other, "-0.01"),
        ("exchange", funded, euro, "-5", "5"),
        ("sell", funded, "989121234567", "-5"),
        ("withdraw", funded, "-5.00", "--in", "1h"),
        ("credit", "request", funded, "-5"),
    ):
        refused = wallet(*words, "--json")
        assert (refused.code, refused.json["error"]["code"]) == (1, "amount_not_positive"), words
        assert refused.json["error"]["param"] == "amount"
    wrong = wallet("deposit", funded, "5", "--curency", "IRR")
    assert wrong.code == 2
    assert "No such option" in wrong.complained


def test_an_id_of_two_sources_asks_which(wallet: Shell, funded: str) -> None:
    """Rather than show one of them."""
    own_id = uuid7()
    for source in ("/a", "/b"):
        wallet("deposit", funded, "1", "--id", own_id, "--source", source)
    found = wallet("result", own_id)
    assert found.code == 1
    assert "/a, /b" in found.complained
    assert wallet("result", own_id, "--source", "/b", "--json").json["command"]["source"] == "/b"


def test_an_expired_command_is_refused(wallet: Shell, funded: str) -> None:
    """The broker's clock decides."""
    late = wallet("deposit", funded, "1", "--expires", "2020-01-01T00:00:00Z", "--json")
    assert (late.code, late.json["error"]["code"]) == (1, "command_expired")
    assert wallet("deposit", funded, "1", "--expires", "60").code == 0


def test_history_tells_who_and_why_in_pages(wallet: Shell, funded: str) -> None:
    """Newest first; the world's accounts by name; every line names its command."""
    other = wallet("create", "--json").json["wallet_id"]
    note = ("--reference", "order 17", "--metadata", "cart=9", "--metadata", "shop=a=b")
    wallet("transfer", funded, other, "30", *note)
    page = wallet("history", funded, "--limit", 2, "--json").json
    assert [line["sequence"] for line in page["lines"]] == [3, 2]
    transfer, deposit = page["lines"]
    assert (transfer["amount"], transfer["balance"]) == ("-30.00", "70.00")
    assert transfer["counterparties"] == [other]
    assert transfer["reference"] == "order 17"
    assert transfer["metadata"] == {"cart": "9", "shop": "a=b"}
    assert deposit["counterparties"] == ["world:deposits"]
    older = wallet("history", funded, "--before", page["older"], "--json").json
    assert [line["kind"] for line in older["lines"]] == ["wallet.create"]
    assert older["older"] is None
    assert "order 17" in wallet("history", funded).said


def test_a_wallet_that_is_not_there_is_said(wallet: Shell) -> None:
    """With the way to make it."""
    for command in ("balance", "history"):
        done = wallet(command, uuid7())
        assert done.code == 1
        assert "wallet create" in done.complained


def test_text_is_not_markup(wallet: Shell, funded: str) -> None:
    """What people write is shown as they wrote it."""
    wallet("deposit", funded, "1", "--reference", "[red]:smile:[/red] «سلام»")
    assert "[red]:smile:[/red] «سلام»" in wallet("history", funded).said


def _line(command_id: str, wallet_id: str, amount: str) -> str:
    data = {"wallet_id": wallet_id, "amount": amount}
    event = {"specversion": "1.0", "id": command_id, "source": "/file", "type": "deposit.v1"}
    return json.dumps({**event, "data": data})


def test_a_file_of_commands_gets_a_result_a_line(
    wallet: Shell, funded: str, tmp_path: Path
) -> None:
    """Sent again, each line gets its first answer and nothing is done twice."""
    file = tmp_path / "commands.jsonl"
    lines = [_line(f"{funded} {turn}", funded, "0" if turn == 7 else "1") for turn in range(300)]
    file.write_text("\n".join(lines))
    first = wallet("send", file, "--json")
    assert first.code == 1
    assert "300 sent: 299 completed, 1 rejected" in first.complained
    assert len({line["command"]["id"] for line in first.lines}) == 300
    again = wallet("send", "-", "--json", given=file.read_bytes())
    assert sorted(map(repr, again.lines)) == sorted(map(repr, first.lines))
    assert wallet("balance", funded, "--json").json["balance"] == "399.00"
    people = wallet("send", "-", given=lines[7].encode())
    assert people.said.startswith("rejected")
    assert "amount_not_positive (amount)" in people.said


def test_events_are_told_from_where_and_of_whom(wallet: Shell, funded: str) -> None:
    """Of one wallet in the order of its sequence, without gaps."""
    between = wallet("deposit", funded, "1", "--json").json["recorded_at"]
    events = wallet("events", "tail", "--wallet", funded, "--json").lines
    assert [each["event"]["sequence"] for each in events] == [1, 2, 3]
    assert events[-1]["event"]["balance"] == {"before": "100.00", "after": "101.00"}
    kinds = wallet("events", "tail", "--type", "wallet.created", "--json").lines
    assert {each["type"] for each in kinds} == {"wallet.created.v1"}
    assert funded in {each["event"]["wallet_id"] for each in kinds}
    late = wallet("events", "tail", "--wallet", funded, "--from", between, "--json").lines
    assert [each["event"]["sequence"] for each in late] == [3]
    assert wallet("events", "tail", "--from", "end").said == ""
    assert "+1.00  balance 101.00 IRR" in wallet("events", "tail", "--wallet", funded).said
