"""Every fault of the pretend bank, on demand and by chance."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.tellers import Teller, bank_at, until
from wallet import pretend_bank
from wallet.pretend_bank.faults import ALL, BEFORE, Fault


@pytest.fixture
async def teller(tmp_path: Path) -> AsyncIterator[Teller]:
    """A bank without delay, and its caller."""
    async with bank_at(tmp_path) as teller:
        yield teller


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
