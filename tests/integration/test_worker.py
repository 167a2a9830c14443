"""Commands from end to end: through Kafka, the worker and PostgreSQL to results and events."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message

from schemas.settings import Settings
from tests.ledgers import Ledger, Said, at_work
from tests.workers import Workers, execute, rows

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def ledger(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """A ledger with one worker; in the end it must be clean."""
    with at_work(new_ledger(), tmp_path_factory.mktemp("worker"), seed=1) as made:
        yield made


def events_of(ledger: Ledger, wallet: str) -> list[dict[str, Any]]:
    """The events of a wallet with the partition they stand on, in the order of the log."""
    found: list[Message] = [e for e in ledger.events() if e.key() == wallet.encode()]
    return [{**json.loads(e.value() or b""), "on": e.partition()} for e in found]


def test_every_type_of_command(ledger: Ledger) -> None:
    """Each is answered, and told in events of the wallets it touched, in their own order."""
    one, other = ledger.wallet_on(0), ledger.wallet_on(1)
    sale = ledger.command("charge_sale", one, phone_number="09120000000", amount="30.00")
    moved = ledger.command("transfer", one, to_wallet_id=other, amount="20.00", reference="17")
    opened = ledger.ask(
        ledger.command("wallet.create", one, owner={"name": "A"}),
        ledger.command("wallet.create", other),
        ledger.command("deposit", one, amount="100.00", metadata={"cart": "9"}),
    )
    paid = ledger.ask(sale, moved)
    results = ledger.ask(
        ledger.command("refund", one, transaction_id=paid[0]["transaction_id"], amount="10.00"),
        ledger.command("refund", one, transaction_id=paid[1]["transaction_id"]),
        ledger.command("wallet.set_status", one, status="suspended"),
        ledger.command("deposit", one, amount="1.00"),
    )
    balances = [result.get("balance") for result in opened + paid + results]
    assert balances == ["0.00", "0.00", "100.00", "70.00", "50.00", "60.00", "80.00", "80.00", None]
    assert results[-1]["error"]["code"] == "wallet_not_active"
    ledger.verify()  # the events are all there
    kinds = ["wallet.create", "deposit", "charge_sale", "transfer", "refund", "refund"]
    mine = events_of(ledger, one)
    assert [e["transaction"]["kind"] for e in mine] == [*kinds, "wallet.set_status"]
    assert [e["sequence"] for e in mine] == list(range(1, 8))
    assert [e["sequence"] for e in events_of(ledger, other)] == [1, 2, 3]
    assert {e["on"] for e in events_of(ledger, other)} == {1}


def test_plain_json_without_headers_and_key(ledger: Ledger) -> None:
    """What kcat or a shell script can send has its result."""
    wallet = ledger.new_id()
    text = (
        '{"specversion": "1.0", "id": "shell-1", "source": "/shell", "type": "wallet.create.v1",'
        f' "data": {{"wallet_id": "{wallet}"}}}}\n'
    )
    (result,) = ledger.ask(Said(None, text.encode(), []))
    assert result["status"] == "completed"
    assert result["command"]["id"] == "shell-1"


def test_the_wrong_partition_is_counted_and_does_no_harm(ledger: Ledger) -> None:
    """Commands of a foreign partitioner are right all the same, their events where they belong."""
    home, strange = 2, 3
    wallet, before = ledger.wallet_on(home), _strays(ledger, strange)
    said = [ledger.command("wallet.create", wallet)]
    said += [ledger.command("deposit", wallet, amount="2.00") for _ in range(9)]
    results = ledger.ask(*(one._replace(partition=strange) for one in said))
    assert results[-1]["balance"] == "18.00"
    assert results[-1]["command"]["partition"] == strange
    ledger.verify()
    found = events_of(ledger, wallet)
    assert [event["sequence"] for event in found] == list(range(1, 11))
    assert {event["on"] for event in found} == {home}
    assert _strays(ledger, strange) - before == 10


def _strays(ledger: Ledger, partition: int) -> int:
    query = "SELECT mispartitioned FROM partitions WHERE partition = %s"
    with rows(ledger.settings, query, partition) as found:
        return int(found[0][0])


def test_both_partitions_of_a_wallet_at_once(ledger: Ledger) -> None:
    """The same wallet written through all partitions side by side stays one wallet."""
    wallet = ledger.wallet_on(0)
    ledger.ask(ledger.command("wallet.create", wallet))
    said = [
        ledger.command("deposit", wallet, amount="1.00")._replace(partition=n % 4)
        for n in range(400)
    ]
    results = ledger.ask(*said)
    assert sorted(result["sequence"] for result in results) == list(range(2, 402))


def test_headers_travel_on(ledger: Ledger) -> None:
    """Correlation and trace go from the command to its result and events; the cause is named."""
    wallet = ledger.new_id()
    body = json.dumps({"wallet_id": wallet}).encode()
    given = {"id": "traced", "source": "/t", "type": "wallet.create.v1", "correlationid": "c7"}
    headers = [(f"ce_{name}", text) for name, text in {"specversion": "1.0", **given}.items()]
    ledger.ask(Said(wallet.encode(), body, list(headers)))
    (event,) = [e for e in ledger.events() if e.key() == wallet.encode()]
    told = dict(event.headers() or [])
    assert told["ce_correlationid"] == b"c7"
    assert told["ce_causationid"] == b"traced"
    assert told["ce_type"] == b"wallet.created.v1"


def test_an_error_in_a_lane_ends_the_worker(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """Nobody may go on after an error: exit 70 with the reason, and the next life does it all."""
    ledger = Ledger(new_ledger(), seed=2)
    with Workers(ledger.settings, tmp_path) as workers:
        (worker,) = workers.start_and_hold()
        execute(ledger.settings, "ALTER TABLE profiles RENAME TO elsewhere")
        ledger.send(ledger.command("wallet.create", ledger.new_id()))
        assert worker.await_death() == 70
        assert "UndefinedTable" in worker.said
        execute(ledger.settings, "ALTER TABLE elsewhere RENAME TO profiles")
        ledger.verify(60)


def test_commands_in_transactions_are_refused_loudly(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """Their markers are holes in the log: the agent's error ends the worker and says the way on."""
    ledger = Ledger(new_ledger(), seed=3)
    wallet = ledger.wallet_on(0)
    producer = ledger.producer(transactional_id=f"upstream-{wallet}")
    with Workers(ledger.settings, tmp_path) as workers:
        (worker,) = workers.start_and_hold()
        producer.init_transactions(20)
        producer.begin_transaction()
        ledger.send(ledger.command("wallet.create", wallet), producer=producer)
        producer.commit_transaction(20)
        ledger.send(ledger.command("deposit", wallet, amount="1.00"))
        assert worker.await_death() == 70
        assert "Were commands produced in transactions?" in worker.said
        way_on = "UPDATE partitions SET next_offset = next_offset + 1 WHERE partition = 0"
        execute(ledger.settings, way_on)
        ledger.await_results([(0, 2)])
