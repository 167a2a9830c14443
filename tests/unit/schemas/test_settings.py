"""Settings: the environment first, then the copy that runs here, then the defaults."""

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas import local_copy
from schemas.settings import Settings

STATE = {
    "http": "http://127.0.0.1:8001",
    "kafka": "127.0.0.1:19092",
    "postgres": "postgresql://postgres@/wallet?host=%2Fhere",
    "bank": "http://127.0.0.1:8011/",
    "processes": [{"name": "kafka", "pid": 1}],
}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment that says nothing but where the data is: in an empty folder."""
    monkeypatch.delenv("WALLET_KAFKA_BOOTSTRAP", raising=False)
    monkeypatch.delenv("WALLET_DATABASE_URL", raising=False)
    monkeypatch.delenv("WALLET_PARTITIONS", raising=False)
    monkeypatch.delenv("WALLET_BANK_URL", raising=False)
    monkeypatch.setenv("WALLET_DATA", str(tmp_path))


@pytest.fixture
def left_behind(tmp_path: Path) -> None:
    """A local copy ran here, until its supervisor was killed."""
    (tmp_path / local_copy.STATE).write_text(json.dumps(STATE))
    (tmp_path / local_copy.LOCK).touch()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[None]:
    """A supervisor is at work here."""
    with (tmp_path / local_copy.LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def running(left_behind: None, held: None) -> None:
    """A local copy runs here."""


def test_the_defaults_are_the_usual_ports() -> None:
    """Nothing said and nothing running."""
    settings = Settings.load()
    assert settings.kafka_bootstrap == "127.0.0.1:9092"
    assert settings.database_url == "postgresql://postgres@127.0.0.1:5432/wallet"
    assert settings.partitions == 4


@pytest.mark.usefixtures("running")
def test_the_running_copy_is_found(tmp_path: Path) -> None:
    """Its addresses come from its state file."""
    settings = Settings.load()
    assert settings.kafka_bootstrap == STATE["kafka"]
    assert settings.database_url == STATE["postgres"]
    assert settings.bank_url == STATE["bank"]
    assert settings.data == tmp_path


@pytest.mark.usefixtures("left_behind")
def test_a_copy_that_was_killed_is_not_running() -> None:
    """Nobody waits for servers that are no more."""
    assert Settings.load() == Settings()


@pytest.mark.usefixtures("running")
def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """One address from outside does not hide the other of the running copy."""
    monkeypatch.setenv("WALLET_KAFKA_BOOTSTRAP", "kafka.example:9093")
    monkeypatch.setenv("WALLET_PARTITIONS", "24")
    settings = Settings.load()
    assert settings.kafka_bootstrap == "kafka.example:9093"
    assert settings.database_url == STATE["postgres"]
    assert settings.topics.partitions == 24


@pytest.mark.usefixtures("running")
def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As compose files and shells pass on what is not set."""
    monkeypatch.setenv("WALLET_KAFKA_BOOTSTRAP", "")
    monkeypatch.setenv("WALLET_PARTITIONS", "")
    settings = Settings.load()
    assert (settings.kafka_bootstrap, settings.partitions) == (STATE["kafka"], 4)


def test_an_empty_data_folder_is_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every other variable that is empty."""
    monkeypatch.setenv("WALLET_DATA", "")
    assert Settings.load().data == Path(".wallet")


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("state", ["", "{", "[]", "null", '{"kafka": 7}', '{"kafka": ""}', "\\xff"])
def test_a_broken_state_file_says_nothing(state: str, tmp_path: Path) -> None:
    """It is written by another process; half of it is none of it."""
    (tmp_path / local_copy.STATE).write_bytes(state.encode("latin-1"))
    assert Settings.load().kafka_bootstrap == "127.0.0.1:9092"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("PARTITIONS", "0"),
        ("PARTITIONS", "many"),
        ("BATCH_MAX", "0"),
        ("TOPIC_PREFIX", "bad prefix/"),
        ("TOPIC_PREFIX", "x" * 228),
        ("RETENTION_DAYS", "0"),
        ("RETENTION_DAYS", "-2"),
        ("RETENTION_DAYS", "36501"),
        ("DRAIN_TIMEOUT", "0"),
        ("WATCHDOG_TIMEOUT", "-1"),
        ("STATEMENT_TIMEOUT_MS", "0"),
        ("LOCK_TIMEOUT_MS", "-5"),
        ("IDLE_IN_TRANSACTION_TIMEOUT_MS", "0"),
        ("KAFKA_TIMEOUT", "0"),
        ("KAFKA_TIMEOUT", "nan"),
        ("KAFKA_TIMEOUT", "inf"),
        ("BANK_URL", "bank.example"),
        ("BANK_STATUS_URL", "bank.example/{key}"),
        ("KAFKA_BOOTSTRAP", "k:99999"),
        ("KAFKA_BOOTSTRAP", "k:0"),
        ("KAFKA_BOOTSTRAP", "k:nine"),
        ("KAFKA_BOOTSTRAP", "PLAINTEXT://k:9092"),
        ("KAFKA_BOOTSTRAP", "u@k:9092"),
        ("KAFKA_BOOTSTRAP", "[::k]:9092"),
        ("KAFKA_BOOTSTRAP", ","),
        ("BANK_STATUS_URL", "https://bank.example/orders"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(
    name: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start, not at the first command."""
    monkeypatch.setenv(f"WALLET_{name}", wrong)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings.load()


@pytest.mark.parametrize(
    "said", ["k", "k:1", "k:9092,l:65535", "k:1, l:2,", "[::1]:9092", "[::1]", "::1", "1.2.3.4:9"]
)
def test_brokers_are_those_that_kafkas_clients_read(said: str) -> None:
    """Without a port it is 9092."""
    assert Settings(kafka_bootstrap=said).kafka_client()["bootstrap.servers"] == said


@pytest.mark.parametrize(
    "said", ["postgres://u@h/d", "postgresql:///d?host=/run", "host=h dbname=d"]
)
def test_a_database_is_named_as_libpq_takes_it(said: str) -> None:
    """A URL of either name, or words."""
    assert Settings(database_url=said).database_url == said


def test_the_longest_prefix_still_names_topics_that_kafka_takes() -> None:
    """249 characters are what a name may have; dots and dashes are among them."""
    settings = Settings(topic_prefix="a-b_c." + "x" * 221)
    assert max(len(topic.name) for topic in settings.topics.all()) == 249


def test_kafka_clients_get_what_was_said(tmp_path: Path) -> None:
    """Addresses always, security where it was said; nothing of it is None."""
    usual = {"bootstrap.servers": "k:1", "topic.metadata.refresh.interval.ms": 3000}
    assert Settings(kafka_bootstrap="k:1").kafka_client() == usual
    authority = tmp_path / "ca.pem"
    authority.touch()
    secure = Settings(
        kafka_bootstrap="k:1",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="ledger",
        kafka_sasl_password="secret",  # noqa: S106 - not one
        kafka_ssl_ca_location=str(authority),
    )
    assert secure.kafka_client() == {
        **usual,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "ledger",
        "sasl.password": "secret",
        "ssl.ca.location": str(authority),
    }


def test_secrets_are_not_shown() -> None:
    """A log line of the settings holds no password."""
    settings = Settings(
        database_url="postgresql://u:hidden@h/d",
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_mechanism="PLAIN",
        kafka_sasl_username="u",
        kafka_sasl_password="hidden",  # noqa: S106 - not one
        bank_url="https://u:hidden@bank.example/",
        bank_status_url="https://u:hidden@bank.example/orders/{key}",
    )
    assert "hidden" not in repr(settings)
