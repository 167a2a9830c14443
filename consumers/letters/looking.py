"""Dead letters and what was decided about them, read from PostgreSQL.

with Looking(settings.database_url) as looking:
    letters = Letters(looking).newest()
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Text, and_, cast, func, or_, select, tuple_

from consumers.letters.letter import Decision, Letter, letter_of
from consumers.looking import LIMIT, Looking
from schemas.moments import in_milliseconds
from schemas.tables import dead_letter_decisions, dead_letters


class Filed(msgspec.Struct, frozen=True):
    """A letter with what was decided about it, oldest decision first."""

    letter: Letter
    decisions: list[Decision]


class Letters:
    """A reader of dead letters; methods raise LookingError when the database cannot be read."""

    def __init__(self, looking: Looking) -> None:
        self._looking = looking

    def one(self, partition: int, offset: int) -> Filed | None:
        """The letter of a place; None when there is none."""
        query = _letters().where(
            dead_letters.c.partition == partition, dead_letters.c.offset == offset
        )
        found = self._filed(query)
        return found[0] if found else None

    def newest(
        self, limit: int = 20, since: Mapping[int, int] | None = None, *, decided: bool = False
    ) -> list[Filed]:
        """Letters that nobody has decided about, or all, at most LIMIT.

        The last of each partition first. `since` is the offset at which each partition begins.
        """
        letters, made = dead_letters.c, dead_letter_decisions.c
        query = _letters().order_by(letters.offset.desc(), letters.partition)
        if not decided:
            own = and_(made.partition == letters.partition, made.offset == letters.offset)
            query = query.where(~select(made.number).where(own).exists())
        if since is not None:
            starts = [
                and_(letters.partition == number, letters.offset >= start)
                for number, start in since.items()
            ]
            query = query.where(or_(*starts))
        return self._filed(query.limit(min(limit, LIMIT)))

    def undecided(self) -> int:
        """How many letters nobody has decided about."""
        letters, made = dead_letters.c, dead_letter_decisions.c
        own = and_(made.partition == letters.partition, made.offset == letters.offset)
        query = select(func.count()).where(~select(made.number).where(own).exists())
        with self._looking.connected() as connection:
            return int(connection.execute(query.select_from(dead_letters)).scalar_one())

    def _filed(self, query: Any) -> list[Filed]:  # noqa: ANN401 - a select of letters
        with self._looking.connected() as connection:
            rows = connection.execute(query).all()
            places = [(row.partition, row.offset) for row in rows]
            decisions = connection.execute(_decisions(places)).all() if places else []
        found = [letter_of(row.partition, row.offset, row.reason, row.record) for row in rows]
        return [Filed(letter, _of(letter, decisions)) for letter in found]


def _letters() -> Any:  # noqa: ANN401 - a select
    columns = (dead_letters.c.partition, dead_letters.c.offset, dead_letters.c.reason)
    return select(*columns, cast(dead_letters.c.record, Text).label("record"))


def _decisions(places: Sequence[tuple[int, int]]) -> Any:  # noqa: ANN401 - a select
    made = dead_letter_decisions.c
    return (
        select(dead_letter_decisions)
        .where(tuple_(made.partition, made.offset).in_(places))
        .order_by(made.number)
    )


def _of(letter: Letter, rows: Sequence[Row[Any]]) -> list[Decision]:
    return [
        Decision(
            decision=row.decision,
            by=row.by,
            why=row.why,
            decided_at=in_milliseconds(row.decided_at),
            source=row.source,
            command_id=row.command_id,
        )
        for row in rows
        if (row.partition, row.offset) == (letter.partition, letter.offset)
    ]
