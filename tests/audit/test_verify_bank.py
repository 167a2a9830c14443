"""Which bank `wallet verify` asks when nobody says: the running copy's own, and no other's."""

from pathlib import Path

import pytest

from schemas.settings import Settings
from wallet.cli.verify import payments_of
from wallet.local import state
from wallet.local.folder import DataFolder
from wallet.local.state import ProcessState, State

DATABASE = "postgresql://postgres@127.0.0.1:1/wallet"
BANK = "http://127.0.0.1:2/"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of the copy in a folder of its own, which runs with its pretend bank."""
    folder = DataFolder.at(tmp_path)
    processes = tuple(ProcessState(name, 1) for name in ("kafka", "pretend-bank"))
    running = State("http://h", "k", DATABASE, 1, processes, BANK)
    state.write(folder.state_file, running)
    return Settings(data=tmp_path, database_url=DATABASE, bank_url=BANK)


def test_the_copys_own_bank(settings: Settings) -> None:
    """Its ledger stands beside the place where it takes orders."""
    found = payments_of(settings, None)
    assert found is not None
    assert found.url == "http://127.0.0.1:2/ledger"


@pytest.mark.parametrize(
    "changed",
    [
        {"bank_url": "http://127.0.0.1:3/"},
        {"database_url": "postgresql://postgres@127.0.0.1:1/other"},
        {"data": Path("/nowhere")},
    ],
)
def test_a_bank_of_somebody_else(settings: Settings, changed: dict[str, object]) -> None:
    """Another bank has no ledger there, and another ledger's withdrawals are not its own."""
    assert payments_of(settings.model_copy(update=changed), None) is None


def test_a_copy_whose_bank_is_not_its_own(settings: Settings) -> None:
    """A real bank was set, and no pretend one runs."""
    running = state.read(DataFolder.at(settings.data).state_file)
    assert running is not None
    alone = State(running.http, running.kafka, DATABASE, 1, running.processes[:1], BANK)
    state.write(DataFolder.at(settings.data).state_file, alone)
    assert payments_of(settings, None) is None


def test_what_is_said_counts(settings: Settings) -> None:
    """An address, or that the bank is not to be asked."""
    found = payments_of(settings, "https://bank.example/ledger")
    assert found is not None
    assert found.url == "https://bank.example/ledger"
    assert payments_of(settings, "none") is None
