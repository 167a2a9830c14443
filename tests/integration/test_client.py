"""The client on real Kafka: everybody hears their own answers, and no wait is for ever."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from producers.async_client import AsyncClient
from producers.client import Client
from producers.failure import ClientClosed, ResultTimeout
from producers.message import message_of, uuid7
from schemas.results import AnyResult
from schemas.settings import Settings
from tests.ledgers import Ledger
from tests.shell import Shell
from tests.workers import Workers, environment

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def served(fresh_ledger: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A ledger with one worker."""
    with Workers(fresh_ledger, tmp_path_factory.mktemp("workers")) as workers:
        workers.start_and_hold()
        yield fresh_ledger


def test_clients_and_threads_hear_what_they_asked(served: Settings) -> None:
    """Several of both at once; each command gets its own result."""
    wallets = [uuid7() for _ in range(16)]
    heard: dict[str, str | None] = {}

    def shop(client: Client, wallet_id: str) -> None:
        result = client.submit("wallet.create.v1", {"wallet_id": wallet_id}, source=f"/{wallet_id}")
        heard[wallet_id] = result.wallet_id

    with Client(served) as one, Client(served) as two:
        threads = [
            threading.Thread(target=shop, args=((one, two)[turn % 2], wallet_id))
            for turn, wallet_id in enumerate(wallets)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert heard == {wallet_id: wallet_id for wallet_id in wallets}


def test_many_commands_have_their_results_in_order(served: Settings) -> None:
    """Whatever partitions they went to, and with few in flight."""
    data = [{"wallet_id": uuid7()} for _ in range(200)]
    messages = [message_of("wallet.create.v1", each) for each in data]
    seconds: list[float] = []
    with Client(served) as client:
        results = client.send_many(
            iter(messages), lambda _, waited: seconds.append(waited), in_flight=7
        )
    assert [result.command.id for result in results] == [message.id for message in messages]
    assert len(seconds) == 200
    assert min(seconds) > 0


def test_a_client_without_a_database_hears_the_log_only(served: Settings) -> None:
    """Repeated in one breath both get the one result; what was done before is not said again."""
    create = message_of("wallet.create.v1", {"wallet_id": uuid7()})
    with Client(served) as client:
        first, second = client.send_many([create, create])
    assert first == second
    with Client(served) as client, pytest.raises(ResultTimeout):
        client.wait(client.send_message(create), 1)


def test_a_promise_is_kept_or_fails_with_the_client(served: Settings) -> None:
    """Closing waits for what is open; what a worker does not answer in time is told so."""
    wallet_id = uuid7()
    with Client(served, in_flight=3) as client:
        promises = [
            client.promise("wallet.create.v1", {"wallet_id": wallet_id}),
            *(client.promise("deposit.v1", {"wallet_id": wallet_id, "amount": "1"}) for _ in "abc"),
        ]
    assert [promise.result(0).balance for promise in promises] == ["0.00", "1.00", "2.00", "3.00"]
    with pytest.raises(ClientClosed):
        client.promise("deposit.v1", {"wallet_id": wallet_id, "amount": "1"})
    create = message_of("wallet.create.v1", {"wallet_id": uuid7()})
    with Client(served) as client:
        client.wait(client.send_message(create))
    with Client(served) as client, pytest.raises(ResultTimeout):  # it was said, and not to this one
        client.promise_message(create, 1).result(30)


async def test_many_are_awaited_at_once(served: Settings) -> None:
    """No more than `in_flight`; whoever is cancelled makes room, and its command is done still."""
    wallet_id = uuid7()
    async with AsyncClient(served, in_flight=2) as client:
        await client.submit("wallet.create.v1", {"wallet_id": wallet_id})
        deposit = {"wallet_id": wallet_id, "amount": "1"}
        tasks = [asyncio.create_task(client.submit("deposit.v1", deposit)) for _ in range(20)]
        await asyncio.sleep(0)
        assert tasks[0].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(done[0], asyncio.CancelledError)
        results = [each for each in done[1:] if isinstance(each, AnyResult)]
        assert len(results) == 19
        last = await client.submit("deposit.v1", deposit)
        assert last.balance in {"20.00", "21.00"}  # cancelled before or after it was sent
        assert client.partitions == served.partitions
    with pytest.raises(ClientClosed, match="async with"):
        await client.submit("deposit.v1", deposit)


def test_a_client_may_only_send(served: Settings) -> None:
    """Such a one listens to nothing, and is told where the command stands."""
    with Client(served, hears=False) as client:
        sent = client.send("wallet.create.v1", {"wallet_id": uuid7()})
        again = client.send("wallet.create.v1", {"wallet_id": uuid7()}, id=sent.id)
    assert sent.offset >= 0
    assert again.id == sent.id


def test_following_the_events_sees_what_comes(served: Settings) -> None:
    """`events tail -f` prints an event as it is committed; Ctrl-C ends it without a word."""
    wallet_id = uuid7()
    words = ["events", "tail", "-f", "--from", "beginning", "--wallet", wallet_id]
    following = subprocess.Popen(
        [sys.executable, "-m", "wallet.cli", *words],
        env=environment(served),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        with Client(served) as client:
            client.submit("wallet.create.v1", {"wallet_id": wallet_id})
            assert following.stdout is not None
            assert b"wallet.created" in following.stdout.readline()
            client.submit("deposit.v1", {"wallet_id": wallet_id, "amount": "5"})
            assert b"+5.00  balance 5.00 IRR" in following.stdout.readline()
        following.send_signal(2)
        _, complained = following.communicate(timeout=20)
    finally:
        following.kill()
        following.wait(10)
    assert (following.returncode, complained) == (0, b"")


def test_what_had_no_answer_in_time_is_done_once(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """It is in the log: when a worker comes, asking again gives the first answer."""
    settings = new_ledger()
    wallet = Shell(settings)
    own_id = uuid7()
    done = wallet("create", "--id", own_id, "--timeout", "0.5")
    assert done.code == 3
    assert f"wallet result {own_id} --source /wallet" in done.complained
    assert wallet("result", own_id).code == 3
    with Workers(settings, tmp_path) as workers:
        workers.start_and_hold()
        again = wallet("create", "--id", own_id, "--json")
    assert (again.code, again.json["command"]["offset"]) == (0, 0)
    assert wallet("result", own_id, "--json").json == again.json
    assert Ledger(settings).verify().counts["results"] == 1
