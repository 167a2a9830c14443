"""Many commands in one request: each with its own result, in order for each wallet."""

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from producers.board import Pending
from producers.http.answers import Answer
from producers.http.asking import Heard, PendingAnswerError
from producers.http.errors import EarlyError, WrongFields, busy, field_errors
from producers.http.gateway import pending_answer
from producers.http.people.access import Access
from producers.http.reading_bodies import JSON_TYPE, data_of
from producers.http.route import Asked, Route
from producers.http.v1 import problems
from producers.http.v1.commanding import message_for, rehearse, unfit
from producers.http.v1.fields import Closed, DryRun, Text
from producers.http.v1.problems import Problem, problem
from producers.http.v1.rehearsing import Rehearsed
from producers.message import Message, uuid7
from schemas import identifiers
from schemas.results import AnyResult, Error

FAMILY: Final = "v1"
COMMANDS_MAX: Final = 500
"""Commands in one request: a quarter of those that one gateway has open at most."""

KEY_MAX: Final = 250
"""Characters of a key that leave room for a number after them."""

BODY_MAX: Final = 1024 * 1024
LINES_TYPES: Final = ("application/x-ndjson", "application/jsonl", "application/ndjson")

Type = Literal[
    "wallet.create.v1", "wallet.set_status.v1", "deposit.v1", "transfer.v1", "charge_sale.v1",
    "refund.v1", "exchange.v1", "credit_request.create.v1", "credit_request.approve.v1",
    "credit_request.reject.v1", "withdrawal.schedule.v1", "withdrawal.cancel.v1",
]  # fmt: skip
"""What may be commanded; the steps of a withdrawal are the delayed topic's and the bank's."""

_ADMINS: Final = ("credit_request.approve.v1", "credit_request.reject.v1")


class BulkCommand(Closed):
    """A command. Its data is the ledger's (docs/MESSAGES.md): `wallet_id`, `amount` and so on."""

    type: Type
    id: Text | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="Its idempotency key; else it follows from the request's",
    )
    data: dict[str, Any] = Field(
        examples=[{"wallet_id": "01930f6e-8a70-7c3a-9d53-0242ac120002", "amount": "50.00"}]
    )

    @field_validator("data")
    @classmethod
    def _is_exact(cls, data: dict[str, Any]) -> dict[str, Any]:
        if any(isinstance(value, Decimal) for value in data.values()):
            raise ValueError('write amounts as texts, like "50.00"')
        return data


class Bulk(Closed):
    """Commands, the first first. A plain array or lines of JSON (NDJSON) will do as well."""

    commands: list[BulkCommand] = Field(min_length=1, max_length=COMMANDS_MAX)


_OF_COMMAND: Final = frozenset(BulkCommand.model_fields)
_OF_BULK: Final = frozenset(Bulk.model_fields)


class BulkLine(BaseModel):
    """What became of one command. `http_status` is what it would have had alone."""

    model_config = ConfigDict(extra="allow")

    index: int
    id: str | None
    type: str
    status: Literal["completed", "rejected", "pending", "not_sent"]
    http_status: int
    replayed: bool = False
    result: dict[str, Any] | None = Field(None, description="The ledger's, as on its topic")
    problem: Problem | None = None
    url: str | None = Field(None, description="Where the result of a pending one will be")
    entries: list[dict[str, str]] | None = Field(None, description="Of a dry run")


class BulkBody(BaseModel):
    """What became of all, in their order."""

    completed: int
    rejected: int
    pending: int
    not_sent: int
    dry_run: bool = False
    data: list[BulkLine]


def commands_of(content_type: str, body: bytes) -> object:
    """The data of a body: an object with `commands`, an array, or lines. Raises EarlyError.

    So it does for more unknown fields than are told. Pydantic would describe 110,000 of them, for a
    second in which nobody else is answered; fewer it finds itself, with what else is wrong.
    """
    said = _said(content_type, body)
    unknown = WrongFields.unknown(_unknown_in(said))
    if unknown.more:
        raise EarlyError(Answer(field_errors(unknown), 400), unknown)
    return said


def _said(content_type: str, body: bytes) -> object:
    if content_type in LINES_TYPES:
        lines = [line for line in body.split(b"\n") if line.strip()]
        if len(lines) > COMMANDS_MAX:
            raise problem("invalid_field", f"At most {COMMANDS_MAX} commands.", param="commands")
        return {"commands": [data_of(JSON_TYPE, line) for line in lines]}
    found = data_of(content_type, body)
    return {"commands": found} if isinstance(found, list) else found


def _unknown_in(said: object) -> Iterator[tuple[str | int, ...]]:
    """The places of the fields that no command has, then of those that stand beside them."""
    if not isinstance(said, dict):
        return
    commands = said.get("commands")
    if isinstance(commands, list) and len(commands) <= COMMANDS_MAX:  # else it is refused for that
        for place, each in enumerate(commands):
            if isinstance(each, dict):
                yield from (("commands", place, name) for name in each if name not in _OF_COMMAND)
    yield from ((name,) for name in said if name not in _OF_BULK)


async def send_commands(asked: Asked) -> Answer:
    """Have many commands done."""
    wanted: list[BulkCommand] = asked.body.commands
    if any(each.type in _ADMINS for each in wanted):
        asked.rights.administer()
    if asked.query.dry_run:
        messages = [message_for(asked, each.type, each.data, uuid7()) for each in wanted]
        return _answer(await _tried(asked, wanted, messages), is_dry=True)
    ids = _ids(asked, wanted)
    messages = [
        message_for(asked, each.type, each.data, own_id)
        for each, own_id in zip(wanted, ids, strict=True)
    ]
    if asked.gateway.asking.room < len(messages):
        raise busy("Too many requests wait for their results.")
    asked.commands.extend(ids)
    said = _send(asked, wanted, messages)
    lines = await asyncio.gather(
        *(_line(asked, place, wanted[place], each) for place, each in enumerate(said))
    )
    return _answer(lines)


def _ids(asked: Asked, wanted: Sequence[BulkCommand]) -> list[str]:
    """Each command's id. Raises EarlyError 400 where one has none and the request neither."""
    for place, each in enumerate(wanted):
        if each.id is None and asked.key is None:
            words = "Give each command an id, or the request an Idempotency-Key."
            raise problem("idempotency_key_missing", words, param=f"commands.{place}.id")
    own = asked.key or ""
    if len(own) > KEY_MAX:
        own = identifiers.digest("", own)
    return [f"{own}/{place}" if each.id is None else each.id for place, each in enumerate(wanted)]


Said = Pending | dict[str, Any]
"""A command that was sent, or the line that tells why it was not."""


def _send(asked: Asked, wanted: Sequence[BulkCommand], messages: Sequence[Message]) -> list[Said]:
    """Send them in order; where one cannot be sent, none after it is."""
    said: list[Said] = []
    is_broken = False
    for place, message in enumerate(messages):
        line = _named(place, wanted[place], message.id)
        wrong = unfit(message)
        if wrong is not None:
            said.append(_refused(line, wrong))
        elif is_broken:
            words = "A command before this one could not be sent."
            said.append(_not_sent(line, problems.body_of("not_sent", words)))
        else:
            try:
                said.append(asked.gateway.asking.send(message))
            except EarlyError as early:
                is_broken = True
                said.append(_not_sent(line, _told(asked, early)))
    return said


async def _line(asked: Asked, place: int, wanted: BulkCommand, said: Said) -> dict[str, Any]:
    """What became of a command."""
    if isinstance(said, dict):
        return said
    line = _named(place, wanted, said.message.id)
    try:
        heard = await asked.gateway.asking.await_result(said, may_repeat=True)
    except PendingAnswerError:
        told = pending_answer(asked, said.message.source, said.message.id)
        assert isinstance(told.body, dict)
        return {**line, "status": "pending", "http_status": 202, "url": told.body["url"]}
    except EarlyError as early:
        return _not_sent(line, _told(asked, early))
    return _done(line, heard)


def _done(line: dict[str, Any], heard: Heard) -> dict[str, Any]:
    line["replayed"] = heard.is_replayed
    if heard.result.error is not None:
        return _refused(line, heard.result.error, heard.result)
    return {**line, **_COMPLETED, "result": msgspec.to_builtins(heard.result)}


_COMPLETED: Final = {"status": "completed", "http_status": 200}


def _refused(line: dict[str, Any], wrong: Error, result: AnyResult | None = None) -> dict[str, Any]:
    body = problems.refused_body(wrong, result)
    return {**line, "status": "rejected", "http_status": body["status"], "problem": body}


def _not_sent(line: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    return {**line, "status": "not_sent", "http_status": body["status"], "problem": body}


def _told(asked: Asked, early: EarlyError) -> dict[str, Any]:
    """An error of one command as a problem."""
    body = problems.told("/v1/commands", asked.request_id, early).body
    assert isinstance(body, dict)
    return body


def _named(place: int, wanted: BulkCommand, command_id: str | None) -> dict[str, Any]:
    return {"index": place, "id": command_id, "type": wanted.type, "replayed": False}


async def _tried(
    asked: Asked, wanted: Sequence[BulkCommand], messages: Sequence[Message]
) -> list[dict[str, Any]]:
    """A dry run: all on one snapshot, each on what the ones before it would have left."""
    wrongs = [unfit(message) for message in messages]
    fit = [each for each, wrong in zip(messages, wrongs, strict=True) if wrong is None]
    tried = iter(await rehearse(asked, fit)) if fit else iter(())
    lines = []
    for place, wrong in enumerate(wrongs):
        line = _named(place, wanted[place], None)
        lines.append(_refused(line, wrong) if wrong is not None else _would(line, next(tried)))
    return lines


def _would(line: dict[str, Any], tried: Rehearsed) -> dict[str, Any]:
    if tried.result.error is not None:
        return _refused(line, tried.result.error)
    result = msgspec.to_builtins(tried.result)
    for name in ("command", "transaction_id"):
        del result[name]
    entries = [msgspec.to_builtins(each) for each in tried.entries]
    return {**line, **_COMPLETED, "result": result, "entries": entries}


def _answer(lines: Sequence[dict[str, Any]], *, is_dry: bool = False) -> Answer:
    counts = {
        status: sum(line["status"] == status for line in lines)
        for status in ("completed", "rejected", "pending", "not_sent")
    }
    dry = {"dry_run": True} if is_dry else {}
    return Answer({**counts, **dry, "data": list(lines)})


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST", path="/v1/commands", handler=send_commands, family=FAMILY,
        summary="Many commands (an object, an array, or lines of NDJSON), each with its own end",
        body=Bulk, query=DryRun, reads=commands_of, body_types=(JSON_TYPE,), body_max=BODY_MAX,
        slash=False, access=Access.COMMAND,
        answers={200: BulkBody, 400: Problem, 403: Problem},
    ),
)  # fmt: skip
