"""A wallet's balance: now, after one of its changes, or at a time that has passed."""

from datetime import UTC, datetime
from typing import Any, Final

from pydantic import Field

from producers.http.answers import Answer
from producers.http.errors import EarlyError
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.v1 import reading_transactions, reading_wallets
from producers.http.v1.fields import Closed, Moment, Sequence
from producers.http.v1.problems import Problem, problem
from producers.http.v1.reading_transactions import Line
from producers.http.v1.shapes import BalanceBody
from producers.http.v1.wallets import no_wallet
from schemas.moments import in_milliseconds
from schemas.money import show

FAMILY: Final = "v1"


class BalanceQuery(Closed):
    """At which time, or after which change; without either it is the balance now."""

    time: Moment | None = Field(None, description="A moment that has passed")
    sequence: Sequence | None = Field(None, description="One of the wallet's changes, from 1")


async def show_balance(asked: Asked) -> Answer:
    """A balance. What was never so is an error: a time to come, or before the wallet was opened."""
    wanted: BalanceQuery = asked.query
    wallet_id = asked.path["wallet_id"]
    read = asked.gateway.reading.read
    found = await read(reading_wallets.wallet, wallet_id)
    if found is None:
        raise no_wallet(wallet_id)
    if wanted.time is not None and wanted.sequence is not None:
        raise problem("invalid_field", "sequence: give either time or sequence.", param="sequence")
    if wanted.time is None and wanted.sequence is None:
        return Answer(
            {
                "wallet_id": wallet_id,
                "currency": found.currency,
                "balance": show(found.balance_minor, found.currency),
                "sequence": found.sequence,
                "recorded_at": in_milliseconds(found.updated_at),
            }
        )
    if wanted.sequence is not None and wanted.sequence > found.sequence:
        raise _not_reached(wanted.sequence, found.sequence)
    if wanted.time is not None and wanted.time > max(datetime.now(UTC), found.updated_at):
        raise _in_future(wanted.time)
    line = await read(
        reading_transactions.change_at, wallet_id, sequence=wanted.sequence, until=wanted.time
    )
    if line is None:
        assert wanted.time is not None, "a wallet has all sequences up to its own"
        raise _before_wallet(wanted.time, found.created_at)
    return Answer(_body(wallet_id, line))


def _body(wallet_id: str, line: Line) -> dict[str, Any]:
    return {
        "wallet_id": wallet_id,
        "currency": line.currency,
        "balance": show(line.balance_minor, line.currency),
        "sequence": line.sequence,
        "recorded_at": line.transaction.result.recorded_at,
    }


def _not_reached(sequence: int, latest: int) -> EarlyError:
    words = f"The wallet has had {latest} changes, not {sequence}."
    context = {"sequence": str(sequence), "latest": str(latest)}
    return problem("sequence_not_reached", words, param="sequence", context=context)


def _in_future(moment: datetime) -> EarlyError:
    context = {"time": in_milliseconds(moment), "now": in_milliseconds(datetime.now(UTC))}
    words = f"{context['time']} is still to come."
    return problem("time_in_future", words, param="time", context=context)


def _before_wallet(moment: datetime, created_at: datetime) -> EarlyError:
    context = {"time": in_milliseconds(moment), "created_at": in_milliseconds(created_at)}
    words = f"The wallet was opened at {context['created_at']}."
    return problem("time_before_wallet", words, param="time", context=context)


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET", path="/v1/wallets/{wallet_id:uuid}/balance", handler=show_balance,
        family=FAMILY, summary="A balance: now, at a time, or after a change",
        query=BalanceQuery, slash=False, access=Access.OWNER,
        answers={200: BalanceBody, 400: Problem, 403: Problem, 404: Problem, 422: Problem},
    ),
)  # fmt: skip
