"""How the ledger is told that a withdrawal has ended, and what it made of that."""

from collections.abc import Sequence
from typing import Final

import structlog

from consumers import measures
from consumers.bank.policy import State
from consumers.withdrawals.cases import Case
from consumers.withdrawals.rows import Rows
from producers import withdrawals
from producers.message import Message
from schemas import results
from schemas.identifiers import command_key

log: Final = structlog.get_logger(__name__)


def end_of(case: Case) -> Message:
    """The command that ends a withdrawal as it stands: always the same, to the letter."""
    wallet_id, note = case.order.wallet_id, case.standing.note
    match case.standing.state:
        case State.PAID:
            return withdrawals.settlement(wallet_id, case.key)
        case State.REFUSED:
            return withdrawals.failure(wallet_id, case.key, note)
        case State.REVIEW:
            return withdrawals.review(wallet_id, case.key, note)
        case _:
            raise AssertionError(f"{case.key} has not ended: {case.standing}")


def refusals_of(rows: Rows, cases: Sequence[Case]) -> dict[str, str]:
    """Withdrawal id -> why the ledger refused its end, where it did."""
    keys = {}
    for case in cases:
        message = end_of(case)
        keys[message.id] = (command_key(message.source, message.id), case.key)
    found = [results.decode(text) for text in rows.results([key for key, _ in keys.values()])]
    return {
        keys[result.command.id][1]: f"{result.error.code}: {result.error.detail}"
        for result in found
        if result.error is not None
    }


def compare(case: Case, status: str) -> None:
    """Cry out where the ledger has given back what the bank has paid: the money is gone twice.

    A person may have said so while the outcome was not known, or a caller have been frozen.
    """
    if case.standing.state is State.PAID and status == "failed":
        measures.given_back().inc()
        log.critical("the bank has paid what went back to the wallet", withdrawal=case.key)
