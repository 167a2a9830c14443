"""A pretend bank within the test's own loop, and somebody who calls it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from wallet.failure import ignore
from wallet.pretend_bank import serving
from wallet.pretend_bank.ledger import PaymentLedger
from wallet.pretend_bank.settings import PretendBankSettings

PATIENCE = aiohttp.ClientTimeout(total=30)
QUICK = {"delay": 0.0, "slow": 0.0, "hang": 0.0}


class Teller:
    """A running bank, and somebody who calls it."""

    def __init__(self, address: str, session: aiohttp.ClientSession) -> None:
        self.address = address
        self.session = session

    async def pay(
        self, key: str | None = None, target: str = "IR17", amount: str = "5.00"
    ) -> tuple[int, Any, dict[str, str]]:
        """Call it; status, body (JSON if it is) and headers."""
        body = {"wallet_uuid": "w", "amount": amount, "currency": "IRR", "target": target}
        headers = {"Idempotency-Key": key} if key else None
        async with self.session.post(self.address, json=body, headers=headers) as response:
            text = await response.text()
            try:
                return response.status, json.loads(text), dict(response.headers)
            except ValueError:
                return response.status, text, dict(response.headers)

    async def get(self, path: str) -> tuple[int, str]:
        """Ask for a path; status and text."""
        async with self.session.get(self.address + path) as response:
            return response.status, await response.text()

    async def state(self, key: str) -> str:
        """What became of a key."""
        said = json.loads((await self.get(f"payments/{key}"))[1])
        assert said["key"] == key
        return f"{said['data']} {said['status']}"

    async def ledger(self, after: int = 0) -> list[dict[str, Any]]:
        """The payments that were executed."""
        _, text = await self.get(f"ledger?after={after}")
        return [json.loads(line) for line in text.splitlines()]


@asynccontextmanager
async def bank_at(folder: Path, **settings: Any) -> AsyncIterator[Teller]:  # noqa: ANN401 - of any type
    """A bank on a free port."""
    ledger = PaymentLedger(folder / "ledger.jsonl", ignore)
    runner = await serving.start(
        ("127.0.0.1", 0), ledger, PretendBankSettings(**{**QUICK, **settings})
    )
    try:
        async with aiohttp.ClientSession(timeout=PATIENCE) as session:
            yield Teller(serving.address_of(runner), session)
    finally:
        await runner.cleanup()
        ledger.close()


async def until(said: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a bank says so."""
    async with asyncio.timeout(30):
        while not await said():  # noqa: ASYNC110 - no event crosses HTTP
            await asyncio.sleep(0.005)
