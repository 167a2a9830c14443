"""Service 004: decimal strings, withdrawals that may pay another wallet."""

from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel

from producers.http import fields
from producers.http.answers import Answer
from producers.http.errors import EarlyError, custom, detail, wrong_field
from producers.http.gateway import new_wallet_id, source_of, telling
from producers.http.meta import Detail
from producers.http.moments import shown, why_beyond
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.seeds import reading004
from producers.http.seeds.bodies004 import WalletBody, opened, wallet_body
from schemas.refusals import Code
from schemas.results import AnyResult, Error

FAMILY: Final = "004"
DELAY_SECONDS_MAX: Final = 10**10
"""As schemas.commands.Seconds."""


def _positive(amount: Decimal) -> Decimal:
    if amount > 0:
        return amount
    raise custom(
        f"Positive value required, got {fields.two_decimals(amount)}.",
        "Ensure this value is greater than or equal to 0.01.",
    )


PositiveAmount = Annotated[fields.Amount, AfterValidator(_positive)]


class NewWallet(BaseModel):
    """Nothing has to be said."""


class NewDeposit(BaseModel):
    """How much comes in."""

    amount: PositiveAmount


class NewWithdrawal(BaseModel):
    """How much goes out, when, and to which wallet; without one it goes to the owner's bank.

    When is a `scheduled_time`, or a `delay` from now.
    """

    amount: PositiveAmount
    target: fields.Uuid | None = None
    scheduled_time: fields.Moment | None = None
    delay: fields.Duration | None = None


async def create_wallet(asked: Asked) -> Answer:
    """Open a wallet."""
    data = {"wallet_id": new_wallet_id(asked)}
    result = _done(await asked.gateway.ask(asked, "wallet.create.v1", data))
    body = opened(result, asked.base)
    return Answer(body, 201, {"Location": body["url"]})


async def show_wallet(asked: Asked) -> Answer:
    """A wallet as it is now."""
    return Answer(await _wallet(asked))


async def deposit(asked: Asked) -> Answer:
    """Put money into a wallet."""
    data = await _data(asked)
    _done(await asked.gateway.ask(asked, "deposit.v1", data))
    with telling(asked, source_of(FAMILY)):
        return Answer(await _wallet(asked))


async def withdraw(asked: Asked) -> Answer:
    """Schedule a withdrawal; the balance is looked at when its time has come."""
    data = {**await _data(asked), **_when(asked.body)}
    if asked.body.target is not None:
        data["target"] = asked.body.target
    result = await asked.gateway.ask(asked, "withdrawal.schedule.v1", data)
    if result.error is not None and result.error.param in _WHEN:
        raise _wrong_time(result.error, asked.body)
    _done(result)
    with telling(asked, source_of(FAMILY)):
        return Answer(await _wallet(asked), 201)


async def _data(asked: Asked) -> dict[str, Any]:
    """The wallet and the amount, as commands have them."""
    facts = await asked.gateway.facts(asked.path["uuid"])
    if facts is None:
        raise _no_wallet()
    return {"wallet_id": facts.wallet_id, "amount": fields.two_decimals(asked.body.amount)}


def _when(wanted: NewWithdrawal) -> dict[str, Any]:
    if wanted.delay is None:
        if wanted.scheduled_time is None:
            raise wrong_field("scheduled_time", "This field is required.")
        return {"due_at": shown(wanted.scheduled_time)}
    if wanted.scheduled_time is not None:
        raise wrong_field("delay", "Give either scheduled_time or delay.")
    seconds = wanted.delay.total_seconds()
    if seconds <= 0:
        raise wrong_field("delay", "Time must be in the future.")
    if seconds > DELAY_SECONDS_MAX:
        raise wrong_field("delay", f"At most {DELAY_SECONDS_MAX} seconds.")
    return {"delay": int(seconds) if seconds.is_integer() else f"PT{seconds:.6f}S"}


async def _wallet(asked: Asked) -> dict[str, Any]:
    found = await asked.gateway.reading.read(reading004.page, asked.path["uuid"])
    if found is None:
        raise _no_wallet()
    return wallet_body(found, asked.base)


def _done(result: AnyResult) -> AnyResult:
    """The result, where the command was done. Raises EarlyError for a refusal."""
    if result.error is not None:
        raise _refused(result.error)
    return result


def _refused(refusal: Error) -> EarlyError:
    match refusal.code:
        case Code.WALLET_NOT_FOUND:
            return _no_wallet()
        case Code.SAME_WALLET:
            return wrong_field("target", "A wallet cannot pay itself.")
        case Code.TARGET_NOT_FOUND:
            return detail(400, refusal.detail)
        case _ if refusal.param in {"amount", "target"}:
            return wrong_field(refusal.param, refusal.detail)
        case _:
            return detail(400, refusal.detail)


def _wrong_time(refusal: Error, wanted: NewWithdrawal) -> EarlyError:
    """What is wrong with when it is to be: the ledger calls a `scheduled_time` otherwise."""
    name = _WHEN[refusal.param or ""]
    match refusal.code:
        case Code.DUE_NOT_IN_FUTURE:
            return wrong_field(name, _PAST)
        case Code.INVALID_FIELD if wanted.scheduled_time is not None:
            return wrong_field(name, why_beyond(wanted.scheduled_time, _PAST))
        case _:
            return wrong_field(name, refusal.detail)


_WHEN: Final = {"due_at": "scheduled_time", "delay": "delay"}
_PAST: Final = "Time must be in the future."


def _no_wallet() -> EarlyError:
    return detail(404, "No Wallet matches the given query.")


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST", path="/api/wallets", handler=create_wallet, family=FAMILY,
        access=Access.COMMAND,
        summary="Open a wallet", body=NewWallet, answers={201: WalletBody},
    ),
    Route(
        method="GET", path="/api/wallets/{uuid:uuid}", handler=show_wallet, family=FAMILY,
        access=Access.OWNER,
        summary="A wallet and its withdrawals", answers={200: WalletBody, 404: Detail},
    ),
    Route(
        method="PATCH", path="/api/wallets/{uuid:uuid}/deposit", handler=deposit, family=FAMILY,
        access=Access.DEPOSIT,
        summary="Put money into a wallet", body=NewDeposit,
        answers={200: WalletBody, 400: dict, 404: Detail},
    ),
    Route(
        method="POST", path="/api/wallets/{uuid:uuid}/withdraw", handler=withdraw, family=FAMILY,
        access=Access.OWNER,
        summary="Schedule a withdrawal", body=NewWithdrawal,
        answers={201: WalletBody, 400: dict, 404: Detail},
    ),
)  # fmt: skip
