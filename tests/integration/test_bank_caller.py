"""The bank caller on real Kafka and PostgreSQL: each outcome its command, each call once."""

import asyncio
from collections.abc import Callable

import psycopg2
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from consumers.bank.policy import State
from consumers.withdrawals import caller, desk, rows, telling
from consumers.withdrawals.caller import Caller
from consumers.withdrawals.calls import STATES
from consumers.withdrawals.telling import UntoldError
from producers.withdrawals import BANK
from schemas.refusals import Code
from schemas.settings import Settings
from tests.callers import WALLET, Paper, ScriptedBank, calling, scripted_bank, until

pytestmark = pytest.mark.integration

QUICK: dict[str, object] = {
    "bank_timeout": 1.0,
    "bank_backoff": 0.05,
    "bank_backoff_max": 0.2,
    "bank_breaker_failures": 1000,
}

PATIENT: dict[str, object] = {"bank_timeout": 60.0}
"""Where calls are counted: on a busy machine one of hundreds takes over a second, and its outcome
is unknown then, so that it is rightly made again."""


@pytest.fixture
def paper(new_ledger: Callable[..., Settings]) -> Paper:
    """A ledger that only this test knows."""
    return Paper(new_ledger(**QUICK))


def test_the_states_have_their_numbers() -> None:
    """They stand in a table: none of them ever moves."""
    assert STATES == ("sending", "unknown", "not_done", "paid", "refused", "review")


async def test_each_outcome_has_its_command(paper: Paper) -> None:
    """By the topic; the right command under the right id, and the right row."""
    wanted = {
        "paid": ("settle", State.PAID, 1, 0, None),
        "failed paid": ("settle", State.PAID, 2, 1, None),
        "failed failed failed": ("fail", State.REFUSED, 3, 3, "failed, 503"),
        "busy failed busy": ("fail", State.REFUSED, 3, 3, "HTTP 429"),
        "refused": ("fail", State.REFUSED, 1, 0, "account closed"),
        "forbidden": ("fail", State.REFUSED, 1, 0, "HTTP 403"),
        "broken paid": ("settle", State.PAID, 2, 0, None),
        "reset paid": ("settle", State.PAID, 2, 0, None),
        "truncated wrong conflict paid": ("settle", State.PAID, 4, 0, None),
        "broken failed paid": ("settle", State.PAID, 3, 1, None),
        "broken busy forbidden refused": ("fail", State.REFUSED, 4, 0, "account closed"),
        "hang paid": ("settle", State.PAID, 2, 0, None),
    }
    async with scripted_bank(paper.settings) as (bank, settings), calling(settings):
        ids = {target: paper.start(target) for target in wanted}
        await until(lambda: len(paper.ids()) == len(wanted), "all ended")
        assert max(bank.paid.values()) == 1
    by_id = {command.id: command for command in paper.commands()}
    for target, (verb, *known, words) in wanted.items():
        command = by_id[f"{verb}:{ids[target]}"]
        assert (command.source, command.type) == (BANK, f"withdrawal.{verb}.v1")
        assert command.data["wallet_id"] == WALLET
        call = paper.call(ids[target])
        assert call is not None
        assert [*call[:3]] == known, target
        if words is not None:
            assert words in command.data["reason"]
            assert command.data["reason"] == call.note


async def test_what_stands_in_the_database_is_found(paper: Paper) -> None:
    """Each state goes on as it must, without a record; only what is open is called."""
    known = {state: paper.executing() for state in State}
    new = paper.executing()
    for state, withdrawal_id in known.items():
        paper.known(withdrawal_id, state, 2, note="as noted", ago=70, open=70)
    elsewhere = paper.executing(partition=1)
    resting = paper.executing()
    paper.known(resting, State.UNKNOWN)
    paper.ends(resting, "needs_review")
    patient = paper.settings.model_copy(update=PATIENT)
    async with scripted_bank(patient) as (bank, settings), calling(settings):
        await until(lambda: len(paper.ids()) == len(known) + 2, "all ended")
        called = {known[state] for state in (State.SENDING, State.UNKNOWN, State.NOT_DONE)}
        assert set(bank.calls) == called | {new, elsewhere}
        assert set(bank.calls.values()) == {1}
    verbs = {State.REFUSED: "fail", State.REVIEW: "review"}
    ends = {f"{verbs.get(state, 'settle')}:{each}" for state, each in known.items()}
    assert set(paper.ids()) == ends | {f"settle:{new}", f"settle:{elsewhere}"}
    reasons = {command.data.get("reason") for command in paper.commands()}
    assert reasons == {None, "as noted"}


async def test_what_was_found_to_be_paid_too_late_is_told(paper: Paper) -> None:
    """It was left to a person, then its bank caller wrote that it is paid, and died."""
    late, open_still = paper.executing(), paper.executing()
    for withdrawal_id, state in ((late, State.PAID), (open_still, State.REVIEW)):
        paper.known(withdrawal_id, state)
        paper.ends(withdrawal_id, "needs_review")
    async with scripted_bank(paper.settings) as (bank, settings), calling(settings):
        last = paper.start()
        await until(lambda: len(paper.ids()) == 2, "both told")
        assert set(bank.calls) == {last}
    assert set(paper.ids()) == {f"settle:{late}", f"settle:{last}"}


async def test_the_first_answer_after_a_long_absence_need_not_be_the_last(paper: Paper) -> None:
    """The caller was away for longer than the limit, and the bank is, for a moment."""
    withdrawal_id = paper.executing("broken paid")
    paper.known(withdrawal_id, State.UNKNOWN, ago=1200, open=1200)
    limited = paper.settings.model_copy(update={"bank_unknown_limit": 900.0})
    async with scripted_bank(limited) as (bank, settings), calling(settings):
        await until(paper.ids, "told")
        assert bank.calls == {withdrawal_id: 2}
    assert paper.ids() == [f"settle:{withdrawal_id}"]


async def test_a_database_clock_set_back_holds_nothing_up(paper: Paper) -> None:
    """What was written by a clock that was an hour ahead is called now, and not in an hour."""
    withdrawal_id = paper.executing()
    paper.known(withdrawal_id, State.UNKNOWN, ago=-3600, open=-3600)
    async with scripted_bank(paper.settings) as (_, settings), calling(settings):
        await until(paper.ids, "told")
    assert paper.ids() == [f"settle:{withdrawal_id}"]


async def test_two_callers_never_begin_the_same_call(paper: Paper) -> None:
    """Each believes that all partitions are its own; the bank knows no keys and is called once."""
    ids = {paper.executing() for _ in range(300)}
    keyless = paper.settings.model_copy(update={**PATIENT, "bank_knows_keys": False})
    async with scripted_bank(keyless) as (bank, settings):
        other = settings.model_copy(update={"application": f"{settings.application}-other"})
        async with calling(settings, other):
            for _ in range(100):
                ids.add(paper.start())
            await until(lambda: {f"settle:{each}" for each in ids} <= set(paper.ids()), "all paid")
        assert set(bank.calls.values()) == {1}
        assert set(bank.calls) == ids


async def test_so_many_calls_at_a_time(paper: Paper) -> None:
    """And no more; a bank that is slow is called many times at once."""
    ids = [paper.executing("hang") for _ in range(60)]
    patient = paper.settings.model_copy(update={**PATIENT, "bank_calls_max": 40})
    async with scripted_bank(patient) as (bank, settings), calling(settings):
        await until(lambda: bank.most == 40, "40 at a time")
        bank.release.set()
        await until(lambda: len(paper.ids()) == len(ids), "all paid")
        assert bank.most == 40


async def test_a_bank_that_is_down_fails_nothing(paper: Paper) -> None:
    """Nobody there for a hundred calls, then it is there: all are paid, no try was used up."""
    ids = [paper.executing() for _ in range(50)]
    bank = ScriptedBank()
    port = await bank.start()
    await bank.stop()
    settings = paper.settings.model_copy(
        update={"bank_url": f"http://127.0.0.1:{port}/", "bank_breaker_failures": 5,
                "bank_breaker_pause": 0.2, "bank_tries": 1}
    )  # fmt: skip
    bank = ScriptedBank()
    try:
        async with calling(settings):
            await until(lambda: sum(_calls(paper, ids)) > 60, "called in vain")
            assert paper.ids() == []
            await bank.start(port)
            await until(lambda: len(paper.ids()) == len(ids), "all paid")
    finally:
        await bank.stop()
    assert {command.type for command in paper.commands()} == {"withdrawal.settle.v1"}
    assert {(call.state, call.not_done) for each in ids if (call := paper.call(each))} == {
        (State.PAID, 0)
    }


def _calls(paper: Paper, ids: list[str]) -> list[int]:
    return [call.calls for each in ids if (call := paper.call(each))]


async def test_an_unknown_outcome_ends_with_a_person(paper: Paper) -> None:
    """After the limit, though the bank is still called; its state then says so."""
    limited = paper.settings.model_copy(update={"bank_unknown_limit": 1.0})
    async with scripted_bank(limited) as (bank, settings), calling(settings):
        withdrawal_id = paper.start("broken")
        await until(lambda: paper.ids() == [f"review:{withdrawal_id}"], "left to a person")
        calls = bank.calls[withdrawal_id]
    assert calls > 3
    call = paper.call(withdrawal_id)
    assert call is not None
    assert (call.state, call.calls) == (State.REVIEW, calls)
    (command,) = paper.commands()
    assert command.data["reason"] == call.note
    assert "HTTP 500" in command.data["reason"]


async def test_a_bank_without_keys_is_never_asked_twice_in_doubt(paper: Paper) -> None:
    """What is unknown goes to a person at once, what another has begun when it must be over."""
    keyless = paper.settings.model_copy(update={"bank_knows_keys": False})
    sending = paper.executing()
    paper.known(sending, State.SENDING)
    async with scripted_bank(keyless) as (bank, settings), calling(settings):
        broken, twice = paper.start("broken paid"), paper.start("failed paid")
        await until(lambda: len(paper.ids()) == 3, "all ended")
        assert bank.calls == {broken: 1, twice: 2}
    assert paper.ids() == sorted([f"review:{broken}", f"review:{sending}", f"settle:{twice}"])


async def test_a_bank_that_can_be_asked_is_asked(paper: Paper) -> None:
    """And called again only where it has never seen the order."""
    async with scripted_bank(paper.settings) as (bank, own):
        asking = own.model_copy(update={"bank_status_url": f"{own.bank_url}orders/{{key}}"})
        async with calling(asking):
            late, never = paper.start("hang broken"), paper.start("broken paid")
            await until(lambda: len(paper.ids()) == 1, "one paid")
            bank.release.set()
            await until(lambda: len(paper.ids()) == 2, "both paid")
        assert bank.asked[never] == 1
        assert bank.calls[never] == 2
        assert bank.paid == {late: 1, never: 1}
    assert paper.ids() == sorted([f"settle:{late}", f"settle:{never}"])


async def test_a_withdrawal_that_has_ended_is_not_called(paper: Paper) -> None:
    """Its old record may come late; and what is paid stays so."""
    ended, paid = paper.executing(), paper.executing()
    paper.ends(ended, "failed")
    paper.known(paid, State.PAID)
    async with scripted_bank(paper.settings) as (bank, settings), calling(settings):
        paper.tell(ended)
        paper.tell(paid)
        last = paper.start()
        await until(lambda: f"settle:{last}" in paper.ids(), "the last paid")
        assert set(bank.calls) == {last}
    assert set(paper.ids()) == {f"settle:{last}", f"settle:{paid}"}


async def test_a_lost_partition_keeps_its_calls_in_flight(paper: Paper) -> None:
    """A second caller takes half; what was being called is ended by the first, once."""
    ids = [paper.executing("hang", partition=partition) for partition in range(4) for _ in range(5)]
    patient = paper.settings.model_copy(update=PATIENT)
    async with scripted_bank(patient) as (bank, settings), calling(settings):
        await until(lambda: bank.most == len(ids), "all in flight")
        with capture_logs() as logged:
            async with calling(settings):
                await until(lambda: _has_lost(logged), "shared")
                later = [paper.executing(partition=partition) for partition in range(4)]
                for partition, withdrawal_id in enumerate(later):
                    paper.tell(withdrawal_id, partition=partition)
                ends = {f"settle:{each}" for each in later}
                await until(lambda: set(paper.ids()) == ends, "the new ones")
                bank.release.set()
                await until(lambda: len(paper.ids()) == len(ids) + 4, "those in flight")
        assert set(bank.calls.values()) == {1}
    assert set(paper.ids()) == {f"settle:{each}" for each in (*ids, *later)}


async def test_an_end_that_the_ledger_refuses_is_told_again_loudly(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command, and a line that says why; the bank is not called again."""
    monkeypatch.setattr(desk, "CONFIRM_SECONDS", 0.3)
    async with scripted_bank(paper.settings) as (bank, settings):
        with capture_logs() as logged:
            async with calling(settings):
                withdrawal_id = paper.start()
                end = f"settle:{withdrawal_id}"
                await until(lambda: _complaints(logged), "told again")
                assert _complaints(logged)[0]["refused"] == "no, there is no result yet"
                paper.refuses(end, Code.AMOUNT_TOO_LARGE)
                await until(lambda: "too_large" in _complaints(logged)[-1]["refused"], "said why")
                paper.ends(withdrawal_id, "paid")
                assert _complaints(logged)[-1]["withdrawal"] == withdrawal_id
        assert bank.calls == {withdrawal_id: 1}
    assert len(paper.ids()) >= 3
    assert set(paper.ids()) == {end}


def _complaints(logged: list[EventDict]) -> list[EventDict]:
    return [line for line in logged if "telling it again" in line["event"]]


async def test_it_ends_when_postgres_stays_away(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its patience; the bank was not called."""
    monkeypatch.setattr(rows, "PATIENCE_SECONDS", 0.3)
    nowhere = paper.settings.model_copy(
        update={"database_url": "postgresql://postgres@127.0.0.1:1/wallet"}
    )
    with pytest.raises(psycopg2.OperationalError):
        await asyncio.wait_for(Caller(nowhere).run(asyncio.Event()), 60)


async def test_it_ends_when_kafka_stays_away(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it has nothing to tell."""
    monkeypatch.setattr(caller, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(caller, "KAFKA_SECONDS", 0.3)
    monkeypatch.setattr(telling, "ANSWER_SECONDS", 0.1)
    nowhere = paper.settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"})
    with pytest.raises(UntoldError):
        await asyncio.wait_for(Caller(nowhere).run(asyncio.Event()), 60)


def _has_lost(logged: list[EventDict]) -> bool:
    return any(line["event"] == "partitions lost" for line in logged)


@pytest.mark.parametrize("is_told", [True, False])
async def test_what_was_given_back_and_paid_is_cried_out(paper: Paper, *, is_told: bool) -> None:
    """A person took an open outcome for a failure; then the bank said that it has paid.

    Whether the topic has told it: a caller that was frozen may not hear of that partition any more.
    """
    async with scripted_bank(paper.settings) as (bank, bank_settings):
        settings = bank_settings.model_copy(update=PATIENT)
        with capture_logs() as logged:
            async with calling(settings):
                withdrawal_id = paper.start("hang")
                await until(lambda: bank.calls[withdrawal_id], "called")
                paper.ends(withdrawal_id, "failed", is_told=is_told)
                other = paper.start()
                await until(lambda: paper.ids() == [f"settle:{other}"], "heard what came after")
                bank.release.set()
                await until(lambda: len(paper.ids()) == 2, "told that it is paid")
    assert cried(logged) == [withdrawal_id]


async def test_what_is_given_back_after_it_was_paid_is_cried_out(paper: Paper) -> None:
    """A person's word was in the log before ours, and the ledger came to it later."""
    async with scripted_bank(paper.settings) as (_, bank_settings):
        settings = bank_settings.model_copy(update=PATIENT)
        with capture_logs() as logged:
            async with calling(settings):
                withdrawal_id = paper.start()
                await until(lambda: paper.ids() == [f"settle:{withdrawal_id}"], "told")
                paper.ends(withdrawal_id, "failed")
                await until(lambda: cried(logged), "cried out")
    assert cried(logged) == [withdrawal_id]


def cried(logged: list[EventDict]) -> list[str]:
    """The withdrawals of which something critical was said."""
    return [line["withdrawal"] for line in logged if line["log_level"] == "critical"]
