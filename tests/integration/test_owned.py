"""Members of one group share the delayed topic, and read their partitions from the end on."""

import time
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaException, Producer

from consumers.owned import Owned
from schemas.settings import Settings
from wallet import topics

pytestmark = pytest.mark.integration

WAIT_SECONDS = 60.0


class Member:
    """A member of the group that writes down what it is told."""

    def __init__(self, settings: Settings, slot: str | None = None) -> None:
        self.gained: list[int] = []
        self.lost: list[int] = []
        self.read: list[tuple[int, bytes]] = []
        self.in_poll = False
        self.told_outside = False
        self.on_gained: Callable[[], None] = lambda: None
        topic = settings.topics.scheduled
        self.owned = Owned(settings, topic, "test", self._gain, self._lose, slot=slot)

    def turn(self) -> None:
        """One poll."""
        self.in_poll = True
        for record in self.owned.poll(0.1):
            self.read.append((record.partition() or 0, record.value() or b""))
        self.in_poll = False

    @property
    def values(self) -> list[bytes]:
        """What it has read so far."""
        return [value for _, value in self.read]

    def _gain(self, partitions: list[int]) -> None:
        self.told_outside |= not self.in_poll
        self.gained += partitions
        self.on_gained()

    def _lose(self, partitions: list[int]) -> None:
        self.lost += partitions


def turn_until(done: Callable[[], bool], *members: Member) -> None:
    """Let members poll in turn until it is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < deadline, [(m.gained, m.lost, m.read) for m in members]
        for member in members:
            member.turn()


@pytest.fixture
def ledger(new_ledger: Callable[..., Settings]) -> Settings:
    """A ledger of the test's own, with four partitions."""
    return new_ledger()


def say(settings: Settings, *values: bytes) -> None:
    """Put each value on every partition of the delayed topic."""
    producer = Producer(settings.kafka_client())
    for value in values:
        for partition in range(settings.partitions):
            producer.produce(settings.topics.scheduled.name, value, partition=partition)
    assert producer.flush(WAIT_SECONDS) == 0


def test_a_partition_is_followed_from_its_end(ledger: Settings) -> None:
    """What was there before is not read; what comes after `gained` is, in its order."""
    say(ledger, b"before")
    member = Member(ledger)
    try:
        turn_until(lambda: len(member.gained) == 4, member)
        say(ledger, b"first", b"second")
        turn_until(lambda: len(member.read) >= 8, member)
    finally:
        member.owned.close()
    for partition in range(4):
        values = [value for at, value in member.read if at == partition]
        assert values == [b"first", b"second"]
    assert not member.told_outside
    assert sorted(member.lost) == [0, 1, 2, 3]


def test_what_comes_while_the_state_is_loaded_is_read(ledger: Settings) -> None:
    """The end is fixed before `gained` is called: nothing can fall between."""
    member = Member(ledger)
    member.on_gained = lambda: say(ledger, b"meanwhile")
    try:
        turn_until(lambda: len(member.read) >= 4, member)
    finally:
        member.owned.close()
    assert {value for _, value in member.read} == {b"meanwhile"}


def test_two_members_split_and_hand_over(ledger: Settings) -> None:
    """Each partition has one owner; who leaves hands over, and nothing of after that is missed."""
    one = Member(ledger)
    turn_until(lambda: len(one.owned.partitions) == 4, one)
    two = Member(ledger)
    turn_until(lambda: len(one.owned.partitions) == 2 and len(two.owned.partitions) == 2, one, two)
    assert one.owned.partitions.isdisjoint(two.owned.partitions)
    say(ledger, b"shared")
    turn_until(lambda: len(one.read) + len(two.read) >= 4, one, two)
    assert {at for at, _ in one.read} == one.owned.partitions
    assert {at for at, _ in two.read} == two.owned.partitions

    one.owned.close()
    assert one.owned.partitions == set()
    turn_until(lambda: len(two.owned.partitions) == 4, two)
    say(ledger, b"alone")
    turn_until(lambda: two.values.count(b"alone") >= 4, two)
    two.owned.close()
    assert len(one.read) + len(two.read) == 8


def test_a_topic_that_is_made_late_is_found(settings: Settings) -> None:
    """Who is started before the topics waits for them."""
    ledger = settings.model_copy(
        update={"topic_prefix": f"late{time.time_ns()}.", "application": f"late{time.time_ns()}"}
    )
    member = Member(ledger)
    try:
        for _ in range(10):
            member.turn()
        assert member.gained == []
        topics.apply(ledger, 30.0)
        turn_until(lambda: len(member.gained) == ledger.partitions, member)
    finally:
        member.owned.close()


def test_a_slot_that_is_started_again_shuts_the_old_one_out(ledger: Settings) -> None:
    """The new process of a slot has its partitions at once; the old one is told to end."""
    old = Member(ledger, slot="1")
    turn_until(lambda: len(old.owned.partitions) == 4, old)
    new = Member(ledger, slot="1")
    turn_until(lambda: len(new.owned.partitions) == 4, new)
    with pytest.raises(KafkaException):
        turn_until(lambda: False, old)
    new.owned.close()
    old.owned.close()
