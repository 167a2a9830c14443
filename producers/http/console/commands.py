"""A command by its id: its record, its result, and what it changed."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import msgspec
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from producers.http.answers import Answer
from producers.http.console.outcomes import Outcome, of_command
from producers.http.console.page import page
from producers.http.console.record import Record, record_at
from producers.http.live.changes import Told
from producers.http.live.reading_changes import changes_of
from producers.http.route import Asked
from producers.http.v1.fields import Text
from schemas import results
from schemas.identifiers import is_uuid
from schemas.nesting import is_too_deep
from schemas.results import AnyResult
from schemas.tables import commands

ID_MAX: Final = 256
CHANGES_MAX: Final = 10


class CommandQuery(BaseModel):
    """Whose command: source and id. Or a transaction's id alone."""

    source: Text = Field("", max_length=ID_MAX)
    id: Text = Field("", max_length=ID_MAX)


async def show_command(asked: Asked) -> Answer:
    """Look a command up."""
    wanted: CommandQuery = asked.query
    found = await _found(asked, wanted.source.strip(), wanted.id.strip())
    record: Record | None = None
    changes: list[Told] = []
    result = found.result if found else None
    if result is not None:
        own = result.command
        record = await asyncio.to_thread(
            record_at, asked.gateway.settings, own.partition, own.offset
        )
        if result.transaction_id is not None:
            changes = await asked.gateway.reading.read(
                changes_of, result.transaction_id, CHANGES_MAX
            )
    taken = datetime.fromtimestamp(record.recorded_ms / 1000, UTC) if record else None
    return page(
        asked, "command.html", wanted=wanted, outcome=found, record=record, taken=taken,
        value=pretty(record.value) if record else "",
        changes=[pretty(each.data.decode()) for each in changes],
        result_text=pretty(msgspec.json.encode(result).decode()) if result else "",
    )  # fmt: skip


async def _found(asked: Asked, source: str, command_id: str) -> Outcome | None:
    if not command_id:
        return None
    if not source and is_uuid(command_id.lower()):
        result = await asked.gateway.reading.read(_of_transaction, command_id.lower())
        if result is not None:
            return Outcome(result.command.source or "", result.command.id, result)
    return await of_command(asked, source, command_id)


def _of_transaction(connection: Connection, transaction_id: str) -> AnyResult | None:
    query = select(commands.c.result).where(commands.c.transaction_id == transaction_id)
    text = connection.execute(query).scalar_one_or_none()
    return results.decode(text) if text else None


def pretty(text: str) -> str:
    """JSON with its lines; what is none, or deeper than a command may be, stays as it is."""
    if is_too_deep(text.encode(errors="replace")):
        return text
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, UnicodeError):
        return text
