"""The maker of balances among offsets moved back, kills and rebalances: no wallet goes back.

Kafka and the ledger's table are lists in memory; what reads, chooses and makes records is real.
"""

import random
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pytest
from confluent_kafka import Message, TopicPartition

from consumers.balances import process
from consumers.balances.newest import Balance
from consumers.balances.process import Balances
from schemas import balances
from schemas.events import encode
from schemas.settings import Settings
from tests.told import WALLETS, told

SETTINGS = Settings()
SOME = 5
"""Events of one poll."""


class World:
    """One partition of the events, the ledger's rows, and what was published with its offset."""

    def __init__(self) -> None:
        self.log: list[Message] = []
        self.rows: dict[str, int] = {}
        self.published: list[tuple[str, int]] = []
        self.committed = 0
        self._unsaid: list[str] = []

    def decide(self, wallet: str) -> None:
        """The ledger changes a wallet; the log does not tell it yet."""
        self.rows[wallet] = self.rows.get(wallet, 0) + 1
        self._unsaid.append(wallet)

    def say(self) -> None:
        """The log tells what was decided."""
        for place, wallet in enumerate(self._unsaid):
            sequence = self.rows[wallet] - self._unsaid[place + 1 :].count(wallet)
            event = told(wallet, sequence)
            headers: list[tuple[str, Any]] = [
                ("ce_id", event.id.encode()),
                ("ce_type", event.type.encode()),
            ]
            value, offset = encode(event.event), len(self.log)
            self.log.append(Message("events", 0, offset, wallet.encode(), value, headers))
        self._unsaid = []

    def last(self) -> dict[str, int]:
        """What a reader of the topic knows; no wallet may ever have gone back."""
        found: dict[str, int] = {}
        for wallet, sequence in self.published:
            assert found.get(wallet, 0) <= sequence, self.published
            found[wallet] = sequence
        return found


class Member:
    """A member of the group that is given the partition in its first poll."""

    def __init__(self, world: World, owner: Balances) -> None:
        self.consumer = self
        self._world = world
        self._owner = owner
        self._next: int | None = None

    def poll(self, _: float) -> list[Message]:
        """Some events; those of a first poll have come since the partition was given."""
        if self._next is None:
            consumer: Any = self
            self._next = self._owner.begin(consumer, [0])[0]
            return []
        found = self._world.log[self._next : self._next + SOME]
        self._next += len(found)
        return found

    def committed(self, _: Iterable[TopicPartition], timeout: float) -> list[TopicPartition]:
        """Where the group is."""
        assert timeout > 0
        return [TopicPartition("events", 0, self._world.committed)]

    def get_watermark_offsets(self, _: TopicPartition, timeout: float) -> tuple[int, int]:
        """Where the log begins and ends."""
        assert timeout > 0
        return 0, len(self._world.log)

    def consumer_group_metadata(self) -> None:
        """Nobody asks what it says."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that every maker of balances lives in from here on."""
    made = World()

    class Publisher:
        def __init__(self, *_: object) -> None:
            pass

        def publish(
            self, records: Iterable[Balance], offsets: list[TopicPartition], _: object
        ) -> None:
            said = [balances.decode(record.value) for record in records]
            made.published += [(each.wallet_id, each.sequence) for each in said]
            made.committed = offsets[0].offset

    class Sequences:
        def __init__(self, _: Settings) -> None:
            pass

        def of(self, wallets: Collection[str]) -> Mapping[str, int]:
            return {wallet: made.rows[wallet] for wallet in wallets}

    def member(*given: Any, **_: object) -> Member:  # noqa: ANN401 - as the real one is called
        return Member(made, given[3])

    monkeypatch.setattr(process, "Publisher", Publisher)
    monkeypatch.setattr(process, "Sequences", Sequences)
    monkeypatch.setattr(process, "Member", member)
    return made


def turn(maker: Balances, times: int) -> Balances:
    """Let it work a little."""
    for _ in range(times):
        maker.turn()
    return maker


def change(world: World, *wallets: str) -> None:
    """Changes that are told at once."""
    for wallet in wallets:
        world.decide(wallet)
    world.say()


def test_killed_while_all_is_published_again(world: World) -> None:
    """The next life does not take the last record of the topic for how far it has come."""
    quiet, busy, other, _ = WALLETS
    change(world, quiet, *[busy, other] * 10)
    turn(Balances(SETTINGS, "1"), 10)
    assert world.last() == world.rows
    world.committed = 0
    turn(Balances(SETTINGS, "1"), 2)
    assert world.published[-1] == (quiet, 1), "an old event's balance is the last record"
    turn(Balances(SETTINGS, "1"), 10)
    assert world.last() == world.rows


def test_what_comes_between_the_claim_and_the_first_poll_is_told(world: World) -> None:
    """And of a wallet whose row is newer than the log, nothing until the log tells it."""
    first, second, _, _ = WALLETS
    change(world, first, second)
    maker = turn(Balances(SETTINGS, "1"), 1)
    change(world, first)
    world.decide(second)
    turn(maker, 1)
    assert world.last() == {first: 2}
    world.say()
    turn(maker, 1)
    assert world.last() == world.rows


@pytest.mark.parametrize("seed", range(20))
def test_no_wallet_goes_back(world: World, seed: int) -> None:
    """However often it is killed, its place moved back, and its log grows meanwhile."""
    dice = random.Random(seed)  # noqa: S311 - chance that repeats
    maker = Balances(SETTINGS, "1")
    for _ in range(150):
        world.decide(dice.choice(WALLETS))
        if dice.random() < 0.5:
            world.say()
        is_moved = dice.random() < 0.05
        if is_moved:
            world.committed = dice.randrange(world.committed + 1)
        if is_moved or dice.random() < 0.2:
            maker = Balances(SETTINGS, "1")
        turn(maker, dice.randrange(4))
        world.last()
    world.say()
    turn(maker, len(world.log))
    assert world.last() == world.rows
