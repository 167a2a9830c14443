"""An operator for tests: a browser without scripts, and one who reads the pages' HTML strictly."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

from tests.gateways import GatewayProcess, Reply
from tests.people import PASSWORD

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VOID = {"meta", "link", "input", "img", "br", "hr"}
INLINE = {"a", "b", "code", "small", "span", "strong", "time"}
LABELLED = {"input", "select", "textarea"}

Pairs = list[tuple[str, str]]


@dataclass
class Seen:
    """A form of a page: where it goes, and what it says unless something else is typed."""

    action: str
    fields: Pairs = field(default_factory=list)


class PageReader(HTMLParser):
    """Reads a page; `wrong` is all that a careful reader would complain of."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.forms: list[Seen] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self._ids: list[str] = []
        self._labels: set[str] = set()
        self._unlabelled: list[str] = []
        self.feed(html)
        self.close()
        self.wrong += [f"{each} is not closed" for each in self._open]
        self.wrong += [f"{each} is twice" for each in set(self._ids) if self._ids.count(each) > 1]
        self.wrong += [
            f"{each} has no label" for each in self._unlabelled if each not in self._labels
        ]

    @property
    def text(self) -> str:
        """All words of the page."""
        return " ".join("".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at a tag."""
        said = {name: text or "" for name, text in attrs}
        self._part(tag)
        if tag not in VOID:
            self._open.append(tag)
        if tag == "script" and "src" not in said:
            self.wrong.append("a script stands in the page")
        self.wrong += [
            f"{name} of {tag}" for name in said if name.startswith("on") or name == "style"
        ]
        if tag == "img" and "alt" not in said:
            self.wrong.append("a picture has no words")
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        if "id" in said:
            self._ids.append(said["id"])
        if tag == "label" and "for" in said:
            self._labels.add(said["for"])
        self._look_at_field(tag, said)

    def _look_at_field(self, tag: str, said: Mapping[str, str]) -> None:
        if tag == "form" and said.get("method") == "post":
            self.forms.append(Seen(said["action"]))
        kind = said.get("type", "text")
        is_named = kind == "hidden" or "aria-label" in said or "label" in self._open
        if tag in LABELLED and not is_named:
            self._unlabelled.append(said.get("id", f"{tag} {said.get('name')}"))
        is_sent = kind not in {"checkbox", "radio"} or "checked" in said
        if tag == "input" and self.forms and "form" in self._open and "name" in said and is_sent:
            self.forms[-1].fields.append((said["name"], said.get("value", "on")))

    def _part(self, tag: str) -> None:
        """Words of two blocks are two words."""
        if tag not in INLINE:
            self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """Look at the end of a tag."""
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"{tag} is closed in the wrong place")
        self._part(tag)

    def handle_data(self, data: str) -> None:
        """Take the words."""
        self.words.append(data)

    def form(self, ends: str) -> Seen:
        """The form whose action ends so."""
        return next(each for each in self.forms if each.action.endswith(ends))


class Operator:
    """Somebody at the console, with a jar for cookies; every page that is seen is checked."""

    def __init__(self, gateway: GatewayProcess, username: str | None = None) -> None:
        self.gateway = gateway
        self.cookies: dict[str, str] = {}
        if username is not None:
            form = self.page("/console", 401).form("/login")
            reply = self.send(form, {"username": username, "password": PASSWORD})
            assert reply.status == 303, reply.body

    def __call__(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """Ask once; cookies are taken and sent as browsers do."""
        said = "; ".join(f"{name}={text}" for name, text in self.cookies.items())
        headers = {"Cookie": said} if said else {}
        if body is not None:
            headers |= {**FORM, "Origin": self.gateway.base}
        reply = self.gateway(method, path, body, headers)
        if found := re.match(r"(\w+)=([^;]*);(.*)", reply.headers.get("Set-Cookie", "")):
            assert "HttpOnly; SameSite=Strict" in found[3]
            self.cookies[found[1]] = found[2]
            if not found[2]:
                del self.cookies[found[1]]
        return reply

    def page(self, path: str, status: int = 200) -> PageReader:
        """A page, which must be without fault."""
        return self.read(self("GET", path), status)

    def read(self, reply: Reply, status: int = 200) -> PageReader:
        """The page of a reply; where it leads on to another, that one."""
        if reply.status == 303 and status == 200:
            return self.page(reply.headers["Location"])
        assert reply.status == status, reply.body
        assert reply.headers["Cache-Control"] == "no-store"
        assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
        seen = PageReader(reply.body.decode())
        assert seen.wrong == []
        return seen

    def send(self, form: Seen, typed: Mapping[str, str] | Pairs) -> Reply:
        """Send a form with what is typed into it."""
        pairs = list(typed.items()) if isinstance(typed, Mapping) else typed
        names = {name for name, _ in pairs}
        kept = [pair for pair in form.fields if pair[0] not in names]
        return self("POST", form.action, urlencode([*kept, *pairs]).encode())
