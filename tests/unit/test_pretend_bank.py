"""The pretend bank over HTTP: what it answers, what it executes, and every fault on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from wallet import pretend_bank
from wallet.failure import Failure, ignore
from wallet.pretend_bank import serving
from wallet.pretend_bank.faults import ALL, BEFORE, Fault
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


@pytest.fixture
async def teller(tmp_path: Path) -> AsyncIterator[Teller]:
    """A bank without delay, and its caller."""
    async with bank_at(tmp_path) as teller:
        yield teller


async def until(said: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a bank says so."""
    async with asyncio.timeout(30):
        while not await said():  # noqa: ASYNC110 - no event crosses HTTP
            await asyncio.sleep(0.005)


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


async def _outcome(teller: Teller, key: str, target: str) -> Any:  # noqa: ANN401 - JSON
    """Status and body, or that the call broke."""
    try:
        status, body, _ = await teller.pay(key, target)
    except aiohttp.ClientConnectionError:
        return "broken"
    except aiohttp.ClientPayloadError:
        return "broken in the middle"
    return status, body


ANSWERS: dict[Fault, Any] = {
    Fault.REFUSED: (
        422,
        {"data": "refused", "status": 422, "reason": "the account is closed"},
    ),
    Fault.FAILED: (200, {"data": "failed", "status": 503}),
    Fault.HTTP_429: (429, {"data": "busy", "status": 429}),
    Fault.HTTP_500_BEFORE: (500, "Internal Server Error"),
    Fault.TIMEOUT_BEFORE: "broken",
    Fault.RESET_BEFORE: "broken",
    Fault.HTTP_500_AFTER: (500, "Internal Server Error"),
    Fault.TIMEOUT_AFTER: "broken",
    Fault.RESET_AFTER: "broken in the middle",
    Fault.TRUNCATED: (200, '{"data":"succ'),
    Fault.NONSENSE: (200, {"data": ["success"], "status": "two hundred", "key": 17}),
    Fault.DUPLICATE: (200, {"data": "success", "status": 200, "key": "k"}),
    Fault.SLOW: (200, {"data": "success", "status": 200, "key": "k"}),
}


@pytest.mark.parametrize("fault", [fault for fault in ALL if fault is not Fault.WRONG_ID])
async def test_a_magic_target_has_its_fault(teller: Teller, fault: Fault) -> None:
    """The answer is the fault's, and the ledger tells whether it came before or after."""
    outcome = await _outcome(teller, "k", f"magic:{fault}")
    if fault is Fault.RESET_AFTER:  # what was sent may be overtaken by the reset
        assert outcome in {"broken", "broken in the middle"}
    else:
        assert outcome == ANSWERS[fault]
    assert len(await teller.ledger()) == (0 if fault in BEFORE else 1)


@pytest.mark.parametrize("fault", ALL)
def test_a_fault_is_written_down(fault: Fault) -> None:
    """Both tables have it, and agree on whether it comes before or after executing."""
    page = Path(__file__).parents[2] / "docs" / "BANK.md"
    for text in (pretend_bank.__doc__ or "", page.read_text(encoding="utf-8")):
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `magic:{fault}` ")]
        assert row.split("|")[3].strip() == ("no" if fault in BEFORE else "yes")


async def test_a_wrong_id_is_another_ones(teller: Teller) -> None:
    """A caller that compares can see it."""
    status, body = await _outcome(teller, "k", "magic:wrong-id")
    assert (status, body["data"]) == (200, "success")
    assert body["key"] != "k"
    assert [line["key"] for line in await teller.ledger()] == ["k"]


async def test_busy_says_when_to_come_again(teller: Teller) -> None:
    """429 has a Retry-After."""
    _, _, headers = await teller.pay("k", "magic:http-429")
    assert headers["Retry-After"] == "1"


STATES = {Fault.REFUSED: "failed 422", Fault.FAILED: "failed 503"}


@pytest.mark.parametrize("fault", sorted(BEFORE))
async def test_a_fault_before_executing_happens_so_often(teller: Teller, fault: Fault) -> None:
    """The target says how often; then it is paid, once, under the same key."""
    target = f"magic:{fault}-2"
    for _ in range(2):
        outcome = await _outcome(teller, "k", target)
        assert outcome == ANSWERS[fault]
        assert await teller.state("k") == STATES.get(fault, "unknown 404")
    status, body, headers = await teller.pay("k", target)
    assert (status, body["data"]) == (200, "success")
    assert "Idempotency-Replayed" not in headers
    assert await teller.state("k") == "success 200"
    assert len(await teller.ledger()) == 1


@pytest.mark.parametrize("fault", sorted(set(ALL) - BEFORE))
async def test_after_a_fault_the_same_key_gives_the_truth(teller: Teller, fault: Fault) -> None:
    """A payment whose answer was lost is found by its key, and by asking again."""
    await _outcome(teller, "k", f"magic:{fault}")
    assert await teller.state("k") == "success 200"
    status, body, headers = await teller.pay("k", f"magic:{fault}")
    assert (status, body) == (200, {"data": "success", "status": 200, "key": "k"})
    assert headers["Idempotency-Replayed"] == "true"
    assert len(await teller.ledger()) == 1


async def test_a_fault_after_executing_may_last(teller: Teller) -> None:
    """A number makes it happen at so many calls; the payment stays one."""
    for _ in range(3):
        assert await _outcome(teller, "k", "magic:timeout-after-3") == "broken"
    assert (await _outcome(teller, "k", "magic:timeout-after-3"))[0] == 200
    assert len(await teller.ledger()) == 1


async def test_the_second_answer_of_a_duplicate_reaches_nobody_else(teller: Teller) -> None:
    """The bank answers twice on a kept connection; another key's call shall not read it."""
    for number in range(5):
        _, body, _ = await teller.pay(f"d{number}", "magic:duplicate")
        assert body["key"] == f"d{number}"
    assert len(await teller.ledger()) == 5


async def test_a_call_without_answer_is_let_go_with_its_caller(tmp_path: Path) -> None:
    """A bank that hangs for an hour holds nothing of a caller that went."""
    async with bank_at(tmp_path, hang=3600.0) as teller:
        call = asyncio.create_task(teller.pay("k", "magic:timeout-after"))

        async def hanging() -> int:
            return int(json.loads((await teller.get("healthz"))[1])["hanging"])

        async def is_hanging() -> bool:
            return await hanging() == 1

        async def is_let_go() -> bool:
            return await hanging() == 0

        await until(is_hanging)
        assert await teller.state("k") == "success 200"
        call.cancel()
        await until(is_let_go)


@pytest.mark.parametrize("target", ["magic:", "magic:nothing", "magic:slow-x", "magic:slow-\u0663"])
async def test_a_magic_target_that_is_none_is_refused(teller: Teller, target: str) -> None:
    """A typing error in a test does not pay."""
    status, body, _ = await teller.pay("k", target)
    assert (status, body["data"]) == (422, "refused")
    assert "no fault is called" in body["reason"]
    assert await teller.ledger() == []


@pytest.mark.parametrize("key", ["x" * 256, "k\u00e9y"])
async def test_a_key_has_limits(teller: Teller, key: str) -> None:
    """A key that is too long, or of strange characters, pays nothing."""
    status, body, _ = await teller.pay(key)
    assert (status, body["data"]) == (422, "refused")
    assert await teller.ledger() == []


async def test_chance_hangs_on_the_seed(tmp_path: Path) -> None:
    """30 % of the calls fail, at the same keys with the same seed; no key is executed twice."""
    seen = []
    for folder in ("a", "b"):
        async with bank_at(tmp_path / folder, faulty=0.3, seed=7) as teller:
            outcomes = [await _outcome(teller, f"k{number}", "IR1") for number in range(300)]
            seen.append([str(each) for each in outcomes if "reset" not in str(each)])
            lines = await teller.ledger()
            assert len({line["key"] for line in lines}) == len(lines)
    good = [each for each in seen[0] if "'success'" in each]
    assert 180 < len(good) < 260  # 0.7 of 300, and slow and doubled ones
    broken = [["broken" in each for each in one] for one in seen]
    assert broken[0] == broken[1]


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
