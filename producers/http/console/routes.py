"""All routes of the console. None is in the description of the API: they are for browsers."""

from typing import Any, Final

from pydantic import BaseModel

from producers.http.console import (
    audit,
    commands,
    credit_requests,
    entering,
    files,
    forms,
    overview,
    people,
    transactions,
    wallets,
    withdrawals,
)
from producers.http.console.outcomes import Shown
from producers.http.console.page import FAMILY, ROOT
from producers.http.live.sse import EventsQuery
from producers.http.people.access import Access
from producers.http.reading_bodies import FORM_TYPE
from producers.http.route import Handler, Route


def _get(
    path: str,
    handler: Handler,
    summary: str,
    query: type[BaseModel] | None = None,
    access: Access = Access.READ_ALL,
    *,
    is_stream: bool = False,
) -> Route:
    return _route("GET", path, handler, summary, query=query, access=access, is_stream=is_stream)


def _post(
    path: str,
    handler: Handler,
    summary: str,
    access: Access = Access.COMMAND,
    *,
    changes: bool = True,
) -> Route:
    return _route(
        "POST", path, handler, summary, access=access, changes=changes, body=forms.Form,
        reads=forms.read, body_types=(FORM_TYPE,),
    )  # fmt: skip


def _route(method: str, path: str, handler: Handler, summary: str, **more: Any) -> Route:  # noqa: ANN401
    return Route(
        method=method, path=f"{ROOT}{path}", handler=handler, summary=summary, family=FAMILY,
        answers={200: None, 404: None}, is_described=False, slash=False, takes_session=True, **more,
    )  # fmt: skip


_WALLET: Final = "/wallets/{wallet_id:uuid}"
_WITHDRAWAL: Final = "/withdrawals/{withdrawal_id:uuid}"
_TRANSACTION: Final = "/transactions/{transaction_id:uuid}"

ROUTES: Final[tuple[Route, ...]] = (
    _get("", overview.overview, "The overview"),
    _get("/pulse", overview.pulse, "The part of the overview that lives"),
    _get("/login", entering.look_around, "Where to log in", access=Access.PUBLIC),
    _post("/login", entering.log_in, "Log in", Access.PUBLIC),
    _post("/logout", entering.log_out, "Log out", Access.SIGNED_IN, changes=False),
    _get("/wallets", wallets.list_wallets, "Wallets", wallets.WalletsQuery),
    _post("/wallets", wallets.open_wallet, "Open a wallet"),
    _get(_WALLET, wallets.show_wallet, "A wallet", wallets.WalletQuery),
    _get(
        f"{_WALLET}/events", wallets.follow, "Its changes as they happen", EventsQuery,
        is_stream=True,
    ),
    _post(f"{_WALLET}/deposit", wallets.deposit, "Pay money in"),
    _post(f"{_WALLET}/transfer", wallets.transfer, "Pay another wallet"),
    _post(f"{_WALLET}/exchange", wallets.exchange, "Pay another wallet in its own currency"),
    _post(f"{_WALLET}/status", wallets.set_status, "Make it active or not"),
    _post(f"{_WALLET}/credit", wallets.ask_credit, "Ask for credit"),
    _post(f"{_WALLET}/withdraw", wallets.withdraw, "Schedule a withdrawal"),
    _get("/withdrawals", withdrawals.list_withdrawals, "Withdrawals", withdrawals.WithdrawalsQuery),
    _get(_WITHDRAWAL, withdrawals.show_withdrawal, "A withdrawal", withdrawals.WithdrawalQuery),
    _post(f"{_WITHDRAWAL}/cancel", withdrawals.cancel, "Call a withdrawal off"),
    _post(f"{_WITHDRAWAL}/resolve", withdrawals.resolve, "End what the bank left", Access.ADMIN),
    _get(
        "/credit-requests", credit_requests.list_credit_requests, "Credit requests",
        credit_requests.CreditQuery,
    ),
    _post("/credit-requests", credit_requests.decide, "Approve or reject", Access.ADMIN),
    _get(
        "/transactions", transactions.list_transactions, "Transactions",
        transactions.TransactionsQuery,
    ),
    _get(_TRANSACTION, transactions.show_transaction, "A transaction", Shown),
    _post(f"{_TRANSACTION}/refund", transactions.refund, "Give back what was paid"),
    _get("/commands", commands.show_command, "A command by its id", commands.CommandQuery),
    _get("/audit", audit.show_audit, "Who did what", audit.AuditQuery, Access.HANDLER),
    _get("/users", people.list_users, "Users", people.UsersQuery),
    _post("/users/{id:integer}/active", people.set_user_active, "In, or out", Access.ADMIN),
    _get("/keys", people.list_keys, "API keys", access=Access.HANDLER),
    _post("/keys", people.make_key, "Make a key", Access.ADMIN),
    _post("/keys/{id:integer}/revoke", people.revoke_key, "End a key", Access.ADMIN),
    _get("/assets/{package:text}/{file:text}", files.asset, "A file", access=Access.PUBLIC),
)  # fmt: skip
