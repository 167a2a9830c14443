"""The delayed consumer while its servers fall: it waits for them, and nothing is fired early."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.settings import Settings
from tests.consumers import DelayedConsumer, delayed_consumer
from tests.crashes import crash
from tests.ledgers import Ledger, opening
from tests.stacks import Stack
from tests.workers import Workers, execute, rows, wait_until
from wallet import topics

pytestmark = [pytest.mark.fault, pytest.mark.integration]

WAIT_SECONDS = 90.0
_LATENESS = "SELECT extract(epoch FROM changed_at - due_at) FROM withdrawals WHERE status = 1"


class Standing(NamedTuple):
    """A ledger with a worker and a delayed consumer, and wallets with money."""

    ledger: Ledger
    consumer: DelayedConsumer
    wallets: list[str]

    def survive(self, breaking: Callable[[], None]) -> None:
        """Some are due before, some while, some after a server is away; all are executed."""
        with rows(self.ledger.settings, _LATENESS) as before:
            pass
        said = [
            self.ledger.command(
                "withdrawal.schedule", wallet, amount="1.00", delay=f"PT{tenth / 10}S"
            )
            for tenth in range(10, 90, 8)
            for wallet in self.wallets
        ]
        self.ledger.ask(*said)
        breaking()
        wanted = len(before) + len(said)
        wait_until(lambda: self._executed() == wanted, WAIT_SECONDS, "executions", self.consumer)
        with rows(self.ledger.settings, _LATENESS) as lateness:
            assert min(seconds for (seconds,) in lateness) >= 0
        assert self.consumer.deaths == []

    def _executed(self) -> int:
        with rows(self.ledger.settings, _LATENESS) as found:
            return len(found)


@pytest.fixture(scope="module")
def standing(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Standing]:
    """One ledger for all faults of this module; in the end it must be clean."""
    folder: Path = tmp_path_factory.mktemp("servers")
    ledger = Ledger(new_ledger(), seed=11)
    with Workers(ledger.settings, folder) as workers:
        workers.start_and_hold()
        wallets = [ledger.wallet_on(number) for number in range(ledger.settings.partitions)]
        ledger.ask(*opening(ledger, wallets))
        with delayed_consumer(ledger.settings, folder) as consumer:
            yield Standing(ledger, consumer, wallets)
        ledger.verify(90)


def test_the_broker_is_killed(
    stack: Stack,
    settings: Settings,
    standing: Standing,
) -> None:
    """What is due meanwhile is sent when it is back, by the same process."""
    standing.survive(lambda: crash(stack, "kafka", settings))


def test_postgres_is_restarted_at_once(
    stack: Stack,
    settings: Settings,
    standing: Standing,
) -> None:
    """It asks again until there is an answer, and says when there is."""
    mark = len(standing.consumer.said)
    standing.survive(lambda: crash(stack, "postgres", settings))
    said = standing.consumer.said[mark:]
    assert said.count("PostgreSQL does not answer") == said.count("PostgreSQL answers again") > 0


def test_its_own_session_is_ended(standing: Standing) -> None:
    """Again and again; it connects anew."""

    def end() -> None:
        for _ in range(5):
            execute(
                standing.ledger.settings,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE '%% delayed'",
            )

    standing.survive(end)


def test_frozen_for_a_while_it_goes_on(standing: Standing) -> None:
    """Longer than its session lasts: it comes back to its group, and what was due is fired."""

    def freeze() -> None:
        mark = len(standing.consumer.said)
        standing.consumer.send_signal(signal.SIGSTOP)
        try:
            group = f"{standing.ledger.settings.application}-delayed"
            wait_until(lambda: not _has_members(standing.ledger.settings, group), 30, "its absence")
        finally:
            standing.consumer.send_signal(signal.SIGCONT)
        standing.consumer.await_said("partitions gained", since=mark)

    standing.survive(freeze)


def _has_members(settings: Settings, group: str) -> bool:
    admin = topics.client(settings)
    answer = admin.describe_consumer_groups([group], request_timeout=5)[group]
    return bool(answer.result(10).members)
