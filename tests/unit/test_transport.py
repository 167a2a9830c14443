"""The transport notes no gaps between runs, paces its fetches, and keeps no partition waiting."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from streams.holding import Holding
from streams.transport import BUSY_SECONDS, BUSY_SHARE, HURRY_MS, REST_MS, LedgerConsumer


def test_a_run_leaves_no_gap() -> None:
    """What Faust takes for missing between two runs is not remembered."""
    gaps: dict[TP, SimpleNamespace] = defaultdict(SimpleNamespace)
    place = TP("wallet.commands.v1", 0)
    consumer = SimpleNamespace(_gap=gaps, _committed_offset={place: None})
    asyncio.run(vars(LedgerConsumer)["_add_gap"](consumer, place, 1, 9))
    assert not gaps


@pytest.mark.parametrize(
    ("is_idle", "took", "wait"),
    [(True, 0.02, 0.0), (False, 0.02, 0.02 * BUSY_SHARE), (False, 9.0, BUSY_SECONDS)],
)
def test_fetches_keep_a_distance_while_a_lane_works(
    *, is_idle: bool, took: float, wait: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two waits only while there is work already, and not for long; nothing else."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("streams.transport.time", SimpleNamespace(monotonic=lambda: clock.now))
    resting = SimpleNamespace(idle=True, took=5.0)
    holding = SimpleNamespace(lanes=[resting, SimpleNamespace(idle=is_idle, took=took)])
    fetches: list[str] = ["a fetch"]
    fetcher = SimpleNamespace(_get_actions_per_node=lambda _: (fetches, {1: []}, 0.2, False, [2]))
    consumer = object.__new__(LedgerConsumer)
    consumer.holding = cast("Holding", holding)
    monkeypatch.setattr(
        LedgerConsumer, "_client", lambda _: SimpleNamespace(_fetcher=fetcher), raising=True
    )
    for _ in range(2):
        consumer._pace_fetches()
    plan = fetcher._get_actions_per_node  # noqa: SLF001 - the test stands for aiokafka
    assert plan(None) == (["a fetch"], {1: []}, 0.2, False, [2])
    told = plan(None)
    assert told == ([] if wait else ["a fetch"], {1: []}, pytest.approx(wait or 0.2), False, [2])
    clock.now += wait
    assert plan(None) == (["a fetch"], {1: []}, 0.2, False, [2])
    fetches.clear()
    assert plan(None) == ([], {1: []}, 0.2, False, [2]), "nothing to send waits for nothing"


@pytest.mark.parametrize(("roomy", "held"), [({0, 1}, REST_MS), ({0}, HURRY_MS), (set(), HURRY_MS)])
def test_a_partition_that_is_left_out_waits_for_no_fetch_of_the_others(
    roomy: set[int], held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is being claimed, or is full, the broker holds no empty fetch for long."""

    async def at_once(*_: object, **__: object) -> dict[TP, object]:
        return {}

    monkeypatch.setattr("streams.transport.asyncio.sleep", at_once)
    fetcher = SimpleNamespace(_fetch_max_wait_ms=1500)
    ours = vars(LedgerConsumer)
    consumer: SimpleNamespace = SimpleNamespace(
        flow_active=True,
        holding=SimpleNamespace(has_room=roomy.__contains__),
        _client=lambda: SimpleNamespace(_fetcher=fetcher),
        _pace_fetches=lambda: None,
        _getmany=at_once,
        _get_active_partitions=lambda: {TP("wallet.commands.v1", number) for number in (0, 1)},
        _hold_fetches=lambda ms: ours["_hold_fetches"](consumer, ms),
    )
    asyncio.run(ours["_wait_next_records"](consumer, 1.0))
    assert vars(fetcher) == {"_fetch_max_wait_ms": held}


def test_an_error_of_the_group_is_seen_until_it_is_heard() -> None:
    """None before the consumer has joined, and none after somebody has fetched."""

    def told(client: Callable[[], object]) -> BaseException | None:
        consumer = SimpleNamespace(_client=client)
        found: BaseException | None = vars(LedgerConsumer)["unheard_error"](consumer)
        return found

    def not_yet() -> object:
        raise ConsumerNotStarted

    error = KafkaError()
    joined = SimpleNamespace(_coordinator=SimpleNamespace(_pending_exception=error))
    assert told(not_yet) is None
    assert told(lambda: SimpleNamespace(_coordinator=None)) is None
    assert told(lambda: joined) is error
    assert "_pending_exception" in GroupCoordinator.check_errors.__code__.co_names


def test_aiokafka_asks_with_what_we_set() -> None:
    """The name is aiokafka's own: a release that has another one must not pass unnoticed."""
    plan = vars(Fetcher)["_get_actions_per_node"].__code__
    assert "_fetch_max_wait_ms" in plan.co_names
    assert plan.co_argcount == 2
    assert "_get_actions_per_node" in vars(Fetcher)["_fetch_requests_routine"].__code__.co_names
