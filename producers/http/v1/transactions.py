"""Transactions: what has been booked, of all wallets or of one."""

from typing import Any, Final, Literal

from pydantic import Field

from producers.http.answers import Answer
from producers.http.fields import Uuid
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.v1 import cursors, reading_transactions
from producers.http.v1.fields import Moment, Paged
from producers.http.v1.problems import Problem, problem
from producers.http.v1.reading_transactions import Span, Transaction, effective_at
from producers.http.v1.shapes import TransactionBody, TransactionPage

FAMILY: Final = "v1"
LIST: Final = "transactions"
OF_WALLET: Final = "transactions of a wallet"
PATH: Final = "/v1/transactions"

Kind = Literal[
    "wallet.create", "wallet.set_status", "deposit", "transfer", "exchange", "charge_sale",
    "refund", "credit_request.create", "credit_request.approve", "credit_request.reject",
    "withdrawal.schedule", "withdrawal.cancel", "withdrawal.execute", "withdrawal.settle",
    "withdrawal.fail", "withdrawal.review",
]  # fmt: skip


class TransactionsQuery(Paged):
    """Which of them."""

    wallet_id: Uuid | None = Field(None, description="Those that this wallet is part of")
    kind: Kind | None = Field(None, description="Those of a kind", examples=["transfer"])
    from_time: Moment | None = Field(None, description="Recorded at this moment or later")
    to_time: Moment | None = Field(None, description="Recorded before this moment")


async def show_transaction(asked: Asked) -> Answer:
    """A transaction with its entries."""
    read, transaction_id = asked.gateway.reading.read, asked.path["transaction_id"]
    found = await read(reading_transactions.transaction, transaction_id)
    if found is None:
        asked.rights.see(None)
        raise problem(
            "not_found",
            f"There is no transaction {transaction_id}.",
            param="transaction_id",
            context={"transaction_id": transaction_id},
        )
    asked.rights.see(_seen_by(asked, found))
    body = body_of(asked, found)
    if found.kind == "refund":
        refunded = await asked.gateway.reading.read(reading_transactions.refunded_by, found.id)
        body["refunded_transaction_id"] = refunded
    return Answer(body)


async def list_transactions(asked: Asked) -> Answer:
    """Transactions, the newest first."""
    wanted: TransactionsQuery = asked.query
    whose = cursors.wallet_of(asked, wanted.wallet_id)
    if whose is not None:
        return await _of_wallet(asked, wanted, whose)
    several, last = await asked.gateway.reading.read(
        reading_transactions.transactions,
        wanted.limit,
        cursors.id_after(LIST, wanted.cursor),
        wanted.kind,
        _span(wanted),
    )
    following = None if last is None else cursors.cursor_of(LIST, last)
    return cursors.page(asked, PATH, [body_of(asked, each) for each in several], following)


async def _of_wallet(asked: Asked, wanted: TransactionsQuery, wallet_id: str) -> Answer:
    """Those of a wallet, by its sequence."""
    several, last = await asked.gateway.reading.read(
        reading_transactions.of_wallet,
        wallet_id,
        wanted.limit,
        cursors.number_after(OF_WALLET, wanted.cursor),
        wanted.kind,
        _span(wanted),
    )
    following = None if last is None else cursors.cursor_of(OF_WALLET, last)
    return cursors.page(asked, PATH, [body_of(asked, each) for each in several], following)


def _span(wanted: TransactionsQuery) -> Span:
    return Span(wanted.from_time, wanted.to_time)


def _seen_by(asked: Asked, found: Transaction) -> str | None:
    """The wallet by which somebody may see it: the own one, where it is part of it."""
    own = asked.who.wallet_id
    accounts = {account for account, _, _ in found.entries} | {found.result.wallet_id}
    return own if own in accounts else None


def body_of(asked: Asked, found: Transaction) -> dict[str, Any]:
    """A transaction's body."""
    result, said = found.result, found.said
    return {
        "transaction_id": found.id,
        "url": f"{asked.base}{PATH}/{found.id}",
        "kind": found.kind,
        "wallet_id": result.wallet_id,
        "currency": result.currency,
        "recorded_at": result.recorded_at,
        "effective_at": effective_at(found),
        "reference": said.reference,
        "metadata": said.metadata or {},
        "phone_number": said.phone_number,
        "entries": [
            {"account": account, "amount": amount, "currency": currency}
            for account, amount, currency in found.entries
        ],
        "command": {"id": result.command.id, "source": result.command.source},
        "withdrawal_id": result.withdrawal.id if result.withdrawal else None,
        "credit_request_id": result.credit_request.id if result.credit_request else None,
    }


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET", path="/v1/transactions", handler=list_transactions, family=FAMILY,
        summary="Transactions, the newest first", query=TransactionsQuery, slash=False,
        access=Access.HANDLER,
        answers={200: TransactionPage, 400: Problem, 403: Problem},
    ),
    Route(
        method="GET", path="/v1/transactions/{transaction_id:uuid}", handler=show_transaction,
        family=FAMILY, summary="A transaction with its entries", slash=False,
        access=Access.HANDLER,
        answers={200: TransactionBody, 403: Problem, 404: Problem},
    ),
)  # fmt: skip
