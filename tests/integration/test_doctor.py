"""`wallet doctor` finds what was planted, says what to do, and finds nothing where all is well."""

import json
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from psycopg2 import OperationalError, errors
from sqlalchemy import make_url

from schemas.identifiers import partition_of
from schemas.settings import Settings
from tests.ledgers import Ledger, opening
from tests.shell import Done, Shell
from tests.topics import alter
from tests.workers import Workers, execute
from wallet.doctor.around import bank as bank_of
from wallet.doctor.around import environment, receipts
from wallet.doctor.clocks import judge_skew
from wallet.doctor.findings import Finding, fine, told
from wallet.doctor.topics import judge
from wallet.doctor.work import judge_follower
from wallet.topic_plan import Plan

PLANTED = (
    "INSERT INTO dead_letters (partition, \"offset\", reason, record) VALUES (0, 900, 'r', '{}')",
    "INSERT INTO clock (ahead_ms) VALUES (90000)",
    """INSERT INTO withdrawals (withdrawal_id, wallet_id, amount_minor, due_at, changed_at,
           partition, status, currency)
       SELECT gen_random_uuid(), gen_random_uuid(), 5, now() - interval '1 hour', now(), 0, status,
           'IRR'
       FROM unnest(ARRAY[0, 2]) AS statuses (status)""",
)


@pytest.fixture
def bank() -> Iterator[str]:
    """Something that takes connections, as a bank would; nothing is ever said to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def levels(done: Done, level: str) -> dict[str, dict[str, Any]]:
    """The findings of a level, by their check."""
    return {each["check"]: each for each in done.json["findings"] if each["level"] == level}


@pytest.mark.integration
def test_a_ledger_that_is_well(
    new_ledger: Callable[..., Settings], tmp_path: Path, bank: str
) -> None:
    """Exit code 0; who does not run beside the workers is only worth a look."""
    ledger = Ledger(new_ledger(partitions=2, bank_url=bank))
    with Workers(ledger.settings, tmp_path) as workers:
        workers.start_and_hold()
        ledger.ask(*opening(ledger, [ledger.new_id()]))
        done = Shell(ledger.settings)("doctor", "--json")
    assert levels(done, "harm") == {}
    assert set(levels(done, "warning")) == {"delayed", "bank-caller", "receipts", "balances"}
    assert {
        "kafka",
        "topics",
        "partitioner",
        "postgresql",
        "migrations",
        "workers",
        "lag",
        "bank",
    } <= (set(levels(done, "fine")))
    assert done.code == 0


@pytest.mark.integration
def test_everything_that_was_planted_is_found(new_ledger: Callable[..., Settings]) -> None:
    """Each with what to do about it; exit code 1."""
    nowhere = "http://127.0.0.1:9/"
    ledger = Ledger(new_ledger(partitions=2, bank_url=nowhere))
    settings = ledger.settings
    for statement in PLANTED:
        execute(settings, statement)
    alter(settings, settings.topics.events.name, {"retention.ms": "60000"})
    wallet_id = ledger.new_id()
    stray = ledger.command("deposit", wallet_id, amount="1.00")
    ledger.send(stray._replace(partition=1 - partition_of(wallet_id, 2)))
    with time_machine.travel("2026-11-20T10:00:00Z", tick=True):
        done = Shell(settings)("doctor", "--json")
    assert done.code == 1
    harms, warnings = levels(done, "harm"), levels(done, "warning")
    fixes = {
        "topics": "wallet topics apply",
        "partitioner": "murmur2_random",
        "broker's clock": "chrony",
        "database's clock": "chrony",
        "workers": "wallet worker",
        "lag": "log of the worker",
        "overdue": "wallet delayed",
        "bank": "WALLET_BANK_URL",
    }
    assert set(harms) == set(fixes)
    assert [name for name, fix in fixes.items() if fix not in harms[name]["fix"]] == []
    assert "/test" in harms["partitioner"]["what"]
    assert "wallet dlq list" in warnings["dead letters"]["fix"]
    assert "needs_review" in warnings["reviews"]["fix"]
    assert "90 s ahead" in warnings["ledger's clock"]["what"]
    shown = Shell(settings)("doctor")
    assert "wallet topics apply" in shown.said
    stray_id = json.loads(stray.value or b"")["id"]
    explained = Shell(settings)("explain", stray_id, "--json")
    assert explained.json["outcome"] == "waiting"


@pytest.mark.integration
def test_a_database_of_another_version(new_ledger: Callable[..., Settings]) -> None:
    """An older one is to be migrated, a newer one is not ours, and an empty one has no tables."""
    settings = new_ledger(partitions=1)
    wallet = Shell(settings)
    execute(settings, "UPDATE alembic_version SET version_num = '0001'")
    assert levels(wallet("doctor", "--json"), "harm")["migrations"]["fix"] == "wallet migrate"
    execute(settings, "UPDATE alembic_version SET version_num = '9999'")
    assert "newer one" in levels(wallet("doctor", "--json"), "harm")["migrations"]["fix"]
    execute(settings, "DROP TABLE alembic_version")
    assert "no tables" in levels(wallet("doctor", "--json"), "harm")["migrations"]["what"]


def test_servers_that_are_away() -> None:
    """Said once each, and what needs them is left."""
    nowhere = Settings(
        kafka_bootstrap="127.0.0.1:9", database_url="postgresql://nobody@127.0.0.1:9/none"
    )
    done = Shell(nowhere)("doctor", "--json")
    assert done.code == 1
    harms = levels(done, "harm")
    assert {"kafka", "postgresql"} <= set(harms)
    assert "wallet up" in harms["kafka"]["fix"]
    assert not {"workers", "work", "partitioner"} & set(harms)


@pytest.mark.integration
def test_rights_that_were_not_granted(new_ledger: Callable[..., Settings]) -> None:
    """Each table that may not be read is named; what may be looked at is."""
    settings = new_ledger(partitions=1)
    role = f"r{uuid.uuid4().hex[:10]}"
    execute(settings, f"CREATE ROLE {role} LOGIN")
    execute(settings, f"GRANT SELECT ON alembic_version, clock, partitions TO {role}")
    address = make_url(settings.database_url).set(username=role).render_as_string()
    done = Shell(settings.model_copy(update={"database_url": address}))("doctor", "--json")
    assert done.code == 1
    harms = levels(done, "harm")
    assert {"dead letters", "reviews", "overdue"} <= set(harms)
    assert "permission denied for table withdrawals" in harms["overdue"]["what"]
    assert "docs/OPERATING.md" in harms["overdue"]["fix"]
    assert "migrations" in levels(done, "fine")


def test_an_address_that_no_server_could_have() -> None:
    """A finding, and no secret of it is shown."""
    wrong = Settings(
        kafka_bootstrap="127.0.0.1:9", database_url="postgresql://u:SECRET@h/d?sslmod=x"
    )
    done = Shell(wrong)("doctor", "--json")
    assert 'parameter: "sslmod"' in levels(done, "harm")["postgresql"]["what"]
    assert "SECRET" not in done.said


@pytest.mark.parametrize(
    ("error", "what", "fix"),
    [
        (errors.InsufficientPrivilege("permission denied"), "permission denied", "grant"),
        (OperationalError("server closed\nunexpectedly"), "server closed unexpectedly", "log"),
        (PermissionError(13, "Permission denied", "/x"), "/x: Permission denied", "user"),
    ],
)
def test_a_check_that_fails_on_its_way(error: Exception, what: str, fix: str) -> None:
    """What it has found stays, and its failure is one more finding."""

    def check() -> Iterator[Finding]:
        yield fine("c", "so far")
        raise error

    first, last = told("c", check())
    assert first.level == "fine"
    assert (last.check, last.level) == ("c", "harm")
    assert last.what == f"cannot be told: {what}"
    assert last.fix is not None
    assert fix in last.fix


def test_a_bank_that_nobody_named_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger may have none, and the setting is that of bank callers; one that is named hurts."""
    monkeypatch.delenv("WALLET_BANK_URL", raising=False)
    monkeypatch.setattr(socket, "create_connection", _refused)
    found = bank_of(Settings())
    assert (found.level, "no WALLET_BANK_URL is set here" in found.what) == ("warning", True)
    assert bank_of(Settings(bank_url=Settings().bank_url)).level == "harm"


def _refused(*_arguments: object, **_named: object) -> None:
    raise ConnectionRefusedError


@pytest.mark.parametrize("address", ["http://u:SECRET@h:99999/", f"http://{'a' * 64}.example/"])
def test_a_bank_that_no_host_could_be(address: str) -> None:
    """Said of the bank, and the other checks go on."""
    found = bank_of(Settings(bank_url=address))
    assert (found.check, found.level) == ("bank", "harm")
    assert "is no address" in found.what
    assert "SECRET" not in found.what


def test_a_setting_that_is_misspelt() -> None:
    """It would silently not be heard."""
    (found,) = environment({"WALLET_PARTITION": "8", "WALLET_PARTITIONS": "8", "HOME": "/"})
    assert found.level == "warning"
    assert "Did you mean WALLET_PARTITIONS?" in found.what
    (well,) = environment({"WALLET_PARTITIONS": "8", "WALLET_PRETEND_BANK_DELAY": "1"})
    assert well.level == "fine"


def test_a_cluster_with_too_few_copies() -> None:
    """Of one broker nobody wants three."""
    ours = Settings()
    found = [list(judge(ours, Plan(brokers, 1, ()))) for brokers in (1, 3)]
    assert [[each.check for each in findings] for findings in found] == [
        ["kafka", "topics"],
        ["kafka", "topics", "replicas"],
    ]


def test_who_is_behind_or_not_there() -> None:
    """Each process beside the workers is worth a look, and no harm."""
    everywhere = frozenset({0, 1})
    assert judge_follower("delayed", 2, everywhere, None).what == "follows all partitions"
    assert judge_follower("balances", 2, everywhere, 3).level == "fine"
    assert "10,001 events" in judge_follower("balances", 2, everywhere, 10_001).what
    assert "partitions 1" in judge_follower("receipts", 2, frozenset({0}), 0).what
    assert "does not say" in judge_follower("receipts", 2, None, 0).what


def test_receipts_that_could_not_be_written(tmp_path: Path) -> None:
    """A file stands where their folder should be, or it cannot be looked where."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    found = [
        receipts(Settings(receipts=tmp_path / name / "receipts"))
        for name in ("new", "file", "x" * 300)
    ]
    assert [each.level for each in found] == ["fine", "warning", "warning"]


def test_clocks_that_differ() -> None:
    """By how much, and which is ahead."""
    assert judge_skew("c", 0.2).level == "fine"
    assert judge_skew("c", -5.0).what == "5.0 s behind this machine's"
    assert judge_skew("c", 5.0).level == "warning"
    assert judge_skew("c", 3600.0).level == "harm"


@pytest.mark.integration
def test_topics_that_are_missing(new_ledger: Callable[..., Settings]) -> None:
    """What reads them is left; the checks of the database are made."""
    settings = new_ledger(partitions=1)
    other = settings.model_copy(update={"topic_prefix": "nowhere."})
    done = Shell(other)("doctor", "--json")
    made = [each["what"] for each in done.json["findings"] if each["check"] == "missing topics"]
    assert [what.split()[:2] for what in made] == [
        ["make", topic.name] for topic in other.topics.all()
    ]
    assert "migrations" in levels(done, "fine")
