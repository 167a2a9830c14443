"""The topics are what the contract says, and configured so that nothing is lost."""

import pytest

from schemas.decoding import MAX_VALUE_BYTES
from schemas.settings import Settings
from schemas.topics import DAY_MS, Topic, Topics


def test_the_names_are_the_contracts() -> None:
    """As in the first table of docs/MESSAGES.md."""
    assert [topic.name for topic in Topics().all()] == [
        "wallet.commands.v1",
        "wallet.results.v1",
        "wallet.events.v1",
        "wallet.scheduled.v1",
        "wallet.balances.v1",
        "dlq.wallet.commands.v1",
    ]


@pytest.mark.parametrize("topic", Topics("blue.", 24).all(), ids=lambda topic: topic.name)
def test_every_topic_is_partitioned_alike(topic: Topic) -> None:
    """A wallet's records stand on the same partition of every topic."""
    assert topic.partitions == 24
    assert topic.name.startswith("blue.")
    assert topic.carries
    is_table = topic.name == "blue.wallet.balances.v1"
    assert topic.config["cleanup.policy"] == ("compact" if is_table else "delete")
    assert all(isinstance(value, str) for value in topic.config.values())


def test_what_is_kept_for_how_long() -> None:
    """Events, withdrawals and balances for ever; answers as long as questions."""
    topics = Topics()
    kept = [int(topic.config["retention.ms"]) for topic in topics.all()]
    assert kept == [7 * DAY_MS, 7 * DAY_MS, -1, -1, -1, 30 * DAY_MS]


@pytest.mark.parametrize(("days", "kept"), [(90, 90 * DAY_MS), (-1, -1)])
def test_commands_and_results_are_kept_as_long_as_is_said(days: int, kept: int) -> None:
    """Both alike; the others are not touched by it."""
    topics, usual = Settings(retention_days=days).topics, Topics()
    both = [topics.commands, topics.results]
    assert [int(topic.config["retention.ms"]) for topic in both] == [kept, kept]
    assert topics.all()[2:] == usual.all()[2:]


def test_only_commands_have_the_brokers_time() -> None:
    """It is the ledger's clock (DESIGN.md 3)."""
    stamped = [topic for topic in Topics().all() if "message.timestamp.type" in topic.config]
    assert stamped == [Topics().commands]
    assert Topics().commands.config["message.timestamp.type"] == "LogAppendTime"


def test_a_dead_letter_topic_takes_what_the_commands_topic_took() -> None:
    """With its headers on top; smaller, and one record would stop the worker for ever."""
    kafkas_default = 1_048_588
    assert int(Topics().dead_letters.config["max.message.bytes"]) > 2 * kafkas_default
    assert kafkas_default > MAX_VALUE_BYTES
