"""A page of the console: a template, who looks at it, and what a browser may do with it."""

from pathlib import Path
from typing import Any, Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from producers.http.answers import Answer
from producers.http.console import tokens, words
from producers.http.people import sessions
from producers.http.people.principal import Principal
from producers.http.people.roles import Role
from producers.http.route import Asked
from producers.http.vendored import policy_of, version_of
from producers.message import uuid7

FAMILY: Final = "console"
ROOT: Final = "/console"

_MAY: Final = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
POLICY: Final = policy_of(_MAY)
"""What a browser may load for a page: files of ours. No script and no style stands in a page."""

HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": POLICY,
    # With "no-referrer" a browser would send our own forms with the origin "null".
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",  # a page is of one moment, and of who has logged in
}

_environment: Final = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "account": words.account,
    "amount": words.amount,
    "count": words.count,
    "kind": words.kind,
    "moment": words.moment,
    "span": words.span,
    "status": words.status,
}
_environment.globals |= {
    "root": ROOT,
    "htmx": f"htmx.org-{version_of('htmx.org')}/htmx.min.js",
    "new_key": uuid7,
}


class May(NamedTuple):
    """What who looks may do: pages show no form that would be refused."""

    command: bool
    administer: bool
    audit: bool

    @classmethod
    def of(cls, who: Principal) -> "May":
        """The rights of somebody, as the routes have them."""
        return cls(
            command=who.commands_all and "write" in who.scopes,
            administer=who.administers,
            audit=who.role in {Role.ADMIN, Role.AUDITOR},
        )


def page(asked: Asked, template: str, *, code: int = 200, **more: Any) -> Answer:  # noqa: ANN401
    """A page for who asks; `more` is what the template shows."""
    secret, fresh = tokens.secret_of(asked.headers)
    context = {
        "who": asked.who,
        "may": May.of(asked.who),
        "token": tokens.token_of(secret, asked.who),
        "is_open": not asked.who.is_known,
        "has_session": sessions.token_of(asked.headers) is not None,
        **more,
    }
    text = _environment.get_template(template).render(context)
    headers = dict(HEADERS)
    if fresh:
        is_secure = sessions.is_secure(asked.headers)
        headers["Set-Cookie"] = sessions.cookie(tokens.COOKIE, fresh, is_secure=is_secure)
    return Answer(text.encode(errors="replace"), code, headers)


def rendered(template: str, **context: Any) -> bytes:  # noqa: ANN401
    """A template alone."""
    return _environment.get_template(template).render(context).encode(errors="replace")


def redirect(place: str, headers: dict[str, str] | None = None) -> Answer:
    """303: look there now."""
    return Answer(b"", 303, {**HEADERS, "Location": place, **(headers or {})})
