"""Keeps what was decided about a dead letter: appended, never changed."""

from contextlib import closing
from typing import Final, Literal

import psycopg2

from consumers.failure import LookingError
from consumers.letters.letter import Letter
from producers import answering
from producers.failure import one_line
from schemas.settings import Settings

Said = Literal["retried", "dropped"]

INSERT: Final = """
INSERT INTO dead_letter_decisions
    (partition, "offset", number, decision, by, why, source, command_id)
SELECT %(partition)s, %(offset)s, count(*) + 1, %(decision)s, %(by)s, %(why)s, %(source)s, %(id)s
FROM dead_letter_decisions WHERE partition = %(partition)s AND "offset" = %(offset)s
"""


def decide(
    settings: Settings,
    letter: Letter,
    said: Said,
    *,
    by: str,
    why: str | None,
    command: tuple[str, str] | None = None,
) -> None:
    """Keep a decision; `command` is the source and id of what was sent.

    Raises LookingError when the database does not take it, as when somebody else decides about
    the letter in the same moment.
    """
    source, command_id = command or (None, None)
    row = {
        "partition": letter.partition, "offset": letter.offset, "decision": said, "by": by,
        "why": why, "source": source, "id": command_id,
    }  # fmt: skip
    given = settings.database_client("dlq")
    try:
        with (
            closing(answering.connect(settings.statement_timeout_ms, **given)) as opened,
            opened,
            opened.cursor() as cursor,
        ):
            cursor.execute(INSERT, row)
    except psycopg2.Error as error:
        raise LookingError(
            f"PostgreSQL has not kept what was decided: {one_line(error)}"
        ) from error
