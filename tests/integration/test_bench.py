"""The benches from the command line, at their smallest: what they say is there and adds up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from schemas.settings import Settings
from tests.shell import Shell
from tests.workers import execute, rows
from wallet import topics
from wallet.bench import peers
from wallet.bench.telling import Telling
from wallet.bench.verdict import verify
from wallet.failure import Failure

pytestmark = pytest.mark.integration

PEER = """
import json, sys
from confluent_kafka.admin import AdminClient, NewTopic
_, bootstrap, count = sys.argv
admin = AdminClient({"bootstrap.servers": bootstrap})
made = admin.create_topics([NewTopic("peer-of-a-test", 1)])
made["peer-of-a-test"].result(20)
print("\\x1b[0mbuilt", end="")  # as Maven ends its first build: no line of its own
print(json.dumps({"peer": "of a test", "options": [], "commands": int(count) - %d,
                  "commands_per_second": 1000, "steady_per_second": 1100}))
sys.exit(%d)
"""
"""What beside us is measured as Kafka Streams: it misses so many results, and ends with a code."""


@pytest.fixture
def peer(tmp_path: Path) -> Callable[..., Path]:
    """Make the program of a peer."""

    def make(missing: int = 0, code: int = 0) -> Path:
        program = tmp_path / "drain.py"
        program.write_text(PEER % (missing, code), encoding="utf-8")
        return program

    return make


def left_behind(settings: Settings) -> list[Any]:
    """Topics and databases of benches that are still there."""
    names = topics.client(settings).list_topics(timeout=20).topics
    with rows(settings, "SELECT datname FROM pg_database WHERE datname LIKE 'bench%%'") as found:
        return [name for name in names if name.startswith(("bench", "peer"))] + found


@pytest.mark.long
def test_a_drain_of_sellers(settings: Settings, peer: Callable[..., Path], tmp_path: Path) -> None:
    """One seller's sales: figures of ours, the bare loop and the peer; a chart; nothing left."""
    chart = tmp_path / "drain.svg"
    options = ("--commands", 1000, "--wallets", 50, "--workers", 1, "--mix", "one-seller")
    done = Shell(settings)(
        *("bench", "drain", *options, "--peer-program", peer()),
        *("--verify", "--chart", chart, "--json"),
    )
    assert done.code == 0, done.complained
    assert "commands, clean" in done.complained
    (mix,) = done.json["mixes"]
    assert mix["mix"] == "one-seller"
    assert mix["slowest"] == mix["commands_per_second"] == mix["fastest"] > 0
    ratio = mix["commands_per_second"] / mix["bare_loop_per_second"]
    assert mix["ratio_to_bare_loop"] == pytest.approx(ratio, rel=0.01, abs=0.0005)
    assert mix["kafka_streams_per_second"] == 1000
    assert mix["ratio_to_kafka_streams"] == pytest.approx(
        mix["commands_per_second"] / 1000, rel=0.01, abs=0.0005
    )
    assert done.json["machine"]["loop_ms_after"] > 0
    assert "one-seller" in (ET.parse(chart).getroot().get("aria-label") or "")  # noqa: S314 - ours
    assert left_behind(settings) == []


@pytest.mark.long
def test_a_drain_on_a_past(settings: Settings) -> None:
    """A small history: as many rows as asked for, beside an empty ledger, and sums that hold.

    One filling, for commands on a few of its wallets and then on all of them.
    """
    options = ("--entries", "3k:1k", "--active", "20,all", "--commands", 1000, "--workers", 1)
    done = Shell(settings)("bench", "history", *options, "--check", "--json")
    assert done.code == 0, done.complained
    few, every = sizes = done.json["sizes"]
    assert (few["active"], every["active"]) == (20, 1000)
    for size in sizes:
        assert (size["entries"], size["wallets"]) == (3000, 1000)
        assert size["ratio_to_empty"] == pytest.approx(
            size["commands_per_second"] / size["empty_per_second"], rel=0.01, abs=0.0005
        )
        assert size["worker_memory_mb"] > 20
    assert left_behind(settings) == []


def test_a_peer_that_fails_is_told(settings: Settings, peer: Callable[..., Path]) -> None:
    """Results missing, an exit code, no program: each a failure; its topics are removed."""
    with pytest.raises(Failure, match="99 of 100 results"):
        peers.kafka_streams(settings, peer(missing=1), 100)
    with pytest.raises(Failure, match="ended with 3"):
        peers.kafka_streams(settings, peer(code=3), 100)
    silent = peer()
    silent.write_text("print('nothing')", encoding="utf-8")
    with pytest.raises(Failure, match="without its figures: 'nothing'"):
        peers.kafka_streams(settings, silent, 100)
    with pytest.raises(Failure, match="no peer at"):
        peers.check(Path("nowhere.py"))
    assert left_behind(settings) == []


def test_a_ledger_that_is_off_is_told(new_ledger: Callable[..., Settings]) -> None:
    """Planted: a wallet that no command made. The verdict of `bench drain --verify` can fail."""
    ledger = new_ledger()
    execute(
        ledger,
        "INSERT INTO wallets (wallet_id, balance_minor, sequence, updated_at, partition, status,"
        " currency) VALUES (%s, 1, 1, now(), 0, 0, 'IRR')",
        "01930f6e-0000-7000-8000-000000000001",
    )
    with pytest.raises(Failure, match="a wallet is not the sum of its entries"):
        verify(ledger, Telling(with_bars=False))


@pytest.mark.parametrize(
    "words",
    [
        ("drain", "--mix", "sale,sales"),
        ("history", "--entries", "1G"),
        ("history", "--entries", "1M,2M:1M"),
        ("history", "--active", "10k,some"),
        ("scale", "--workers", "1,0"),
        ("latency", "--mix", "sales"),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(
    settings: Settings, words: tuple[str, ...]
) -> None:
    """A wrong mix, size or number is a usage error, before anything is started."""
    done = Shell(settings)("bench", *words)
    assert done.code == 2
    assert words[-1].split(",")[-1].partition(":")[0] in done.complained
