"""Conditions on a resource's version: If-None-Match for readers, If-Match for who changes it.

A version is an ETag. Of withdrawals and credit requests each status is entered once, and a change
is only taken in one of them: who names the version of that status is guarded by the ledger's own
rule, until the very moment of the decision. For wallets the sequence goes into the command.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from producers.http.answers import Answer
from producers.http.errors import EarlyError
from producers.http.route import Asked
from producers.http.v1.problems import problem
from schemas.refusals import Code

IF_MATCH: Final = "If-Match"
IF_NONE_MATCH: Final = "If-None-Match"
ANY: Final = "*"
SEQUENCE_DIGITS_MAX: Final = 18


class Guard(NamedTuple):
    """What If-Match guards: the version that was read, and how the ledger says it has passed."""

    tag: str
    late: Code


def tag_of(status: str, changed_at: str) -> str:
    """The version of what has a status."""
    return f'"{status}-{changed_at}"'


def is_any(asked: Asked) -> bool:
    """Whether If-Match is content with any version."""
    return asked.headers.get(IF_MATCH, "").strip() == ANY


def shown(asked: Asked, body: Mapping[str, object], tag: str) -> Answer:
    """A resource with its version; 304 where the caller's is the same, compared weakly."""
    given = asked.headers.get(IF_NONE_MATCH)
    if given is not None and (given.strip() == ANY or tag in _tags(given, is_weak=True)):
        return Answer(b"", 304, {"ETag": tag})
    return Answer(body, headers={"ETag": tag, "Cache-Control": "no-cache"})


def refuse_changed(asked: Asked, tag: str) -> None:
    """Raises EarlyError 412 where If-Match names other versions, compared strongly."""
    given = asked.headers.get(IF_MATCH)
    if given is not None and not is_any(asked) and tag not in _tags(given, is_weak=False):
        raise changed(given, tag)


def changed(given: str, tag: str | None = None) -> EarlyError:
    """412: it is not, or no longer, the version that If-Match names."""
    context = {"given": given[:200]} | ({} if tag is None else {"current": tag})
    words = "It has changed since: If-Match names another version than the one there is."
    return problem("precondition_failed", words, param=IF_MATCH, context=context)


def sequence_wanted(asked: Asked) -> int | None:
    """The sequence at which a wallet is to be changed; None for any.

    Raises EarlyError 400 for several, 412 for what is no wallet's version.
    """
    given = asked.headers.get(IF_MATCH)
    if given is None or is_any(asked):
        return None
    tags = given.split(",")
    if len(tags) > 1:
        raise problem("invalid_request", "If-Match: one version, or *.", param=IF_MATCH)
    digits = tags[0].strip().removeprefix('"').removesuffix('"')
    is_one = f'"{digits}"' == tags[0].strip() and digits.isascii() and digits.isdecimal()
    if not is_one or not 0 < len(digits) <= SEQUENCE_DIGITS_MAX or digits.startswith("0"):
        raise changed(given)
    return int(digits)


def _tags(given: str, *, is_weak: bool) -> list[str]:
    found = [each.strip() for each in given.split(",")]
    return [each.removeprefix("W/") for each in found] if is_weak else found
