"""What the console says where there is no page: in plain words, with what to do."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from producers.http.answers import Answer
from producers.http.console import tokens
from producers.http.console.page import HEADERS, ROOT, rendered
from producers.http.errors import EarlyError
from producers.http.people import sessions
from producers.http.people.principal import NOBODY
from producers.http.v1 import problems

_UNKNOWN: Final = 401

_TITLES: Final = {
    400: "That cannot be done so",
    403: "That is not yours to see or do",
    404: "There is nothing here",
    405: "That page takes no such request",
    413: "That form is too large",
    429: "Too many requests",
    500: "An error of ours",
    503: "Something is away",
}

_ADVICE: Final = {
    400: "Go back, look at what was typed, and try again.",
    403: "The console is for admins, services and auditors. Log in as one of them, or have an admin"
    " change your role.",
    404: "Look at the address: an id may have lost a character. Search for the wallet instead.",
    405: "Go on from the overview.",
    413: "Choose fewer lines at once.",
    429: "Wait a moment, then load the page again.",
    500: "It stands in the gateway's log under the request's id. Nothing half-done remains: the"
    " ledger does a command wholly or not at all.",
    503: "Load the page again in a moment. A form that was sent may still be done; sending the same"
    " form again does it once.",
}


def is_ours(path: str) -> bool:
    """Whether a path is the console's."""
    return path == ROOT or path.startswith(f"{ROOT}/")


def told(request: web.Request, request_id: str, early: EarlyError) -> Answer:
    """An error as a page; who is not known gets the form to log in."""
    given = early.answer
    if given.status < 400:  # noqa: PLR2004 - HTTP's own
        return given
    problem = problems.told(problems.PREFIX, request_id, early).body
    assert isinstance(problem, dict)
    if given.status == _UNKNOWN:
        place = request.path_qs if request.method == "GET" else ROOT
        return login_page(request.headers, place)
    status = given.status
    headers = {name: text for name, text in given.headers.items() if name == "Retry-After"}
    body = rendered(
        "refused.html",
        status=status,
        title=_TITLES.get(status, problem["title"]),
        problem=problem,
        advice=_ADVICE.get(status, _ADVICE[400]),
        request_id=request_id,
    )
    return Answer(body, status, {**HEADERS, **headers})


def login_page(headers: Mapping[str, str], place: str, words: str = "") -> Answer:
    """401: say who you are; then it goes on at a place of ours. `words` say what was wrong."""
    has_session = sessions.token_of(headers) is not None
    cookie = sessions.cookie_of(headers, tokens.COOKIE)
    fresh = None if cookie else tokens.fresh()
    token = tokens.token_of(cookie or fresh or "", NOBODY)
    words = words or ("Your session has ended. Log in again." if has_session else "")
    body = rendered("login.html", token=token, place=place, words=words)
    # Browsers show the page for a scheme that they do not know.
    told = {**HEADERS, "WWW-Authenticate": 'Form realm="console"'}
    is_secure = sessions.is_secure(headers)
    if fresh:
        told["Set-Cookie"] = sessions.cookie(tokens.COOKIE, fresh, is_secure=is_secure)
    elif has_session:
        told["Set-Cookie"] = sessions.cookie(sessions.COOKIE, "", is_secure=is_secure)
    return Answer(body, _UNKNOWN, told)
