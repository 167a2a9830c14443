"""Statements: the changes of a wallet with their running balance, as JSON pages or one CSV."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final, Literal

from pydantic import Field

from producers.http.answers import Answer
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.v1 import cursors, fields, reading_transactions, reading_wallets
from producers.http.v1.fields import Moment, Paged
from producers.http.v1.problems import Problem, problem
from producers.http.v1.reading_transactions import Line, Span, effective_at
from producers.http.v1.reading_wallets import WalletRow
from producers.http.v1.shapes import StatementPage
from producers.http.v1.transactions import Kind
from producers.http.v1.wallets import no_wallet
from schemas.money import show

FAMILY: Final = "v1"
LIST: Final = "statement"
PART: Final = 1000
"""Lines of a CSV that are read and sent at a time: so much is in memory, however long it is."""

COLUMNS: Final = (
    "sequence", "recorded_at", "direction", "kind", "amount", "balance", "currency",
    "counterparty", "phone_number", "reference", "metadata", "effective_at", "transaction_id",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for a formula."""


class StatementQuery(Paged):
    """Which changes, in which order, and how they are written."""

    from_time: Moment | None = Field(None, description="Recorded at this moment or later")
    to_time: Moment | None = Field(None, description="Recorded before this moment")
    from_sequence: fields.Sequence | None = Field(None, description="The first change")
    to_sequence: fields.Sequence | None = Field(None, description="The last change")
    kind: Kind | None = Field(None, description="Changes of a kind", examples=["transfer"])
    direction: Literal["in", "out", "none"] | None = Field(
        None, description="Money that came in or went out; or changes without money"
    )
    order: Literal["asc", "desc"] = Field("asc", description="The oldest first, or the newest")
    format: Literal["json", "csv"] = Field(
        "json", description="csv has all lines at once; limit, cursor and order are JSON's"
    )


async def statement(asked: Asked) -> Answer:
    """The changes of a wallet."""
    wanted: StatementQuery = asked.query
    found = await asked.gateway.reading.read(reading_wallets.wallet, asked.path["wallet_id"])
    if found is None:
        raise no_wallet(asked.path["wallet_id"])
    if wanted.format == "csv":
        return _as_csv(asked, wanted, found)
    lines, following = await _page(asked, wanted)
    wallet_id = found.wallet_id
    path = f"/v1/wallets/{wallet_id}/statement"
    page = cursors.page(asked, path, [_body(wallet_id, each) for each in lines], following)
    assert isinstance(page.body, dict)
    return Answer({"wallet_id": wallet_id, **page.body}, headers=page.headers)


async def _page(asked: Asked, wanted: StatementQuery) -> tuple[list[Line], str | None]:
    """The lines of a page, and the cursor to the next; one of a kind may be short."""
    name = f"{LIST} {wanted.order}"
    last = cursors.number_after(name, wanted.cursor)
    kept: list[Line] = []
    looked_at = 0
    while looked_at < reading_transactions.SCAN_MAX:
        several = await _lines(asked, wanted, last, wanted.to_sequence)
        for each in several:
            if len(kept) == wanted.limit:
                return kept, cursors.cursor_of(name, last or 0)
            last = each.sequence
            if _is_wanted(wanted, each):
                kept.append(each)
        if len(several) < PART:
            return kept, None
        looked_at += len(several)
    return kept, cursors.cursor_of(name, last or 0)


async def _lines(
    asked: Asked, wanted: StatementQuery, after: int | None, to_sequence: int | None
) -> Sequence[Line]:
    """The next changes, of whatever kind."""
    return await asked.gateway.reading.read(
        reading_transactions.lines,
        asked.path["wallet_id"],
        PART if wanted.format == "csv" or _is_choosy(wanted) else wanted.limit + 1,
        after=after,
        is_descending=wanted.order == "desc" and wanted.format == "json",
        first=wanted.from_sequence,
        last=to_sequence,
        span=Span(wanted.from_time, wanted.to_time),
    )


def _is_choosy(wanted: StatementQuery) -> bool:
    """Whether lines are left out that the database cannot leave out."""
    return wanted.kind is not None or wanted.direction is not None


def _is_wanted(wanted: StatementQuery, line: Line) -> bool:
    if wanted.kind not in (None, line.transaction.kind):
        return False
    return wanted.direction in (None, _direction(line))


def _direction(line: Line) -> str:
    if line.amount_minor == 0:
        return "none"
    return "in" if line.amount_minor > 0 else "out"


def _body(wallet_id: str, line: Line) -> dict[str, Any]:
    found = line.transaction
    return {
        "sequence": line.sequence,
        "direction": _direction(line),
        "kind": found.kind,
        "amount": show(abs(line.amount_minor), line.currency),
        "balance": show(line.balance_minor, line.currency),
        "currency": line.currency,
        "counterparty": line.counterparty(wallet_id),
        "transaction_id": found.id,
        "recorded_at": found.result.recorded_at,
        "effective_at": effective_at(found),
        "reference": found.said.reference,
        "metadata": found.said.metadata or {},
        "phone_number": found.said.phone_number,
    }


def _as_csv(asked: Asked, wanted: StatementQuery, wallet: WalletRow) -> Answer:
    """All lines up to the wallet's sequence as it is now: what comes meanwhile is not in it."""
    if wanted.cursor is not None:
        raise problem("invalid_cursor", "A CSV has all lines at once.", param="cursor")
    last = min(wanted.to_sequence or wallet.sequence, wallet.sequence)
    name = f"statement-{wallet.wallet_id}.csv"
    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Answer(_parts(asked, wanted, last), headers=headers)


async def _parts(asked: Asked, wanted: StatementQuery, last: int) -> AsyncIterator[bytes]:
    """The CSV, part by part: whoever reads slowly is waited for."""
    yield _written([COLUMNS])
    after: int | None = None
    while True:
        several = await _lines(asked, wanted, after, last)
        rows = [_row(asked, each) for each in several if _is_wanted(wanted, each)]
        if rows:
            yield _written(rows)
        if len(several) < PART:
            return
        after = several[-1].sequence


def _row(asked: Asked, line: Line) -> list[str]:
    body = _body(asked.path["wallet_id"], line)
    body["metadata"] = json.dumps(body["metadata"], ensure_ascii=False) if body["metadata"] else ""
    return [_harmless(body[name]) for name in COLUMNS]


def _harmless(value: object) -> str:
    """A cell that no spreadsheet calculates: texts of others get a quote before a sign."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _written(rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)  # RFC 4180: CRLF
    return out.getvalue().encode()


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET", path="/v1/wallets/{wallet_id:uuid}/statement", handler=statement,
        family=FAMILY, summary="The changes of a wallet, with their running balance",
        query=StatementQuery, slash=False, access=Access.OWNER,
        texts=("text/csv",), answers={200: StatementPage, 400: Problem, 403: Problem, 404: Problem},
    ),
)  # fmt: skip
