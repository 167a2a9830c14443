"""Logging in to the console, and out: a form, and a token in a cookie."""

from typing import Final

from producers.http.answers import Answer
from producers.http.console import forms, tokens
from producers.http.console.forms import STALE, Form
from producers.http.console.page import ROOT, redirect
from producers.http.console.refusals import login_page
from producers.http.errors import EarlyError, detail
from producers.http.people import passwords, sessions
from producers.http.people.access import unknown
from producers.http.people.credentials import NAME_MAX, WRONG_PASSWORD, Basic
from producers.http.people.principal import NOBODY, Principal
from producers.http.route import Asked

_UNKNOWN: Final = 401
_MISSING: Final = "Type your username and your password."


async def log_in(asked: Asked) -> Answer:
    """Give a session for a password, and go on where it was asked for."""
    form: Form = asked.body
    cookie = sessions.cookie_of(asked.headers, tokens.COOKIE)
    if cookie is None or form.text("token") != tokens.token_of(cookie, NOBODY):
        raise detail(400, STALE)
    place = place_of(form.text("next"))
    try:
        who = await _known(asked, form)
    except EarlyError as early:
        if early.answer.status != _UNKNOWN:
            raise
        return login_page(asked.headers, place, _words_of(early))
    assert who.user_id is not None, "who has a password is a user"
    asked.rights.who = who  # whose login it is, for the audit log
    token, _ = await asked.gateway.people.new_token(who.user_id)
    is_secure = sessions.is_secure(asked.headers)
    said = sessions.cookie(sessions.COOKIE, token, is_secure=is_secure)
    return redirect(place, {"Set-Cookie": said})


async def _known(asked: Asked, form: Form) -> Principal:
    """Who has the name and the password of a form. Raises EarlyError 401, 429 or 503."""
    username, password = form.text("username"), form.said.get("password", [""])[-1]
    if username is None or not password:
        raise unknown(_MISSING)
    if len(username) > NAME_MAX or len(password) > passwords.LONGEST:
        raise unknown(WRONG_PASSWORD)
    credentials = asked.gateway.entrance.credentials
    return await credentials.log_in(Basic(username, password), asked.address)


def _words_of(early: EarlyError) -> str:
    """What was wrong with a login."""
    body = early.answer.body
    return str(body["detail"]) if isinstance(body, dict) else ""


async def look_around(asked: Asked) -> Answer:
    """The form to log in is shown wherever somebody has to: on the overview, for one."""
    del asked
    return redirect(ROOT)


async def log_out(asked: Asked) -> Answer:
    """End the session, here and everywhere."""
    forms.of(asked)
    token = sessions.token_of(asked.headers)
    if token is not None:
        await asked.gateway.people.end_token(token)
    is_secure = sessions.is_secure(asked.headers)
    gone = sessions.cookie(sessions.COOKIE, "", is_secure=is_secure)
    return redirect(ROOT, {"Set-Cookie": gone})


def place_of(wanted: str | None) -> str:
    """Where to go on: a page of ours, and nowhere else."""
    if wanted is None or not (wanted == ROOT or wanted.startswith((f"{ROOT}/", f"{ROOT}?"))):
        return ROOT
    return wanted if wanted.isascii() and wanted.isprintable() else ROOT
