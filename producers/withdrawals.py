"""The commands that carry a withdrawal on: who sends them, and under which ids.

An id follows from the withdrawal's, so a step that is sent again is the same command, and the
ledger does it once. The ledger's rules decide whether a step fits the withdrawal's state.
"""

from collections.abc import Mapping
from typing import Final

from producers.message import Message, message_of

DELAYED: Final = "/wallet-streams/delayed"
"""Source of the commands that the delayed consumer sends: withdrawals whose time has come."""

BANK: Final = "/wallet-streams/bank"
"""Source of the commands that the bank caller sends: what the bank has answered."""

OPERATOR: Final = "/wallet-streams/operator"
"""Source of the commands by which a person ends what the bank left open."""

MAX_REASON: Final = 256
"""Characters of a reason, as schemas.commands.Reason has them."""


def execution(wallet_id: str, withdrawal_id: str, attempt: int = 1) -> Message:
    """Its time has come: withdrawal.execute.v1.

    There is a second attempt only when the first was answered that it came too early.
    """
    return _step("execute", wallet_id, withdrawal_id, DELAYED, {}, attempt)


def settlement(
    wallet_id: str,
    withdrawal_id: str,
    *,
    source: str = BANK,
    metadata: Mapping[str, str] | None = None,
) -> Message:
    """The bank has paid: withdrawal.settle.v1."""
    return _step("settle", wallet_id, withdrawal_id, source, _said(metadata))


def failure(
    wallet_id: str,
    withdrawal_id: str,
    reason: str,
    *,
    source: str = BANK,
    metadata: Mapping[str, str] | None = None,
) -> Message:
    """The bank has certainly not paid: withdrawal.fail.v1."""
    said = {"reason": fitting(reason), **_said(metadata)}
    return _step("fail", wallet_id, withdrawal_id, source, said)


def review(wallet_id: str, withdrawal_id: str, reason: str) -> Message:
    """Nobody knows whether the bank has paid: withdrawal.review.v1."""
    return _step("review", wallet_id, withdrawal_id, BANK, {"reason": fitting(reason)})


def fitting(reason: str) -> str:
    """A reason as the ledger takes it: cut to its limit, without NUL, never empty.

    A bank may say anything; were the command refused for it, its id would be used up and the
    money would stay in transit.
    """
    text = reason.replace("\0", "").encode(errors="replace").decode().strip()
    return text[:MAX_REASON] or "no reason given"


def command_id(verb: str, withdrawal_id: str, attempt: int = 1) -> str:
    """The id of a step: "execute:<withdrawal id>", and "execute:<withdrawal id>:2" and so on."""
    return f"{verb}:{withdrawal_id}:{attempt}" if attempt > 1 else f"{verb}:{withdrawal_id}"


def _step(
    verb: str,
    wallet_id: str,
    withdrawal_id: str,
    source: str,
    said: Mapping[str, object],
    attempt: int = 1,
) -> Message:
    return message_of(
        f"withdrawal.{verb}.v1",
        {"wallet_id": wallet_id, "withdrawal_id": withdrawal_id, **said},
        source=source,
        command_id=command_id(verb, withdrawal_id, attempt),
    )


def _said(metadata: Mapping[str, str] | None) -> dict[str, object]:
    return {"metadata": dict(metadata)} if metadata else {}
