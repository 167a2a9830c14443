"""Users and API keys: seen by who sees all, changed by admins."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import Connection

from producers.http import fields
from producers.http.answers import Answer
from producers.http.console import forms
from producers.http.console.forms import Form
from producers.http.console.page import ROOT, page, redirect
from producers.http.errors import EarlyError, wrong_field
from producers.http.people import changing, reading
from producers.http.people.access import forbidden
from producers.http.people.changing import KeyRow
from producers.http.people.principal import SCOPES
from producers.http.people.roles import KEY_ROLES, Role
from producers.http.route import Asked

LINES: Final = 50
NAME_MAX: Final = 100
DAYS_MAX: Final = 36_500


class UsersQuery(BaseModel):
    """Those after an id."""

    after: fields.Whole = 0


async def list_users(asked: Asked) -> Answer:
    """Users, in the order of their ids."""
    after = max(0, min(asked.query.after, 2**62))
    found = await asked.gateway.reading.read(reading.users_after, after, LINES + 1)
    more = found[LINES - 1].id if len(found) > LINES else None
    return page(asked, "users.html", users=found[:LINES], more=more)


async def set_user_active(asked: Asked) -> Answer:
    """Let somebody in, or no longer; nobody shuts out himself."""
    form = forms.of(asked)
    number = asked.path["id"]
    is_active = form.text("active") == "yes"
    if number == asked.who.user_id and not is_active:
        raise forbidden("You cannot disable yourself. Another admin can.")
    await asked.gateway.people.writing.read(_set_active, number, is_active=is_active)
    return redirect(f"{ROOT}/users?after={max(0, number - 1)}")


async def list_keys(asked: Asked) -> Answer:
    """API keys, without their secrets; for admins and auditors."""
    asked.rights.see_audit()
    return await _keys(asked)


async def _keys(asked: Asked, code: int = 200, **more: Any) -> Answer:  # noqa: ANN401
    try:
        found = await asked.gateway.reading.read(changing.keys)
    except EarlyError:
        if more.get("made") is None:
            raise
        found = [more["made"]]  # its secret is shown now or never
    context = {"secret": None, "made": None, "trouble": None, "typed": Form(), **more}
    return page(
        asked, "keys.html", code=code, keys=found, scopes=SCOPES, roles=KEY_ROLES,
        now=datetime.now(UTC), **context,
    )  # fmt: skip


async def make_key(asked: Asked) -> Answer:
    """Make a key, and show it: now, and never again."""
    form = forms.of(asked)
    try:
        secret, made = await _made(asked, form)
    except EarlyError as early:
        return await _keys(asked, 400, trouble=forms.trouble_of(early), typed=form)
    return await _keys(asked, secret=secret, made=made)


async def _made(asked: Asked, form: Form) -> tuple[str, KeyRow]:
    """A key as the form wants it. Raises EarlyError 400, by field."""
    name, scopes = form.text("name"), [each for each in SCOPES if each in form.texts("scope")]
    if name is None or len(name) > NAME_MAX:
        raise wrong_field("name", f"Say what the key is for, in at most {NAME_MAX} characters.")
    if not scopes:
        raise wrong_field("scope", "Choose at least one of the scopes.")
    owner = await _owner(asked, form)
    ends = datetime.now(UTC) + timedelta(days=days) if (days := _days(form)) else None
    return await asked.gateway.people.writing.read(changing.make_key, name, owner, scopes, ends)


async def _owner(asked: Asked, form: Form) -> int | Role:
    """Whose rights the key has: a user's, or those of a role."""
    username, role = form.text("username"), form.text("role")
    if username is not None:
        user = await asked.gateway.people.user_by_name(username)
        if user is None:
            raise wrong_field("username", f"There is no user {username[:NAME_MAX]}.")
        return user.id
    if role not in {str(each) for each in KEY_ROLES}:
        raise wrong_field("role", "Choose a role, or name a user.")
    return Role(role)


def _days(form: Form) -> int | None:
    text = form.text("days")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 5):  # noqa: PLR2004 - as DAYS_MAX
        raise wrong_field("days", "A number of days.")
    if not 1 <= int(text) <= DAYS_MAX:
        raise wrong_field("days", f"From 1 to {DAYS_MAX} days.")
    return int(text)


async def revoke_key(asked: Asked) -> Answer:
    """End a key for ever; other gateways know within seconds."""
    forms.of(asked)
    await asked.gateway.people.writing.read(changing.revoke_key, asked.path["id"])
    return redirect(f"{ROOT}/keys")


def _set_active(connection: Connection, number: int, *, is_active: bool) -> None:
    changing.set_active(connection, number, is_active=is_active)
