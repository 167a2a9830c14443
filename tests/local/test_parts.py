"""Which servers a copy starts itself, and what its processes are told of them."""

import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from wallet.cli import app
from wallet.failure import UsageFailure
from wallet.local.folder import DataFolder
from wallet.local.parts import Parts
from wallet.local.supervisor import Addresses
from wallet.local.telling import Telling
from wallet.local.up import Wanted, parts_of, up

VARIABLES = ("WALLET_KAFKA_BOOTSTRAP", "WALLET_DATABASE_URL", "WALLET_BANK_URL")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    files = tuple(f"{name}_FILE" for name in VARIABLES)
    for name in (*VARIABLES, *files, "WALLET_BANK_STATUS_URL", "WALLET_PRETEND_BANK_KNOWS_KEYS"):
        monkeypatch.delenv(name, raising=False)


def _wanted(worker_count: int) -> Wanted:
    return Wanted(
        data=Path("unused"),
        worker_count=worker_count,
        kafka_port=0,
        postgres_port=0,
        bank_port=0,
    )


def test_every_server_has_a_port_of_its_own() -> None:
    """Three servers, three ports; the processes are told where the bank is, and of its keys."""
    parts = parts_of(_wanted(1))
    ports = {parts.kafka_port, parts.postgres_port, parts.bank_port}
    assert len(ports) == 3
    assert None not in ports
    settings = parts.settings()
    assert settings.kafka_bootstrap == f"127.0.0.1:{parts.kafka_port}"
    assert settings.bank_url == f"http://127.0.0.1:{parts.bank_port}/"
    assert settings.bank_status_url == f"{settings.bank_url}payments/{{key}}"
    assert settings.bank_knows_keys


@pytest.mark.parametrize(
    ("variable", "address", "port"),
    [
        ("WALLET_KAFKA_BOOTSTRAP", "kafka:9092", "kafka_port"),
        ("WALLET_DATABASE_URL", "postgresql://u@h/d", "postgres_port"),
        ("WALLET_BANK_URL", "https://bank.example/orders", "bank_port"),
    ],
)
def test_what_is_set_is_not_started(
    variable: str, address: str, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address in the environment is that of a real server, and the only one replaced."""
    monkeypatch.setenv(variable, address)
    parts = parts_of(_wanted(1))
    started = {
        name for name in ("kafka_port", "postgres_port", "bank_port") if getattr(parts, name)
    }
    assert started == {"kafka_port", "postgres_port", "bank_port"} - {port}
    setting = variable.removeprefix("WALLET_").lower()
    assert getattr(parts.settings(), setting) == address


@pytest.mark.parametrize(
    ("setting", "address", "port"),
    [
        ("database_url", "postgresql://u:secret@h/d", "postgres_port"),
        ("bank_url", "https://u:secret@bank.example/orders", "bank_port"),
    ],
)
def test_what_a_file_sets_is_not_started(
    setting: str, address: str, port: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As secrets come to a container."""
    secret = tmp_path / "secret"
    secret.write_text(f"{address}\n")
    monkeypatch.setenv(f"WALLET_{setting.upper()}_FILE", str(secret))
    parts = parts_of(_wanted(1))
    assert getattr(parts, port) is None
    assert getattr(parts.settings(), setting) == address


def test_only_secrets_stand_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that nothing reads does not keep Kafka from being started."""
    monkeypatch.setenv("WALLET_KAFKA_BOOTSTRAP_FILE", "/run/kafka")
    assert parts_of(_wanted(1)).kafka_port is not None


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("WALLET_PARTITIONS", "zero"),
        ("WALLET_BANK_TIMEOUT", "-1"),
        ("WALLET_PRETEND_BANK_KNOWS_KEYS", "perhaps"),
        ("WALLET_PRETEND_BANK_DELAY", "-1"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name(
    variable: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As every other command says it."""
    monkeypatch.setenv(variable, wrong)
    with pytest.raises(UsageFailure, match=f"^{variable}: .*, got '{wrong}'$"):
        parts_of(_wanted(1)).settings()


def test_a_wrong_setting_of_the_pretend_bank_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where it is started by hand."""
    monkeypatch.setenv("WALLET_PRETEND_BANK_FAULTY", "2")
    done = CliRunner().invoke(app, ["pretend-bank", "--port", "0", "--data", str(tmp_path)])
    assert isinstance(done.exception, UsageFailure)
    assert str(done.exception).startswith("WALLET_PRETEND_BANK_FAULTY: ")


def test_a_wrong_setting_costs_no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is thrown away for a start that is none."""
    folder = DataFolder.at(tmp_path)
    folder.prepare()
    (folder.root / "kept").touch()
    monkeypatch.setenv("WALLET_PARTITIONS", "zero")
    with pytest.raises(UsageFailure, match="WALLET_PARTITIONS"):
        up(Wanted(data=tmp_path, fresh=True), Telling(Console()))
    assert (folder.root / "kept").exists()


@pytest.mark.parametrize(
    ("variable", "address", "thrown_away"),
    [
        ("WALLET_KAFKA_BOOTSTRAP", "127.0.0.1:9", "database"),
        ("WALLET_DATABASE_URL", "postgresql://u@127.0.0.1:9/d", "topics"),
    ],
)
def test_half_a_ledger_is_not_thrown_away(
    variable: str, address: str, thrown_away: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The other half would fit nothing, and workers would refuse it; so `reset` refuses too."""
    folder = DataFolder.at(tmp_path)
    folder.prepare()
    (folder.root / "kept").touch()
    monkeypatch.setenv(variable, address)
    why = f"the {thrown_away} alone: .* unset {variable}"
    with pytest.raises(UsageFailure, match=f"--fresh would .* {why}"):
        up(Wanted(data=tmp_path, fresh=True), Telling(Console()))
    done = CliRunner().invoke(app, ["reset", "-y", "--data", str(tmp_path)])
    assert isinstance(done.exception, UsageFailure)
    assert re.search(f"`wallet reset` would .* {why}", str(done.exception))
    assert (folder.root / "kept").exists()


def test_what_is_left_of_a_copy_whose_servers_are_real_is_thrown_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Topics and database stay, both: only the bank's ledger and the logs were here."""
    folder = DataFolder.at(tmp_path / "copy")
    folder.prepare()
    monkeypatch.setenv("WALLET_KAFKA_BOOTSTRAP", "127.0.0.1:9")
    monkeypatch.setenv("WALLET_DATABASE_URL", "postgresql://u@127.0.0.1:9/d")
    done = CliRunner().invoke(app, ["reset", "-y", "--data", str(folder.root)])
    assert done.exit_code == 0, done.exception
    assert not folder.root.exists()


@pytest.mark.parametrize(
    ("wanted", "variable", "says"),
    [
        ({"kafka_port": 9092}, "WALLET_KAFKA_BOOTSTRAP", "--kafka-port 9092 .* names yours"),
        ({"postgres_port": 5432}, "WALLET_DATABASE_URL", "--postgres-port 5432 .* names yours"),
        ({"bank_port": 8010}, "WALLET_BANK_URL", "--bank-port 8010 .* names yours"),
        ({"bank_port": 8010, "worker_count": 0}, None, "--bank-port 8010 .* without workers"),
        ({"gateway_port": 8001, "worker_count": 0}, None, "--gateway-port 8001 .* without workers"),
    ],
)
def test_a_port_that_nobody_would_listen_on_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: dict[str, Any],
    variable: str | None,
    says: str,
) -> None:
    """Before any data is thrown away."""
    folder = DataFolder.at(tmp_path)
    folder.prepare()
    (folder.root / "kept").touch()
    if variable is not None:
        address = "http://h:1/" if variable == "WALLET_BANK_URL" else "postgresql://h/d"
        monkeypatch.setenv(variable, "h:1" if "KAFKA" in variable else address)
    with pytest.raises(UsageFailure, match=says):
        up(Wanted(data=tmp_path, fresh=True, **wanted), Telling(Console()))
    assert (folder.root / "kept").exists()


def test_without_workers_nobody_calls_a_bank() -> None:
    """Only Kafka and PostgreSQL are started."""
    assert parts_of(_wanted(0)).bank_port is None


def test_a_bank_without_keys_is_told_to_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller of a bank that ignores keys must never repeat an unknown outcome."""
    monkeypatch.setenv("WALLET_PRETEND_BANK_KNOWS_KEYS", "false")
    settings = Parts(None, None, 8010).settings()
    assert not settings.bank_knows_keys
    assert settings.bank_status_url is None


def test_addresses_are_shown_without_passwords() -> None:
    """Of a real bank too; a copy without one does not speak of it."""
    postgres, bank = "postgresql://u:hidden@h/d", "https://u:hidden@bank.example/orders"
    shown = Addresses("http://h", "k:1", postgres, bank).shown()
    assert shown == {
        "Kafka": "k:1",
        "PostgreSQL": "postgresql://u@h/d",
        "bank": "https://u@bank.example/orders",
    }
    assert "bank" not in Addresses("http://h", "k:1", postgres).shown()


def test_the_console_is_where_the_gateway_is() -> None:
    """People are told of both, and of neither without a gateway."""
    shown = Addresses("http://h", "k:1", "postgresql://h/d", gateway="http://g:1").shown()
    assert (shown["console"], shown["HTTP"]) == ("http://g:1/console", "http://g:1")
    assert Addresses("http://h", "k:1", "postgresql://h/d").console is None
