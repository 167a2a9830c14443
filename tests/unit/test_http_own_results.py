"""What is shown of a result to who owns its wallet, and to who sees all wallets."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from producers.http import meta
from producers.http.live.changes import of_rejection
from producers.http.live.follower import Follower
from producers.http.own_results import of_owner
from producers.http.people.principal import Principal
from producers.http.people.rights import Rights
from producers.http.people.roles import Role
from producers.http.reading import Reading
from producers.http.route import Asked
from schemas import results
from schemas.refusals import Code, Refusal
from schemas.results import CommandRef, Rejected, error_of

PAYER = "01930f6e-0000-7000-8000-00000000000a"
PAID = "01930f6e-0000-7000-8000-00000000000b"
SHORT = {"available": "3.17", "required": "5.00", "shortage": "1.83"}
SARA = Principal("user", "sara", Role.USER, id=12, wallet_id=PAYER)
ROOT = Principal("user", "root", Role.ADMIN, id=1)


def refused(
    kind: str = "refund.v1",
    code: Code = Code.INSUFFICIENT_FUNDS,
    context: Mapping[str, str] = SHORT,
    sequences: Mapping[str, int] | None = None,
) -> str:
    """The result of a command on the payer's wallet, as it is stored."""
    ref = CommandRef("/http/v1/key:1", "r1", kind, "wallet.commands.v1", 0, 9)
    error = error_of(Refusal(code, "amount", context))
    seen = {PAYER: 4, PAID: 17} if sequences is None else sequences
    made = Rejected(ref, "rejected", PAYER, error, "2026-11-20T10:00:00.000Z", seen)
    return results.encode(made).decode()


def test_a_payer_does_not_learn_what_the_paid_wallet_holds() -> None:
    """Where nothing could be given back: neither its balance, nor how often it has changed."""
    own = of_owner(results.decode(refused()))
    assert own.error is not None
    assert (own.error.code, own.error.param, own.error.context) == (
        "insufficient_funds",
        "amount",
        {},
    )
    assert own.error.detail == (
        "Insufficient funds. The wallet that was paid holds less than is to be given back."
    )
    assert own.sequences == {PAYER: 4}
    text = msgspec.json.encode(own).decode()
    assert not any(told in text for told in ("3.17", "1.83", "17", PAID))


def test_a_payer_does_not_learn_how_the_paid_wallet_stands() -> None:
    """Nor its id, where it is suspended or closed; that the own wallet is, its owner is told."""
    other = {"wallet_id": PAID, "status": "suspended"}
    hidden = of_owner(results.decode(refused(code=Code.WALLET_NOT_ACTIVE, context=other)))
    assert hidden.error is not None
    assert (hidden.error.code, hidden.error.context) == ("wallet_not_active", {})
    assert hidden.error.detail == "The wallet that was paid is not active: nothing is given back."
    text = msgspec.json.encode(hidden).decode()
    assert not any(told in text for told in ("suspended", "17", PAID))
    mine = {"wallet_id": PAYER, "status": "suspended"}
    shown = of_owner(results.decode(refused(code=Code.WALLET_NOT_ACTIVE, context=mine)))
    assert shown.error is not None
    assert (shown.error.context, PAYER in shown.error.detail) == (mine, True)


@pytest.mark.parametrize(
    ("kind", "code", "context"),
    [
        ("transfer.v1", Code.INSUFFICIENT_FUNDS, SHORT),
        ("refund.v1", Code.ALREADY_REFUNDED, {"paid": "5", "refunded": "5", "refundable": "0"}),
    ],
)
def test_what_is_the_owners_own_is_told(kind: str, code: Code, context: Mapping[str, str]) -> None:
    """With all amounts; and where no other wallet was looked at the result is as it is stored."""
    own = of_owner(results.decode(refused(kind, code, context)))
    assert own.error is not None
    assert (own.error.context, own.sequences) == (context, {PAYER: 4})
    alone = results.decode(refused(kind, code, context, {PAYER: 4}))
    assert of_owner(alone) is alone


@pytest.mark.parametrize(("who", "sees_all"), [(SARA, False), (ROOT, True)])
async def test_a_result_is_shown_by_who_asks(who: Principal, *, sees_all: bool) -> None:
    """As it is stored to who sees all; the same when it is looked up and when it is followed."""
    text = refused()

    async def read(*_: object) -> str:
        return text

    asked = SimpleNamespace(
        query=SimpleNamespace(source="/http/v1/key:1", fingerprint=None),
        path={"command_id": "r1"},
        gateway=SimpleNamespace(reading=SimpleNamespace(read=read)),
        rights=Rights(who, self_deposits=False),
        who=who,
    )
    body = (await meta.result(cast("Asked", asked))).body
    assert isinstance(body, bytes)
    assert (body == text.encode()) is sees_all
    assert (b"3.17" in body) is sees_all
    assert json.loads(body)["error"]["code"] == "insufficient_funds"
    follower = Follower(PAYER, 4, cast("Reading", None), sees_all=sees_all)
    follower.offer(of_rejection(results.decode(text)))
    (told,) = follower._queue  # noqa: SLF001 - what is told next
    assert json.loads(cast("Any", told).data) == json.loads(body)
