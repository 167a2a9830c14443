"""Data that fits its type is a command; of any other, the field and the fix are named."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.accounts import WORLD
from schemas.commands import (
    Command,
    CreateWallet,
    Deposit,
    Refund,
    SellCharge,
    SetWalletStatus,
    Transfer,
)
from schemas.decoding import Decoded, RefusedCommand
from schemas.refusals import Code, detail_of

WALLET = "01930f6e-3c00-7000-8000-00000000000a"
OTHER = "01930f6e-3c00-7000-8000-00000000000b"

Send = Callable[..., Decoded]
Refused = Callable[..., RefusedCommand]


def taken(answer: Decoded) -> Command:
    """The command that the answer must be."""
    assert isinstance(answer, Command), answer
    return answer


def test_a_deposit_is_taken(send: Send) -> None:
    """The least a command needs."""
    command = taken(send())
    assert command.data == Deposit(wallet_id=WALLET, amount="5.00")
    assert (command.id, command.source, command.type) == ("7", "/till", "deposit.v1")
    assert (command.expires_at, command.extras) == (None, None)


@pytest.mark.parametrize(
    ("command_type", "data", "expected"),
    [
        ("wallet.create.v1", {}, CreateWallet(wallet_id=WALLET, currency="IRR")),
        (
            "wallet.set_status.v1",
            {"status": "suspended"},
            SetWalletStatus(wallet_id=WALLET, status="suspended"),
        ),
        (
            "transfer.v1",
            {"to_wallet_id": OTHER, "amount": "1"},
            Transfer(wallet_id=WALLET, to_wallet_id=OTHER, amount="1"),
        ),
        (
            "charge_sale.v1",
            {"phone_number": "09120000001", "amount": "1", "currency": "EUR"},
            SellCharge(wallet_id=WALLET, phone_number="09120000001", amount="1", currency="EUR"),
        ),
        (
            "refund.v1",
            {"transaction_id": OTHER},
            Refund(wallet_id=WALLET, transaction_id=OTHER),
        ),
    ],
)
def test_every_type_is_taken(
    command_type: str, data: dict[str, Any], expected: object, send: Send
) -> None:
    """With what it must have, and its defaults."""
    command = taken(send({"amount": ..., **data}, type=command_type))
    assert command.data == expected
    assert command.type == command_type


def test_optional_fields_and_attributes_are_kept(send: Send) -> None:
    """Moments with their zone, text of every language, and what travels on."""
    command = taken(
        send(
            {
                "effective_at": "2026-11-20T13:30:00+03:30",
                "reference": "سفارش",
                "metadata": {"": "", "k" * 64: "v" * 512},
            },
            subject=WALLET,
            correlationid="c",
            traceparent="t",
            expirytime="2026-11-20T11:00:00.5Z",
            time="whatever",
            unheardof={"deep": [1]},
        )
    )
    assert command.data.effective_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert command.data.reference == "سفارش"
    assert command.expires_at == datetime(2026, 11, 20, 11, 0, 0, 500_000, UTC)
    assert command.extras == {"correlationid": "c", "traceparent": "t"}


def test_a_record_without_a_key_is_taken(send: Send) -> None:
    """A shell script may leave it out; its partition is then luck, its content is not."""
    assert taken(send(key=None)) == send()


INVALID: dict[str, tuple[str, dict[str, object], str, str]] = {
    # what is wrong: (type, data, the field named, a piece of the sentence)
    "number": ("deposit.v1", {"amount": 5}, "amount", 'as text, as "50.00"'),
    "float": ("deposit.v1", {"amount": 5.5}, "amount", "as text"),
    "boolean": ("deposit.v1", {"amount": True}, "amount", "as text"),
    "null": ("deposit.v1", {"amount": None}, "amount", "as text"),
    "object": ("deposit.v1", {"amount": {"value": "5"}}, "amount", "as text"),
    "array": ("deposit.v1", {"amount": ["5"]}, "amount", "as text"),
    "long amount": ("deposit.v1", {"amount": "9" * 65}, "amount", "length <= 64"),
    "capitals": ("deposit.v1", {"wallet_id": WALLET.upper()}, "wallet_id", "lower-case UUID"),
    "line break": ("deposit.v1", {"wallet_id": f"{WALLET}\n"}, "wallet_id", "lower-case UUID"),
    "no uuid": ("deposit.v1", {"wallet_id": "7"}, "wallet_id", "not of the right form"),
    "currency": ("deposit.v1", {"currency": "eur"}, "currency", "ISO 4217"),
    "currency's end": ("deposit.v1", {"currency": "EUR\n"}, "currency", "ISO 4217"),
    "no currency": ("deposit.v1", {"currency": "ZZZ"}, "currency", "ZZZ is no ISO 4217"),
    "gold": ("wallet.create.v1", {"currency": "XAU"}, "currency", "XAU is no ISO 4217"),
    "no zone": ("deposit.v1", {"effective_at": "2026-11-20T10:00:00"}, "effective_at", "timezone"),
    "no moment": ("deposit.v1", {"effective_at": "soon"}, "effective_at", "with a time zone"),
    "epoch": ("deposit.v1", {"effective_at": 1795168800}, "effective_at", "with a time zone"),
    "year 1": ("deposit.v1", {"effective_at": "0001-01-01T00:00:00+14:00"}, "effective_at", "1970"),
    "year 9999": (
        "deposit.v1", {"effective_at": "9999-12-31T23:59:59-14:00"}, "effective_at", "9998",
    ),
    "reference": ("deposit.v1", {"reference": "r" * 129}, "reference", "length <= 128"),
    "21 of metadata": (
        "deposit.v1", {"metadata": {str(n): "" for n in range(21)}}, "metadata", "length <= 20",
    ),
    "metadata's name": ("deposit.v1", {"metadata": {"k" * 65: ""}}, "metadata", "length <= 64"),
    "metadata's text": ("deposit.v1", {"metadata": {"k": "v" * 513}}, "metadata", "512"),
    "metadata's number": ("deposit.v1", {"metadata": {"k": 1}}, "metadata", "got `int`"),
    "metadata's list": ("deposit.v1", {"metadata": ["k"]}, "metadata", "got `array`"),
    "status": ("wallet.set_status.v1", {"status": "closed"}, "status", "deactivated or suspended"),
    "long status": ("wallet.set_status.v1", {"status": "x" * 9999}, "status", "xxx"),
    "phone": ("charge_sale.v1", {"phone_number": "0912 000 0001"}, "phone_number", "10 to 15"),
    "phone's digits": ("charge_sale.v1", {"phone_number": "٠٩١٢٠٠٠٠٠٠١"}, "phone_number", "10 to"),
    "phone's end": ("charge_sale.v1", {"phone_number": "09120000001\n"}, "phone_number", "10 to"),
    "owner's phone": ("wallet.create.v1", {"owner": {"phone": "x"}}, "owner.phone", "10 to 15"),
    "owner": ("wallet.create.v1", {"owner": "Parisa"}, "owner", "got `str`"),
    "receiver": ("transfer.v1", {"to_wallet_id": 7}, "to_wallet_id", "UUID"),
    "transaction": ("refund.v1", {"transaction_id": "7"}, "transaction_id", "UUID"),
    "nul": ("deposit.v1", {"reference": "a\0b"}, "reference", "NUL"),
    "nul in metadata": ("deposit.v1", {"metadata": {"k": "\0"}}, "metadata.k", "NUL"),
    "nul in its name": ("deposit.v1", {"metadata": {"\0": "v"}}, "metadata", "NUL"),
    "nul in a name": ("wallet.create.v1", {"owner": {"name": "\0"}}, "owner.name", "NUL"),
    "ours": ("deposit.v1", {"wallet_id": min(WORLD.values())}, "wallet_id", "ledger's own"),
}  # fmt: skip
NEEDED: dict[str, dict[str, object]] = {
    "wallet.create.v1": {"amount": ...},
    "wallet.set_status.v1": {"amount": ..., "status": "active"},
    "transfer.v1": {"to_wallet_id": OTHER},
    "charge_sale.v1": {"phone_number": "09120000001"},
    "refund.v1": {"transaction_id": OTHER},
}


@pytest.mark.parametrize("wrong", list(INVALID))
def test_an_invalid_field_is_named_with_its_fix(wrong: str, refused: Refused) -> None:
    """The code, the field, and a sentence that begins with the field; no dead letter."""
    command_type, data, param, words = INVALID[wrong]
    answer = refused({**NEEDED.get(command_type, {}), **data}, type=command_type, key=None)
    refusal = answer.refusal
    assert (refusal.code, refusal.param, answer.dead) == (Code.INVALID_FIELD, param, None)
    detail = detail_of(refusal)
    assert detail.startswith(f"{param}: ")
    assert words in detail
    assert len(detail) < 500
    assert (answer.id, answer.source, answer.type) == ("7", "/till", command_type)


def test_text_that_looks_like_an_escaped_nul_is_taken(send: Send) -> None:
    r"""A backslash and u0000 in the text itself are six characters, no NUL."""
    assert taken(send({"reference": "\\u0000"})).data.reference == "\\u0000"


@pytest.mark.parametrize("data", [[], [1], "x", 5, True, None])
def test_data_that_is_no_object(data: object, refused: Refused) -> None:
    """The whole of data is the field at fault."""
    answer = refused(data)
    assert (answer.refusal.code, answer.refusal.param) == (Code.INVALID_FIELD, "data")
    assert "one JSON object" in detail_of(answer.refusal)
    assert answer.wallet_id is None


@pytest.mark.parametrize("field", ["wallet_id", "amount"])
def test_a_missing_field_is_named(field: str, refused: Refused) -> None:
    """What a type must have."""
    refusal = refused({field: ...}).refusal
    assert (refusal.code, refusal.param) == (Code.MISSING_FIELD, field)
    assert detail_of(refusal) == f"{field} is required."


@pytest.mark.parametrize(
    ("command_type", "data", "path", "meant"),
    [
        ("deposit.v1", {"amuont": "5"}, "amuont", "amount"),
        ("deposit.v1", {"to_wallet_id": OTHER}, "to_wallet_id", "wallet_id"),
        ("deposit.v1", {"x`y` - at `$.z": 1}, "x`y` - at `$.z", None),
        ("deposit.v1", {"a\nb\0": 1}, "a\nb\0", None),
        ("deposit.v1", {"": 1}, "", None),
        ("wallet.create.v1", {"owner": {"phon": "1"}, "amount": ...}, "owner.phon", "phone"),
    ],
)
def test_an_unknown_field_asks_what_was_meant(
    command_type: str, data: dict[str, Any], path: str, meant: str | None, refused: Refused
) -> None:
    """Data is closed: a misspelt optional field must not be ignored."""
    refusal = refused(data, type=command_type).refusal
    assert (refusal.code, refusal.param) == (Code.UNKNOWN_FIELD, path)
    assert detail_of(refusal).startswith(f"{path} is not a field of {command_type}.")
    assert detail_of(refusal).endswith(f"Did you mean {meant}?" if meant else ".")


def test_a_field_with_a_long_name_is_cut(refused: Refused) -> None:
    """A result is not a megabyte because a field's name was."""
    refusal = refused({"x" * 20_000: 1}).refusal
    assert (refusal.code, len(refusal.param or "")) == (Code.UNKNOWN_FIELD, 256)
    assert len(detail_of(refusal)) < 500
