"""What a dry run needs: somebody who knows the rules. The composition root hands it in."""

from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import Connection

from producers.message import Message
from schemas.events import EntryBody
from schemas.results import AnyResult


class Rehearsed(Protocol):
    """What would become of a command: its result, and the entries of its posting."""

    @property
    def result(self) -> AnyResult: ...  # noqa: D102 - as said above
    @property
    def entries(self) -> Sequence[EntryBody]: ...  # noqa: D102


Rehearse = Callable[[Connection, Sequence[Message]], Sequence[Rehearsed]]
"""Commands one after the other, each on what the ones before it would have left. Writes nothing."""
