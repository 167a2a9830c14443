"""The same for the SQL that the simulation only has in Python: each guard, taken out of a database.

The check passes on a sound database and fails on the mutated one: so it would see the loss.
"""

import uuid
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

import pytest

from schemas.settings import Settings
from streams.asked import Asked
from streams.journal import FencedError, Held, Journal, RetriesExhaustedError
from streams.rows import Place
from tests.ledgers import Ledger
from tests.paper import PaperRecord
from tests.workers import execute, rows

pytestmark = pytest.mark.integration

NOW_MS = 1_795_082_400_000


class Batches:
    """A journal of a ledger's only partition; `next` is the offset after the last batch."""

    def __init__(self, settings: Settings) -> None:
        self.ledger = Ledger(settings)
        self.place = Place(settings.topics.commands.name, 0, 1)
        self.wallet = str(uuid.UUID(int=7))
        self.next = 0
        execute(settings, "INSERT INTO partitions (topic, partition) VALUES (%s, 0)", self.place[0])
        self.write(self.ledger.command("wallet.create", self.wallet).value)

    def deposit(self, name: str = "") -> bytes | None:
        """The bytes of a command."""
        return self.ledger.command("deposit", self.wallet, name, amount="1.00").value

    def write(self, value: bytes | None, epoch: int = 0, away: int = 0) -> int:
        """Commit a batch of one record, so far away from its place; how many results it has."""
        offset = self.next + away
        record = PaperRecord(offset, NOW_MS + offset, None, value)
        with closing(Journal(self.ledger.settings, self.place)) as journal:
            written = journal.write(Held(epoch, offset, offset + 1), Asked.of([record]))
        assert written is not None
        self.next = offset + 1
        return len(written.decided.results)


def shut_out_by_epoch(batches: Batches) -> None:
    """Nobody writes under another epoch."""
    with pytest.raises(FencedError):
        batches.write(batches.deposit(), epoch=1)


def shut_out_by_offset(batches: Batches) -> None:
    """Nobody writes the same offsets twice, or passes some over."""
    with pytest.raises(FencedError):
        batches.write(batches.deposit(), away=-1)
    with pytest.raises(FencedError):
        batches.write(batches.deposit(), away=4)


def seen_again(batches: Batches) -> None:
    """A known id is not decided a second time."""
    name = f"twin {batches.next}"
    assert batches.write(batches.deposit(name)) == 1
    assert batches.write(batches.deposit(name)) == 0


class Guard(NamedTuple):
    """A guard within open_batch, and what is in its place without it."""

    text: str
    instead: str
    check: Callable[[Batches], None]


GUARDS = {
    "epoch": Guard("AND epoch = my_epoch AND", "AND", shut_out_by_epoch),
    "offset": Guard("AND next_offset = first_offset", "", shut_out_by_offset),
    "dedupe": Guard("c.command_key = ANY(command_keys)", "false", seen_again),
}


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_in_sql_is_missed(new_ledger: Callable[..., Settings], name: str) -> None:
    """With it the check passes; without it, on the same ledger, it fails."""
    guard, settings = GUARDS[name], new_ledger(partitions=1)
    batches = Batches(settings)
    guard.check(batches)
    with rows(settings, "SELECT pg_get_functiondef('open_batch'::regproc)") as found:
        (defined,) = found[0]
    assert guard.text in defined
    execute(settings, defined.replace(guard.text, guard.instead))
    with pytest.raises((pytest.fail.Exception, RetriesExhaustedError)):
        guard.check(batches)
