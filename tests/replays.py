"""What tests of replays share: a ledger of all kinds of commands, copies of it, comparisons."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg2

from consumers.audit.snapshot import Snapshot
from producers import databases
from schemas.settings import Settings
from tests.ledgers import Ledger, Said, opening, storm
from wallet.replay.comparing import Compared, compare
from wallet.replay.failure import Difference


def mixture(ledger: Ledger, wallets: Sequence[str], count: int) -> list[Said]:
    """A storm with refunds of what was really paid, repetitions elsewhere, and what is unreadable.

    The wallets are there. Some commands stand on a partition that is not their wallet's.
    """
    made: list[Said] = []
    for turn, said in enumerate(storm(ledger, wallets, count)):
        made.append(said)
        if turn % 40 == 7:
            made.append(said._replace(partition=turn % ledger.settings.partitions))
        if turn % 60 == 11:
            made.append(Said(b"none", b"{no json", [("ce_nothing", b"\xff")]))
        if turn % 50 == 13:
            again = ledger.command("deposit", wallets[turn % len(wallets)], "same", amount="1.00")
            made.append(again)
    return made


def refunds(ledger: Ledger, results: Sequence[dict[str, object]]) -> list[Said]:
    """Refunds, whole ones twice, of transfers that were done."""
    paid = [
        result
        for result in results
        if result["status"] == "completed" and str(result["command"]).find("'transfer.v1'") > 0
    ][:20]
    return [
        ledger.command("refund", str(each["wallet_id"]), transaction_id=str(each["transaction_id"]))
        for each in (*paid, *paid[:5])
    ]


def steps(
    ledger: Ledger, results: Sequence[dict[str, Any]], status: str, *kinds: str
) -> list[Said]:
    """The withdrawals that have come to a status, each taken a step further, by turns of a kind.

    As the delayed consumer, the bank caller or a person would ask for it.
    """
    found = [each for each in results if each.get("withdrawal", {}).get("status") == status]
    made = []
    for turn, each in enumerate(found):
        kind = kinds[turn % len(kinds)]
        if kind:
            reason = {"reason": "by a test"} if kind in ("fail", "review") else {}
            terms = {"withdrawal_id": each["withdrawal"]["id"], **reason}
            made.append(ledger.command(f"withdrawal.{kind}", each["wallet_id"], **terms))
    return made


def wallets_of(ledger: Ledger, count: int) -> list[str]:
    """Wallets on all partitions, and the commands that open them sent."""
    wallets = [ledger.wallet_on(n % ledger.settings.partitions) for n in range(count)]
    ledger.send(*opening(ledger, wallets))
    return wallets


def copied(settings: Settings, name: str) -> Settings:
    """A ledger on the same topics whose database is a copy: a backup, restored."""
    first = databases.name_of(settings.database_url)
    with administering(settings) as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{first}"')
    address = databases.beside(settings.database_url, name)
    return settings.model_copy(update={"database_url": address})


@contextmanager
def administering(settings: Settings) -> Iterator[psycopg2.extensions.cursor]:
    """A session at the server's own database: nobody else may be at a database that is copied."""
    address = databases.beside(settings.database_url, "postgres")
    with closing(psycopg2.connect(address)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def compared(first: Settings, second: Settings) -> tuple[dict[str, Compared], list[Difference]]:
    """Two databases of ledgers on the same topics, held against each other."""
    with (
        closing(Snapshot(first.database_url)) as one,
        closing(Snapshot(second.database_url)) as other,
    ):
        return compare(one, other, first.topics.commands.name)
