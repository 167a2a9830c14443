"""How Kafka is started: a crash shortens how long its former life is believed to last."""

from pathlib import Path

import pytest

from wallet.local import kafka

SHORT = ("--override", "broker.session.timeout.ms=3000")
ENDED_WELL = ".kafka_cleanshutdown"
RAN = "__cluster_metadata-0"


@pytest.mark.parametrize(
    ("there", "expected"),
    [((), ()), ((RAN, ENDED_WELL), ()), ((RAN,), SHORT)],
    ids=["new", "ended well", "crashed"],
)
def test_the_first_start_knows_a_crash(
    tmp_path: Path, there: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    """By what the broker has left behind, or not."""
    for name in there:
        (tmp_path / "log" / name).mkdir(parents=True)
    command = kafka.spec(tmp_path).command
    assert command[command.index("kafka.Kafka") + 2 :] == expected


def test_every_start_after_the_first_is_one_after_a_crash(tmp_path: Path) -> None:
    """Whoever ends a broker well does not start it again under the same supervisor."""
    assert kafka.spec(tmp_path).again == SHORT
