"""Commands on credit requests, and sales to a wallet: what is taken, and what is wrong by name."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from schemas.commands import (
    ApproveCreditRequest,
    Command,
    CreateCreditRequest,
    RejectCreditRequest,
    SellCharge,
)
from schemas.decoding import Decoded, RefusedCommand
from schemas.refusals import Code, detail_of

WALLET = "01930f6e-3c00-7000-8000-00000000000a"
OTHER = "01930f6e-3c00-7000-8000-00000000000b"
CREATE = "credit_request.create.v1"
ENDS = {
    "credit_request.approve.v1": ApproveCreditRequest,
    "credit_request.reject.v1": RejectCreditRequest,
}
SALE = {"phone_number": "09120000001"}

Send = Callable[..., Decoded]
Refused = Callable[..., RefusedCommand]


def taken(answer: Decoded) -> Any:  # noqa: ANN401 - the data of whatever type
    """The data of the command that the answer must be."""
    assert isinstance(answer, Command), answer
    return answer.data


def test_a_request_is_an_amount(send: Send) -> None:
    """Of the wallet's currency, said or not."""
    assert taken(send(type=CREATE)) == CreateCreditRequest(wallet_id=WALLET, amount="5.00")
    assert taken(send({"currency": "IRR"}, type=CREATE)).currency == "IRR"


@pytest.mark.parametrize("command_type", list(ENDS))
@pytest.mark.parametrize("more", [{}, {"by": "مدیر"}, {"by": "b" * 128, "reason": "r" * 256}])
def test_an_end_names_its_request(command_type: str, more: dict[str, str], send: Send) -> None:
    """And who says so and why, if they want to."""
    data = taken(send({"amount": ..., "credit_request_id": OTHER, **more}, type=command_type))
    assert type(data) is ENDS[command_type]
    named = {"wallet_id": WALLET, "credit_request_id": OTHER}
    assert msgspec.to_builtins(data) == named | more


@pytest.mark.parametrize("command_type", list(ENDS))
@pytest.mark.parametrize(
    ("data", "code", "param", "words"),
    [
        ({}, Code.MISSING_FIELD, "credit_request_id", "is required"),
        ({"credit_request_id": 7}, Code.INVALID_FIELD, "credit_request_id", "lower-case UUID"),
        ({"credit_request_id": "7380"}, Code.INVALID_FIELD, "credit_request_id", "lower-case"),
        ({"credit_request_id": OTHER, "by": ""}, Code.INVALID_FIELD, "by", "length >= 1"),
        ({"credit_request_id": OTHER, "by": "b" * 129}, Code.INVALID_FIELD, "by", "128"),
        ({"credit_request_id": OTHER, "by": "a\0b"}, Code.INVALID_FIELD, "by", "NUL"),
        ({"credit_request_id": OTHER, "reason": ""}, Code.INVALID_FIELD, "reason", "length >= 1"),
        ({"credit_request_id": OTHER, "amount": "5"}, Code.UNKNOWN_FIELD, "amount", "not a field"),
    ],
)
def test_a_wrong_end_is_named(
    command_type: str,
    data: dict[str, object],
    code: Code,
    param: str,
    words: str,
    refused: Refused,
) -> None:
    """The number that people see is no id; an amount is what was asked for."""
    refusal = refused({"amount": ..., **data}, type=command_type).refusal
    assert (refusal.code, refusal.param) == (code, param)
    assert words in detail_of(refusal)


def test_a_sale_may_go_to_a_wallet(send: Send, refused: Refused) -> None:
    """The wallet of the phone's owner; what is no wallet id is named."""
    assert taken(send(SALE, type="charge_sale.v1")).to_wallet_id is None
    data = taken(send({**SALE, "to_wallet_id": OTHER}, type="charge_sale.v1"))
    sale = SellCharge(
        wallet_id=WALLET, amount="5.00", phone_number="09120000001", to_wallet_id=OTHER
    )
    assert data == sale
    refusal = refused({**SALE, "to_wallet_id": "world:credit"}, type="charge_sale.v1").refusal
    assert (refusal.code, refusal.param) == (Code.INVALID_FIELD, "to_wallet_id")


def test_a_sale_to_a_wallet_is_other_content(send: Send) -> None:
    """One that says nothing of a wallet keeps the fingerprint it had before there were such."""
    plain, null, other = (
        send({**SALE, **more}, type="charge_sale.v1")
        for more in ({}, {"to_wallet_id": None}, {"to_wallet_id": OTHER})
    )
    assert plain == null
    assert plain.fingerprint != other.fingerprint  # type: ignore[union-attr]
