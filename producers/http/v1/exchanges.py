"""Exchanges: money of a wallet for money of another currency, in another wallet."""

from typing import Final

from pydantic import Field

from producers.http.answers import Answer
from producers.http.gateway import telling
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.v1 import reading_wallets
from producers.http.v1.commanding import Done, command, source_of
from producers.http.v1.fields import Amount, Currency, Noted, WalletId, data_of
from producers.http.v1.moves import in_full, moved, post


class NewExchange(Noted):
    """Money of a wallet for another currency in another one; who asks has agreed on both amounts.

    It cannot be refunded: an exchange the other way gives the money back.
    """

    wallet_id: WalletId
    to_wallet_id: WalletId = Field(description="The wallet that gets the other currency")
    amount: Amount = Field(description="What leaves, in the wallet's currency")
    to_amount: Amount = Field(description="What arrives, in the other wallet's currency")
    currency: Currency | None = None
    to_currency: Currency | None = Field(
        None, description="ISO 4217; the other wallet's if left out", examples=["EUR"]
    )


async def exchange(asked: Asked) -> Answer:
    """Pay another wallet in its own currency."""
    wanted: NewExchange = asked.body
    done = await command(asked, "exchange.v1", data_of(wanted))
    currency = wanted.to_currency or await _arriving(asked, done)
    return await moved(
        asked,
        done,
        to_wallet_id=wanted.to_wallet_id,
        to_amount=in_full(wanted.to_amount, currency),
        to_currency=currency,
    )


async def _arriving(asked: Asked, done: Done) -> str:
    """The currency of the wallet that gets the money; a wallet never changes it."""
    other = asked.body.to_wallet_id
    if done.is_dry:
        return next(each.currency for each in done.entries if each.account == other)
    with telling(asked, source_of(asked)):
        found = await asked.gateway.reading.read(reading_wallets.wallet, other)
    assert found is not None, "it has got the money"
    return found.currency


ROUTES: Final[tuple[Route, ...]] = (
    # Not for a wallet's owner: whoever names both amounts makes the rate.
    post(
        "/v1/exchanges",
        exchange,
        NewExchange,
        "Pay another wallet in another currency",
        Access.COMMAND,
    ),
)
