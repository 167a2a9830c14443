"""Has the ledger do what a request commands, once for each Idempotency-Key; or only tries it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from producers.http import gateway
from producers.http.asking import Heard, PendingAnswerError
from producers.http.errors import EarlyError
from producers.http.gateway import pending_answer
from producers.http.route import Asked
from producers.http.v1 import conditions, problems
from producers.http.v1.conditions import Guard
from producers.http.v1.problems import problem
from producers.http.v1.rehearsing import Rehearsed
from producers.message import Message, message_of, uuid7
from schemas import decoding, identifiers
from schemas.decoding import RefusedCommand
from schemas.events import EntryBody
from schemas.refusals import Code
from schemas.results import AnyResult, Error, error_of

KEY_HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"


class Done(NamedTuple):
    """A command that was done, or would be (`dry_run`); `headers` mark a replay."""

    result: AnyResult
    headers: Mapping[str, str]
    entries: Sequence[EntryBody] = ()
    is_dry: bool = False


async def command(
    asked: Asked, command_type: str, data: Mapping[str, object], guard: Guard | None = None
) -> Done:
    """Have a command done, or try it where the query says so. The route's query is a DryRun.

    `guard` is what If-Match is about; without one, and where the data has no `if_sequence`, the
    header is refused: nobody shall believe in a guard that is none.

    Raises EarlyError: the ledger's refusal as a problem, 202 when no result came in time, 400
    without a key, 409 while the key's first request is in work, 412 for another version, 503.
    """
    guard = _guard(asked, data, guard)
    if asked.query.dry_run:
        if guard is not None:
            conditions.refuse_changed(asked, guard.tag)
        return await _rehearse(asked, command_type, data)
    if asked.key is None:
        words = "Send an Idempotency-Key: a new UUID with every new command."
        raise problem("idempotency_key_missing", words, param=KEY_HEADER)
    message = message_for(asked, command_type, data, asked.key)
    refuse_unfit(message)
    async with asked.gateway.admitted(asked, message) as known:
        asked.commands.append(message.id)
        heard = known or await _held(asked, message, guard)
    headers = {REPLAYED: "true"} if heard.is_replayed else {}
    if heard.result.error is not None:
        if guard is not None and heard.result.error.code == guard.late:
            raise conditions.changed(asked.headers[conditions.IF_MATCH])
        body = problems.refused_body(heard.result.error, heard.result)
        if body["code"] == Code.IDEMPOTENCY_KEY_REUSED:
            body["param"] = KEY_HEADER
        raise EarlyError(problems.answer(body, headers))
    return Done(heard.result, headers)


def _guard(asked: Asked, data: Mapping[str, object], guard: Guard | None) -> Guard | None:
    """The guard, if If-Match is there. Raises EarlyError 400 where nothing is guarded by it."""
    if conditions.IF_MATCH not in asked.headers or conditions.is_any(asked):
        return None
    if guard is None and "if_sequence" not in data:
        words = "If-Match guards nothing here. Nothing was done."
        raise problem("invalid_request", words, param=conditions.IF_MATCH)
    return guard


async def _held(asked: Asked, message: Message, guard: Guard | None) -> Heard:
    """The result of a command, whose key is held until it is there. Raises EarlyError 202, 409."""
    with asked.gateway.keys.held((message.source, message.id)) as is_recent:
        try:
            return await _hear(asked, message, guard, look_first=is_recent)
        except PendingAnswerError:
            raise EarlyError(pending_answer(asked, message.source, message.id)) from None


async def _hear(asked: Asked, message: Message, guard: Guard | None, *, look_first: bool) -> Heard:
    """The result of a command; a repetition gets its own whatever has changed since."""
    asking = asked.gateway.asking
    if guard is None:
        return await asking.hear(message, may_repeat=True, look_first=look_first)
    known = await asking.known(message)
    if known is not None:
        return known
    conditions.refuse_changed(asked, guard.tag)
    return await asking.hear(message, may_repeat=True, look_first=False)


def message_for(
    asked: Asked, command_type: str, data: Mapping[str, object], command_id: str
) -> Message:
    """The record of a command that a request sends."""
    return message_of(
        command_type,
        data,
        source=source_of(asked),
        command_id=command_id,
        attributes={"correlationid": asked.request_id},
    )


def source_of(asked: Asked) -> str:
    """The source of who asks: so that nobody's keys meet those of others."""
    own = gateway.source_of(asked.family)
    return f"{own}/{asked.who.label}" if asked.who.is_known else own


def new_wallet_id(asked: Asked) -> str:
    """The id of a wallet to be opened: the same for the same Idempotency-Key, else a new UUIDv7."""
    if asked.key is None:
        return uuid7()
    name = identifiers.digest(source_of(asked), f"wallet of {asked.key}")
    return f"{name[:8]}-{name[8:12]}-8{name[12:15]}-8{name[15:18]}-{name[18:30]}"


def unfit(message: Message) -> Error | None:
    """Why the ledger could not read this; then it is not sent, and its id stays free."""
    decoded = decoding.decode(message.key, message.value, message.headers)
    assert not isinstance(decoded, decoding.Unreadable), "our messages have an id"
    return error_of(decoded.refusal) if isinstance(decoded, RefusedCommand) else None


def refuse_unfit(message: Message) -> None:
    """Raises EarlyError 400 for what the ledger could not read."""
    wrong = unfit(message)
    if wrong is not None:
        raise EarlyError(problems.answer(problems.refused_body(wrong)))


async def rehearse(asked: Asked, messages: Sequence[Message]) -> Sequence[Rehearsed]:
    """What would become of commands, one after the other. Raises EarlyError 503."""
    return await asked.gateway.reading.read(asked.gateway.rehearse, messages)


async def _rehearse(asked: Asked, command_type: str, data: Mapping[str, object]) -> Done:
    message = message_for(asked, command_type, data, uuid7())
    refuse_unfit(message)
    await asked.gateway.people.admit(asked.who, message, is_dry=True)
    (tried,) = await rehearse(asked, [message])
    if tried.result.error is not None:
        body = problems.refused_body(tried.result.error)
        raise EarlyError(problems.answer({**body, "dry_run": True}))
    return Done(tried.result, {}, tried.entries, is_dry=True)


def about(done: Done) -> dict[str, Any]:
    """The command that did it, for a body."""
    own = done.result.command
    return {"id": own.id, "source": own.source}
