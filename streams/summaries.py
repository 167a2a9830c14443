"""Summaries of the BRIN indexes, brought up to date before a claim looks through them.

Vacuum makes them, once in 200,000 rows; after a crash the server does not know how many there
were. What has none is read whole: with 280,000 commands each look of a claim took 0.25 s, and more
with every command.
"""

from typing import Final

import structlog
from psycopg2 import errors, extensions

log: Final = structlog.get_logger(__name__)

INDEXES: Final = ("commands_position", "entries_of_transaction")

LOCK_MS: Final = 300
"""Others summarise, or vacuum. Less than the server's deadlock_timeout, after which it would end a
vacuum that keeps us waiting."""

PASSING: Final = (
    errors.LockNotAvailable,
    errors.QueryCanceled,
    errors.InsufficientPrivilege,  # only the owner of a table may; then vacuum does it alone
)


def bring_up_to_date(connection: extensions.connection) -> None:
    """Summarise what has none. Nothing depends on it but time."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_MS}ms'")
        for index in INDEXES:
            try:
                cursor.execute("SELECT brin_summarize_new_values(%s::regclass)", (index,))
            except PASSING as error:
                log.info("not summarised", index=index, why=str(error).strip())
