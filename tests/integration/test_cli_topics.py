"""`wallet topics plan|apply`: what a cluster has against the contract, and nothing lost by it."""

from collections.abc import Callable

import pytest

from schemas.settings import Settings
from schemas.topics import DAY_MS
from tests.shell import Shell
from tests.topics import alter
from wallet.topic_plan import plan

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def ledger(new_ledger: Callable[..., Settings]) -> Settings:
    """Topics as the contract says."""
    return new_ledger(partitions=1)


def test_what_is_as_it_should_be_is_left_alone(ledger: Settings) -> None:
    """Exit code 0, and nothing to apply."""
    wallet = Shell(ledger)
    found = wallet("topics", "plan")
    assert (found.code, found.said) == (0, "all topics are as the contract says\n")
    assert wallet("topics", "apply").said == "all topics are there\n"


def test_what_keeps_too_little_is_mended(ledger: Settings) -> None:
    """Events that would expire, and a clock that is the producers'."""
    wallet = Shell(ledger)
    alter(ledger, ledger.topics.events.name, {"retention.ms": "60000"})
    alter(ledger, ledger.topics.commands.name, {"message.timestamp.type": "CreateTime"})
    found = wallet("topics", "plan", "--json")
    assert found.code == 1
    differences = {(d["setting"], d["cluster"], d["contract"]) for d in found.json["differences"]}
    assert differences == {
        ("retention.ms", "60000", "-1"),
        ("message.timestamp.type", "CreateTime", "LogAppendTime"),
    }
    assert "retention.ms 60000 -> -1" in wallet("topics", "apply").said
    assert wallet("topics", "plan").code == 0


def test_what_would_lose_records_is_asked_for(ledger: Settings) -> None:
    """A cluster may keep more than the contract says; only --shorten throws it away."""
    wallet = Shell(ledger)
    kept = str(30 * DAY_MS)
    alter(ledger, ledger.topics.results.name, {"retention.ms": kept})
    found = wallet("topics", "plan")
    assert found.code == 0
    assert "only with --shorten" in found.said
    assert kept in wallet("topics", "apply").complained
    assert plan(ledger).differences != ()
    assert f"{kept} -> {7 * DAY_MS}" in wallet("topics", "apply", "--shorten").said
    assert plan(ledger).differences == ()


def test_commands_and_results_are_kept_as_long_as_is_said(ledger: Settings) -> None:
    """For longer at once; for less, as all that throws records away, where it is asked for."""
    longer = Shell(ledger.model_copy(update={"retention_days": 90}))
    assert longer("topics", "plan").code == 1
    said = longer("topics", "apply").said
    for topic in (ledger.topics.commands, ledger.topics.results):
        assert f"{topic.name}: retention.ms {7 * DAY_MS} -> {90 * DAY_MS}" in said
    assert longer("topics", "plan").said == "all topics are as the contract says\n"
    usual = Shell(ledger)
    assert "left as it is" in usual("topics", "apply").complained
    assert f"{90 * DAY_MS} -> {7 * DAY_MS}" in usual("topics", "apply", "--shorten").said


def test_another_number_of_partitions_is_told(ledger: Settings) -> None:
    """It cannot be mended, and nothing is touched."""
    wallet = Shell(ledger.model_copy(update={"partitions": 3}))
    found = wallet("topics", "plan", "--json")
    assert found.code == 1
    assert {d["step"] for d in found.json["differences"]} == {"count"}
    refused = wallet("topics", "apply")
    assert refused.code == 1
    assert "WALLET_PARTITIONS=1" in refused.complained


def test_what_is_missing_is_made(ledger: Settings) -> None:
    """All of it, with its settings."""
    other = ledger.model_copy(update={"topic_prefix": f"{ledger.topic_prefix}new."})
    wallet = Shell(other)
    found = wallet("topics", "plan", "--json")
    assert found.code == 1
    assert [d["step"] for d in found.json["differences"]] == ["make"] * len(other.topics.all())
    made = wallet("topics", "apply").said
    assert all(topic.name in made for topic in other.topics.all())
    assert wallet("topics", "plan").code == 0
