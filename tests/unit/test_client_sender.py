"""The mouth of a client while nobody takes what it says: room for all that is open, and no more."""

import time

import pytest

from producers import sender
from producers.board import Board, Pending
from producers.client import Client
from producers.failure import ClientError
from producers.message import Message
from producers.sender import Sender
from schemas import decoding
from schemas.settings import Settings

NOWHERE = "127.0.0.1:1"
PATIENCE_SECONDS = 2.0
LARGEST = b"x" * decoding.MAX_VALUE_BYTES


@pytest.fixture(autouse=True)
def _unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker is asked how many partitions there are."""
    monkeypatch.setattr(Sender, "_count_partitions", lambda _: 1)


@pytest.fixture
def settings() -> Settings:
    """A broker that is not there."""
    return Settings(kafka_bootstrap=NOWHERE, kafka_timeout=PATIENCE_SECONDS)


def _pending(value: bytes = b"{}") -> Pending:
    return Pending(Message("/a", "1", b"key", value, []), lambda _: None)


def test_there_is_room_for_all_that_a_gateway_has_open(settings: Settings) -> None:
    """Each as large as a command may be, none of them gone yet."""
    mouth = Sender(settings, Board(10))
    opened = [_pending(LARGEST) for _ in range(settings.http_waiting_max)]
    for each in opened:
        mouth.put(each, 0)
    assert [each.failure for each in opened if each.failure] == []
    mouth.close()


def test_who_may_not_wait_for_room_is_told_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway posts in its loop: every request would stand still until Kafka is given up."""
    monkeypatch.setattr(sender, "QUEUED", 3)
    with Client(settings, hears=False) as client:
        for _ in range(3):
            client.post(_pending().message, lambda _: None)
        began = time.monotonic()
        with pytest.raises(ClientError, match=f"commands wait until Kafka at {NOWHERE} takes"):
            client.post(_pending().message, lambda _: None)
        assert time.monotonic() - began < PATIENCE_SECONDS / 2


def test_who_may_wait_gets_the_room_of_what_is_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a load from the command line does: it goes on when there is room again."""
    monkeypatch.setattr(sender, "QUEUED", 3)
    small = Sender(settings, Board(10))
    first = [_pending() for _ in range(3)]
    for each in first:
        small.put(each)
    small.put(_pending(), 30.0)
    assert any(each.failure for each in first)
    small.close()
