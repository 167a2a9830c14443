"""A gateway before frozen servers: 503 and when to come again; what was taken is found later."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest

from schemas.settings import Settings
from tests.gateways import GatewayProcess, Reply, served
from tests.stacks import Stack
from tests.workers import wait_until

pytestmark = [pytest.mark.fault, pytest.mark.integration]

PATIENCE = 60.0


@pytest.fixture(scope="module")
def gateway(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway that waits for three seconds; in the end its ledger must be clean."""
    made = new_ledger(http_timeout=3.0)
    with served(made, tmp_path_factory.mktemp("served")) as gateway:
        yield gateway


@contextmanager
def frozen(stack: Stack, name: str) -> Iterator[None]:
    """A server that takes connections and says nothing, with all its processes."""
    root = psutil.Process(stack.pid(name))
    processes = [root, *root.children(recursive=True)]
    for each in processes:
        os.kill(each.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in reversed(processes):
            if each.is_running():
                os.kill(each.pid, signal.SIGCONT)


def test_what_a_frozen_kafka_may_have_taken_is_found_later(
    stack: Stack,
    gateway: GatewayProcess,
) -> None:
    """202 or 503 while it is frozen; the same key then gets one deposit, however often asked."""
    wallets = [gateway.new_wallet() for _ in range(4)]

    def deposit(wallet: str) -> Reply:
        key = {"Idempotency-Key": f"frozen {wallet}"}
        return gateway("POST", f"/wallets/{wallet}/deposit", {"amount": 7}, key)

    with frozen(stack, "kafka"), ThreadPoolExecutor(4) as clients:
        replies = list(clients.map(deposit, wallets))
        looked = gateway("GET", f"/wallets/{wallets[0]}/")
    assert looked.status == 200, "what stands in PostgreSQL is shown meanwhile"
    for wallet, reply in zip(wallets, replies, strict=True):
        assert reply.status in {202, 503}, reply
        assert reply.headers["Retry-After"]
        assert reply.json["command_id"] == f"frozen {wallet}"
    wait_until(
        lambda: all(deposit(each).status == 200 for each in wallets), PATIENCE, "the answers"
    )
    for wallet in wallets:
        assert gateway.get(f"/wallets/{wallet}/")["balance"] == 7
        told = gateway.get(f"/v1/results/frozen%20{wallet}?source=/http/001")
        assert (told["status"], told["wallet_id"]) == ("completed", wallet)


def test_a_frozen_database_is_told_and_waited_for(
    stack: Stack,
    gateway: GatewayProcess,
) -> None:
    """A look is a 503; a deposit that nobody could commit is in the log, and done afterwards."""
    wallet = gateway.new_wallet()
    key = {"Idempotency-Key": f"thawed {wallet}"}

    def deposit() -> Reply:
        return gateway("POST", f"/wallets/{wallet}/deposit", {"amount": 5}, key)

    def look() -> Reply:
        return gateway("GET", f"/wallets/{wallet}/")

    with frozen(stack, "postgres"), ThreadPoolExecutor(2) as clients:
        asked, looked = clients.submit(deposit), clients.submit(look)
        replies = [asked.result(PATIENCE), looked.result(PATIENCE)]
    assert replies[0].status in {202, 503}, replies
    assert replies[1].status == 503, replies
    assert all(reply.headers["Retry-After"] for reply in replies)
    wait_until(lambda: deposit().status == 200, PATIENCE, "the answer")
    wait_until(lambda: look().status == 200, PATIENCE, "the wallet")
    assert look().json["balance"] == 5
