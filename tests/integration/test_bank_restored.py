"""A database that was restored from a backup under a bank caller's feet: nobody is called."""

import asyncio
from collections.abc import Callable

import pytest

from consumers.withdrawals.caller import Caller
from consumers.withdrawals.fitting import BehindError
from schemas.settings import Settings
from tests.callers import Paper, calling, scripted_bank, until
from tests.workers import execute

pytestmark = pytest.mark.integration

PARTITION = 1


@pytest.fixture
def paper(new_ledger: Callable[..., Settings]) -> Paper:
    """A ledger whose database knows ten commands of a partition."""
    paper = Paper(new_ledger(bank_timeout=60.0))
    _come_to(paper, 10)
    return paper


def _come_to(paper: Paper, next_offset: int) -> None:
    execute(
        paper.settings,
        "INSERT INTO partitions (topic, partition, next_offset) VALUES (%s, %s, %s)"
        " ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset",
        paper.settings.topics.commands.name,
        PARTITION,
        next_offset,
    )


async def test_a_database_that_knows_all_is_believed(paper: Paper) -> None:
    """The newest command that the topic tells of is its newest; what others did counts not."""
    paper.tell(paper.executing(partition=PARTITION), "paid", partition=PARTITION, command=9)
    old = paper.executing(partition=PARTITION)
    async with scripted_bank(paper.settings) as (bank, settings), calling(settings):
        new = paper.executing(partition=PARTITION)
        _come_to(paper, 11)
        paper.tell(new, partition=PARTITION, command=10)
        await until(lambda: {f"settle:{each}" for each in (old, new)} <= set(paper.ids()), "paid")
        assert set(bank.calls.values()) == {1}


async def test_a_withdrawal_scheduled_on_another_partition_is_paid(paper: Paper) -> None:
    """Its row is on that partition, its execution on its home, which is much further on."""
    _come_to(paper, 101)
    stray = paper.executing(partition=PARTITION + 1)
    async with scripted_bank(paper.settings) as (bank, settings), calling(settings):
        paper.tell(stray, partition=PARTITION, command=100)
        await until(lambda: paper.ids() == [f"settle:{stray}"], "paid")
        assert bank.calls == {stray: 1}


async def test_what_no_worker_wrote_is_no_word_of_the_ledger(paper: Paper) -> None:
    """Neither what stands there when it begins nor what comes then; it looks behind them."""
    old = paper.executing(partition=PARTITION)
    paper.tell(old, partition=PARTITION, command=8)
    paper.foreign(b"nonsense", PARTITION, src=b"1:5000")
    async with scripted_bank(paper.settings) as (_, settings), calling(settings):
        paper.foreign(b"{}", PARTITION, src=b"1:" + b"9" * 5000, ce_type=b"withdrawal.paid.v1")
        new = paper.executing(partition=PARTITION)
        paper.tell(new, partition=PARTITION, command=9)
        await until(lambda: {f"settle:{each}" for each in (old, new)} <= set(paper.ids()), "paid")
    _come_to(paper, 9)
    paper.foreign(b"nonsense", PARTITION, src=b"1:5000")
    paper.executing(partition=PARTITION)
    async with scripted_bank(paper.settings) as (_, settings):
        with pytest.raises(BehindError, match=r"command 9 on partition 1, .* before 9: no bank"):
            await asyncio.wait_for(Caller(settings).run(asyncio.Event()), 60)


async def test_what_is_paid_and_to_whom_is_the_rows_word(paper: Paper) -> None:
    """A record with the ledger's own reference, but another target, as a forger would write it."""
    withdrawal_id = paper.executing("paid", partition=PARTITION)
    async with scripted_bank(paper.settings) as (bank, settings), calling(settings):
        paper.tell(withdrawal_id, target="refused", partition=PARTITION, command=9)
        await until(lambda: paper.ids() == [f"settle:{withdrawal_id}"], "paid")
        assert bank.paid == {withdrawal_id: 1}


async def test_one_that_lacks_what_the_topic_tells_is_not(paper: Paper) -> None:
    """It was restored before the bank caller was started again."""
    withdrawal_id = paper.executing(partition=PARTITION)
    paper.tell(withdrawal_id, "failed", partition=PARTITION, command=10)
    async with scripted_bank(paper.settings) as (bank, settings):
        with pytest.raises(BehindError, match=r"command 10 on partition 1, .* before 10: no bank"):
            await asyncio.wait_for(Caller(settings).run(asyncio.Event()), 60)
        assert not bank.calls
    assert paper.ids() == []


async def test_nor_one_that_was_restored_meanwhile(paper: Paper) -> None:
    """The bank caller has heard of the command, and finds a database that has not."""
    async with scripted_bank(paper.settings) as (bank, settings):
        running = asyncio.create_task(Caller(settings).run(asyncio.Event()))
        before = paper.executing(partition=PARTITION)
        _come_to(paper, 21)
        paper.tell(before, partition=PARTITION, command=20)
        await until(lambda: paper.ids() == [f"settle:{before}"], "the first paid")
        _come_to(paper, 20)  # as it was an hour ago, when another was executing
        gone = paper.executing(partition=PARTITION)
        paper.tell(gone, partition=PARTITION)
        with pytest.raises(BehindError, match="replay --catch-up"):
            await asyncio.wait_for(running, 60)
        assert set(bank.calls) == {before}
    assert paper.call(gone) is None
