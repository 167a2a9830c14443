"""Fills a scratch ledger with withdrawals that are due some day, so that the table has its size.

They go into the table by SQL, past the ledger: a million commands would take minutes, and what is
measured is the timer among many rows. No command, no entry and no wallet stands behind them.
"""

from typing import Final

import psycopg2
from psycopg2 import extensions

from schemas.settings import Settings
from wallet.failure import Tell

CHUNK: Final = 500_000

# Ids grow at one end, as the ledger's do; wallets and due times are scattered.
_INSERT: Final = """
INSERT INTO withdrawals (withdrawal_id, wallet_id, amount_minor, due_at, changed_at, partition,
                         status, currency)
SELECT ('00000000-0000-8000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, md5(g::text)::uuid, 100,
       now() + interval '1 day' + random() * interval '364 days', now(), g %% %s, 0, 'IRR'
FROM generate_series(%s, %s) AS g
"""
_INDEXES: Final = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename = 'withdrawals' AND indexname <> 'withdrawals_pkey'
"""


def fill(settings: Settings, count: int, tell: Tell) -> None:
    """Put so many withdrawals into the table, due in one to 365 days."""
    connection = psycopg2.connect(settings.database_url, connect_timeout=5)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '256MB'")
            _fill(cursor, settings.partitions, count, tell)
    finally:
        connection.close()


def _fill(cursor: extensions.cursor, partitions: int, count: int, tell: Tell) -> None:
    cursor.execute(_INDEXES)
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    for first in range(1, count + 1, CHUNK):
        last = min(first + CHUNK - 1, count)
        cursor.execute(_INSERT, (partitions, first, last))
        tell(f"{last:,} of {count:,} withdrawals in the table")
    for _, definition in indexes:
        cursor.execute(definition)
    # What a server does by itself in time: else the first minutes would be about that.
    cursor.execute("VACUUM (ANALYZE) withdrawals")
    cursor.execute("CHECKPOINT")
