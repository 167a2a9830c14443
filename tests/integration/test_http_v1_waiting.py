"""The v1 API without a worker: what is taken is told where it will be found, and is done later."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.apis import Api, problem
from tests.gateways import GatewayProcess
from tests.workers import Workers, wait_until

pytestmark = pytest.mark.integration

PATIENCE_SECONDS = 60.0


def test_what_is_taken_is_done_once_a_worker_comes(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """202 with an address; 409 for who asks meanwhile; later the result, and the first answer."""
    ledger = new_ledger(http_timeout=4.0)
    with GatewayProcess(ledger, tmp_path / "log") as gateway:
        api = Api(gateway)
        with ThreadPoolExecutor(8) as threads:
            several = [threads.submit(api.post, "wallets", {}, "late-1") for _ in range(8)]
            replies = [each.result() for each in several]
        taken = [reply for reply in replies if reply.status == 202]
        assert taken
        for reply in replies:
            if reply not in taken:
                assert problem(reply, 409, "idempotency_key_in_use")["retryable"]
        pending = taken[0].json
        assert taken[0].headers["Location"] == pending["url"]
        address = pending["url"].removeprefix(gateway.base)
        problem(gateway("GET", address), 404, "result_not_found")
        data = {"wallet_id": "01930f6e-0000-7000-8000-0000000000aa"}
        sent = [{"type": "wallet.create.v1", "data": data, "id": "late-3"}]
        line = api.post("commands", sent, key=None).json["data"][0]
        assert (line["status"], line["http_status"]) == ("pending", 202)
        with Workers(ledger, tmp_path) as workers:
            workers.start_and_hold()
            wait_until(lambda: gateway("GET", address).status == 200, PATIENCE_SECONDS, "result")
            later = line["url"].removeprefix(gateway.base)
            wait_until(lambda: gateway("GET", later).status == 200, PATIENCE_SECONDS, "bulk")
            again = api.post("wallets", {}, "late-1")
            assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
            assert again.json["wallet_id"] == gateway.get(address)["wallet_id"]
            assert len(api.get("wallets").json["data"]) == 2
    assert "Traceback" not in gateway.said
