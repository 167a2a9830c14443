"""Metrics: counted by batch, told over HTTP to whoever asks, and nothing listens unasked."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from producers.metrics import REGISTRY, Metrics
from schemas.settings import Settings
from streams import measures
from wallet.cli.watched import be_watched
from wallet.failure import Failure


@pytest.fixture
def door() -> Iterator[Metrics]:
    """One on any port."""
    opened = Metrics("127.0.0.1", 0)
    yield opened
    opened.close()


def _value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def _counted() -> list[float]:
    outcomes = ("completed", "rejected", "dead_letter", "repeated")
    counted = [_value("wallet_commands_total", outcome=each) for each in outcomes]
    return [*counted, _value("wallet_events_total"), _value("wallet_batch_commands_sum")]


def test_a_batch_is_counted_by_what_became_of_its_commands() -> None:
    """Of 7: 3 done, 2 refused, 1 buried, 1 that had come before."""
    rows = [SimpleNamespace(transaction_id=each) for each in ("a", None, "b", None, "c")]
    decided: Any = SimpleNamespace(commands=rows, dead=[object()])
    before = _counted()
    measures.batch(7, decided, 4, 0.03)
    assert [now - then for now, then in zip(_counted(), before, strict=True)] == [3, 2, 1, 1, 4, 7]


def test_partitions_are_looked_at_when_somebody_asks() -> None:
    """What is done of each, what waits, and how much is to come; no lag where no end is known."""
    lanes: Any = [
        SimpleNamespace(place=SimpleNamespace(partition=n), next_offset=40, queued=n)
        for n in (0, 3)
    ]
    found = measures.Partitions(lambda: lanes, lambda: {3: 45}).collect()
    samples = [sample for metric in found for sample in metric.samples]
    told = {(sample.name, sample.labels["partition"]): sample.value for sample in samples}
    assert told == {
        ("wallet_partition_next_offset", "0"): 40,
        ("wallet_partition_next_offset", "3"): 40,
        ("wallet_partition_queued", "0"): 0,
        ("wallet_partition_queued", "3"): 3,
        ("wallet_partition_lag", "3"): 5,
    }


def test_it_answers_those_who_watch(door: Metrics) -> None:
    """All metrics as Prometheus reads them, and that the process lives; nothing else is there."""
    with urlopen(f"{door.url}/metrics", timeout=30) as answer:  # noqa: S310 - our own
        text, kind = answer.read().decode(), answer.headers["Content-Type"]
    assert kind.startswith("text/plain")
    assert 'wallet_commands_total{outcome="completed"}' in text
    assert "process_resident_memory_bytes" in text
    with urlopen(f"{door.url}/healthz", timeout=30) as answer:  # noqa: S310 - our own
        assert answer.read() == b'{"status": "ok"}'
    with pytest.raises(HTTPError, match="404") as refused:
        urlopen(f"{door.url}/", timeout=30)  # noqa: S310 - our own
    refused.value.close()


def test_nothing_listens_unless_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a port there is no door."""
    settings = Settings()
    assert be_watched(settings) is settings
    assert capsys.readouterr().err == ""


def test_a_port_that_is_taken_is_told_by_its_setting(door: Metrics) -> None:
    """The second process on a machine needs one of its own."""
    port = int(door.url.rpartition(":")[2])
    with pytest.raises(Failure, match=f"127.0.0.1:{port}: .*WALLET_METRICS_PORT"):
        be_watched(Settings(metrics_port=port))
