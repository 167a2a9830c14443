"""Settings: from the environment (WALLET_*), else from the running local copy, else defaults."""

import json
import os
from pathlib import Path
from typing import Any, Self

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.topics import Topics


class Settings(BaseSettings):
    """All settings of every process. Times are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="WALLET_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_security_protocol: str | None = None
    kafka_sasl_mechanism: str | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: str | None = Field(None, repr=False)
    kafka_ssl_ca_location: str | None = None
    database_url: str = Field("postgresql://postgres@127.0.0.1:5432/wallet", repr=False)
    data: Path = Path(".wallet")

    partitions: int = Field(4, ge=1, le=1000)
    """Partitions of every topic keyed by wallet; fixed for the topics' life."""
    topic_prefix: str = ""
    application: str = "wallet-ledger"
    """Consumer group, and the first part of every transactional id."""

    batch_max: int = Field(2000, ge=1)
    """Most commands in one database transaction: past 2,000 a batch only adds latency."""
    queue_max: int = Field(20_000, ge=1)
    """Most records that wait in a worker's memory, all partitions together."""
    arrivals_max: int = Field(2000, ge=1)
    """Most events of other partitions' transfers that one batch publishes."""
    worker_cpu: int | None = Field(None, ge=0)
    """The processor that a worker keeps to, on Linux. Its threads share one interpreter lock;
    handing it from core to core costs a quarter of the speed. Give each worker one of its own."""
    withdrawal_horizon_days: int = Field(366, ge=1, le=36_500)
    """How far ahead a withdrawal may be scheduled; the same for all workers and the auditor."""
    drain_timeout: float = 5.0
    """How long a revoked partition's running batch is awaited."""
    watchdog_timeout: float = 30.0
    """A worker with lag and no progress for so long exits."""
    statement_timeout_ms: int = 8000
    lock_timeout_ms: int = 5000
    idle_in_transaction_timeout_ms: int = 3000
    kafka_timeout: float = 20.0

    @classmethod
    def load(cls) -> Self:
        """The settings of this process: environment first, then the copy running in WALLET_DATA."""
        data = Path(os.environ.get("WALLET_DATA") or ".wallet")
        found = _running_copy(data)
        given: dict[str, Any] = {
            name: found[key]
            for name, key in (("kafka_bootstrap", "kafka"), ("database_url", "postgres"))
            if not os.environ.get(f"WALLET_{name.upper()}") and found.get(key)
        }
        return cls(**given)

    @property
    def topics(self) -> Topics:
        """The topics these settings speak of."""
        return Topics(self.topic_prefix, self.partitions)

    def kafka_client(self) -> dict[str, str | int | float | bool]:
        """What every confluent-kafka client is given."""
        optional = {
            "security.protocol": self.kafka_security_protocol,
            "sasl.mechanism": self.kafka_sasl_mechanism,
            "sasl.username": self.kafka_sasl_username,
            "sasl.password": self.kafka_sasl_password,
            "ssl.ca.location": self.kafka_ssl_ca_location,
        }
        said = {name: value for name, value in optional.items() if value is not None}
        return {"bootstrap.servers": self.kafka_bootstrap, **said}


def _running_copy(data: Path) -> dict[str, str]:
    """The addresses in the state file of a local copy; empty when none runs there."""
    try:
        state = json.loads((data / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(state, dict):
        return {}
    return {key: value for key, value in state.items() if isinstance(value, str)}
