"""When a person may end a withdrawal that the bank left open: the rule, for all doors."""

from schemas.statuses import IN_TRANSIT


def is_open(status: str) -> bool:
    """Whether there is anything to resolve."""
    return status in IN_TRANSIT


def is_at_work(status: str, calls: str | None) -> bool:
    """Whether the bank caller may still call; `calls` is the state of its calls, None for none.

    What it has left to a person it calls no more.
    """
    return status == "executing" and calls != "review"


def refusal(status: str, calls: str | None, *, is_paid: bool) -> str | None:
    """Why a person's word is not taken now; None where it is."""
    if not is_open(status):
        return (
            f"The withdrawal is {status.replace('_', ' ')}; only one that needs review or is"
            " executing can be resolved."
        )
    if calls == "paid" and not is_paid:
        return (
            "The bank has answered that it has paid; the withdrawal is settled as soon as the bank"
            " caller has told the ledger."
        )
    if not is_at_work(status, calls):
        return None
    return (
        "The bank caller is still at work on it. Wait until it is done or needs review; with the"
        " bank caller stopped, `wallet withdrawals resolve --force` ends it."
    )
