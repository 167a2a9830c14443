"""Withdrawals: what needs a person on top; one with the bank's calls, cancelled or resolved."""

from dataclasses import replace
from typing import Any, Final

from producers import resolving
from producers import withdrawals as steps
from producers.http.answers import Answer
from producers.http.asking import PendingAnswerError
from producers.http.console import forms, reading_cases
from producers.http.console.forms import Form, Trouble
from producers.http.console.outcomes import Shown, of_command, outcome_of
from producers.http.console.page import ROOT, page, redirect
from producers.http.console.wallets import bodies
from producers.http.errors import EarlyError
from producers.http.route import Asked
from producers.http.v1 import problems, withdrawals
from producers.http.v1.fields import Cursor, Text
from producers.http.v1.problems import problem
from producers.message import Message
from schemas.results import AnyResult
from schemas.statuses import WITHDRAWAL_STATUSES

LINES: Final = 25
REVIEW_MAX: Final = 100
BY_MAX: Final = 128


class WithdrawalsQuery(Shown):
    """Which of them."""

    status: withdrawals.Status | None = None
    cursor: Cursor | None = None


class WithdrawalQuery(Shown):
    """What a person has just said of it: "settle" or "fail"."""

    resolved: Text | None = None


async def list_withdrawals(asked: Asked) -> Answer:
    """Withdrawals, those scheduled last first; what needs review before all others."""
    wanted: WithdrawalsQuery = asked.query
    said = {"limit": LINES, "cursor": wanted.cursor, "status": wanted.status}
    listed = await _listed(asked, said)
    is_first = wanted.status is None and wanted.cursor is None
    review = []
    if is_first:
        review = (await _listed(asked, {"limit": REVIEW_MAX, "status": "needs_review"}))["data"]
    return page(
        asked, "withdrawals.html", body=listed, review=review, wanted=wanted,
        statuses=WITHDRAWAL_STATUSES,
    )  # fmt: skip


async def _listed(asked: Asked, said: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    query = withdrawals.WithdrawalsQuery.model_validate(said)
    return bodies(await withdrawals.list_withdrawals(replace(asked, query=query)))


async def show_withdrawal(asked: Asked) -> Answer:
    """A withdrawal, the bank's calls for it, and the commands on it."""
    return await _show(asked)


async def _show(asked: Asked, code: int = 200, **more: Any) -> Answer:  # noqa: ANN401
    body = await withdrawals.body_of(asked)
    read = asked.gateway.reading.read
    calls = await read(reading_cases.bank_calls, body["withdrawal_id"])
    history = await read(reading_cases.history, body["withdrawal_id"], body["changed_at"])
    outcome = await outcome_of(asked)
    resolved = getattr(asked.query, "resolved", None)
    if resolved in {"settle", "fail"}:
        own = steps.command_id(resolved, body["withdrawal_id"])
        outcome = await of_command(asked, steps.OPERATOR, own)
    context = {"trouble": None, "typed": Form(), "failed": None, "key": None, **more}
    return page(
        asked, "withdrawal.html", code=code, body=body, calls=calls, history=history,
        outcome=outcome, can_resolve=resolving.is_open(body["status"]),
        working=resolving.is_at_work(body["status"], calls.state if calls else None), **context,
    )  # fmt: skip


async def cancel(asked: Asked) -> Answer:
    """Call it off."""
    form = forms.of(asked)
    key = forms.key_of(form)
    withdrawal_id = asked.path["withdrawal_id"]

    async def again(trouble: Trouble) -> Answer:
        return await _show(asked, trouble["status"], trouble=trouble, typed=form, failed="cancel")

    return await forms.carry_out(
        withdrawals.cancel,
        lambda: forms.commanding(
            asked, key, withdrawals.Cancelling, {}, withdrawal_id=withdrawal_id
        ),
        f"{ROOT}/withdrawals/{withdrawal_id}",
        again,
    )


async def resolve(asked: Asked) -> Answer:
    """End what the bank left open: a person says what it has done, how that is known, and why.

    The command is the one of `wallet withdrawals resolve`, under the same id: said here and there,
    it is done once.
    """
    form = forms.of(asked)
    try:
        message = await _resolution(asked, form)
    except EarlyError as early:
        trouble = forms.trouble_of(early)
        assert trouble is not None
        return await _show(asked, trouble["status"], trouble=trouble, typed=form, failed="resolve")
    asked.commands.append(message.id)
    verb = message.id.partition(":")[0]
    place = f"{ROOT}/withdrawals/{asked.path['withdrawal_id']}?resolved={verb}"
    try:
        result = await _asked(asked, message)
    except PendingAnswerError:
        return redirect(place)
    except EarlyError as early:
        trouble = forms.trouble_of(early)
        assert trouble is not None
        return await _show(asked, trouble["status"], trouble=trouble, typed=form, failed="resolve")
    if result.error is not None:
        trouble = problems.refused_body(result.error)
        return await _show(asked, trouble["status"], trouble=trouble, typed=form, failed="resolve")
    return redirect(place)


async def _asked(asked: Asked, message: Message) -> AnyResult:
    heard = await asked.gateway.asking.hear(message, may_repeat=True, look_first=True)
    return heard.result


async def _resolution(asked: Asked, form: Form) -> Message:
    """A person's word. Raises EarlyError for what is missing, or where it is not to be said.

    What has been said before, word for word, may be said again: it has its answer.
    """
    body = await withdrawals.body_of(asked)
    message = _word(asked, form, body)
    if await asked.gateway.asking.known(message) is not None:
        return message
    found = await asked.gateway.reading.read(reading_cases.bank_calls, body["withdrawal_id"])
    state = found.state if found else None
    if why := resolving.refusal(body["status"], state, is_paid=form.text("said") == "paid"):
        raise problem("conflict", why)
    return message


def _word(asked: Asked, form: Form, body: dict[str, Any]) -> Message:
    said, reason = form.text("said"), form.text("reason")
    by = asked.who.name if asked.who.is_known else form.text("by")
    if said not in {"paid", "failed"}:
        raise problem("missing_field", "Say what the bank has done.", param="said")
    if by is None:
        raise problem("missing_field", "Say whose word it is.", param="by")
    if reason is None:
        raise problem("missing_field", "Say how it was found out.", param="reason")
    if form.text("sure") is None:
        raise problem("missing_field", "Confirm that you have asked the bank.", param="sure")
    if len(reason) > steps.MAX_REASON or len(by) > BY_MAX:
        words = f"A reason has at most {steps.MAX_REASON} characters, a name {BY_MAX}."
        raise problem("invalid_field", words, param="reason")
    names = (body["wallet_id"], body["withdrawal_id"])
    if said == "paid":
        metadata = {"by": by, "reason": reason}
        return steps.settlement(*names, source=steps.OPERATOR, metadata=metadata)
    return steps.failure(*names, reason, source=steps.OPERATOR, metadata={"by": by})
