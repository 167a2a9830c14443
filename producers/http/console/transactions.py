"""Transactions: looked at, never changed; a refund is a new one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from producers.http.answers import Answer
from producers.http.console import forms, reading_cases
from producers.http.console.forms import Form, Trouble
from producers.http.console.outcomes import Shown, outcome_of
from producers.http.console.page import ROOT, page
from producers.http.console.wallets import bodies
from producers.http.console.words import KINDS
from producers.http.reading_bodies import model_of
from producers.http.route import Asked
from producers.http.v1 import moves, transactions
from producers.http.v1.fields import Cursor, Text
from schemas.money import show

LINES: Final = 25
REFUNDABLE: Final = ("transfer", "charge_sale")


class TransactionsQuery(Shown):
    """Which of them; empty fields of the form are left out."""

    wallet_id: Text = ""
    kind: Text = ""
    from_time: Text = ""
    to_time: Text = ""
    cursor: Cursor | None = None


async def list_transactions(asked: Asked) -> Answer:
    """Transactions, the newest first."""
    wanted: TransactionsQuery = asked.query
    said: dict[str, Any] = {"limit": LINES, "cursor": wanted.cursor}
    typed = {"wallet_id": wanted.wallet_id.strip(), "kind": wanted.kind}
    said |= {name: text for name, text in typed.items() if text}
    times = {"from_time": wanted.from_time, "to_time": wanted.to_time}
    said |= {name: _zoned(text) for name, text in times.items() if text}
    query = model_of(transactions.TransactionsQuery, said)
    body = bodies(await transactions.list_transactions(replace(asked, query=query)))
    kept = {name: text for name, text in {**typed, **times}.items() if text}
    return page(asked, "transactions.html", body=body, wanted=wanted, kinds=KINDS, kept=kept)


def _zoned(text: str) -> str:
    """A moment of a browser's field, which has no zone: ours is UTC."""
    return text if text.endswith("Z") or "+" in text else f"{text}Z"


async def show_transaction(asked: Asked) -> Answer:
    """A transaction with its entries, and what of it was given back."""
    return await _show(asked)


async def _show(asked: Asked, code: int = 200, **more: Any) -> Answer:  # noqa: ANN401
    body = bodies(await transactions.show_transaction(asked))
    given_back = await asked.gateway.reading.read(
        reading_cases.refunds_of, body["transaction_id"], body["currency"]
    )
    context = {"trouble": None, "typed": Form(), "key": None, **more}
    return page(
        asked, "transaction.html", code=code, body=body, refunds=given_back,
        can_refund=body["kind"] in REFUNDABLE, outcome=await outcome_of(asked),
        sums=sums(body), **context,
    )  # fmt: skip


def sums(body: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Of each currency what goes out in all, and what comes in: exact, by its own unit."""
    moved: dict[str, list[int]] = {}
    for each in body["entries"]:  # with all decimals: without its point an amount is minor units
        moved.setdefault(each["currency"], []).append(int(each["amount"].replace(".", "")))
    return [
        (
            currency,
            show(-sum(minor for minor in own if minor < 0), currency),
            show(sum(minor for minor in own if minor > 0), currency),
        )
        for currency, own in moved.items()
    ]


async def refund(asked: Asked) -> Answer:
    """Give back a part of it, or all that is left."""
    form = forms.of(asked)
    key = forms.key_of(form)
    transaction_id = asked.path["transaction_id"]
    body = bodies(await transactions.show_transaction(asked))
    own = {"wallet_id": body["wallet_id"], "transaction_id": transaction_id}
    said = {**form.texts_of("amount", "reference"), **own}

    async def again(trouble: Trouble) -> Answer:
        fresh = trouble["code"] == "idempotency_key_reused"
        more = {"trouble": trouble, "typed": form, "key": None if fresh else key}
        return await _show(asked, trouble["status"], **more)

    return await forms.carry_out(
        moves.refund,
        lambda: forms.commanding(asked, key, moves.NewRefund, said, transaction_id=transaction_id),
        f"{ROOT}/transactions/{transaction_id}",
        again,
    )
