"""`/docs/errors`: every code an error can have, for people (HTML) and for programs (JSON)."""

from html import escape
from typing import Any, Final

from pydantic import BaseModel

from producers.http.answers import Answer
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.v1.codes import CODES, ErrorCode
from schemas.results import ERRORS_PAGE

FAMILY: Final = "v1"

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .5rem;
border-bottom: 1px solid #8886; vertical-align: top } :target { background: #fd03 }
code { font-size: .95em } a { color: inherit } :root { color-scheme: light dark }
"""
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)


class ErrorLine(BaseModel):
    """A code an error can have."""

    code: str
    status: int
    title: str
    meaning: str
    advice: str
    retryable: bool
    doc_url: str


class ErrorLines(BaseModel):
    """All of them."""

    data: list[ErrorLine]


async def errors(asked: Asked) -> Answer:
    """All codes: HTML for who accepts it, else JSON."""
    if "text/html" in asked.headers.get("Accept", ""):
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": _POLICY}
        return Answer(_PAGE, headers={**headers, "Vary": "Accept"})
    return Answer({"data": [_line(each) for each in CODES.values()]}, headers={"Vary": "Accept"})


def _line(each: ErrorCode) -> dict[str, Any]:
    return {
        "code": each.code,
        "status": each.status,
        "title": each.title,
        "meaning": each.meaning,
        "advice": each.advice,
        "retryable": each.is_retryable,
        "doc_url": f"{ERRORS_PAGE}#{each.code}",
    }


def _row(each: ErrorCode) -> str:
    code, words = escape(each.code), (each.title, each.meaning, each.advice)
    title, meaning, advice = (escape(text) for text in words)
    again = "yes" if each.is_retryable else "no"
    return (
        f'<tr id="{code}"><td><a href="#{code}"><code>{code}</code></a><td>{each.status}'
        f"<td>{title}<br><small>{meaning}</small><td>{advice}<td>{again}"
    )


def _page() -> str:
    rows = "\n".join(_row(each) for each in CODES.values())
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Errors of the wallet API</title>
<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>
<h1>Errors</h1>
<p>Errors under <code>/v1/</code> are <code>application/problem+json</code> (RFC 9457). Decide by
<code>code</code>; <code>param</code> names the field, <code>context</code> has the numbers.
A refusal of the ledger stays: the same Idempotency-Key gets it again. Ask for
<code>application/json</code> and this page is a table for programs.</p>
<table><thead><tr><th>Code<th>Status<th>What it means<th>What to do<th>Retry</thead><tbody>
{rows}
</tbody></table></html>
"""


_PAGE: Final = _page().encode()

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="GET", path=ERRORS_PAGE, handler=errors, family=FAMILY, slash=False,
        summary="Every code that an error can have", access=Access.PUBLIC,
        answers={200: ErrorLines}, texts=("text/html",),
    ),
)  # fmt: skip
