"""What a call of the bank has come to, as its answer tells it. No I/O here.

The body decides, and what it says must fit the HTTP status. Whatever contradicts itself, names
another order or cannot be read leaves the outcome unknown, for that is never wrong.
"""

from enum import Enum
from http import HTTPStatus
from typing import Any, Final

import msgspec

MAX_BODY_BYTES: Final = 16 * 1024
"""Longest answer that is read: one that means something has some 50 bytes."""

MAX_WORDS: Final = 160
"""Most characters of what a bank says of itself; a reason of the ledger takes 256 in all."""

MAX_RETRY_AFTER: Final = 86_400
"""Longest pause in seconds that a bank is heard to ask for."""

_SAY_NOTHING: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY}
)
"""Refusals of a moment or of a connection: what became of the order they do not say."""


class Kind(Enum):
    """The kinds of outcome."""

    PAID = "paid"
    """The bank has executed the order."""
    REFUSED = "refused"
    """It has not and never will."""
    NOT_DONE = "not done"
    """It has certainly not, but may if it is called again."""
    UNKNOWN = "unknown"
    """Nobody knows."""
    UNSEEN = "unseen"
    """Asked what became of an order, the bank says that it never saw it."""


class Outcome(msgspec.Struct, frozen=True):
    """What a call has come to. `reason` is a sentence for people, empty for PAID.

    `of_key`: what is said holds for every call under the order's key, not for this call only.
    `down`: nobody answered, so that other calls would fare no better; with NOT_DONE it means
    that no connection was made at all. `named`: the answer names the key, as the one asked for.
    `retry_after`: seconds the bank wants to be left alone.
    """

    kind: Kind
    reason: str = ""
    of_key: bool = False
    down: bool = False
    named: bool = False
    retry_after: float = 0.0


class Answer(msgspec.Struct, frozen=True):
    """An answer that came whole: HTTP status, body, the headers that matter."""

    status: int
    body: bytes
    key: str | None = None
    retry_after: str | None = None


class Said(msgspec.Struct, frozen=True):
    """The fields of a bank's answer that are looked at: any may be missing or of any type."""

    data: Any = None
    status: Any = None
    key: Any = None
    withdrawal_id: Any = None
    reason: Any = None


_decode: Final = msgspec.json.Decoder(Said).decode
_NOTHING: Final = Said()


def classify(answer: Answer, key: str) -> Outcome:
    """What the answer to an order under `key` means. Total: any bytes give one outcome."""
    said = read(answer.body)
    if not _is_for(key, said, answer):
        return Outcome(Kind.UNKNOWN, "the bank answered for another order")
    named = any(name == key for name in _names(said, answer))
    found = _of_body(answer, said) or _of_status(answer, said)
    return msgspec.structs.replace(found, named=named)


def classify_status(answer: Answer, key: str) -> Outcome:
    """What the answer to the question after `key` means; total as well.

    Only what is said of the key counts: that the question failed says nothing of the order.
    """
    said = read(answer.body)
    if not _is_for(key, said, answer):
        return Outcome(Kind.UNKNOWN, "the bank told of another order")
    if answer.status == HTTPStatus.NOT_FOUND:
        return Outcome(Kind.UNSEEN, "the bank has not seen the order")
    found = _of_query(said) if answer.status == HTTPStatus.OK else None
    if found is not None:
        return found
    down = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    told = f"asked for the order, the bank answered HTTP {answer.status}{_because(said)}"
    return Outcome(Kind.UNKNOWN, told, down=down, retry_after=_pause(answer))


def unanswered(why: str) -> Outcome:
    """The outcome of a call that was begun and got no whole answer."""
    return Outcome(Kind.UNKNOWN, f"no answer of the bank: {plain(why)}", down=True)


def unconnected(why: str) -> Outcome:
    """The outcome of a call for which no connection was made: it was not executed."""
    return Outcome(Kind.NOT_DONE, f"the bank cannot be reached: {plain(why)}", down=True)


def read(body: bytes) -> Said:
    """The fields of an answer; all missing where it is not one JSON object."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NOTHING


def plain(text: str) -> str:
    """A text in one short line, whatever it was."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words[:MAX_WORDS]


def _is_for(key: str, said: Said, answer: Answer) -> bool:
    """Whether an answer names no other order than this one."""
    return all(name is None or name == key for name in _names(said, answer))


def _names(said: Said, answer: Answer) -> tuple[Any, ...]:
    return said.key, said.withdrawal_id, answer.key


def _of_query(said: Said) -> Outcome | None:
    """What became of an order, told with HTTP 200; None where that says nothing certain."""
    told = f"asked for the order, the bank answered {_word(said.data)}{_because(said)}"
    match said.data, said.status:
        case "success", None | 200:
            return Outcome(Kind.PAID, of_key=True)
        case "failed", None | 200 | 503:
            return Outcome(Kind.NOT_DONE, told, of_key=True)
        case "refused", _:
            return Outcome(Kind.REFUSED, told, of_key=True)
        case "failed", int(status) if _is_refusal(status):
            return Outcome(Kind.REFUSED, told, of_key=True)
        case _:
            return None


def _of_body(answer: Answer, said: Said) -> Outcome | None:
    """What a body says that claims an outcome; None for one that does not."""
    if said.data == "success":
        agrees = said.status == HTTPStatus.OK and answer.status in (HTTPStatus.OK, 201)
        return Outcome(Kind.PAID, of_key=True) if agrees else _contradiction(answer, said)
    if said.data == "failed":
        return _of_failure(answer, said)
    if said.data == "reused":
        # What it did under our key then, it does not say.
        return Outcome(Kind.UNKNOWN, "the bank knows the key from another order")
    return None


def _of_failure(answer: Answer, said: Said) -> Outcome | None:
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return None  # the status says the same, and for how long
    told = f"the bank answered failed, {_word(said.status)}{_because(said)}"
    if said.status == HTTPStatus.SERVICE_UNAVAILABLE:
        if answer.status not in (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE):
            return _contradiction(answer, said)
        return Outcome(Kind.NOT_DONE, told, of_key=True, retry_after=_pause(answer))
    if isinstance(said.status, int) and _is_refusal(said.status):
        if answer.status not in (HTTPStatus.OK, said.status):
            return _contradiction(answer, said)
        return Outcome(Kind.REFUSED, told, of_key=True)
    return _contradiction(answer, said)


def _of_status(answer: Answer, said: Said) -> Outcome:
    """What the HTTP status says where the body claims nothing."""
    told = f"the bank answered HTTP {answer.status}{_because(said)}"
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Outcome(Kind.NOT_DONE, told, retry_after=_pause(answer))
    if _is_refusal(answer.status):
        # Where the body is the bank's own, the bank has looked at the order and not only a
        # server in front of it at the caller.
        return Outcome(Kind.REFUSED, told, of_key=said.data == "refused")
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome(Kind.UNKNOWN, told, down=True, retry_after=_pause(answer))
    return Outcome(Kind.UNKNOWN, f"{told}, which says neither paid nor failed")


def _contradiction(answer: Answer, said: Said) -> Outcome:
    words = f"{_word(said.data)}, {_word(said.status)}"
    return Outcome(Kind.UNKNOWN, f"the bank contradicts itself: HTTP {answer.status}, {words}")


def _is_refusal(status: int) -> bool:
    return 400 <= status <= 499 and status not in (*_SAY_NOTHING, 429)  # noqa: PLR2004


def _because(said: Said) -> str:
    words = plain(said.reason) if isinstance(said.reason, str) else ""
    return f": {words}" if words else ""


def _word(said: object) -> str:
    """One word of a body in a reason; what is neither a word nor a number is left out."""
    return plain(str(said))[:20] if isinstance(said, str | int) else "?"


def _pause(answer: Answer) -> float:
    """The seconds of Retry-After; a date in it is not read."""
    text = answer.retry_after or ""
    is_number = text.isascii() and text.isdigit() and len(text) <= 9  # noqa: PLR2004
    return float(min(int(text), MAX_RETRY_AFTER)) if is_number else 0.0
