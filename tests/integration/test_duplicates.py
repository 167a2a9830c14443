"""The same command again is nothing new; its id with other content is refused, once."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.ledgers import Ledger, Said
from tests.workers import Workers

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def ledger(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """A ledger with two workers; in the end it must be clean."""
    made = Ledger(new_ledger(), seed=11)
    with Workers(made.settings, tmp_path_factory.mktemp("duplicates")) as workers:
        workers.start_and_hold("1", "2")
        yield made
        made.verify()


def answers(ledger: Ledger, *ids: str) -> list[str]:
    """Codes or statuses of all results of commands with these ids."""
    return [
        result["error"]["code"] if "error" in result else result["status"]
        for result in ledger.results()
        if result["command"]["id"] in ids
    ]


def other_amount(said: Said) -> Said:
    """The same id, other content."""
    assert said.value is not None
    return said._replace(value=said.value.replace(b'"5.00"', b'"6.00"'))


@pytest.mark.parametrize("at_once", [True, False], ids=["same batch", "later batches"])
def test_repeated_and_reused(ledger: Ledger, *, at_once: bool) -> None:
    """One answer to the first content, one refusal to each other content, nothing else."""
    wallet = ledger.new_id()
    ledger.ask(ledger.command("wallet.create", wallet))
    first = ledger.command("deposit", wallet, "reused" + wallet, amount="5.00")
    row = [first, first, other_amount(first), first, other_amount(first)]
    if at_once:
        ledger.send(*row)
    else:
        for said in row:
            ledger.send(said)
            ledger.verify()
    balance = ledger.ask(ledger.command("deposit", wallet, amount="1.00"))[0]["balance"]
    assert balance == "6.00"
    assert answers(ledger, "reused" + wallet) == ["completed", "idempotency_key_reused"]


def test_refused_commands_are_deduplicated_too(ledger: Ledger) -> None:
    """Also what could not be read as a command has one answer only."""
    wallet = ledger.new_id()
    wrong = ledger.command("deposit", wallet, "wrong" + wallet, ammount="5.00")
    ledger.send(wrong, wrong, other_amount(wrong))
    ledger.send(wrong)
    ledger.verify()
    assert answers(ledger, "wrong" + wallet) == ["unknown_field", "idempotency_key_reused"]


def test_one_command_on_all_partitions_at_once(ledger: Ledger) -> None:
    """Whichever partition is first, there is one result (I1), and money moves once."""
    wallets = [ledger.new_id() for _ in range(10)]
    creates = [ledger.command("wallet.create", wallet) for wallet in wallets]
    ledger.send(*(said._replace(partition=n) for said in creates for n in range(4)))
    deposits = [ledger.command("deposit", w, amount="5.00") for w in wallets for _ in range(20)]
    for partition in range(4):
        ledger.send(*(said._replace(partition=partition) for said in deposits))
    sales = [ledger.command("nonsense", wallet) for wallet in wallets]
    ledger.send(*(said._replace(partition=n) for said in sales for n in range(4)))
    ledger.verify()
    count = Counter(r["command"]["id"] for r in ledger.results() if r["wallet_id"] in wallets)
    assert set(count.values()) == {1}
    assert len(count) == len(creates) + len(deposits) + len(sales)
    last = ledger.ask(*(ledger.command("deposit", wallet, amount="1.00") for wallet in wallets))
    assert {result["balance"] for result in last} == {"101.00"}


def test_repeated_after_a_restart(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """The database remembers, not the process."""
    ledger = Ledger(new_ledger(), seed=12)
    said = ledger.command("wallet.create", ledger.new_id())
    for _ in range(2):
        with Workers(ledger.settings, tmp_path) as workers:
            workers.start_and_hold()
            ledger.send(said)
            ledger.verify()
    assert len(ledger.results()) == 1
