"""Tools for what went wrong: dead letters decided about, a command's path explained."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.identifiers import partition_of
from schemas.settings import Settings
from tests.ledgers import Ledger, Said, opening
from tests.shell import Done, Shell
from tests.workers import Workers, wait_until

pytestmark = pytest.mark.integration

WAIT_SECONDS = 60.0
BY = ("--by", "mira")


@pytest.fixture(scope="module")
def ledger(fresh_ledger: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger with one worker, audited in the end."""
    made = Ledger(fresh_ledger, seed=8)
    with Workers(fresh_ledger, tmp_path_factory.mktemp("workers")) as workers:
        workers.start_and_hold()
        yield made
        made.verify()


@pytest.fixture(scope="module")
def wallet(ledger: Ledger) -> Shell:
    """The command line."""
    return Shell(ledger.settings)


@pytest.fixture
def funded(ledger: Ledger) -> str:
    """A wallet that holds 1000.00 IRR."""
    wallet_id = ledger.new_id()
    ledger.ask(*opening(ledger, [wallet_id]))
    return wallet_id


def bury(ledger: Ledger, wallet: Shell, said: Said) -> str:
    """Send a record that is no command; its place, once it is a dead letter."""
    ((partition, offset),) = ledger.send(said)
    place = f"{partition}:{offset}"
    wait_until(lambda: wallet("dlq", "show", place).code == 0, WAIT_SECONDS, "a dead letter")
    return place


def wrong_key(ledger: Ledger, wallet_id: str, command_id: str = "") -> Said:
    """A deposit under the key of another wallet."""
    said = ledger.command("deposit", wallet_id, command_id, amount="5.00")
    return said._replace(key=ledger.new_id().encode())


def facts(done: Done, what: str) -> dict[str, str]:
    """The facts of the first step that is called so."""
    step = next(each for each in done.json["steps"] if each["what"] == what)
    return dict(step["facts"])


def balance(wallet: Shell, wallet_id: str) -> str:
    """What a wallet holds."""
    return str(wallet("balance", wallet_id, "--json").json["balance"])


def test_a_wrong_key_is_sent_again_once(ledger: Ledger, wallet: Shell, funded: str) -> None:
    """However often it is asked for, and whichever of its letters is sent."""
    command_id = ledger.new_id()
    place = bury(ledger, wallet, wrong_key(ledger, funded, command_id))
    second = bury(ledger, wallet, wrong_key(ledger, funded, command_id))
    assert "dlq:" in wallet("dlq", "show", place).said
    sent = wallet("dlq", "retry", place, *BY, "--why", "fixed", "--json")
    assert (sent.code, sent.json["balance"]) == (0, "1005.00")
    refused = wallet("dlq", "retry", place, *BY)
    assert refused.code == 1
    assert "by mira" in refused.complained
    for again in (place, second):
        repeated = wallet("dlq", "retry", again, *BY, "--force", "--json")
        assert repeated.json["command"] == sent.json["command"]
    assert balance(wallet, funded) == "1005.00"
    (decision, _) = wallet("dlq", "show", place, "--json").json["decisions"]
    assert (decision["decision"], decision["by"], decision["why"]) == ("retried", "mira", "fixed")
    assert decision["command_id"] == f"dlq:{command_id}"


def test_what_was_done_by_a_good_copy_is_not_sent(
    ledger: Ledger, wallet: Shell, funded: str
) -> None:
    """The producer has mended it and sent it under the same id before."""
    command_id = ledger.new_id()
    ledger.ask(ledger.command("deposit", funded, command_id, amount="5.00"))
    place = bury(ledger, wallet, wrong_key(ledger, funded, command_id))
    refused = wallet("dlq", "retry", place, *BY)
    assert refused.code == 1
    assert "was done" in refused.complained
    assert balance(wallet, funded) == "1005.00"


def test_what_cannot_be_read_is_dropped(ledger: Ledger, wallet: Shell) -> None:
    """It stays where it is, with who and why; the list is of what is open."""
    place = bury(ledger, wallet, Said(None, b'{"half":', [("trace", b"\xff")]))
    assert place in wallet("dlq", "list").said
    hopeless = wallet("dlq", "retry", place, *BY)
    assert hopeless.code == 1
    assert "not JSON" in hopeless.complained
    assert wallet("dlq", "drop", place, *BY, "--why", "a test of the till").code == 0
    assert place not in wallet("dlq", "list").said
    listed = wallet("dlq", "list", "--all", "--json").json["letters"]
    (letter,) = [each for each in listed if each["place"] == place]
    assert letter["decisions"][0]["why"] == "a test of the till"
    assert letter["came"]
    assert wallet("dlq", "drop", place, *BY, "--why", "again").code == 1
    shown = wallet("dlq", "show", place)
    assert '{"half":' in shown.said
    assert "a test of the till" in shown.said


def test_many_at_once(ledger: Ledger, wallet: Shell, funded: str) -> None:
    """What cannot be sent is told, and the others are sent; all of several may be dropped."""
    good = [bury(ledger, wallet, wrong_key(ledger, funded)) for _ in range(2)]
    bad = bury(ledger, wallet, Said(None, b"nothing", []))
    sent = wallet("dlq", "retry", good[0], bad, good[1], *BY, "--json")
    assert sent.code == 1
    assert [line["balance"] for line in sent.lines] == ["1005.00", "1010.00"]
    assert f"{bad} was not sent" in sent.complained
    refused = wallet("dlq", "drop", bad, good[0], *BY, "--why", "old")
    assert refused.code == 1
    assert wallet("dlq", "show", bad, "--json").json["decisions"] == []
    dropped = wallet("dlq", "drop", bad, good[0], *BY, "--why", "old", "--force")
    assert dropped.said.splitlines() == [f"{bad} is dropped", f"{good[0]} is dropped"]


def test_only_what_came_since(ledger: Ledger, wallet: Shell) -> None:
    """By the broker's time of the record."""
    place = bury(ledger, wallet, Said(None, b"", []))
    listed = wallet("dlq", "list", "--since", "10m", "--json").json
    assert place in {letter["place"] for letter in listed["letters"]}
    assert wallet("dlq", "list", "--since", "2999-01-01T00:00:00Z", "--json").json["letters"] == []


def test_there_is_no_such_letter(wallet: Shell) -> None:
    """A place of nothing, and what is no place."""
    assert "no dead letter" in wallet("dlq", "show", "0:999999").complained
    assert wallet("dlq", "show", "here").code == 2


def test_the_path_of_a_transfer(ledger: Ledger, wallet: Shell, funded: str) -> None:
    """Its record, its answer, and the event of each wallet, with places and times."""
    home = partition_of(funded, ledger.settings.partitions)
    other = ledger.wallet_on((home + 1) % ledger.settings.partitions)
    command = ledger.command("transfer", funded, to_wallet_id=other, amount="3.00")
    ledger.ask(*opening(ledger, [other]))  # on its own partition: first, not beside
    ledger.ask(command)
    own_id = json.loads(command.value or b"")["id"]
    found = wallet("explain", own_id, "--source", "/test", "--json")
    wait_until(
        lambda: len(events(wallet("explain", own_id, "--json"))) == 2, WAIT_SECONDS, "two events"
    )
    found = wallet("explain", own_id, "--json")
    assert found.code == 0
    steps = found.json["steps"]
    assert [step["what"] for step in steps] == ["recorded", "completed", "event", "event"]
    assert all(step["at"] and step["where"] for step in steps)
    assert facts(found, "completed")["balance"] == "997.00 IRR"
    told = [dict(step["facts"])["wallet"] for step in events(found)]
    assert told == [f"{funded} #3", f"{other} #3"]
    place = steps[0]["where"].rpartition(" ")[2]
    assert wallet("explain", place, "--json").json == found.json
    assert "997.00 IRR" in wallet("explain", own_id).said


def events(done: Done) -> list[dict[str, Any]]:
    """The steps that tell events found in the log."""
    return [step for step in done.json["steps"] if step["what"] == "event" and step["at"]]


def test_the_path_of_a_withdrawal(ledger: Ledger, wallet: Shell, funded: str) -> None:
    """With its record on the delayed topic, and the commands that followed."""
    own_id = ledger.new_id()
    said = wallet("withdraw", funded, "7", "--in", "1h", "--id", own_id, "--json").json
    withdrawal = said["withdrawal"]["id"]
    assert wallet("withdrawals", "cancel", withdrawal).code == 0
    found = wallet("explain", own_id, "--json")
    whats = [step["what"] for step in found.json["steps"]]
    assert whats[-3:] == ["delayed topic", "withdrawal.cancel", "withdrawal now"]
    assert facts(found, "withdrawal now") == {"it is": "cancelled"}


def test_the_path_of_what_was_refused(ledger: Ledger, wallet: Shell, funded: str) -> None:
    """A wrong key: the answer, the dead letter, what was decided. A wrong partition is told."""
    place = bury(ledger, wallet, wrong_key(ledger, funded))
    assert wallet("dlq", "drop", place, *BY, "--why", "old").code == 0
    found = wallet("explain", place, "--json")
    assert found.code == 1
    whats = [step["what"] for step in found.json["steps"]]
    assert whats == ["recorded", "rejected", "dead letter", "dropped"]
    assert facts(found, "rejected")["code"] == "key_mismatch"
    unread = bury(ledger, wallet, Said(None, b"[]", []))
    assert wallet("explain", unread, "--json").json["outcome"] == "unreadable"
    home = partition_of(funded, ledger.settings.partitions)
    stray = ledger.command("deposit", funded, amount="1.00")
    stray = stray._replace(partition=(home + 1) % ledger.settings.partitions)
    ((partition, offset),) = ledger.send(stray)
    ledger.await_results([(partition, offset)], WAIT_SECONDS)
    told = wallet("explain", f"{partition}:{offset}", "--json")
    assert facts(told, "recorded")["partitioner"].endswith(f"partition {home}")


def test_a_record_that_came_again(ledger: Ledger, wallet: Shell, funded: str) -> None:
    """Its place explains the repetition, its id the first one."""
    command = ledger.command("deposit", funded, amount="1.00")
    (first, second) = ledger.send(command, command)
    ledger.await_results([first], WAIT_SECONDS)
    place = f"{second[0]}:{second[1]}"
    wait_until(
        lambda: wallet("explain", place, "--json").json["outcome"] != "waiting",
        WAIT_SECONDS,
        "the second one",
    )
    found = wallet("explain", place, "--json")
    assert f"{first[0]}:{first[1]}" in facts(found, "came again: its id had its answer")["first"]


def test_nothing_is_known_of_it(wallet: Shell) -> None:
    """Exit code 3, and what else to try."""
    unknown = wallet("explain", "never sent")
    assert unknown.code == 3
    assert "--source" in unknown.complained


def test_events_from_an_offset(wallet: Shell, funded: str) -> None:
    """Of all partitions, or of one alone."""
    told = wallet("events", "tail", "--wallet", funded, "--json").lines
    place = told[1]
    one = wallet("events", "tail", "--from", f"{place['partition']}:{place['offset']}", "--json")
    assert one.lines[0] == place
    assert {line["partition"] for line in one.lines} == {place["partition"]}
    every = wallet("events", "tail", "--from", place["offset"], "--json").lines
    assert min(line["offset"] for line in every) >= place["offset"]
    assert wallet("events", "tail", "--from", "99:1").code == 3
    assert wallet("events", "tail", "--from", "1d", "--wallet", funded, "--json").lines == told
