"""The real workers' ledger, fed with everything there is, is clean; `wallet verify` says so."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from consumers.audit.payments import Payment
from schemas.accounts import WORLD, WORLD_EXCHANGE
from schemas.money import show
from schemas.settings import Settings
from schemas.statuses import WITHDRAWAL_STATUSES
from tests.audit.banks import line, telling
from tests.audit.mixture import Mixture, Sent
from tests.audit.writer import publish
from tests.ledgers import Ledger, Said
from tests.rawbatches import RawName, batch_of, produce
from tests.workers import Workers, environment, execute, rows

pytestmark = pytest.mark.integration

COUNT = 1500


def _send(settings: Settings, sent: list[Sent]) -> None:
    name = settings.topics.commands.name
    publish(settings, name, ((each.partition, each) for each in sent))


def _verify(settings: Settings, *options: str) -> tuple[int, str]:
    """Exit code and output of `wallet verify`."""
    found = subprocess.run(
        [sys.executable, "-m", "wallet.cli", "verify", "--timeout", "60", *options],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return found.returncode, found.stdout + found.stderr


def _withdrawals(settings: Settings) -> list[tuple[str, str]]:
    query = "SELECT wallet_id::text, withdrawal_id::text FROM withdrawals ORDER BY withdrawal_id"
    with rows(settings, query) as found:
        return [(row[0], row[1]) for row in found]


def _paid(settings: Settings) -> list[bytes]:
    """The ledger of a bank that has paid what the ledger says is paid, line by line."""
    query = (
        "SELECT withdrawal_id::text, wallet_id::text, amount_minor, currency, target, due_at"
        " FROM withdrawals WHERE status = 3 ORDER BY withdrawal_id"
    )
    with rows(settings, query) as found:
        return [
            line(Payment(number, name, wallet, show(int(amount), currency), currency, target, at))
            for number, (name, wallet, amount, currency, target, at) in enumerate(found, 1)
        ]


def _payments(settings: Settings, wallets: list[str]) -> list[tuple[str, str]]:
    query = (
        "SELECT account_id::text, transaction_id::text FROM entries"
        " WHERE amount_minor < 0 AND account_id = ANY(%s::uuid[]) ORDER BY transaction_id"
    )
    with rows(settings, query, wallets) as found:
        return [(row[0], row[1]) for row in found]


def _credit_requests(settings: Settings) -> list[tuple[str, str]]:
    query = "SELECT wallet_id::text, credit_request_id::text FROM credit_requests ORDER BY number"
    with rows(settings, query) as found:
        return [(row[0], row[1]) for row in found]


def _send_headers_that_are_no_text(settings: Settings) -> None:
    """Kafka bears them, and so must the auditor: its client is not made for them."""
    ledger = Ledger(settings, seed=3)
    wallet, name = ledger.wallet_on(0), RawName.of(b"\xff\xfename")
    commands = [ledger.command("wallet.create", wallet, currency="IRR")]
    commands += [ledger.command("deposit", wallet, amount="1.00") for _ in range(3)]
    commands[2] = commands[2]._replace(headers=[("fine", b"1"), (name, b"2")])
    produce(settings, 0, batch_of([*commands, Said(b"k", b"{", [(name, b"3")])]))


@pytest.mark.long
def test_a_mixture_through_two_workers(new_ledger: Callable[..., Settings], tmp_path: Path) -> None:
    """Oracle and workers agree on every byte; a changed balance is then told with exit code 1."""
    settings = new_ledger()
    mixture = Mixture(11, settings.partitions)
    with Workers(settings, tmp_path) as workers:
        for slot in ("1", "2"):
            workers.start(slot)
        _send(settings, mixture.opening() + mixture.schedules() + mixture.abroad())
        _send(settings, mixture.exchanges() + mixture.records(COUNT))
        code, told = _verify(settings)
        assert (code, "clean" in told) == (0, True), told
        mixture.payments = _payments(settings, mixture.wallets)
        mixture.credit_requests = _credit_requests(settings)
        mixture.withdrawals = _withdrawals(settings)
        _send(settings, mixture.lives() + mixture.exchanges() + mixture.records(COUNT))
        _send_headers_that_are_no_text(settings)
        code, told = _verify(settings, "--bank-ledger", "none", "--json")
        assert (code, _violated(told)) == (0, set()), told
        with telling(_paid(settings)) as url:
            code, told = _verify(settings, "--bank-ledger", url, "--json")
        assert (code, _violated(told)) == (0, set()), told
        assert all(not worker.deaths for worker in workers.all.values())
    body = json.loads(told)
    assert body["commands"] > 2 * COUNT
    assert min(found["checked"] for found in body["invariants"].values()) > 0
    _has_everything(settings)
    _damage(settings)


def _has_everything(settings: Settings) -> None:
    """What the workers have done is not just the easy half of the mixture."""
    exchanged = "SELECT count(*) FROM entries WHERE account_id = %s::uuid"
    with rows(settings, exchanged, WORLD[WORLD_EXCHANGE]) as found:
        assert found[0][0] > 0
    with rows(settings, "SELECT count(*) FROM refunds") as found:
        assert found[0][0] > 0
    with rows(settings, "SELECT DISTINCT status FROM credit_requests ORDER BY 1") as found:
        assert found == [(0,), (1,), (2,)]
    with rows(settings, "SELECT count(DISTINCT status) FROM withdrawals") as found:
        assert found[0][0] == len(WITHDRAWAL_STATUSES)


def _damage(settings: Settings) -> None:
    """What the bank does not know, what cannot be asked, and a changed balance."""
    with telling(_paid(settings)[:-1]) as url:
        code, told = _verify(settings, "--bank-ledger", url, "--json")
    assert (code, _violated(told)) == (1, {"I8"})
    code, told = _verify(settings, "--bank-ledger", url)
    assert (code, "the audit could not be made" in told) == (3, True)
    execute(settings, "UPDATE wallets SET balance_minor = balance_minor + 1")
    code, told = _verify(settings, "--json")
    assert (code, _violated(told)) == (1, {"I5", "I10"})


def _violated(told: str) -> set[str]:
    invariants = json.loads(told)["invariants"]
    return {name for name, found in invariants.items() if found["violations"]}
