"""The page: the facts of a transfer as a PDF of one sheet; the same facts give the same bytes."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Final

import msgspec
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A5
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from consumers.receipts.facts import Facts

TITLE: Final = "Transfer receipt"
NOTE: Final = "Made from the ledger's journal, where the transfer stands for ever."

# The fonts that every reader of PDF has: nothing is embedded, a receipt is 2 KB.
_PLAIN, _BOLD, _FIXED = "Helvetica", "Helvetica-Bold", "Courier"
_INK, _PALE, _LINE = HexColor("#1c2430"), HexColor("#5b6675"), HexColor("#d5d9de")
_MARGIN: Final = 14 * mm
_WIDTH: Final = A5[0] - 2 * _MARGIN
_LABELS: Final = 26 * mm
_LEAST_POINTS: Final = 5.0


class Party(msgspec.Struct, frozen=True):
    """Who a wallet belongs to; both None where it is nobody's account."""

    user_id: int | None = None
    username: str | None = None


def page(facts: Facts, parties: Mapping[str, Party]) -> bytes:
    """The PDF of a receipt. `parties` tells whose the wallets are, where it is known."""
    sender, receiver = (parties.get(wallet, Party()) for wallet in (facts.sender, facts.receiver))
    file = BytesIO()
    # invariant: no clock and no chance in it, so that made again it has the same bytes.
    sheet = Canvas(file, pagesize=A5, invariant=1, pageCompression=1, initialFontName=_PLAIN)
    sheet.setTitle(f"{TITLE} {facts.number}")
    sheet.setAuthor("Wallet Streams")
    sheet.setCreator("wallet receipts")
    moment = datetime.fromisoformat(facts.recorded_at)
    sheet.setDateFormatter(lambda *_: f"D:{moment:%Y%m%d%H%M%S}Z")
    names = f"{sender.username or facts.sender} to {receiver.username or facts.receiver}"
    sheet.setSubject(f"{facts.amount} {facts.currency}, {names}")
    sheet.setKeywords(f"{facts.transaction_id} {facts.reference or ''}".strip())
    _draw(sheet, facts, sender, receiver)
    sheet.save()
    return file.getvalue()


def _draw(sheet: Canvas, facts: Facts, sender: Party, receiver: Party) -> None:
    top = A5[1] - _MARGIN - 16
    _text(sheet, _MARGIN, top, TITLE, (_BOLD, 18), _INK)
    _text(sheet, _MARGIN, top - 16, f"No. {facts.number}", (_PLAIN, 11), _PALE)
    _rule(sheet, top - 28)
    amount = f"{_grouped(facts.amount)} {facts.currency}"
    _text(sheet, _MARGIN, top - 58, amount, (_BOLD, 24), _INK)
    height = top - 84
    for label, value, font in _lines(facts, sender, receiver):
        _text(sheet, _MARGIN, height, label, (_PLAIN, 9), _PALE)
        _text(sheet, _MARGIN + _LABELS, height, value, (font, 10), _INK, _WIDTH - _LABELS)
        height -= 17
    _rule(sheet, height)
    _text(sheet, _MARGIN, height - 14, NOTE, (_PLAIN, 8), _PALE)


def _lines(facts: Facts, sender: Party, receiver: Party) -> Iterator[tuple[str, str, str]]:
    """Label, value and font of each fact."""
    moment = datetime.fromisoformat(facts.recorded_at)
    yield "Date", f"{moment:%Y-%m-%d %H:%M:%S} UTC", _PLAIN
    yield "From", _who(sender), _PLAIN
    yield "wallet", facts.sender, _FIXED
    yield "To", _who(receiver), _PLAIN
    yield "wallet", facts.receiver, _FIXED
    yield "Transaction", facts.transaction_id, _FIXED
    if facts.reference:
        yield "Reference", facts.reference, _PLAIN


def _who(party: Party) -> str:
    if party.user_id is None:
        return "a wallet without a user"
    number = f"user {party.user_id}"
    shown = _printable(party.username or "")
    # A name in letters that the fonts lack would be question marks.
    return f"{number}, {shown}" if shown == party.username else number


def _grouped(amount: str) -> str:
    whole, point, fraction = amount.partition(".")
    return f"{int(whole):,}{point}{fraction}"


def _rule(sheet: Canvas, height: float) -> None:
    sheet.setStrokeColor(_LINE)
    sheet.line(_MARGIN, height, A5[0] - _MARGIN, height)


def _text(  # noqa: PLR0913, PLR0917 - where, what and how
    sheet: Canvas,
    left: float,
    height: float,
    text: str,
    font: tuple[str, float],
    colour: HexColor,
    width: float = _WIDTH,
) -> None:
    """Write a line, smaller where it would be too wide, cut off where it would be unreadable."""
    name, points = font
    shown = _printable(text)
    points = min(points, points * width / max(stringWidth(shown, name, points), 1))
    while points < _LEAST_POINTS:
        shown, points = f"{shown[: len(shown) * 2 // 3]}...", font[1]
        points = min(points, points * width / max(stringWidth(shown, name, points), 1))
    sheet.setFont(name, points)
    sheet.setFillColor(colour)
    sheet.drawString(left, height, shown)


def _printable(text: str) -> str:
    """The text as far as the fonts of PDF readers go: the rest is in the document's properties."""
    known = text.encode("cp1252", "replace").decode("cp1252", "replace")
    return "".join(each if each.isprintable() else "?" for each in known)
