"""The bank's ledger over HTTP: whole, page by page, or told why not."""

import asyncio
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from consumers.audit.payments import BankLedger, Payment, PaymentsError
from tests.audit.banks import PAGE, line, telling
from wallet.pretend_bank import serving
from wallet.pretend_bank.ledger import Call, PaymentLedger
from wallet.pretend_bank.settings import PretendBankSettings

AT = datetime(2026, 11, 20, 10, 0, 0, 123_000, UTC)


def _payments(count: int) -> list[Payment]:
    return [
        Payment(n, f"key {n}", "w", "5.00", "IRR", None, AT, f"withdrawal {n}", 1)
        for n in range(1, count + 1)
    ]


def _why_not(lines: Iterable[bytes], status: int = 200) -> str:
    """Why a ledger cannot be read, without its address."""
    with telling(list(lines), status) as url, pytest.raises(PaymentsError) as raised:
        list(BankLedger(url))
    return str(raised.value).removeprefix(f"{url}: ")


@pytest.mark.parametrize("count", [0, 1, PAGE, 3 * PAGE + 1])
def test_a_ledger_is_read_to_its_end(count: int) -> None:
    """Page by page, in order; it can be read again."""
    payments = _payments(count)
    with telling([line(each) for each in payments]) as url:
        ledger = BankLedger(url)
        assert list(ledger) == list(ledger) == payments


async def test_the_pretend_banks_ledger_is_understood(tmp_path: Path) -> None:
    """What its own code writes; texts that the caller did not say are None."""
    kept = PaymentLedger(tmp_path / "ledger.jsonl", lambda _: None)
    call = Call("k", "w", "5.00", "IRR", None, "d", "digest")
    written = [kept.append(call), kept.append(call)]
    runner = await serving.start(("127.0.0.1", 0), kept, PretendBankSettings())
    url = f"{serving.address_of(runner).rstrip('/')}/ledger"
    try:
        found = await asyncio.to_thread(lambda: list(BankLedger(url)))
    finally:
        await runner.cleanup()
        kept.close()
    assert [each.at for each in found] == [datetime.fromisoformat(each.at) for each in written]
    assert [replace(each, at=AT) for each in found] == [
        Payment(1, "k", "w", "5.00", "IRR", None, AT, "d", 1),
        Payment(2, "k", "w", "5.00", "IRR", None, AT, "d", 2),
    ]


def test_a_damaged_ledger_is_not_guessed_at() -> None:
    """A line that is no payment, a number left out."""
    first, second, third = _payments(3)
    assert _why_not([line(first), b'{"number":2']).startswith("payment 2: ")
    naive = line(first).replace(b"123000Z", b"123")
    assert _why_not([naive]).startswith("payment 1: ")
    assert _why_not([line(first).replace(b"key", b"k\xff")]).startswith("payment 1: ")
    assert _why_not([line(first), line(third)]) == "after payment 1 comes payment 3"
    assert _why_not([line(replace(second, number=1))] * 2) == "after payment 1 comes payment 1"


def test_a_bank_that_tells_no_ledger() -> None:
    """As the seeds' bank, which has none."""
    assert _why_not([], status=404) == "HTTP 404 with 0 bytes"


def test_a_bank_that_is_not_there() -> None:
    """Nobody listens, nobody answers, or the address is none."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(PaymentsError, match="timed out"):
            list(BankLedger(f"http://127.0.0.1:{port}/ledger", timeout=0.1))
    for url in (f"http://127.0.0.1:{port}/ledger", "http://127.0.0.1:99999/", "bank"):
        with pytest.raises(PaymentsError, match=url):
            list(BankLedger(url))
