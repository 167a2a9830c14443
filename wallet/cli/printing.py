"""How results, wallets and events look on a terminal, and as JSON."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from consumers.tail import Told
from consumers.views import (
    BankCallsView,
    CreditRequestView,
    HistoryLine,
    WalletView,
    WithdrawalStepLine,
    WithdrawalView,
)
from schemas.results import AnyResult, CreditRequestBody, WithdrawalBody


def print_json(value: object) -> None:
    """One JSON document on a line of its own, in UTF-8 whatever the terminal speaks."""
    typer.echo(msgspec.json.encode(value))


def money(amount: str | None, currency: str | None) -> str:
    """An amount as people write it: 5,000,000.00 IRR."""
    return f"{Decimal(amount):,f} {currency}" if amount is not None else ""


def print_result(result: AnyResult) -> None:
    """One result as a small table."""
    error = result.error
    rows = [
        ("command", f"{result.command.type or 'unknown'} {result.command.id}"),
        ("status", result.status),
        ("wallet", result.wallet_id or ""),
    ]
    if error is not None:
        rows += [("code", str(error.code)), ("why", error.detail), ("field", error.param or "")]
        rows += list(error.context.items())
    else:
        rows += [
            ("balance", money(result.balance, result.currency)),
            ("sequence", str(result.sequence)),
            ("transaction", result.transaction_id or ""),
        ]
    if result.withdrawal is not None:
        rows += _pairs_of(result.withdrawal)
    if result.credit_request is not None:
        rows += _pairs_of_credit(result.credit_request)
    print_pairs([*rows, ("recorded", result.recorded_at)])


def result_line(result: AnyResult) -> str:
    """One result on one line."""
    start = f"{result.status:9}  {result.command.id}  {result.command.type or '?'}"
    if result.error is None:
        return f"{start}  {result.wallet_id}  {money(result.balance, result.currency)}"
    field = f" ({result.error.param})" if result.error.param else ""
    return f"{start}  {result.error.code}{field}: {result.error.detail}"


def print_wallet(wallet: WalletView) -> None:
    """A wallet as a small table."""
    print_pairs(
        [
            ("wallet", wallet.wallet_id),
            ("balance", money(wallet.balance, wallet.currency)),
            ("status", wallet.status),
            ("sequence", str(wallet.sequence)),
            *[(f"owner's {name}", text) for name, text in (wallet.owner or {}).items()],
            *(wallet.metadata or {}).items(),
            ("created", wallet.created_at or ""),
            ("changed", wallet.updated_at),
        ]
    )


def print_withdrawal(
    withdrawal: WithdrawalView, calls: BankCallsView | None, steps: list[WithdrawalStepLine]
) -> None:
    """A withdrawal, what its bank caller notes, and the commands on it."""
    own = [*_pairs_of(withdrawal), ("wallet", withdrawal.wallet_id)]
    print_pairs([*own, ("changed", withdrawal.changed_at), *_pairs_of_calls(calls)])
    table = Table(box=None, pad_edge=False)
    for name in ("recorded", "command", "led to", "by"):
        table.add_column(name, no_wrap=True)
    table.add_column("why", overflow="fold")
    for step in steps:
        by = (step.metadata or {}).get("by")
        table.add_row(
            step.recorded_at,
            step.kind,
            step.status or "refused",
            f"{step.source} {by}" if by else step.source,
            step.error or step.reason or "",
        )
    _console().print(table)


def print_withdrawals(withdrawals: list[WithdrawalView], *, of_one_wallet: bool = False) -> None:
    """Withdrawals, a line each; without the wallet where it is the same in all."""
    table = Table(box=None, pad_edge=False)
    for name in ("id", "status", "due"):
        table.add_column(name, no_wrap=True)
    table.add_column("amount", justify="right", no_wrap=True)
    if not of_one_wallet:
        table.add_column("wallet", min_width=36, overflow="fold")
    for name in ("target", "reason"):
        table.add_column(name, overflow="fold")
    for each in withdrawals:
        wallet = () if of_one_wallet else (each.wallet_id,)
        amount = money(each.amount, each.currency)
        said = (*wallet, each.target or "", each.reason or "")
        table.add_row(each.id, each.status, each.due_at, amount, *said)
    _console().print(table)


def _pairs_of(withdrawal: WithdrawalView | WithdrawalBody) -> list[tuple[str, str]]:
    return [
        ("withdrawal", withdrawal.id),
        ("it is", withdrawal.status),
        ("reason", withdrawal.reason or ""),
        ("amount", money(withdrawal.amount, withdrawal.currency)),
        ("due", withdrawal.due_at),
        ("target", withdrawal.target or ""),
    ]


def _pairs_of_calls(calls: BankCallsView | None) -> list[tuple[str, str]]:
    if calls is None:
        return []
    times = "once" if calls.calls == 1 else f"{calls.calls} times"
    not_done = f", {calls.not_done} certainly not done" if calls.not_done else ""
    return [
        ("bank", f"called {times}{not_done}: {calls.state}"),
        ("bank's last", calls.note or ""),
        ("bank called", f"from {calls.begun_at} to {calls.changed_at}"),
    ]


def print_history(lines: list[HistoryLine]) -> None:
    """A wallet's changes, newest first."""
    table = Table(box=None, pad_edge=False)
    for name, side in (("#", "right"), ("recorded", "left"), ("kind", "left")):
        table.add_column(name, justify="right" if side == "right" else "left", no_wrap=True)
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_column("balance", justify="right", no_wrap=True)
    table.add_column("counterparty", overflow="fold")
    table.add_column("reference", overflow="fold")
    for line in lines:
        table.add_row(
            str(line.sequence),
            line.recorded_at,
            f"{line.kind} {line.status}" if line.status else line.kind,
            f"{Decimal(line.amount):+,f}" if Decimal(line.amount) else "",
            money(line.balance, line.currency),
            ", ".join(line.counterparties),
            line.reference or "",
        )
    _console().print(table)


def event_line(told: Told) -> str:
    """One event on one line."""
    event = told.event
    change = Decimal(event.balance.after) - Decimal(event.balance.before)
    parts = [
        event.transaction.recorded_at,
        f"{event.wallet_id} #{event.sequence}",
        told.type.removesuffix(".v1"),
        f"{change:+,f}" if change else event.transaction.status or "",
        f"balance {money(event.balance.after, event.currency)}",
        event.withdrawal.reason or "" if event.withdrawal else "",
        event.transaction.reference or "",
    ]
    return "  ".join(part for part in parts if part)


def print_credit_requests(requests: Sequence[CreditRequestView]) -> None:
    """Credit requests, a line each."""
    table = Table(box=None, pad_edge=False)
    for name in ("number", "id", "status", "requested"):
        table.add_column(name, no_wrap=True)
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_column("wallet", min_width=36, overflow="fold")
    for name in ("by", "reason"):
        table.add_column(name, overflow="fold")
    for each in requests:
        amount = money(each.amount, each.currency)
        said = (amount, each.wallet_id, each.by or "", each.reason or "")
        table.add_row(str(each.number), each.id, each.status, each.requested_at, *said)
    _console().print(table)


def _pairs_of_credit(request: CreditRequestBody) -> list[tuple[str, str]]:
    return [
        ("credit request", request.id),
        ("number", str(request.number)),
        ("it is", request.status),
        ("amount", money(request.amount, request.currency)),
        ("by", request.by or ""),
        ("reason", request.reason or ""),
    ]


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], fold: Sequence[str] = ()
) -> None:
    """Rows under the names of their columns; those that `fold` names may take several lines."""
    table = Table(box=None, pad_edge=False)
    for name in columns:
        is_long = name in fold
        table.add_column(name, no_wrap=not is_long, overflow="fold" if is_long else "ellipsis")
    for row in rows:
        table.add_row(*row)
    _console().print(table)


def print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Names and texts, a line each; those without a text are left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in pairs:
        if text:
            table.add_row(name, text)
    _console().print(table)


def _console() -> Console:
    # What people wrote is no markup and gets no emoji; a pipe has no width to wrap at.
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 200
    return console
