"""Wallets: found, shown with all that is of them, and what an operator does to one."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import Field

from producers.http.answers import Answer
from producers.http.console import forms, reading_search
from producers.http.console.forms import Form, Handler, Trouble
from producers.http.console.outcomes import Shown, outcome_of
from producers.http.console.page import ROOT, page
from producers.http.console.reading_search import Hit
from producers.http.errors import EarlyError
from producers.http.live import sse
from producers.http.reading_bodies import model_of
from producers.http.route import Asked
from producers.http.v1 import (
    credit_requests,
    exchanges,
    moves,
    statements,
    wallets,
    withdrawals,
)
from producers.http.v1.fields import Cursor, Text
from producers.http.v1.reading_wallets import WalletRow
from schemas.money import DECIMALS, DEFAULT_CURRENCY, show

LINES: Final = 20
CASES: Final = 5
SEARCH_MAX: Final = 128
_LOCAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{5,8}\Z")


class WalletsQuery(Shown):
    """What is looked for, or which part of all of them."""

    q: Text = Field("", max_length=SEARCH_MAX)
    cursor: Cursor | None = None
    status: Text = Field("", max_length=20)


class WalletQuery(Shown):
    """Which part of the history."""

    cursor: Cursor | None = None


async def list_wallets(asked: Asked) -> Answer:
    """All wallets, or those that fit what is looked for."""
    return await _list(asked)


async def _list(asked: Asked, code: int = 200, **more: Any) -> Answer:  # noqa: ANN401
    wanted = asked.query or WalletsQuery()
    text = wanted.q.strip()
    hits: list[Hit] | None = None
    body: Mapping[str, Any] = {"data": [], "next_cursor": None}
    note = ""
    if text:
        hits, note = await _search(asked, text)
    else:
        said = {"limit": LINES, "cursor": wanted.cursor, "status": wanted.status or None}
        listed = replace(asked, query=model_of(wallets.WalletsQuery, said))
        body = bodies(await wallets.list_wallets(listed))
    context = {"hits": hits, "body": body, "note": note, "most": reading_search.MOST, **more}
    context = {"trouble": None, "typed": Form(), "key": None, **context}
    return page(
        asked, "wallets.html", code=code, wanted=wanted, text=text, usual=DEFAULT_CURRENCY,
        currencies=sorted(DECIMALS), minor=_shown, **context,
    )  # fmt: skip


def _shown(wallet: WalletRow) -> str:
    return show(wallet.balance_minor, wallet.currency)


async def _search(asked: Asked, text: str) -> tuple[list[Hit], str]:
    """What fits, and what could not be looked at in time."""
    read = asked.gateway.reading.read
    hits = await read(reading_search.known, text)
    try:
        seen = {hit.wallet.wallet_id for hit in hits}
        more = await read(reading_search.owned, text)
        hits += [hit for hit in more if hit.wallet.wallet_id not in seen]
    except EarlyError:
        words = "There are too many wallets to look through the names of their owners in time."
        return hits, f"{words} Search by id, username or phone."
    return hits[: reading_search.MOST], ""


async def open_wallet(asked: Asked) -> Answer:
    """Open a wallet, then show it."""
    form = forms.of(asked)
    key = forms.key_of(form)
    owner = form.texts_of("name", "email", "phone")
    said: dict[str, Any] = {"currency": form.text("currency") or DEFAULT_CURRENCY, "wallet_id": key}
    if owner:
        said["owner"] = owner

    async def again(trouble: Trouble) -> Answer:
        code = trouble["status"]
        return await _list(asked, code, trouble=trouble, typed=form, key=_next(trouble, key))

    return await forms.carry_out(
        wallets.create_wallet,
        lambda: forms.commanding(asked, key, wallets.NewWallet, said),
        f"{ROOT}/wallets/{key}",  # the form's key is the new wallet's id too
        again,
    )


async def show_wallet(asked: Asked) -> Answer:
    """A wallet with its history, its withdrawals and its credit requests."""
    return await _show(asked)


async def _show(asked: Asked, code: int = 200, **more: Any) -> Answer:  # noqa: ANN401
    wallet_id = asked.path["wallet_id"]
    found = await asked.gateway.v1_wallets.read(wallet_id)
    wanted = asked.query or WalletQuery()
    outcome = await outcome_of(asked)
    if found is None:
        if outcome is not None:  # it was to be opened, and is not, or not yet
            return page(asked, "outcome.html", outcome=outcome, back=f"{ROOT}/wallets")
        raise wallets.no_wallet(wallet_id)
    user = await asked.gateway.people.user_by_wallet(wallet_id)
    said = {"order": "desc", "limit": LINES, "cursor": wanted.cursor}
    own: dict[str, Any] = {"wallet_id": wallet_id, "limit": CASES}
    lines = await statements.statement(
        replace(asked, query=statements.StatementQuery.model_validate(said))
    )
    out = await withdrawals.list_withdrawals(
        replace(asked, query=withdrawals.WithdrawalsQuery.model_validate(own))
    )
    credit = await credit_requests.list_credit_requests(
        replace(asked, query=credit_requests.CreditRequestsQuery.model_validate(own))
    )
    context = {"trouble": None, "typed": Form(), "failed": None, "key": None, **more}
    return page(
        asked, "wallet.html", code=code, wallet=wallets.body_of(found, asked.base), user=user,
        lines=bodies(lines), withdrawals=bodies(out), credit=bodies(credit), outcome=outcome,
        wanted=wanted, none_typed=Form(), **context,
    )  # fmt: skip


async def follow(asked: Asked) -> Answer:
    """Its changes as they happen."""
    return await sse.events(asked)


async def deposit(asked: Asked) -> Answer:
    """Pay money in."""
    fields = ("amount", "reference")
    return await _do(asked, "deposit", moves.deposit, moves.NewDeposit, fields)


async def transfer(asked: Asked) -> Answer:
    """Pay another wallet."""
    fields = ("to_wallet_id", "amount", "reference")
    return await _do(asked, "transfer", moves.transfer, moves.NewTransfer, fields)


async def exchange(asked: Asked) -> Answer:
    """Pay another wallet in its own currency."""
    fields = ("to_wallet_id", "amount", "to_amount", "reference")
    return await _do(asked, "exchange", exchanges.exchange, exchanges.NewExchange, fields)


async def set_status(asked: Asked) -> Answer:
    """Make it active, suspended or deactivated."""
    fields = ("status", "reference")
    return await _do(asked, "status", wallets.set_wallet_status, wallets.NewStatus, fields)


async def ask_credit(asked: Asked) -> Answer:
    """Ask for credit in its name."""
    model = credit_requests.NewCreditRequest
    fields = ("amount", "reference")
    return await _do(asked, "credit", credit_requests.request_credit, model, fields)


async def withdraw(asked: Asked) -> Answer:
    """Schedule a withdrawal."""
    fields = ("amount", "due_at", "delay", "target", "reference")
    return await _do(asked, "withdraw", withdrawals.schedule, withdrawals.NewWithdrawal, fields)


async def _do(
    asked: Asked, name: str, handler: Handler, model: type[Any], fields: tuple[str, ...]
) -> Answer:
    """Do what a form of a wallet's page says; `name` is the form's."""
    form = forms.of(asked)
    key = forms.key_of(form)
    wallet_id = asked.path["wallet_id"]
    said = {field: _plain(field, text) for field, text in form.texts_of(*fields).items()}
    if "wallet_id" in model.model_fields:
        said["wallet_id"] = wallet_id

    async def again(trouble: Trouble) -> Answer:
        code = trouble["status"]
        return await _show(
            asked, code, trouble=trouble, typed=form, failed=name, key=_next(trouble, key)
        )

    return await forms.carry_out(
        handler,
        lambda: forms.commanding(asked, key, model, said, wallet_id=wallet_id),
        f"{ROOT}/wallets/{wallet_id}",
        again,
    )


def _plain(field: str, text: str) -> Any:  # noqa: ANN401 - a text or a number
    """A field as the API takes it: a browser's date has no zone, and ours is UTC."""
    if field == "delay" and text.isascii() and text.isdigit():
        return int(text)
    return f"{text}Z" if field == "due_at" and _LOCAL.match(text) else text


def _next(trouble: Trouble, key: str) -> str | None:
    """The key with which a form is sent again: the same, unless it was used for other content."""
    return None if trouble["code"] == "idempotency_key_reused" else key


def bodies(answer: Answer) -> Mapping[str, Any]:
    """What the API has answered."""
    assert isinstance(answer.body, Mapping)
    return answer.body
