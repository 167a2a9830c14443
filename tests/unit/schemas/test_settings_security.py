"""Kafka's security and secrets in files: half a setting is refused, and no secret is shown."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from producers import credentials
from schemas.settings import Settings
from wallet.cli.connected import load_settings
from wallet.failure import UsageFailure

SCRAM: dict[str, Any] = {
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_mechanism": "SCRAM-SHA-512",
    "kafka_sasl_username": "wallet",
    "kafka_sasl_password": "swordfish",
}
HALVES: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({**SCRAM, "kafka_sasl_username": None}, "needs WALLET_KAFKA_SASL_USERNAME"),
    "no mechanism": ({**SCRAM, "kafka_sasl_mechanism": None}, "needs WALLET_KAFKA_SASL_MECHANISM"),
    "only a password": ({"kafka_sasl_password": "swordfish"}, "SASL_PASSWORD is set, but"),
    "a file of nobody": ({"kafka_ssl_ca_location": "/"}, "SSL_CA_LOCATION is set, but"),
    "no such file": ({**SCRAM, "kafka_ssl_ca_location": "/no/ca"}, "/no/ca cannot be read"),
    "a key alone": (
        {"kafka_security_protocol": "SSL", "kafka_ssl_key_location": "/"},
        "needs WALLET_KAFKA_SSL_CERTIFICATE_LOCATION",
    ),
}


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No copy runs where we look."""
    monkeypatch.setenv("WALLET_DATA", str(tmp_path))


@pytest.mark.parametrize("case", HALVES)
def test_half_a_security_is_refused(case: str) -> None:
    """What would try for ever in vain is told at once, by the setting's name, without secrets."""
    given, said = HALVES[case]
    with pytest.raises(ValidationError) as refused:
        Settings(**given)
    assert said in str(refused.value)
    assert "swordfish" not in str(refused.value)


def test_both_kinds_of_clients_are_told_the_same() -> None:
    """Theirs and ours, librdkafka and aiokafka: protocol, mechanism, name, password."""
    settings = Settings(**{**SCRAM, "kafka_security_protocol": "sasl_ssl"})
    theirs = settings.kafka_client()
    assert (theirs["security.protocol"], theirs["sasl.mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (theirs["sasl.username"], theirs["sasl.password"]) == ("wallet", "swordfish")
    ours = credentials.of_aiokafka(settings)
    assert (ours["security_protocol"], ours["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (ours["sasl_plain_username"], ours["sasl_plain_password"]) == ("wallet", "swordfish")
    assert ours["ssl_context"].check_hostname


def test_without_settings_it_is_plain_text() -> None:
    """A local broker needs nothing."""
    assert credentials.of_aiokafka(Settings()) == {"security_protocol": "PLAINTEXT"}
    said = set(Settings().kafka_client())
    assert said == {"bootstrap.servers", "topic.metadata.refresh.interval.ms"}


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The end of its line is none of it; a copy that runs here is not asked; said wins."""
    (tmp_path / "state.json").write_text('{"postgres": "postgresql://running"}')
    (tmp_path / "url").write_text("postgresql://wallet:swordfish@db/wallet?sslmode=verify-full\n")
    monkeypatch.setenv("WALLET_DATABASE_URL_FILE", str(tmp_path / "url"))
    assert "swordfish@db/wallet?sslmode=verify-full" in Settings.load().database_url
    assert "swordfish" not in repr(Settings.load())
    monkeypatch.setenv("WALLET_DATABASE_URL", "postgresql://said")
    assert Settings.load().database_url == "postgresql://said"


@pytest.mark.parametrize("held", [None, b" \n", b"\xff"])
def test_a_secret_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held: bytes | None
) -> None:
    """A file that is missing, empty or no text; as commands tell it."""
    place = tmp_path / "password"
    if held is not None:
        place.write_bytes(held)
    monkeypatch.setenv("WALLET_KAFKA_SASL_PASSWORD_FILE", str(place))
    with pytest.raises(UsageFailure, match=f"WALLET_KAFKA_SASL_PASSWORD_FILE: {place}"):
        load_settings()


def test_a_wrong_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is enough; of others the value is told."""
    monkeypatch.setenv("WALLET_BANK_URL", "me:swordfish@bank")
    with pytest.raises(UsageFailure, match="WALLET_BANK_URL") as told:
        load_settings()
    assert "swordfish" not in str(told.value)
    monkeypatch.delenv("WALLET_BANK_URL")
    monkeypatch.setenv("WALLET_PARTITIONS", "many")
    with pytest.raises(UsageFailure, match=r"WALLET_PARTITIONS: .*, got 'many'"):
        load_settings()
