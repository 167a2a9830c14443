"""The pretend bank's file: what was said to be paid is in it, after any end of the process."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from wallet.failure import Failure, ignore
from wallet.pretend_bank import reading
from wallet.pretend_bank.ledger import Call, PaymentLedger

PATIENCE_SECONDS = 30


def call(key: str | None, amount: str = "5.00", withdrawal: str | None = None) -> Call:
    """A call as the bank reads it."""
    said = {"wallet_uuid": "w", "amount": amount, "target": "t", "withdrawal_id": withdrawal}
    return reading.read(key, msgspec.json.encode(said))


@contextmanager
def ledger_in(folder: Path, told: list[str] | None = None) -> Iterator[PaymentLedger]:
    """The ledger of a bank that starts in a folder, and ends."""
    ledger = PaymentLedger(folder / "ledger.jsonl", (told if told is not None else []).append)
    try:
        yield ledger
    finally:
        ledger.close()


def test_a_start_reads_what_was_paid(tmp_path: Path) -> None:
    """Every payment is found again by its key, and numbers go on."""
    with ledger_in(tmp_path / "new") as ledger:
        paid = [ledger.append(call(f"k{number}")) for number in range(100)]
    with ledger_in(tmp_path / "new") as ledger:
        assert len(ledger) == 100
        assert [ledger.find(f"k{number}") for number in range(100)] == paid
        assert ledger.find("k100") is None
        assert ledger.append(call("k100")).number == 101


@pytest.mark.parametrize("torn", [b'{"number":3,"key":"k', b"{}\n", b"\0\0\0\0", b"\n"])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    """It was never answered, so nobody was told of it; the loss is told."""
    file = tmp_path / "ledger.jsonl"
    with ledger_in(tmp_path) as ledger:
        ledger.append(call("a"))
        ledger.append(call("b"))
    whole = file.read_bytes()
    file.write_bytes(whole + torn)
    told: list[str] = []
    with ledger_in(tmp_path, told) as ledger:
        assert len(ledger) == 2
        assert file.read_bytes() == whole
        assert ledger.append(call("c")).number == 3
    assert len(told) == 1
    assert f"cut a torn last line of {len(torn)} bytes off" in told[0]
    with ledger_in(tmp_path) as ledger:
        assert [ledger.find(key) is not None for key in "abc"] == [True, True, True]


def test_a_damaged_line_before_the_last_is_refused(tmp_path: Path) -> None:
    """A ledger that lost a payment in the middle is not gone on with."""
    with ledger_in(tmp_path) as ledger:
        for key in "abc":
            ledger.append(call(key))
    file = tmp_path / "ledger.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    for damaged in ([lines[0], b"?\n", lines[2]], [lines[0], lines[2], lines[2]]):
        file.write_bytes(b"".join(damaged))
        with pytest.raises(Failure, match="damaged at line 2"):
            PaymentLedger(file, ignore)


def test_one_process_at_a_time_has_the_file(tmp_path: Path) -> None:
    """Two banks on one ledger would each pay what the other one paid."""
    with (
        ledger_in(tmp_path),
        pytest.raises(Failure, match="another pretend bank writes"),
        ledger_in(tmp_path),
    ):
        pytest.fail("a second one was let in")


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """The file in the way is named."""
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="cannot write"):
        PaymentLedger(tmp_path / "file" / "ledger.jsonl", ignore)


def test_times_count_the_executions_of_a_payment(tmp_path: Path) -> None:
    """By key; where there is none, by the withdrawal. What names neither is new each time."""
    with ledger_in(tmp_path) as ledger:
        assert [ledger.append(call("k")).times for _ in range(3)] == [1, 2, 3]
        assert [ledger.append(call(None, withdrawal="w1")).times for _ in range(2)] == [1, 2]
        assert [ledger.append(call(None)).times for _ in range(2)] == [1, 1]
    with ledger_in(tmp_path) as ledger:
        assert ledger.append(call("k")).times == 4


class Full(PaymentLedger):
    """A ledger whose disk takes ten bytes more."""

    def _write_some(self, line: bytes) -> int:
        return super()._write_some(line[:10])


def test_what_could_not_be_written_was_not_executed(tmp_path: Path) -> None:
    """A full disk leaves neither half a line nor a payment in memory."""
    with ledger_in(tmp_path) as ledger:
        ledger.append(call("a"))
    ledger = Full(tmp_path / "ledger.jsonl", ignore)
    with pytest.raises(OSError, match="took 10 of"):
        ledger.append(call("b"))
    assert ledger.find("b") is None
    ledger.close()
    with ledger_in(tmp_path) as ledger:
        assert len(ledger) == 1
        assert ledger.append(call("b")).number == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[[1]]",
        b'{"amount": NaN}',
        b'{"amount": true, "target": ["x"]}',
        b'{"amount": 1e999}',
        b'{"amount": %d}' % 10**60,
        b"[" * 100_000,
        b'{"target": "\\ud800"}',
        b"\xff\xfe",
    ],
)
def test_strange_bodies_are_read(body: bytes, tmp_path: Path) -> None:
    """Whatever comes can be written and read again; what is no text or number is not said."""
    with ledger_in(tmp_path) as ledger:
        paid = ledger.append(reading.read("k", body))
        assert ledger.find("k") == paid
    assert paid.target is None


def test_long_texts_are_cut() -> None:
    """A line of the ledger stays short."""
    read = reading.read("k", msgspec.json.encode({"target": "x" * 5000, "amount": 17}))
    assert read.target == "x" * reading.TEXT_CHARACTERS_MAX
    assert read.amount == "17"


def _post(address: str, key: str) -> int:
    request = urllib.request.Request(  # noqa: S310 - loopback
        address, data=b'{"amount": "5"}', headers={"Idempotency-Key": key}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=PATIENCE_SECONDS) as response:
        return int(response.status)


@contextmanager
def _process(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`wallet pretend-bank` with its address."""
    command = [sys.executable, "-m", "wallet.cli", "pretend-bank", "--port", "0"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WALLET_")}
    process = subprocess.Popen(
        [*command, "--data", str(folder)], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[3].rstrip(","), process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)


def test_kill_loses_no_payment_and_terminate_ends_it(tmp_path: Path) -> None:
    """Whatever was answered before kill -9 is known after it; SIGTERM is a clean end."""
    with _process(tmp_path) as (address, process):
        assert [_post(address, f"k{number}") for number in range(5)] == [200] * 5
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    with _process(tmp_path) as (address, process):
        assert [_post(address, f"k{number}") for number in range(6)] == [200] * 6
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    lines = (tmp_path / "ledger.jsonl").read_text().splitlines()
    assert [json.loads(line)["key"] for line in lines] == [f"k{number}" for number in range(6)]
