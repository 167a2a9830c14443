"""The commands that carry a withdrawal on: their ids are their senders' promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers import withdrawals
from producers.message import Message
from schemas.commands import Command, FailWithdrawal, ReviewWithdrawal, SettleWithdrawal
from schemas.decoding import decode

WALLET = "01930f6e-3c00-7000-8000-00000000000a"
ID = "01a1f866-0d7b-84d9-8291-0f5cd2dffd2e"


def taken(message: Message) -> Command:
    """The command as the ledger reads it."""
    command = decode(message.key, message.value, message.headers)
    assert isinstance(command, Command), command
    assert command.data.wallet_id == WALLET
    return command


@pytest.mark.parametrize(
    ("message", "source", "command_id"),
    [
        (withdrawals.execution(WALLET, ID), "/wallet-streams/delayed", f"execute:{ID}"),
        (withdrawals.settlement(WALLET, ID), "/wallet-streams/bank", f"settle:{ID}"),
        (withdrawals.failure(WALLET, ID, "no"), "/wallet-streams/bank", f"fail:{ID}"),
        (withdrawals.review(WALLET, ID, "who knows"), "/wallet-streams/bank", f"review:{ID}"),
    ],
)
def test_a_step_has_its_one_id(message: Message, source: str, command_id: str) -> None:
    """Whoever sends it again sends the same command: these never change."""
    command = taken(message)
    assert (command.source, command.id) == (source, command_id)
    assert command.type == f"withdrawal.{command_id.partition(':')[0]}.v1"


def test_a_person_says_who_it_was() -> None:
    """Under a source of its own, so that it is another command than the bank caller's."""
    by = {"by": "Sara"}
    paid = taken(withdrawals.settlement(WALLET, ID, source=withdrawals.OPERATOR, metadata=by))
    assert paid.source == "/wallet-streams/operator"
    assert paid.data == SettleWithdrawal(wallet_id=WALLET, withdrawal_id=ID, metadata=by)
    failed = taken(withdrawals.failure(WALLET, ID, "no", source="/x", metadata=by))
    assert failed.data == FailWithdrawal(
        wallet_id=WALLET, withdrawal_id=ID, reason="no", metadata=by
    )


@given(st.text() | st.text(alphabet="\0 \n\ud800x", max_size=600))
def test_any_reason_is_taken(reason: str) -> None:
    """A refused review would leave the money in transit for ever."""
    data = taken(withdrawals.review(WALLET, ID, reason)).data
    assert isinstance(data, ReviewWithdrawal)
    assert 0 < len(data.reason) <= withdrawals.MAX_REASON


def test_a_plain_reason_is_left_as_it_is() -> None:
    """Only what the ledger would not take is changed."""
    assert withdrawals.fitting("The bank said: 503, «failed»") == "The bank said: 503, «failed»"
    assert withdrawals.fitting("x" * 300) == "x" * 256
    assert withdrawals.fitting("\0") == "no reason given"
