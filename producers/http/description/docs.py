"""The pages that show the description of all paths: Swagger UI and ReDoc, without the internet."""

from typing import Final

from producers.http.answers import Answer
from producers.http.description.described import TITLE
from producers.http.errors import not_found
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.vendored import asset, policy_of, version_of

FAMILY: Final = "gateway"

_MAY: Final = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # both pages make their styles as they run
    "img-src": "'self' data:",
    "worker-src": "'self' blob:",  # ReDoc's search
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
POLICY: Final = policy_of(_MAY)
"""What a browser may load for a page: what comes from us, nothing else."""

GUARDED: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_HTML: Final = "text/html; charset=utf-8"
_WITHOUT_SCRIPTS: Final = (
    'This page needs JavaScript; <a href="/api/schema/">the document</a> none.'
)
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_SWAGGER: Final = f"swagger-ui-dist-{version_of('swagger-ui-dist')}"
_REDOC: Final = f"redoc-{version_of('redoc')}"
_FAVICON: Final = f"{_SWAGGER}/favicon-32x32.png"


async def swagger(asked: Asked) -> Answer:
    """Swagger UI: look at the paths and try them."""
    del asked
    sheets = (f"{_SWAGGER}/swagger-ui.css",)
    return _page("Swagger UI", sheets, (f"{_SWAGGER}/swagger-ui-bundle.js", "own/swagger.js"))


async def redoc(asked: Asked) -> Answer:
    """ReDoc: read about the paths."""
    del asked
    return _page("ReDoc", (), (f"{_REDOC}/redoc.standalone.js", "own/redoc.js"))


async def file(asked: Asked) -> Answer:
    """A script or a style sheet of the two pages."""
    found = asset(f"{asked.path['package']}/{asked.path['file']}")
    if found is None:
        raise not_found()
    kept = _FOR_EVER if found.is_kept else "no-cache"
    headers = {**GUARDED, "Content-Type": found.kind, "Cache-Control": kept}
    return Answer(found.content, headers=headers)


def _page(name: str, sheets: tuple[str, ...], scripts: tuple[str, ...]) -> Answer:
    """A page that shows what its scripts make."""
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{TITLE} - {name}</title>",
        f'<link rel="icon" type="image/png" href="/api/schema/assets/{_FAVICON}">',
        *(
            f'<link rel="stylesheet" href="/api/schema/assets/{each}">'
            for each in (*sheets, "own/page.css")
        ),
        "</head>",
        "<body>",
        f'<div id="page"><noscript>{_WITHOUT_SCRIPTS}</noscript></div>',
        *(f'<script src="/api/schema/assets/{each}"></script>' for each in scripts),
        "</body>",
        "</html>",
    ]
    headers = {**GUARDED, "Content-Type": _HTML, "Cache-Control": "no-cache"}
    return Answer("\n".join(lines).encode(), headers=headers)


ROUTES: Final = (
    Route(
        method="GET", path="/api/schema/swagger-ui", handler=swagger, family=FAMILY,
        summary="Swagger UI", answers={200: None}, is_described=False,
        access=Access.PUBLIC,
    ),
    Route(
        method="GET", path="/api/schema/redoc", handler=redoc, family=FAMILY,
        summary="ReDoc", answers={200: None}, is_described=False,
        access=Access.PUBLIC,
    ),
    Route(
        method="GET", path="/api/schema/assets/{package:text}/{file:text}", handler=file,
        family=FAMILY, slash=False, summary="A file of these pages", answers={200: None},
        is_described=False,
        access=Access.PUBLIC,
    ),
)  # fmt: skip
