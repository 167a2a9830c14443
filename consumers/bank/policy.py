"""What is done about a withdrawal, from what is known of it. Pure: no clock, chance or I/O.

Two steps. learn() says what an outcome makes of what was known; that is written down. next_step()
says what to do then, from what is written down only: so a caller that died and was started again
decides the same.

The rule above all others: a withdrawal fails only where the bank's last word is that it has not
paid. `doubt` remembers that an earlier call may have been executed. In doubt, only what the bank
says of the key counts: that a connection was not made says nothing of the call before.
"""

from enum import Enum, IntEnum
from typing import Final

import msgspec

from consumers.bank.outcomes import Kind, Outcome
from schemas.settings import Settings

SPREAD: Final = 0.25
"""A pause is longer or shorter by up to this share of it, so that many do not end at once."""


class State(IntEnum):
    """What is written down of a withdrawal's calls; the number stands in bank_calls.state."""

    SENDING = 0
    """A call was begun. Found after a crash, it may or may not have been made."""
    UNKNOWN = 1
    NOT_DONE = 2
    PAID = 3
    REFUSED = 4
    """The bank has not paid and will not be asked again: a definite refusal, or all tries used."""
    REVIEW = 5
    """Left to a person: no call will ever be begun again."""


TERMINAL: Final = frozenset({State.PAID, State.REFUSED, State.REVIEW})
"""States in which the bank is called no more: what is left is to tell the ledger."""


class Rules(msgspec.Struct, frozen=True):
    """The settings that decide; times in seconds."""

    tries: int
    backoff: float
    backoff_max: float
    unknown_limit: float
    knows_keys: bool
    can_ask: bool


class Standing(msgspec.Struct, frozen=True):
    """What is known of a withdrawal: calls begun, tries used up, the newest reason.

    `state` is None before the first call. `asks`, how often the bank was asked what became of the
    calls, and `retry_after` are not written down: they only lengthen pauses.
    """

    state: State | None = None
    calls: int = 0
    not_done: int = 0
    doubt: bool = False
    note: str = ""
    asks: int = 0
    retry_after: float = 0.0


class Do(Enum):
    """What can be done."""

    CALL = "call"
    ASK = "ask"
    SETTLE = "settle"
    FAIL = "fail"
    REVIEW = "review"


class Step(msgspec.Struct, frozen=True):
    """What to do, and in how many seconds."""

    do: Do
    after: float = 0.0


def rules_of(settings: Settings) -> Rules:
    """The rules that the settings make."""
    return Rules(
        tries=settings.bank_tries,
        backoff=settings.bank_backoff,
        backoff_max=settings.bank_backoff_max,
        unknown_limit=settings.bank_unknown_limit,
        knows_keys=settings.bank_knows_keys,
        can_ask=settings.bank_status_url is not None,
    )


def begun(standing: Standing) -> Standing:
    """The standing while a call is under way."""
    return msgspec.structs.replace(standing, state=State.SENDING, calls=standing.calls + 1)


def asked(standing: Standing) -> Standing:
    """The standing once the bank was asked what became of the calls."""
    return msgspec.structs.replace(standing, asks=standing.asks + 1)


def learn(standing: Standing, outcome: Outcome, rules: Rules) -> Standing:
    """What an outcome makes of what was known before."""
    speaks = outcome.of_key or not standing.doubt
    match outcome.kind:
        case Kind.PAID:
            return _now(standing, State.PAID, outcome)
        case Kind.REFUSED if speaks:
            return _now(standing, State.REFUSED, outcome)
        case Kind.NOT_DONE if speaks:
            return _not_done(standing, outcome, rules)
        case _ if rules.knows_keys:
            return _now(standing, State.UNKNOWN, outcome, doubt=True)
        case _:
            return _now(standing, State.REVIEW, outcome, doubt=True)


def give_up(standing: Standing, seconds: float) -> Standing:
    """Leave to a person what nobody knows after so many seconds."""
    words = standing.note or "no answer was written down"
    note = f"unknown for {seconds:.0f} s, {standing.calls} calls; {words}"
    return msgspec.structs.replace(standing, state=State.REVIEW, note=note)


def is_over(standing: Standing, seconds: float, rules: Rules) -> bool:
    """Whether an outcome that is open for so many seconds is a person's to find out."""
    is_open = standing.state in (State.UNKNOWN, State.SENDING)
    return is_open and (not rules.knows_keys or seconds >= rules.unknown_limit)


def next_step(standing: Standing, rules: Rules, draw: float) -> Step:
    """What to do next, seen from when the standing was written down.

    `draw` is the chance in a pause, from 0 to 1.
    """
    match standing.state:
        case State.PAID:
            return Step(Do.SETTLE)
        case State.REFUSED:
            return Step(Do.FAIL)
        case State.REVIEW:
            return Step(Do.REVIEW)
        case None:
            return Step(Do.CALL)
        case State.NOT_DONE:
            return Step(Do.CALL, pause(standing, rules, draw))
        case State.UNKNOWN | State.SENDING:
            again = Do.ASK if rules.can_ask else Do.CALL
            return Step(again, pause(standing, rules, draw))


def pause(standing: Standing, rules: Rules, draw: float) -> float:
    """Seconds until the next call: twice as long after each, up to a limit, with some spread."""
    doublings = min(max(standing.calls + standing.asks - 1, 0), 64)
    plain = min(rules.backoff * 2.0**doublings, rules.backoff_max)
    spread = plain * (1 - SPREAD + 2 * SPREAD * draw)
    return max(spread, min(standing.retry_after, rules.backoff_max))


def _not_done(standing: Standing, outcome: Outcome, rules: Rules) -> Standing:
    """One try less, unless no connection was made: that says nothing of this withdrawal."""
    used = standing.not_done + (0 if outcome.down else 1)
    if used < rules.tries:
        return _now(standing, State.NOT_DONE, outcome, not_done=used)
    refused = _now(standing, State.REFUSED, outcome, not_done=used)
    return msgspec.structs.replace(refused, note=f"not done in {used} tries: {outcome.reason}")


def _now(
    standing: Standing,
    state: State,
    outcome: Outcome,
    *,
    doubt: bool = False,
    not_done: int | None = None,
) -> Standing:
    return Standing(
        state=state,
        calls=standing.calls,
        not_done=standing.not_done if not_done is None else not_done,
        doubt=doubt,
        note=outcome.reason,
        asks=standing.asks,
        retry_after=outcome.retry_after,
    )
