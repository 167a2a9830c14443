"""The pretend bank over HTTP: what it answers, and what it executes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.tellers import Teller, bank_at, until
from wallet.failure import Failure, ignore
from wallet.pretend_bank import serving
from wallet.pretend_bank.ledger import PaymentLedger
from wallet.pretend_bank.settings import PretendBankSettings


@pytest.fixture
async def teller(tmp_path: Path) -> AsyncIterator[Teller]:
    """A bank without delay, and its caller."""
    async with bank_at(tmp_path) as teller:
        yield teller


@pytest.mark.parametrize("body", [b"", b"{}", b"hello", b"[1]", b'{"amount": {"a": 1}}', b"\xff"])
async def test_any_body_is_paid_as_the_bank_of_the_seeds_does(teller: Teller, body: bytes) -> None:
    """Without a key the answer is that of the seeds, to the letter."""
    async with teller.session.post(teller.address, data=body) as response:
        assert response.status == 200
        assert await response.json() == {"data": "success", "status": 200}
    assert len(await teller.ledger()) == 1


async def test_a_payment_is_in_the_ledger(teller: Teller) -> None:
    """With who, how much, where to, when, and how often."""
    status, body, _ = await teller.pay("k1", "IR99", "12.50")
    assert (status, body) == (200, {"data": "success", "status": 200, "key": "k1"})
    (line,) = await teller.ledger()
    assert {name: line[name] for name in ("number", "key", "wallet_uuid", "amount")} == {
        "number": 1,
        "key": "k1",
        "wallet_uuid": "w",
        "amount": "12.50",
    }
    assert (line["currency"], line["target"], line["times"]) == ("IRR", "IR99", 1)
    assert line["at"].endswith("Z")
    assert await teller.state("k1") == "success 200"
    assert await teller.state("k2") == "unknown 404"
    assert (await teller.get("payments/k2"))[0] == 404


async def test_a_key_is_executed_once(teller: Teller) -> None:
    """The second call is answered as the first one, and says so."""
    _, first, first_headers = await teller.pay("k")
    _, again, headers = await teller.pay("k")
    assert first == again
    assert "Idempotency-Replayed" not in first_headers
    assert headers["Idempotency-Replayed"] == "true"
    assert len(await teller.ledger()) == 1


async def test_a_key_with_another_body_is_refused(teller: Teller) -> None:
    """422, nothing is executed, and it can be told from the refusal of a payment."""
    await teller.pay("k", amount="5.00")
    status, body, _ = await teller.pay("k", amount="6.00")
    assert (status, body["data"]) == (422, "reused")
    assert [line["amount"] for line in await teller.ledger()] == ["5.00"]


async def test_the_order_of_fields_is_not_another_body(teller: Teller) -> None:
    """A caller that was changed between two calls of one payment means the same payment."""
    for body in (b'{"amount": "5", "target": "t"}', b'{"target":"t","amount":"5"}'):
        headers = {"Idempotency-Key": "k"}
        async with teller.session.post(teller.address, data=body, headers=headers) as response:
            assert response.status == 200
    assert len(await teller.ledger()) == 1


async def test_calls_of_one_key_at_once_execute_once(tmp_path: Path) -> None:
    """The later ones wait for the first."""
    async with bank_at(tmp_path, delay=0.02) as teller:
        answers = await asyncio.gather(*(teller.pay("k") for _ in range(20)))
        assert {status for status, _, _ in answers} == {200}
        assert sum("Idempotency-Replayed" in headers for _, _, headers in answers) == 19
        assert len(await teller.ledger()) == 1


async def test_a_caller_that_goes_away_does_not_end_its_payment(tmp_path: Path) -> None:
    """While it is under way it is pending; then it is paid, though nobody waited for it."""
    async with bank_at(tmp_path, slow=0.3) as teller:
        call = asyncio.create_task(teller.pay("k", "magic:slow"))

        async def is_pending() -> bool:
            return await teller.state("k") == "pending 202"

        async def is_paid() -> bool:
            return await teller.state("k") == "success 200"

        await until(is_pending)
        assert await teller.ledger() == []
        call.cancel()
        await until(is_paid)
        assert len(await teller.ledger()) == 1


async def test_a_bank_that_knows_no_keys_pays_twice(tmp_path: Path) -> None:
    """The seeds' bank is such a one; its ledger tells how often."""
    async with bank_at(tmp_path, knows_keys=False) as teller:
        await teller.pay("k")
        _, _, headers = await teller.pay("k")
        assert "Idempotency-Replayed" not in headers
        assert [line["times"] for line in await teller.ledger()] == [1, 2]
        assert (await teller.get("payments/k"))[0] == 404


@pytest.mark.parametrize("key", ["x" * 256, "k\u00e9y"])
async def test_a_key_has_limits(teller: Teller, key: str) -> None:
    """A key that is too long, or of strange characters, pays nothing."""
    status, body, _ = await teller.pay(key)
    assert (status, body["data"]) == (422, "refused")
    assert await teller.ledger() == []


async def test_the_ledger_is_read_in_pages(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    """`after` is the last number one has; a page that is empty is the end."""
    monkeypatch.setattr(serving, "PAGE_LINES", 4)
    for number in range(10):
        await teller.pay(f"k{number}")
    numbers: list[int] = []
    while page := await teller.ledger(numbers[-1] if numbers else 0):
        numbers += [line["number"] for line in page]
    assert numbers == list(range(1, 11))
    assert await teller.ledger(99) == []
    assert (await teller.get("ledger?after=x"))[0] == 400
    assert await teller.ledger(-5) != []


async def test_health_counts(teller: Teller) -> None:
    """What happened since the start, by name."""
    await teller.pay("a")
    await teller.pay("a")
    await teller.pay("b", "magic:failed")
    status, text = await teller.get("healthz")
    assert status == 200
    assert json.loads(text) == {
        "status": "ok",
        "payments": 1,
        "hanging": 0,
        "executed": 1,
        "replayed": 1,
        "success": 2,
        "failed": 1,
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "", 405), ("POST", "ledger", 405), ("GET", "nothing", 404)],
)
async def test_other_paths_are_told_so(teller: Teller, method: str, path: str, status: int) -> None:
    """Nothing else is there."""
    async with teller.session.request(method, teller.address + path) as response:
        assert response.status == status


async def test_a_taken_port_is_one_line(teller: Teller, tmp_path: Path) -> None:
    """A second bank on the port says which one."""
    port = int(teller.address.rstrip("/").rpartition(":")[2])
    ledger = PaymentLedger(tmp_path / "other.jsonl", ignore)
    with pytest.raises(Failure, match=f"cannot listen on 127.0.0.1:{port}"):
        await serving.start(("127.0.0.1", port), ledger, PretendBankSettings())
    ledger.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "bank.example", ""])  # noqa: S104
def test_only_loopback_is_listened_on(host: str) -> None:
    """A bank without a login is no network's."""
    with pytest.raises(Failure, match=r"loopback only|is no address"):
        serving.refuse_open(host, marks=())


def test_loopback_and_the_inside_of_a_container_are_fine(tmp_path: Path) -> None:
    """What a container listens on is its own; its runtime publishes ports."""
    serving.refuse_open("127.0.0.1", marks=())
    serving.refuse_open("::1", marks=())
    serving.refuse_open("0.0.0.0", marks=(tmp_path,))  # noqa: S104
    with pytest.raises(Failure):
        serving.refuse_open("0.0.0.0", marks=(tmp_path / "none",))  # noqa: S104
