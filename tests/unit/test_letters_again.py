"""What a dead letter becomes when it is sent again: the same each time, and done once."""

import json
from typing import Any

import pytest

from consumers.letters.again import HopelessError, again, id_after
from consumers.letters.letter import Letter, letter_of
from schemas.commands import Command
from schemas.decoding import decode
from schemas.refusals import Code, Refusal
from schemas.results import AnyResult, CommandRef, error_of

WALLET = "01930f6e-3c00-7000-8000-00000000000a"
OTHER = "01930f6e-3c00-7000-8000-00000000000b"
REF = CommandRef("/shop", "order 7", "deposit.v1", "wallet.commands.v1", 3, 17)
MOMENT = "2026-11-20T10:00:00.000Z"
REFUSAL = Refusal(Code.KEY_MISMATCH, "wallet_id", {"key": OTHER, "wallet_id": WALLET})
REFUSED = AnyResult(REF, "rejected", WALLET, MOMENT, {}, error=error_of(REFUSAL))
DONE = AnyResult(REF, "completed", WALLET, MOMENT, {}, transaction_id=WALLET)


def letter(key: str | None = WALLET, cut: str | None = None, **said: Any) -> Letter:  # noqa: ANN401
    """A deposit in structured mode as it was buried, with changes."""
    body = {
        "specversion": "1.0", "id": "order 7", "source": "/shop", "type": "deposit.v1",
        "data": {"wallet_id": WALLET, "amount": "5.00"},
    }  # fmt: skip
    value = json.dumps({**body, **said}).encode()
    return Letter(3, 17, "why", None if key is None else key.encode(), value, [], cut)


def test_a_wrong_key_is_set_right_under_a_new_id() -> None:
    """The id was refused; the new one follows from it, so all its letters are one command."""
    sent = again(letter(OTHER), REFUSED)
    assert sent.message.id == id_after("/shop", "order 7") == "dlq:order 7"
    assert sent.message.key == WALLET.encode()
    assert ("ce_causationid", b"order 7") in sent.message.headers
    assert len(sent.changes) == 2
    assert again(letter(OTHER), REFUSED) == sent
    read = decode(sent.message.key, sent.message.value, sent.message.headers)
    assert isinstance(read, Command)
    assert (read.id, read.source) == ("dlq:order 7", "/shop")


def test_one_whose_id_has_no_answer_is_sent_as_it_came() -> None:
    """A version that could not read it wrote no answer."""
    sent = again(letter(), None)
    assert (sent.message.id, sent.changes) == ("order 7", [])
    first = decode(WALLET.encode(), letter().value)
    read = decode(sent.message.key, sent.message.value, sent.message.headers)
    assert isinstance(first, Command)
    assert isinstance(read, Command)
    assert (read.key, read.fingerprint) == (first.key, first.fingerprint)


def test_what_was_done_by_another_copy_is_not_done_again() -> None:
    """Money moves once for one id, whatever became of its copies."""
    with pytest.raises(HopelessError, match="3:17: drop it"):
        again(letter(OTHER), DONE)


@pytest.mark.parametrize(
    ("dead", "told"),
    [
        (Letter(0, 1, "r", None, b"{", []), "today either"),
        (Letter(0, 1, "r", None, None, []), "today either"),
        (letter(data={"wallet_id": WALLET, "amuont": "5"}), "Did you mean amount"),
        (letter(type="deposit.v9"), "deposit.v9"),
        (letter(cut="the record was cut"), "was cut"),
    ],
)
def test_what_cannot_be_read_is_not_sent(dead: Letter, told: str) -> None:
    """It would only come back; the reason is today's."""
    with pytest.raises(HopelessError, match=told):
        again(dead, None)


def test_a_long_id_gets_a_short_one() -> None:
    """An id has 256 characters at most."""
    long = "x" * 255
    assert len(id_after("/shop", long)) < 64
    assert id_after("/shop", long) != id_after("/other", long)


def test_a_letter_is_read_from_its_row() -> None:
    """Byte for byte, whatever is in it."""
    row = '{"key":null,"value":"AP8=","headers":[["a","/w=="],["b",null]],"cut":"c"}'
    found = letter_of(1, 2, "r", row)
    assert found == Letter(1, 2, "r", None, b"\x00\xff", [("a", b"\xff"), ("b", b"")], "c")
    assert found.place == "1:2"
