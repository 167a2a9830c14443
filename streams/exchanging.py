"""The rules of exchanges: one wallet's money for another currency's. Pure, as streams.ledger.

The ledger knows no rates: who sends the command has agreed on both amounts. Each currency balances
by itself, by way of an account of the outside world.
"""

from schemas.accounts import WORLD_EXCHANGE
from schemas.commands import Exchange
from schemas.money import MAX_MINOR
from schemas.refusals import Code, Refusal
from streams.books import ACTIVE, Books, Decision, Entry, Posting, Wallet
from streams.refusing import both_of, insufficient, minor_of, mismatch, not_active


def decide(data: Exchange, books: Books) -> Decision:  # noqa: C901 - a list, by precedence
    """What becomes of an exchange. Changes nothing."""
    both = both_of(data.wallet_id, data.to_wallet_id, books)
    if isinstance(both, Refusal):
        return both
    giver, getter = both
    wrong = _currencies(data, giver, getter)
    if wrong is not None:
        return wrong
    given = minor_of(data.amount, giver)
    if isinstance(given, Refusal):
        return given
    got = minor_of(data.to_amount, getter, "to_amount")
    if isinstance(got, Refusal):
        return got
    for wallet, param in ((giver, "wallet_id"), (getter, "to_wallet_id")):
        if wallet.status != ACTIVE:
            return not_active(wallet, param)
    if giver.balance_minor < given:
        return insufficient(giver, given)
    if getter.balance_minor + got > MAX_MINOR:
        return Refusal(Code.AMOUNT_TOO_LARGE, "to_amount")
    return Posting(_entries(giver, given, getter, got), giver.currency)


def _currencies(data: Exchange, giver: Wallet, getter: Wallet) -> Refusal | None:
    if data.currency not in {None, giver.currency}:
        return mismatch(giver, str(data.currency))
    if data.to_currency not in {None, getter.currency}:
        return mismatch(getter, str(data.to_currency), "to_currency")
    if giver.currency == getter.currency:
        return Refusal(Code.SAME_CURRENCY, "to_wallet_id", {"currency": giver.currency})
    return None


def _entries(giver: Wallet, given: int, getter: Wallet, got: int) -> tuple[Entry, ...]:
    """A pair for each currency, the giver's first."""
    return (
        Entry(giver.wallet_id, -given, giver.currency),
        Entry(WORLD_EXCHANGE, given, giver.currency),
        Entry(WORLD_EXCHANGE, -got, getter.currency),
        Entry(getter.wallet_id, got, getter.currency),
    )
