"""What the bank caller makes of the delayed topic's records."""

import pytest
from confluent_kafka import Message
from structlog.testing import capture_logs

from consumers.bank.orders import Order
from consumers.bank.policy import Standing
from consumers.withdrawals.fitting import Told
from consumers.withdrawals.following import hear
from schemas.events import WITHDRAWAL_STEPS, WithdrawalStep, encode_step
from schemas.results import CommandRef, WithdrawalBody

COMMANDS = "wallet.commands.v1"
WALLET = "01930f6e-3c00-7000-8000-00000000000a"
WITHDRAWAL = "01930f6e-3c00-7000-8000-0000000000ff"


def record(
    status: str,
    value: bytes | None = None,
    named: str = WITHDRAWAL,
    place: tuple[int, int] = (3, 0),
    kind: str | None = None,
) -> Message:
    """A record of the delayed topic, as Kafka hands it out."""
    body = WithdrawalBody(named, status, "5.00", "EUR", "2026-11-20T10:00:00Z", "IR-1", "why")
    ref = CommandRef("/test", "x", "withdrawal.execute.v1", COMMANDS, *place)
    step = encode_step(WithdrawalStep(WALLET, body, "2026-11-20T10:00:00Z", ref))
    headers: list[tuple[str, str | bytes | None]] = [
        ("ce_type", (kind or WITHDRAWAL_STEPS[status]).encode())
    ]
    return Message("scheduled", 3, 17, b"", step if value is None else value, headers)


def test_an_execution_begins_a_case() -> None:
    """With all that the bank is told, on the partition of its record."""
    heard = hear([record("executing")], 100.0, COMMANDS)
    (case,) = heard.begun
    assert case.order == Order(WITHDRAWAL, WALLET, "5.00", "EUR", "IR-1")
    assert (case.partition, case.standing, case.written_at) == (3, Standing(), 100.0)
    assert heard.ended == {}


def test_what_ends_a_withdrawal_ends_its_case() -> None:
    """Also where a person did it; what is only scheduled is not ours yet."""
    steps = ("scheduled", "cancelled", "paid", "needs_review", "failed")
    heard = hear([record(status) for status in steps], 100.0, COMMANDS)
    assert heard.begun == []
    assert heard.ended == {WITHDRAWAL: "failed"}


def test_a_record_that_cannot_be_read_is_passed_over() -> None:
    """PostgreSQL has the same, and is read now and then."""
    broken = [
        record("executing", value) for value in (b"", b"{", b"[]", b'{"wallet_id": 1}', b"\xff")
    ]
    # PostgreSQL would refuse all that is asked together with such an id.
    nameless = [record(status, named="no-uuid\0") for status in ("executing", "paid")]
    with capture_logs() as logged:
        records = [*broken, *nameless, record("executing"), Message("scheduled", 0, 1)]
        heard = hear(records, 100.0, COMMANDS)
    assert len(heard.begun) == 1
    assert heard.ended == {}
    assert len(logged) == len(broken) + len(nameless)


def test_a_step_tells_how_far_the_ledger_has_come() -> None:
    """The newest of a partition; also one that begins and ends nothing."""
    steps = [record("executing", place=(3, 7)), record("scheduled", place=(3, 9))]
    assert hear(steps, 100.0, COMMANDS).told == {3: 9}


@pytest.mark.parametrize(
    "wrong",
    [
        record("paid", b"nonsense"),
        record("paid", kind="other"),
        record("paid", kind=WITHDRAWAL_STEPS["failed"]),
        record("paid", place=(2, 5000)),
        record("executing", place=(2, 5000)),
        record("paid", place=(3, -1)),
        record("paid", place=(3, 2**63)),
    ],
)
def test_what_the_ledger_did_not_write_tells_nothing(wrong: Message) -> None:
    """No step, of another kind than it says, of another partition, of an offset that is none."""
    heard = hear([record("executing", place=(3, 7)), wrong], 100.0, COMMANDS)
    assert (len(heard.begun), heard.ended, heard.told) == (1, {}, {3: 7})


def test_what_is_told_again_takes_nothing_back() -> None:
    """An older record, after the newer one or in a later batch of them."""
    steps = [record("scheduled", place=(3, 9)), record("scheduled", place=(3, 7))]
    told = Told()
    for heard in (hear(steps, 100.0, COMMANDS), hear(steps[1:], 100.0, COMMANDS)):
        told.learn(heard.told)
        assert told.of(3) == 9
