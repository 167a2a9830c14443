"""Receipts without servers: which events get one, what it says, what it is called, how it lies."""

import base64
import re
import zlib
from pathlib import Path

import msgspec
import pytest

from consumers.receipts.facts import Chosen, Facts
from consumers.receipts.page import Party, page
from consumers.receipts.shelf import MAKING, Shelf
from schemas import receipts
from schemas.events import Balance, EntryBody, Event, TransactionBody, encode
from schemas.results import CommandRef

ANN, BOB = (f"01930f6e-3c00-7000-8000-00000000000{digit}" for digit in "ab")
TRANSACTION = "01930f6e-3c00-8abc-8123-0123456789ab"
MOMENT = "2026-11-20T10:00:05.123Z"
NAME = "receipt_39_20261120_100005.pdf"
FACTS = Facts(39, TRANSACTION, MOMENT, ANN, BOB, "1234567.50", "IRR", "order 17")


def event(wallet: str = ANN, kind: str = "transfer", source: str = "/http/002") -> Event:
    """An event of a transfer from ANN to BOB, as `wallet` hears of it."""
    return Event(
        wallet_id=wallet,
        sequence=3,
        currency="IRR",
        transaction=TransactionBody(TRANSACTION, kind, MOMENT, MOMENT, "order 17", {}),
        entries=[EntryBody(ANN, "-1234567.50", "IRR"), EntryBody(BOB, "1234567.50", "IRR")],
        balance=Balance("0.00", "0.00"),
        command=CommandRef(source, '"kind":"transfer"', f"{kind}.v1", "commands", 2, 9),
    )


def told(content: bytes) -> str:
    """The words on a page."""
    (stream,) = re.findall(rb"stream\n(.*?)endstream", content, re.DOTALL)
    drawn = zlib.decompress(base64.a85decode(b"<~" + stream.strip(), adobe=True))
    return "\n".join(each.decode() for each in re.findall(rb"\((.*)\) Tj", drawn))


def test_a_transfer_gets_one_receipt() -> None:
    """From the sender's event; the receiver's tells the same."""
    chosen = Chosen(["/http/002"], 4)
    assert chosen.facts(encode(event())) == FACTS
    assert chosen.facts(encode(event(BOB))) is None
    assert FACTS.name == NAME


def test_who_writes_receipts_for_what() -> None:
    """Transfers of the sources that were chosen; nothing else, however it looks."""
    assert Chosen(["/shop", "/http/002"], 4).facts(encode(event())) is not None
    assert Chosen(["/shop"], 4).facts(encode(event())) is None
    assert Chosen([], 4).facts(encode(event())) is None
    assert Chosen(["*"], 4).facts(encode(event(source="/any/thing"))) is not None
    for kind in ("charge_sale", "exchange"):
        assert Chosen(["*"], 4).facts(encode(event(kind=kind))) is None
    assert Chosen(["*"], 4).facts(b"") is None
    with pytest.raises(msgspec.DecodeError):
        Chosen(["*"], 4).facts(b'{"kind":"transfer"')


def test_a_page_tells_the_facts() -> None:
    """Amount, moment, both sides, both ids; and not what only the sender knows."""
    words = told(page(FACTS, {ANN: Party(7, "ann")}))
    for each in ("No. 39", "1,234,567.50 IRR", "2026-11-20 10:00:05 UTC", ANN, BOB, TRANSACTION):
        assert each in words
    assert "user 7, ann" in words
    assert "a wallet without a user" in words
    assert "order 17" in words


def test_the_same_facts_give_the_same_bytes() -> None:
    """No clock, no chance: made again it is the same file."""
    parties = {ANN: Party(7, "ann"), BOB: Party(8, "bob")}
    assert page(FACTS, parties) == page(FACTS, parties)
    assert page(FACTS, parties) != page(msgspec.structs.replace(FACTS, number=40), parties)


@pytest.mark.parametrize(
    "hostile", ["سارا", "(\\) Tj ET", "x" * 300, "", "a\nb\x00\x1b", "\U0001f600"]
)
def test_a_page_is_made_of_any_words(hostile: str) -> None:
    """A name in other letters, one that looks like PDF, one that is too long."""
    facts = msgspec.structs.replace(FACTS, reference=hostile, amount="9" * 36 + ".99")
    content = page(facts, {ANN: Party(7, hostile), BOB: Party(8, "bob")})
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") == 1
    assert "user 8, bob" in told(content)
    assert "user 7" in told(content)


@pytest.mark.parametrize(
    "wrong",
    [
        "", "receipt_0_20261120_100005.pdf", "receipt_39_20261120_100005.pdf\n",
        "receipt_1_2026_1.pdf", "../receipt_39_20261120_100005.pdf",
        "receipt_٣_20261120_100005.pdf", f"receipt_{'9' * 20}_20261120_100005.pdf",
    ],
)  # fmt: skip
def test_only_a_receipts_name_has_a_number(wrong: str) -> None:
    """What comes in an address names no other file."""
    assert receipts.number_of(NAME) == 39
    assert receipts.number_of(wrong) is None


def test_a_shelf_holds_what_was_put(tmp_path: Path) -> None:
    """Whole, once, by day; and nothing that was half made before."""
    left = tmp_path / MAKING / "1.abc" / NAME
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    shelf = Shelf(tmp_path, "1")
    assert not left.exists()
    assert not shelf.has(NAME)
    shelf.put([(NAME, b"once")])
    shelf.put([(NAME, b"once")])
    shelf.put([])
    assert shelf.has(NAME)
    assert (tmp_path / "20261120" / NAME).read_bytes() == b"once"
    shelf.close()
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [
        receipts.place_of(tmp_path, NAME)
    ]
