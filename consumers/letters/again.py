"""The command that a dead letter becomes when it is sent again: pure, the same each time.

A letter whose id has no answer is sent as it came. One that was refused gets a new id, made of its
own: so it may be sent again as often as one likes, and all letters of one id are one command, done
once. Where the id was done, by a copy that could be read, nothing is left to be done. A key that is
not the wallet's is set right. What cannot be read today either would only come back.
"""

from typing import Final, NamedTuple

from consumers.letters.letter import Letter
from producers.message import Message, message_from
from schemas.cloudevents import EnvelopeError, fits, read
from schemas.commands import Command
from schemas.decoding import Unreadable, decode
from schemas.identifiers import digest
from schemas.refusals import Code, detail_of
from schemas.results import AnyResult

PREFIX: Final = "dlq:"

_MEND: Final = (
    "mend a copy (`wallet dlq show PLACE --value`), give it a new id and send it with `wallet send`"
)


class Again(NamedTuple):
    """What is sent: the command, and in what it differs from the letter, in sentences."""

    message: Message
    changes: list[str]


class HopelessError(Exception):
    """A letter that cannot be sent again; the text says why and what to do."""


def id_after(source: str, command_id: str) -> str:
    """The id under which a letter is sent whose own id was refused."""
    new_id = f"{PREFIX}{command_id}"
    return new_id if fits(new_id) else f"{PREFIX}{digest(source, command_id)}"


def again(letter: Letter, answer: AnyResult | None) -> Again:
    """What is sent for a letter. `answer` is the result that its source and id have.

    Raises HopelessError.
    """
    if answer is not None and answer.error is None:
        place = f"{answer.command.partition}:{answer.command.offset}"
        raise HopelessError(f"its id was done, by the record of {place}: drop it")
    if letter.cut is not None:
        raise HopelessError(f"{letter.cut}: what is left of it is no command")
    changes: list[str] = []
    key = letter.key
    decoded = decode(key, letter.value, letter.headers)
    if not isinstance(decoded, Command | Unreadable) and decoded.refusal.code == Code.KEY_MISMATCH:
        key = None
        changes.append("its key is the wallet id that the data names")
        decoded = decode(key, letter.value, letter.headers)
    if isinstance(decoded, Unreadable):
        raise HopelessError(f"no command can be read in it today either: {decoded.reason}; {_MEND}")
    if not isinstance(decoded, Command):
        raise HopelessError(f"it would be refused: {detail_of(decoded.refusal)} {_MEND}")
    if answer is None:
        return Again(_message(letter, None), changes)
    new_id = id_after(decoded.source, decoded.id)
    changes.append(f"its id is {new_id}, since {decoded.id} was refused")
    return Again(_message(letter, new_id), changes)


def _message(letter: Letter, new_id: str | None) -> Message:
    """The letter as a record in binary mode, with the key of its wallet."""
    try:
        envelope = read(letter.value, letter.headers)
    except EnvelopeError as error:  # it was decoded a moment ago
        raise AssertionError(str(error)) from error
    caused = [("ce_causationid", (envelope.id or "").encode())] if new_id else []
    envelope.id = new_id or envelope.id
    message = message_from(envelope)
    return Message(
        message.source, message.id, message.key, message.value, [*message.headers, *caused]
    )
