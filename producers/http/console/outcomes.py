"""Outcomes: what the ledger says of a form's command, in its own words and numbers."""

from typing import Final

import msgspec
from pydantic import BaseModel, Field

from producers.http.console.words import kind
from producers.http.reading import answer_text
from producers.http.route import Asked
from producers.http.v1.codes import CODES
from producers.http.v1.commanding import source_of
from producers.http.v1.fields import Text
from schemas import results
from schemas.commands import kind_of
from schemas.results import AnyResult

KEY_MAX: Final = 80


class Shown(BaseModel):
    """A page that may show the outcome of the form that led to it: the command's id."""

    outcome: Text | None = Field(None, max_length=KEY_MAX)


class Outcome(msgspec.Struct, frozen=True):
    """What became of a command. `result` is None while the ledger has not answered."""

    source: str
    command_id: str
    result: AnyResult | None

    @property
    def title(self) -> str:
        """In a few words."""
        if self.result is None:
            return "Waiting for the ledger"
        if self.result.error is not None:
            return f"Refused: {self.result.error.title}"
        return f"Done: {kind(kind_of(self.result.command.type or ''))}"

    @property
    def advice(self) -> str:
        """What to do after a refusal."""
        assert self.result is not None
        assert self.result.error is not None
        return CODES[str(self.result.error.code)].advice


async def outcome_of(asked: Asked, command_id: str | None = None) -> Outcome | None:
    """The outcome that a page is to show; None where it is asked for none."""
    own = command_id or getattr(asked.query, "outcome", None)
    return None if own is None else await of_command(asked, source_of(asked), own)


async def of_command(asked: Asked, source: str, command_id: str) -> Outcome:
    """The outcome of a command. Raises EarlyError 503."""
    text = await asked.gateway.reading.read(answer_text, source, command_id)
    result = results.decode(text) if text else None
    return Outcome(source, command_id, result)
