"""Commands on withdrawals: what is taken, and every wrong time, target and reason by its name."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.message import message_of
from schemas.accounts import WORLD
from schemas.commands import (
    CancelWithdrawal,
    Command,
    ExecuteWithdrawal,
    FailWithdrawal,
    ReviewWithdrawal,
    ScheduleWithdrawal,
    SettleWithdrawal,
)
from schemas.decoding import Decoded, RefusedCommand, decode
from schemas.refusals import Code, detail_of

WALLET = "01930f6e-3c00-7000-8000-00000000000a"
OTHER = "01930f6e-3c00-7000-8000-00000000000b"
SCHEDULE = "withdrawal.schedule.v1"
STEPS = {
    "withdrawal.cancel.v1": CancelWithdrawal,
    "withdrawal.execute.v1": ExecuteWithdrawal,
    "withdrawal.settle.v1": SettleWithdrawal,
    "withdrawal.fail.v1": FailWithdrawal,
    "withdrawal.review.v1": ReviewWithdrawal,
}
WITH_REASON = ("withdrawal.fail.v1", "withdrawal.review.v1")
MOMENT = datetime(2026, 11, 20, 10, tzinfo=UTC)

Send = Callable[..., Decoded]
Refused = Callable[..., RefusedCommand]


def taken(answer: Decoded) -> Any:  # noqa: ANN401 - the data of whatever type
    """The data of the command that the answer must be."""
    assert isinstance(answer, Command), answer
    return answer.data


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"due_at": "2026-11-20T13:30:00+03:30"}, {"due_at": MOMENT}),
        ({"due_at": "2026-11-20T10:00:00Z", "delay": None}, {"due_at": MOMENT}),
        ({"delay": 90}, {"delay": 90}),
        ({"delay": 10**10}, {"delay": 10**10}),
        ({"delay": "PT90S"}, {"delay": timedelta(seconds=90)}),
        ({"delay": "P1DT2H3M4.5S"}, {"delay": timedelta(days=1, seconds=7384.5)}),
    ],
)
def test_a_time_is_a_moment_or_a_delay(
    said: dict[str, Any], meant: dict[str, Any], send: Send
) -> None:
    """Exactly one of them; a null says nothing."""
    expected = ScheduleWithdrawal(wallet_id=WALLET, amount="5.00", **meant)
    assert taken(send(said, type=SCHEDULE)) == expected


@pytest.mark.parametrize(
    "target",
    [
        *(OTHER, "IR06 2960 0000 0010 0324 2000 01", "DE89370400440532013000", "4", "x" * 64),
        *("bank:refused", "a.b_c/d-e:f", "0" * 31, "0" * 33),
    ],
)
def test_a_target_is_a_wallet_or_an_account(target: str, send: Send) -> None:
    """It is kept letter by letter."""
    assert taken(send({"delay": 1, "target": target}, type=SCHEDULE)).target == target


@pytest.mark.parametrize("command_type", list(STEPS))
def test_every_step_is_taken(command_type: str, send: Send) -> None:
    """It names its withdrawal; two of them say why."""
    reason = {"reason": "r" * 256} if command_type in WITH_REASON else {}
    data = taken(send({"amount": ..., "withdrawal_id": OTHER, **reason}, type=command_type))
    assert data == STEPS[command_type](wallet_id=WALLET, withdrawal_id=OTHER, **reason)


INVALID: dict[str, tuple[dict[str, object], str, str]] = {
    # what is wrong: (data, the field named, a piece of the sentence)
    "no moment": ({"due_at": "soon"}, "due_at", "with a time zone"),
    "a day": ({"due_at": "2026-11-20"}, "due_at", "with a time zone"),
    "no zone": ({"due_at": "2026-11-20T10:00:00"}, "due_at", "timezone"),
    "epoch": ({"due_at": 1795168800}, "due_at", "with a time zone"),
    "leap second": ({"due_at": "2026-11-20T10:00:60Z"}, "due_at", "with a time zone"),
    "year 1": ({"due_at": "0001-01-01T00:00:00+14:00"}, "due_at", "1970"),
    "year 9999": ({"due_at": "9999-12-31T23:59:59-14:00"}, "due_at", "9998"),
    "both": (
        {"due_at": "2026-11-20T10:00:00Z", "delay": 5}, "delay", "only one of the two can be.",
    ),
    "no delay": ({"delay": 0}, "delay", ">= 1. Write it as an ISO 8601"),
    "back": ({"delay": -5}, "delay", ">= 1"),
    "half seconds": ({"delay": 1.5}, "delay", "got `float`"),
    "whole float": ({"delay": 2.0}, "delay", "got `float`"),
    "three centuries": ({"delay": 10**10 + 1}, "delay", "<= 10000000000"),
    "huge": ({"delay": 10**40}, "delay", "delay: "),
    "yes": ({"delay": True}, "delay", "got `bool`"),
    "number as text": ({"delay": "90"}, "delay", 'as "P3D" or "PT90S", or as whole seconds'),
    "short": ({"delay": "3d"}, "delay", '"P3D"'),
    "empty delay": ({"delay": ""}, "delay", '"P3D"'),
    "a month": ({"delay": "P1M"}, "delay", "'D', 'H', 'M', and 'S'"),
    "a year": ({"delay": "P1Y"}, "delay", "'D', 'H', 'M', and 'S'"),
    "a week": ({"delay": "P1W"}, "delay", "'D', 'H', 'M', and 'S'"),
    "duration back": ({"delay": "-P1D"}, "delay", "a length of time ahead"),
    "duration of none": ({"delay": "PT0S"}, "delay", "a length of time ahead"),
    "four centuries": ({"delay": "P146000D"}, "delay", "shorter than 400 years"),
    "longest": ({"delay": "P999999999D"}, "delay", "shorter than 400 years"),
    "too long to count": ({"delay": "P99999999999D"}, "delay", "out of range"),
    "object": ({"delay": {"days": 3}}, "delay", "got `object`"),
    "no target": ({"delay": 5, "target": ""}, "target", "not of the right form"),
    "long target": ({"delay": 5, "target": "x" * 65}, "target", "at most 64 letters"),
    "blank in front": ({"delay": 5, "target": " 5"}, "target", "after a letter or digit"),
    "line break": ({"delay": 5, "target": "5\n"}, "target", "not of the right form"),
    "nul": ({"delay": 5, "target": "a\0b"}, "target", "not of the right form"),
    "other script": ({"delay": 5, "target": "حساب"}, "target", "not of the right form"),
    "number": ({"delay": 5, "target": 5}, "target", "got `int`"),
    "capitals": ({"delay": 5, "target": OTHER.upper()}, "target", "lower-case UUID"),
    "no hyphens": ({"delay": 5, "target": OTHER.replace("-", "")}, "target", "another spelling"),
    "urn": ({"delay": 5, "target": f"urn:uuid:{OTHER}"}, "target", "another spelling"),
    "number as amount": ({"delay": 5, "amount": 5}, "amount", 'as text, as "50.00"'),
    "currency": ({"delay": 5, "currency": "ZZZ"}, "currency", "ZZZ is no ISO 4217"),
    "nul in reference": ({"delay": 5, "reference": "a\0b"}, "reference", "NUL"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", list(INVALID))
def test_a_wrong_schedule_is_named_with_its_fix(wrong: str, refused: Refused) -> None:
    """The field at fault, and a sentence that begins with it; no dead letter."""
    data, param, words = INVALID[wrong]
    answer = refused(data, type=SCHEDULE)
    refusal = answer.refusal
    assert (refusal.code, refusal.param, answer.dead) == (Code.INVALID_FIELD, param, None)
    assert detail_of(refusal).startswith(f"{param}: ")
    assert words in detail_of(refusal)
    assert len(detail_of(refusal)) < 400


@pytest.mark.parametrize("account", [*WORLD, *WORLD.values()])
def test_the_ledgers_own_accounts_are_no_target(account: str, refused: Refused) -> None:
    """Neither by name nor by id: money in transit is nobody's to be paid."""
    refusal = refused({"delay": 5, "target": account}, type=SCHEDULE).refusal
    assert (refusal.code, refusal.param) == (Code.INVALID_FIELD, "target")
    assert "ledger's own" in detail_of(refusal)


@pytest.mark.parametrize("data", [{}, {"due_at": None}, {"due_at": None, "delay": None}])
def test_without_a_time_it_is_missing(data: dict[str, object], refused: Refused) -> None:
    """Nothing is scheduled for some time or other."""
    refusal = refused(data, type=SCHEDULE).refusal
    assert (refusal.code, refusal.param) == (Code.MISSING_FIELD, "due_at")
    assert refusal.context == {"field": "due_at"}
    assert detail_of(refusal) == "due_at or delay is required."


@pytest.mark.parametrize("command_type", list(STEPS))
@pytest.mark.parametrize("wrong", ["7", "", OTHER.upper(), OTHER[:-1], 7, None])
def test_a_wrong_withdrawal_id_is_named(command_type: str, wrong: object, refused: Refused) -> None:
    """It is the transaction id of the command that scheduled it, a UUID."""
    data = {"amount": ..., "withdrawal_id": wrong}
    reason = {"reason": "r"} if command_type in WITH_REASON else {}
    refusal = refused({**data, **reason}, type=command_type).refusal
    assert (refusal.code, refusal.param) == (Code.INVALID_FIELD, "withdrawal_id")
    assert "lower-case UUID" in detail_of(refusal)


@pytest.mark.parametrize("command_type", list(STEPS))
def test_a_step_without_its_withdrawal_is_refused(command_type: str, refused: Refused) -> None:
    """Of whichever wallet it is."""
    refusal = refused({"amount": ...}, type=command_type).refusal
    assert (refusal.code, refusal.param) == (Code.MISSING_FIELD, "withdrawal_id")


@pytest.mark.parametrize("command_type", WITH_REASON)
@pytest.mark.parametrize(
    ("reason", "code", "words"),
    [
        (..., Code.MISSING_FIELD, "reason is required."),
        (None, Code.INVALID_FIELD, "got `null`. It is a text of 1 to 256 characters."),
        ("", Code.INVALID_FIELD, "length >= 1"),
        ("r" * 257, Code.INVALID_FIELD, "length <= 256"),
        ("a\0b", Code.INVALID_FIELD, "NUL"),
        (503, Code.INVALID_FIELD, "got `int`"),
    ],
)
def test_a_reason_is_a_text(
    command_type: str, reason: object, code: Code, words: str, refused: Refused
) -> None:
    """It is what a person reads afterwards, so it is never left out."""
    data = {"amount": ..., "withdrawal_id": OTHER, "reason": reason}
    refusal = refused(data, type=command_type).refusal
    assert (refusal.code, refusal.param) == (code, "reason")
    assert words in detail_of(refusal)


@pytest.mark.parametrize("command_type", ["withdrawal.cancel.v1", "withdrawal.settle.v1"])
def test_others_have_no_reason(command_type: str, refused: Refused) -> None:
    """A note goes into reference and metadata."""
    data = {"amount": ..., "withdrawal_id": OTHER, "reason": "r"}
    refusal = refused(data, type=command_type).refusal
    assert (refusal.code, refusal.param) == (Code.UNKNOWN_FIELD, "reason")


@pytest.mark.parametrize("given_type", ["withdrawal.scheduled.v1", "withdrawl.schedule.v1"])
def test_a_step_of_the_delayed_topic_is_no_command(given_type: str, refused: Refused) -> None:
    """The nearest command is suggested."""
    refusal = refused({"delay": 1}, type=given_type).refusal
    assert refusal.code is Code.UNKNOWN_TYPE
    assert "Did you mean withdrawal.schedule.v1?" in detail_of(refusal)


def test_a_duration_is_content_by_its_length(send: Send) -> None:
    """A day is 24 hours; a number of seconds is other content, as 5.0 is other than 5.00."""
    day, hours, seconds, longer = (
        send({"delay": delay}, type=SCHEDULE) for delay in ("P1D", "PT24H", 86400, "PT24H1S")
    )
    assert day == hours
    prints = {answer.fingerprint for answer in (day, seconds, longer)}  # type: ignore[union-attr]
    assert len(prints) == 3


def _answer_to(delay: timedelta) -> object:
    """The delay that was taken, or the code of the refusal."""
    data = {"wallet_id": WALLET, "amount": "5.00", "delay": delay}
    message = message_of(SCHEDULE, data, source="/till")
    answer = decode(message.key, message.value, message.headers)
    if isinstance(answer, RefusedCommand):
        assert answer.refusal.param == "delay"
        return answer.refusal.code
    return taken(answer).delay


@given(st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=145_999)))
def test_every_length_ahead_can_be_said(length: timedelta) -> None:
    """As msgspec, and so our own client, writes it."""
    assert _answer_to(length) == length


@given(st.timedeltas(max_value=timedelta()) | st.timedeltas(min_value=timedelta(days=146_000)))
def test_no_other_length_is_taken(length: timedelta) -> None:
    """Neither back in time nor beyond four centuries."""
    assert _answer_to(length) is Code.INVALID_FIELD
