"""What follows the ledger is held against it: what is missing, wrong or too much is told."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from consumers.balances.comparing import Comparison
from schemas import receipts
from schemas.results import AnyResult
from schemas.settings import Settings
from wallet.torture import followers, reading
from wallet.torture.account import Told
from wallet.torture.draw import RECEIPTED, SOURCE

MOMENT = "2026-11-20T10:00:00.000000Z"
WHOLE = b"%PDF-1.4 ... %%EOF\n"


def told(offset: int, source: str, kind: str, status: str) -> Told:
    """A result of partition 1 of four."""
    command = {
        "source": source, "id": f"{offset}", "type": kind, "topic": "commands",
        "partition": 1, "offset": offset,
    }  # fmt: skip
    body = {"command": command, "status": status, "wallet_id": "w", "sequences": {"w": 1}}
    return Told((1, offset), msgspec.convert({**body, "recorded_at": MOMENT}, AnyResult))


RESULTS = (
    told(2, RECEIPTED, "transfer.v1", "completed"),
    told(3, RECEIPTED, "transfer.v1", "rejected"),
    told(4, SOURCE, "transfer.v1", "completed"),
    told(5, RECEIPTED, "transfer.v1", "completed"),
)
NUMBERS = (10, 22)
"""Offset * 4 + 1 + 1 of the two that get a receipt."""


def put(folder: Path, number: int, content: bytes = WHOLE, recorded_at: str = MOMENT) -> None:
    """A receipt."""
    place = receipts.place_of(folder, receipts.name_of(number, recorded_at))
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(content)


@pytest.fixture
def balances(monkeypatch: pytest.MonkeyPatch) -> Comparison:
    """What the comparison finds: nothing off."""
    found = Comparison(wallets=2, equal=2)

    def results(_: Settings) -> Iterator[Told]:
        return iter(RESULTS)

    monkeypatch.setattr(followers, "compare", lambda _: found)
    monkeypatch.setattr(reading, "told", results)
    return found


def troubles(folder: Path) -> list[str]:
    """What is off, looked at once."""
    return followers.troubles(Settings(partitions=4), folder, 0)


def test_all_is_there(tmp_path: Path, balances: Comparison) -> None:
    """Each completed transfer of the source has its receipt, refused ones and others have none."""
    for number in NUMBERS:
        put(tmp_path, number)
    assert balances.is_right
    assert troubles(tmp_path) == []


@pytest.mark.usefixtures("balances")
def test_what_is_off_with_receipts(tmp_path: Path) -> None:
    """Missing, cut short, double, or of something that gets none."""
    put(tmp_path, NUMBERS[0])
    assert troubles(tmp_path) == ["1 receipts of 2 are missing"]
    put(tmp_path, NUMBERS[1], WHOLE[:9])
    assert any("no receipt" in each for each in troubles(tmp_path))
    put(tmp_path, NUMBERS[1])
    put(tmp_path, NUMBERS[1], recorded_at="2026-11-21T10:00:00.000000Z")
    assert any("double" in each for each in troubles(tmp_path))
    put(tmp_path, 14)
    assert any("1 receipts of transfers that were not" in each for each in troubles(tmp_path))


@pytest.mark.parametrize("name", ["behind", "wrong", "backwards"])
def test_what_is_off_with_balances(tmp_path: Path, balances: Comparison, name: str) -> None:
    """Late at the end, differing, or newer before older."""
    for number in NUMBERS:
        put(tmp_path, number)
    setattr(balances, name, 1)
    (trouble,) = troubles(tmp_path)
    assert trouble.startswith("the topic of balances")
