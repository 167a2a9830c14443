"""Settings: from the environment (WALLET_*), else from the running local copy, else defaults."""

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas import kafka_security, local_copy
from schemas.networks import checked_brokers, checked_limits, checked_networks
from schemas.topics import FOR_EVER, PREFIX_MAX, Topics

_FOUND: Final = {"kafka_bootstrap": "kafka", "database_url": "postgres", "bank_url": "bank"}
"""Setting -> its name in the state file of a running copy."""

PARTITIONS_MAX: Final = 1000
RETENTION_DAYS_MAX: Final = 36_500

SECRETS: Final = ("kafka_sasl_password", "database_url", "bank_url", "bank_status_url")
"""Settings that hold secrets: each may stand in a file, whose name `WALLET_..._FILE` gives."""


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _as_libpq(text: str) -> str:
    """The text, if it can be an address as libpq takes it. Raises ValueError."""
    if not (text.startswith(("postgresql://", "postgres://")) or "=" in text):
        raise ValueError("neither postgresql://user@host:5432/name nor host=... dbname=...")
    return text


def _kept(days: int) -> int:
    """The days, if they are some or for ever. Raises ValueError."""
    if days != FOR_EVER and days not in range(1, RETENTION_DAYS_MAX + 1):
        raise ValueError(f"from 1 to {RETENTION_DAYS_MAX:,} days, or {FOR_EVER} for ever")
    return days


def _with_key(text: str) -> str:
    """The text, if it has a place for an order's key. Raises ValueError."""
    if "{key}" not in text:
        raise ValueError("needs {key} in it, as https://bank/orders/{key}")
    return text


class Settings(BaseSettings):
    """All settings of every process. Times are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="WALLET_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    kafka_bootstrap: Annotated[str, AfterValidator(checked_brokers)] = "127.0.0.1:9092"
    kafka_security_protocol: Annotated[kafka_security.Protocol, BeforeValidator(_upper)] | None = (
        None
    )
    kafka_sasl_mechanism: Annotated[kafka_security.Mechanism, BeforeValidator(_upper)] | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: str | None = Field(None, repr=False)
    kafka_sasl_password_file: Path | None = None
    kafka_ssl_ca_location: str | None = None
    """A file, or a folder, of the authorities whose certificates are trusted; else the system's."""
    kafka_ssl_certificate_location: str | None = None
    """The certificate by which we say who we are, where the broker asks for one; PEM."""
    kafka_ssl_key_location: str | None = None
    """Its key, without a password; PEM."""
    database_url: Annotated[str, AfterValidator(_as_libpq)] = Field(
        "postgresql://postgres@127.0.0.1:5432/wallet", repr=False
    )
    database_url_file: Path | None = None
    data: Path = Path(".wallet")

    partitions: int = Field(4, ge=1, le=PARTITIONS_MAX)
    """Partitions of every topic keyed by wallet; fixed for the topics' life."""
    topic_prefix: str = Field("", pattern="^[A-Za-z0-9._-]*$", max_length=PREFIX_MAX)
    retention_days: Annotated[int, AfterValidator(_kept)] = 7
    """How long commands and results are kept, -1: for ever. Proofs by replay need all of them."""
    application: str = "wallet-ledger"
    """Consumer group, and the first part of every transactional id."""

    batch_max: int = Field(2000, ge=1)
    """Most commands in one database transaction: past 2,000 a batch only adds latency."""
    queue_max: int = Field(20_000, ge=1)
    """Most records that wait in a worker's memory; a partition has its share, a batch at least."""
    arrivals_max: int = Field(2000, ge=1)
    """Most events of other partitions' transfers that one batch publishes."""
    worker_cpu: int | None = Field(None, ge=0)
    """The processor that a worker keeps to, on Linux. Its threads share one interpreter lock;
    handing it from core to core costs a quarter of the speed. Give each worker one of its own."""
    withdrawal_horizon_days: int = Field(366, ge=1, le=36_500)
    """How far ahead a withdrawal may be scheduled; the same for all workers and the auditor."""
    bank_url: str = Field("http://127.0.0.1:8010/", pattern="^https?://", repr=False)
    """Where the bank takes orders to pay, by POST. May hold a name and a password for it."""
    bank_url_file: Path | None = None
    bank_status_url: Annotated[str, AfterValidator(_with_key)] | None = Field(
        None, pattern="^https?://", repr=False
    )
    """Where the bank tells what became of an order, by GET; the order's key stands for {key}."""
    bank_status_url_file: Path | None = None
    bank_knows_keys: bool = True
    """Whether the bank does an order only once that comes twice under one Idempotency-Key. A bank
    that does not is never asked again after an unknown outcome: a person has to look."""
    bank_timeout: float = Field(10.0, gt=0, le=600)
    """Longest call of the bank, from connecting to the end of the answer."""
    bank_calls_max: int = Field(500, ge=1, le=10_000)
    """Calls of the bank that one bank caller has in flight."""
    bank_tries: int = Field(3, ge=1, le=100)
    """After so many answers that it was not done, a withdrawal has failed."""
    bank_backoff: float = Field(1.0, gt=0, le=3600)
    """The pause after the first call; each later one is twice as long, give or take a quarter."""
    bank_backoff_max: float = Field(60.0, gt=0, le=86_400)
    """The longest pause between two calls for one withdrawal."""
    bank_unknown_limit: float = Field(900.0, ge=0, le=31_536_000)
    """When nobody knows for so long whether the bank has paid, a person has to look."""
    bank_breaker_failures: int = Field(20, ge=1, le=100_000)
    """After so many calls in a row that got no answer, all others wait."""
    bank_breaker_pause: float = Field(5.0, gt=0, le=3600)
    """How long they wait until one of them tries the bank."""
    http_host: str = "127.0.0.1"
    """The address that the gateway listens on: one of loopback, unless logins are required."""
    http_logins: Literal["open", "required"] = "open"
    """Whether everybody has to say who it is, or whoever reaches loopback without is an admin."""
    http_hosts: str = ""
    """Names under which the gateway answers where logins are required, by commas, "*" for all;
    besides addresses and the names of loopback."""
    http_self_deposits: bool | None = None
    """Whether people may deposit into their own wallets; else where no logins are required."""
    http_token_seconds: float = Field(28_800.0, gt=0, le=31_536_000)
    """How long a token lasts that somebody gets for a password."""
    http_failed_logins: int = Field(10, ge=0, le=100_000)
    """Wrong passwords of one name from one address in five minutes, and ten times as many of all
    names from there; 0: as many as come."""
    http_allow: Annotated[str, AfterValidator(checked_networks)] = ""
    """Networks from which requests are taken, by commas; else from everywhere."""
    http_proxies: Annotated[str, AfterValidator(checked_networks)] = ""
    """Networks of our own proxies, whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    http_rate: int | None = Field(None, ge=0, le=10_000_000)
    """Requests a minute of one user or key; 0 is any number. Else 6,000 where logins are required,
    and any number where they are not."""
    http_address_rate: int | None = Field(None, ge=0, le=10_000_000)
    """Requests a minute from one address, whoever asks; else as `http_rate`."""
    kyc_limits: Annotated[str, AfterValidator(checked_limits)] = ""
    """The largest amount that sellers and users may move at once, by KYC level, as
    "0=1000000,1=50000000,2=none"; else any amount."""
    kyc_day_limits: Annotated[str, AfterValidator(checked_limits)] = ""
    """What sellers and users may move in a day of UTC in all, by KYC level; else any amount."""
    http_timeout: float = Field(10.0, gt=0, le=300)
    """How long a request waits for its command's result before it is answered with 202."""
    http_waiting_max: int = Field(2000, ge=1, le=5000)
    """Requests of one gateway that may wait for a result, and as many for the database."""
    receipts: Path | None = None
    """The folder of receipts, shared by who makes them and the gateways; else in `data`."""
    receipts_sources: str = "/http/002"
    """Whose transfers get a receipt: sources of commands, by commas; "*" for all of them."""
    receipts_start: Literal["beginning", "end"] = "beginning"
    """Where the makers of receipts begin with events when they are new: at the first one kept, or
    at those still to come. Later they go on from where they were."""
    http_followers_max: int = Field(1000, ge=0, le=20_000)
    """Wallets that may be followed live over one gateway, each as often as somebody does."""
    metrics_host: str = "127.0.0.1"
    """The address on which a process tells its metrics and its health."""
    metrics_port: int | None = Field(None, ge=0, le=65535)
    """The port there; 0 is any. Without one, nothing listens."""
    drain_timeout: float = Field(5.0, gt=0, le=600)
    """How long a revoked partition's running batch is awaited."""
    watchdog_timeout: float = Field(30.0, gt=0, le=86_400)
    """A worker with lag and no progress for so long exits."""
    # PostgreSQL takes 0 for "as long as it likes", and then no wait has an end.
    statement_timeout_ms: int = Field(8000, gt=0, le=3_600_000)
    lock_timeout_ms: int = Field(5000, gt=0, le=3_600_000)
    idle_in_transaction_timeout_ms: int = Field(3000, gt=0, le=3_600_000)
    kafka_timeout: float = Field(20.0, gt=0, le=600)

    @classmethod
    def load(cls) -> Self:
        """The settings of this process: environment first, then the copy running in WALLET_DATA."""
        data = Path(os.environ.get("WALLET_DATA") or ".wallet")
        found = local_copy.addresses(data)
        given: dict[str, Any] = {
            name: found[key] for name, key in _FOUND.items() if not is_said(name) and found.get(key)
        }
        return cls(**given)

    @model_validator(mode="before")
    @classmethod
    def _read_secrets(cls, said: Any) -> Any:  # noqa: ANN401 - pydantic's, whatever was given
        """Take from their files the secrets that are not said themselves."""
        if not isinstance(said, dict):
            return said
        files = {name: said[f"{name}_file"] for name in SECRETS if said.get(f"{name}_file")}
        read = {name: _secret(name, place) for name, place in files.items() if not said.get(name)}
        return {**said, **read}

    @model_validator(mode="after")
    def _check_security(self) -> Self:
        why = kafka_security.refusal(self)
        if why is not None:
            raise ValueError(why)
        return self

    @property
    def receipts_folder(self) -> Path:
        """Where receipts stand."""
        return self.receipts or self.data / "receipts"

    @property
    def topics(self) -> Topics:
        """The topics these settings speak of."""
        return Topics(self.topic_prefix, self.partitions, self.retention_days)

    def kafka_client(self) -> dict[str, str | int | float | bool]:
        """What every confluent-kafka client is given."""
        return {
            "bootstrap.servers": self.kafka_bootstrap,
            # A leader that was killed cannot say that it is none any more, and others are asked for
            # its successor only so often, by librdkafka's default every 5 min. A topic that is
            # made late is found as soon.
            "topic.metadata.refresh.interval.ms": 3000,
            **kafka_security.librdkafka(self),
        }

    def database_client(self, purpose: str, **options: str) -> dict[str, Any]:
        """What psycopg2.connect is given, so that every wait is bounded (FAULTS.md F10).

        `options` are settings of the session besides those that all have. Plans hang on indexes
        and not on statistics: ours all go from a set of ids to rows by an index, and they are
        made once, often on tables that are still empty, where reading all of them looks as good;
        ten thousand wallets later such a plan takes seconds.
        """
        session = {
            "statement_timeout": f"{self.statement_timeout_ms}ms",
            # Of a batch's statements each must see what was committed before it (DESIGN.md 3), and
            # a role or database may have another default.
            "default_transaction_isolation": r"read\ committed",
            "client_connection_check_interval": "1000ms",
            "jit": "off",
            "enable_seqscan": "off",
            "enable_hashjoin": "off",
            "enable_mergejoin": "off",
            **options,
        }
        return {
            "dsn": self.database_url,
            "application_name": f"{self.application} {purpose}"[:63],
            "connect_timeout": 5,
            "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
        }


def is_said(name: str) -> bool:
    """Whether the environment has this setting, or names the file of a secret that does."""
    variable = f"WALLET_{name.upper()}"
    in_file = name in SECRETS and os.environ.get(f"{variable}_FILE")
    return bool(os.environ.get(variable) or in_file)


def _secret(name: str, place: str | Path) -> str:
    """What a secret's file holds, without the end of its last line."""
    variable = f"WALLET_{name.upper()}_FILE"
    try:
        found = Path(place).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"{variable}: {place} cannot be read: {why}") from None
    if not found:
        raise ValueError(f"{variable}: {place} is empty")
    return found
