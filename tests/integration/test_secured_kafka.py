"""A broker as a managed one is: TLS, passwords or certificates, each process's own rights."""

import json
import re
import signal
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from consumers.records import Records
from producers.client import Client
from producers.failure import ClientError
from schemas.identifiers import partition_of
from schemas.kafka_rights import Right, rights
from schemas.settings import Settings
from tests.brokers import SecuredBroker, secured_broker
from tests.gateways import GatewayProcess
from tests.shell import Shell
from tests.workers import Worker, Workers, wait_until
from wallet import topics

PROCESSES = ("worker", "client", "delayed", "bank-caller", "receipts", "balances", "gateway")
USERS = {name: f"of-{name}" for name in (*PROCESSES, "setup", "operator")}
KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
    "cluster": ResourceType.BROKER,
}

CONSUMERS = ("delayed", "bank-caller", "receipts", "balances")
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "password": ({"kafka_sasl_password": "another"}, "WALLET_KAFKA_SASL_PASSWORD"),
    "certificate": ({"kafka_ssl_ca_location": None}, "WALLET_KAFKA_SSL_CA_LOCATION"),
}

NO_BANK = "http://127.0.0.1:9/"
"""Nobody listens to the port of discard."""

pytestmark = pytest.mark.long  # a broker more, and six processes

As = Callable[[str], Settings]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """The broker of this file."""
    with secured_broker(tmp_path_factory.mktemp("secured"), USERS) as found:
        yield found


@pytest.fixture(scope="module")
def as_user(broker: SecuredBroker, fresh_ledger: Settings) -> As:
    """Settings of a ledger on that broker as one of its users has them; topics made by `setup`."""

    def settings(name: str) -> Settings:
        changes = {
            "kafka_bootstrap": broker.secured,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_sasl_username": name,
            "kafka_sasl_password": USERS[name],
            "kafka_ssl_ca_location": str(broker.certificate),
            "bank_url": NO_BANK,
        }
        return fresh_ledger.model_copy(update=changes)

    admin = AdminClient({"bootstrap.servers": broker.inside, "log_level": 0})
    wait_until(lambda: topics.answers(admin), 60, "broker")
    _allow(admin, list(rights(fresh_ledger)))
    topics.apply(settings("setup"), 30)
    return settings


@pytest.fixture
def consumers(as_user: As, tmp_path: Path) -> Iterator[list[Worker]]:
    """Each kind of consumer, as the user that stands for it, following its topic."""
    made = [_Consumer.of(name, as_user(name), tmp_path) for name in CONSUMERS]
    try:
        for each in made:
            each.start()
        for each in made:
            each.await_said("partitions gained")
        yield made
    finally:
        for each in made:
            each.stop()


def test_a_withdrawal_goes_its_whole_way(
    as_user: As, consumers: list[Worker], tmp_path: Path
) -> None:
    """Every process has what it needs in the rights of its user: commands, events, steps, balances.

    There is no bank: the caller's calls of it are counted, and its metrics tell.
    """
    wallet = str(uuid.uuid4())
    watched = as_user("worker").model_copy(update={"metrics_port": 0})
    with Workers(watched, tmp_path) as workers:
        (worker,) = workers.start_and_hold()
        assert _refusals_of_aiokafka(worker) == []
        metrics, calls = _metrics_of(worker), _metrics_of(consumers[CONSUMERS.index("bank-caller")])
        before = _next_offsets(metrics())
        with Client(as_user("client")) as client:
            made = client.submit("wallet.create.v1", {"wallet_id": wallet})
            paid = client.submit("deposit.v1", {"wallet_id": wallet, "amount": "12.50"})
            terms = {"amount": "2.50", "delay": "PT1S", "target": "DE89370400440532013000"}
            due = client.submit("withdrawal.schedule.v1", {"wallet_id": wallet, **terms})
        assert (made.status, paid.balance, due.status) == ("completed", "12.50", "completed")
        not_done = 'wallet_bank_calls_total{outcome="not_done"}'
        wait_until(lambda: calls()[not_done] > 0, 60, "call of the bank", *consumers)
        newest = partial(_newest, as_user("operator"), wallet)
        wait_until(lambda: newest() == "10.00", 60, "balance told", *consumers)
        told = metrics()
    # The wallet, the deposit, the withdrawal's schedule and its execution.
    assert told['wallet_commands_total{outcome="completed"}'] == 4
    assert told["wallet_batch_seconds_count"] >= told["wallet_batch_commands_count"] > 0
    assert _next_offsets(told) - before == 4


def test_the_next_worker_reads_what_the_last_one_said(as_user: As, tmp_path: Path) -> None:
    """In every topic that it writes to: its claim looks where each of them ends."""
    client, wallet = as_user("client"), str(uuid.uuid4())
    partition = partition_of(wallet, client.partitions)
    with Workers(as_user("worker"), tmp_path) as workers:
        workers.start_and_hold()
        with Client(client) as asking:
            asking.submit("wallet.create.v1", {"wallet_id": wallet})
            terms = {"amount": "2.50", "delay": "PT90H", "target": "DE89370400440532013000"}
            asking.submit("withdrawal.schedule.v1", {"wallet_id": wallet, **terms})
            _produce(client, b"no command", partition)
            first = asking.submit("deposit.v1", {"wallet_id": wallet, "amount": "1.00"})
        workers.stop("1")
        (second,) = workers.start_and_hold()
        with Client(client) as asking:
            done = asking.submit("deposit.v1", {"wallet_id": wallet, "amount": "2.00"})
        assert (first.balance, done.balance) == ("1.00", "3.00")
        assert second.deaths == []


def test_consumers_that_were_killed_go_on(
    as_user: As, consumers: list[Worker], tmp_path: Path
) -> None:
    """From where their groups are, and by what they have said themselves."""
    wallet = str(uuid.uuid4())
    newest = partial(_newest, as_user("operator"), wallet)
    with Workers(as_user("worker"), tmp_path) as workers, Client(as_user("client")) as client:
        workers.start_and_hold()
        client.submit("wallet.create.v1", {"wallet_id": wallet})
        for amount, balance in (("1.00", "1.00"), ("2.00", "3.00")):
            client.submit("deposit.v1", {"wallet_id": wallet, "amount": amount})
            wait_until(lambda told=balance: newest() == told, 60, "balance told", *consumers)
            said = [len(each.said) for each in consumers]
            for each in consumers:
                each.send_signal(signal.SIGKILL)
            for each, before in zip(consumers, said, strict=True):
                each.await_said("partitions gained", since=before)
    assert [each.deaths for each in consumers] == [[-signal.SIGKILL] * 2] * len(consumers)


def test_the_gateway_and_operators_have_what_they_need(as_user: As, tmp_path: Path) -> None:
    """Commands by HTTP, the console with a record of the log; what is typed, an audit too."""
    with (
        Workers(as_user("worker"), tmp_path) as workers,
        GatewayProcess(as_user("gateway"), tmp_path / "gateway.log") as gateway,
    ):
        workers.start_and_hold()
        wallet = gateway.new_wallet("5.00")
        key = str(uuid.uuid4())
        said = {"wallet_id": wallet, "amount": "1.00", "reference": "seen in the log"}
        paid = gateway("POST", "/v1/deposits", said, {"Idempotency-Key": key})
        assert paid.status == 201
        page = gateway("GET", f"/console/commands?id={paid.json['transaction_id']}").body.decode()
        assert page.count("seen in the log") >= 2  # the record, and what it changed
        assert gateway("GET", "/console").status == 200
        assert "Traceback" not in gateway.said
    typed = Shell(as_user("operator"))
    assert typed("verify").code == 0
    assert f"{wallet} #3" in typed("explain", key, "--source", "/http/v1").said
    tail = typed("events", "tail", "--wallet", wallet).said
    assert len(tail.splitlines()) == 3
    assert typed("dlq", "list").code == 0
    assert "uthoriz" not in typed("doctor").said


@pytest.fixture
def as_shown(broker: SecuredBroker, as_user: As) -> As:
    """The same users, known by their certificates."""

    def settings(name: str) -> Settings:
        certificate, key = broker.shown_by(name)
        changes = {
            "kafka_bootstrap": broker.mutual,
            "kafka_security_protocol": "SSL",
            **dict.fromkeys(("kafka_sasl_mechanism", "kafka_sasl_username"), None),
            "kafka_sasl_password": None,
            "kafka_ssl_certificate_location": str(certificate),
            "kafka_ssl_key_location": str(key),
        }
        return as_user(name).model_copy(update=changes)

    return settings


def test_a_certificate_says_who_it_is(as_shown: As, tmp_path: Path) -> None:
    """To librdkafka's clients and to aiokafka's: a worker and a client without any password."""
    wallet = str(uuid.uuid4())
    with Workers(as_shown("worker"), tmp_path) as workers:
        (worker,) = workers.start_and_hold()
        assert _refusals_of_aiokafka(worker) == []
        with Client(as_shown("client")) as client:
            client.submit("wallet.create.v1", {"wallet_id": wallet})
            paid = client.submit("deposit.v1", {"wallet_id": wallet, "amount": "12.50"})
    assert paid.balance == "12.50"


def test_who_shows_no_certificate_is_told_so(as_shown: As) -> None:
    """The broker has asked for one; that is not a broker that is down."""
    none = dict.fromkeys(("kafka_ssl_certificate_location", "kafka_ssl_key_location"), None)
    settings = as_shown("client").model_copy(update={"kafka_timeout": 3.0, **none})
    with pytest.raises(ClientError, match="WALLET_KAFKA_SSL_CERTIFICATE_LOCATION"):
        Client(settings)


@pytest.mark.parametrize("change", WRONG)
def test_what_is_wrong_is_told_by_its_setting(as_user: As, change: str) -> None:
    """Neither a wrong password nor an unknown certificate looks like a broker that is down."""
    wrong, name = WRONG[change]
    settings = as_user("client").model_copy(update={"kafka_timeout": 3.0, **wrong})
    with pytest.raises(ClientError, match=name):
        Client(settings)


def test_a_name_without_rights_is_told_so(as_user: As) -> None:
    """It is not told that the topic is missing."""
    with pytest.raises(ClientError, match="this user may not see the topic"):
        Client(as_user("receipts"))


class _Consumer(Worker):
    """A consumer's process, with its metrics on a port of the system's choice."""

    @classmethod
    def of(cls, name: str, settings: Settings, folder: Path) -> "Worker":
        """The process of that command."""
        kind = type("Consumer", (cls,), {"words": (name, "--slot")})
        watched = settings.model_copy(update={"metrics_port": 0, "data": folder / name})
        made: Worker = kind(watched, "1", folder / f"{name}.log")
        return made


def _produce(settings: Settings, value: bytes, partition: int) -> None:
    producer = Producer(settings.kafka_client())
    producer.produce(settings.topics.commands.name, value, partition=partition)
    assert producer.flush(20) == 0


def _metrics_of(process: Worker) -> Callable[[], dict[str, float]]:
    """Ask a process for its metrics where its log says they are."""
    (url,) = re.findall(r"metrics at (\S+)", process.await_said("metrics at"))

    def ask() -> dict[str, float]:
        with urlopen(url, timeout=10) as answer:  # noqa: S310 - an address of our own
            lines = answer.read().decode().splitlines()
        pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
        return defaultdict(float, {name: float(value) for name, _, value in pairs})

    return ask


def _refusals_of_aiokafka(worker: Worker) -> list[str]:
    """Why claims did not shut others out ahead, by aiokafka: it is let in as librdkafka is.

    A machine that is busy may take longer for it than a claim waits.
    """
    told = [line for line in worker.said.splitlines() if "not shut out ahead" in line]
    return [line for line in told if "why=TimeoutError()" not in line]


def _next_offsets(told: dict[str, float]) -> float:
    """The sum of them, of all partitions."""
    return sum(told[f'wallet_partition_next_offset{{partition="{n}"}}'] for n in range(4))


def _newest(settings: Settings, wallet: str) -> str | None:
    """The balance of a wallet that the compacted topic tells."""
    partition = partition_of(wallet, settings.partitions)
    topic = settings.topics.balances.name
    with Records(settings) as records:
        said = list(records.read(topic, partition, *records.bounds(topic, partition)))
    return str(json.loads(said[-1].value() or b"{}")["balance"]) if said else None


def _allow(admin: AdminClient, allowed: list[Right]) -> None:
    """Let each user do what its rights say."""
    bindings = [
        AclBinding(
            KINDS[right.kind],
            right.name,
            ResourcePatternType.PREFIXED if right.is_prefix else ResourcePatternType.LITERAL,
            f"User:{right.process}",
            "*",
            getattr(AclOperation, _snake(operation)),
            AclPermissionType.ALLOW,
        )
        for right in allowed
        for operation in right.operations
    ]
    for done in admin.create_acls(bindings, request_timeout=30).values():
        done.result(30)


def _snake(operation: str) -> str:
    """`DescribeConfigs` as DESCRIBE_CONFIGS."""
    return "".join(f"_{each}" if each.isupper() else each for each in operation)[1:].upper()
