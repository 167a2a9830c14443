"""A fingerprint is a command's content: what it asks for, not how it was written or sent."""

import json
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from schemas.commands import TYPES, Command
from schemas.decoding import Decoded, RefusedCommand, decode

WALLET = "01930f6e-3c00-7000-8000-00000000000a"
Send = Callable[..., Decoded]


def fingerprint(answer: Decoded) -> str:
    """The fingerprint of a command or of a refused one."""
    assert isinstance(answer, Command | RefusedCommand)
    return answer.fingerprint


@pytest.mark.parametrize(
    "same",
    [
        {"amount": "5.00", "metadata": {"b": "2", "a": "1"}, "reference": "ü"},
        {"metadata": {"a": "1", "b": "2"}, "reference": "ü", "amount": "5.00"},
        {"metadata": {"a": "1", "b": "2"}, "reference": "ü", "currency": None},
    ],
)
def test_order_and_nulls_are_no_content(same: dict[str, Any], send: Send) -> None:
    """Neither the order of fields and metadata nor a null where a default stands."""
    first = send({"metadata": {"a": "1", "b": "2"}, "reference": "ü"})
    assert fingerprint(send(same)) == fingerprint(first)


def test_the_envelope_is_no_content(send: Send) -> None:
    """A repeated command may come with another time, expiry or trace."""
    again = send(time="2026-11-20T10:00:00Z", expirytime="2027-01-01T00:00:00Z", traceparent="t")
    assert fingerprint(again) == fingerprint(send())
    assert fingerprint(send(id="8", source="/other", subject=WALLET)) == fingerprint(send())


def test_the_way_of_writing_is_no_content() -> None:
    """Blanks, escapes and the mode of CloudEvents."""
    attributes = {"specversion": "1.0", "id": "7", "source": "/t", "type": "deposit.v1"}
    data = {"wallet_id": WALLET, "amount": "5.00", "reference": "ü"}
    headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    ways = [
        decode(None, json.dumps({**attributes, "data": data}).encode()),
        decode(None, json.dumps({**attributes, "data": data}, indent=3).encode()),
        decode(None, json.dumps(data, ensure_ascii=False).encode(), headers),
        decode(WALLET.encode(), json.dumps(data, sort_keys=True).encode(), headers),
    ]
    assert len({fingerprint(way) for way in ways}) == 1


def test_a_default_said_is_a_default_meant(send: Send) -> None:
    """A wallet made in IRR, said or not."""
    said = send({"amount": ..., "currency": "IRR"}, type="wallet.create.v1")
    assert fingerprint(said) == fingerprint(send({"amount": ...}, type="wallet.create.v1"))


CONTENTS: list[dict[str, Any]] = [
    {},
    {"amount": "5.01"},
    {"amount": "5.0"},
    {"currency": "IRR"},
    {"wallet_id": "01930f6e-3c00-7000-8000-00000000000b"},
    {"reference": ""},
    {"reference": "a"},
    {"metadata": {}},
    {"metadata": {"a": "b"}},
    {"metadata": {"b": "a"}},
    {"metadata": {"a": "b", "": ""}},
    {"effective_at": "2026-11-20T10:00:00Z"},
    {"effective_at": "2026-11-20T10:00:00.000001Z"},
]


def test_other_content_has_another_fingerprint(send: Send) -> None:
    """Every field counts, whatever its value."""
    found = [fingerprint(send(content, key=None)) for content in CONTENTS]
    assert len(set(found)) == len(CONTENTS)


def test_equal_data_of_two_types_is_other_content(send: Send) -> None:
    """A withdrawal is no deposit of the same amount."""
    needed = {"status": "active", "to_wallet_id": WALLET, "phone_number": "09120000001"}
    needed |= {"transaction_id": WALLET, "amount": "5.00", "wallet_id": WALLET}
    needed |= {"credit_request_id": WALLET, "to_amount": "5.00"}
    needed |= {"withdrawal_id": WALLET, "reason": "r", "due_at": "2026-11-20T10:00:00Z"}
    known = {
        # `send` fills in what its own deposit has, so what a type does not know is left out.
        name: {"amount": ..., **{field: needed.get(field, ...) for field in fields}}
        for name, fields in ((name, struct.__struct_fields__) for name, struct in TYPES.items())
    }
    answers = {name: send(data, type=name) for name, data in known.items()}
    assert all(isinstance(answer, Command) for answer in answers.values())
    for one, other in combinations(answers.values(), 2):
        assert fingerprint(one) != fingerprint(other)


def test_the_type_alone_makes_another_fingerprint() -> None:
    """Types that share their first 16 letters too: the whole name counts."""
    prints = set()
    for name in TYPES:
        value = {"specversion": "1.0", "id": "7", "source": "/t", "type": name, "data": {}}
        prints.add(fingerprint(decode(None, json.dumps(value).encode())))
    assert len(prints) == len(TYPES)


def test_a_refused_content_is_another_than_its_mended_self(send: Send) -> None:
    """The answer to the wrong one must not be taken for the answer to the right one."""
    assert fingerprint(send({"amuont": "5"})) != fingerprint(send())
    assert fingerprint(send(subject="x")) != fingerprint(send())
