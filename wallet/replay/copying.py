"""What a ledger was before a cut, copied into a database beside it.

Commands and entries are append-only, so the state of everything else can be read from them: a
wallet is its last change, a withdrawal its last step.
"""

import tempfile
from contextlib import closing
from typing import Final

from psycopg2 import extensions

from consumers.audit.snapshot import ANSWER_MS, Snapshot
from producers import answering
from schemas.settings import Settings
from schemas.statuses import CREDIT_REQUEST_STATUSES, STATUSES, WITHDRAWAL_STATUSES
from wallet.replay.cutting import before

IN_MEMORY: Final = 64 * 1024 * 1024
"""What is copied of a table beyond that goes by way of a file."""

# When a transaction was recorded stands in its id: its first 48 bits, in milliseconds.
_MOMENT: Final = (
    "to_timestamp(('x' || left(replace({id}::text, '-', ''), 12))::bit(48)::bigint / 1000.0)"
)

_PREPARE: Final = """
CREATE TEMP TABLE kept ON COMMIT DROP AS
    SELECT c.transaction_id FROM commands AS c WHERE c.transaction_id IS NOT NULL AND {before};
CREATE UNIQUE INDEX ON kept (transaction_id);
ANALYZE kept;
CREATE TEMP TABLE latest ON COMMIT DROP AS
    SELECT DISTINCT ON (e.account_id) e.*
    FROM entries AS e JOIN kept USING (transaction_id) WHERE e.sequence IS NOT NULL
    ORDER BY e.account_id, e.sequence DESC;
CREATE TEMP TABLE statuses ON COMMIT DROP AS
    SELECT DISTINCT ON (e.account_id) e.account_id, c.details::json ->> 'status' AS status
    FROM commands AS c JOIN kept USING (transaction_id) JOIN entries AS e USING (transaction_id)
    WHERE c.details LIKE '%"status":%' AND c.details::json ->> 'status' IS NOT NULL
        AND e.sequence IS NOT NULL
    ORDER BY e.account_id, e.sequence DESC;
CREATE TEMP TABLE steps ON COMMIT DROP AS
    SELECT DISTINCT ON (s.id) s.*
    FROM (SELECT c.transaction_id, (c.result::json ->> 'sequence')::bigint AS sequence,
              coalesce(c.result::json -> 'withdrawal', c.result::json -> 'credit_request') AS body,
              coalesce(c.result::json -> 'withdrawal' ->> 'id',
                       c.result::json -> 'credit_request' ->> 'id')::uuid AS id
          FROM commands AS c JOIN kept USING (transaction_id)
          WHERE c.result LIKE '%"withdrawal":%' OR c.result LIKE '%"credit_request":%') AS s
    ORDER BY s.id, s.sequence DESC;
"""

_QUERIES: Final = {
    "commands": "SELECT {columns} FROM commands AS c WHERE {before}",
    "entries": "SELECT {columns} FROM entries JOIN kept USING (transaction_id)",
    "wallets": (
        "SELECT w.wallet_id, l.balance_minor, l.sequence, {moment} AS updated_at, w.partition,"
        " array_position({statuses}, coalesce(s.status, 'active')) - 1, w.currency"
        " FROM wallets AS w JOIN latest AS l ON l.account_id = w.wallet_id"
        " LEFT JOIN statuses AS s ON s.account_id = w.wallet_id"
    ),
    "profiles": (
        "SELECT p.wallet_id, p.created_at, p.owner, p.metadata FROM profiles AS p"
        " JOIN latest AS l ON l.account_id = p.wallet_id"
    ),
    "refunds": (
        "SELECT r.transaction_id, r.refund_id, r.amount_minor FROM refunds AS r"
        " JOIN kept AS k ON k.transaction_id = r.refund_id"
    ),
    "withdrawals": (
        "SELECT w.withdrawal_id, w.wallet_id, w.amount_minor, w.due_at, {moment}, w.partition,"
        " array_position({withdrawal_statuses}, l.body ->> 'status') - 1, w.currency, w.target,"
        " l.body ->> 'reason' FROM withdrawals AS w JOIN steps AS l ON l.id = w.withdrawal_id"
    ),
    "credit_requests": (
        "SELECT w.credit_request_id, w.wallet_id, w.amount_minor, w.number, w.requested_at,"
        " {moment}, array_position({request_statuses}, l.body ->> 'status') - 1, w.currency,"
        " l.body ->> 'by', l.body ->> 'reason'"
        " FROM credit_requests AS w JOIN steps AS l ON l.id = w.credit_request_id"
    ),
    "dead_letters": (
        'SELECT c."offset", c.partition, c.reason, c.record FROM dead_letters AS c WHERE {before}'
    ),
}
_COLUMNS: Final = {
    "commands": 'command_key, fingerprint, transaction_id, "offset", partition, result, details',
    "entries": "account_id, transaction_id, sequence, amount_minor, balance_minor, currency",
    "wallets": "wallet_id, balance_minor, sequence, updated_at, partition, status, currency",
    "profiles": "wallet_id, created_at, owner, metadata",
    "refunds": "transaction_id, refund_id, amount_minor",
    "withdrawals": (
        "withdrawal_id, wallet_id, amount_minor, due_at, changed_at, partition, status, currency,"
        " target, reason"
    ),
    "credit_requests": (
        "credit_request_id, wallet_id, amount_minor, number, requested_at, changed_at, status,"
        " currency, by, reason"
    ),
    "dead_letters": '"offset", partition, reason, record',
}
_PROGRESS: Final = (
    "UPDATE partitions AS p SET next_offset = %s, last_result_offset = coalesce("
    '(SELECT max(c."offset") FROM commands AS c WHERE c.partition = p.partition), -1),'
    " next_event = (SELECT coalesce(sum(w.sequence), 0) FROM wallets AS w"
    " WHERE w.partition = p.partition) WHERE p.topic = %s AND p.partition = %s"
)


def copy_before(
    first: Snapshot, settings: Settings, cursor: extensions.cursor, cut: list[int]
) -> None:
    """Fill a new ledger, whose session this is, with what the first one was before the cut."""
    opened = answering.connect(ANSWER_MS, dsn=settings.database_url, connect_timeout=10)
    with closing(opened) as connection:
        connection.set_session(isolation_level="REPEATABLE READ")
        with connection, connection.cursor() as source:
            source.execute("SET TRANSACTION SNAPSHOT %s", (first.name(),))
            source.execute(_PREPARE.format(before=before(cut)))
            for table in _QUERIES:
                _copy(source, cursor, table, cut)
    for partition, at in enumerate(cut):
        cursor.execute(_PROGRESS, (at, settings.topics.commands.name, partition))


def _copy(source: extensions.cursor, cursor: extensions.cursor, table: str, cut: list[int]) -> None:
    query = _QUERIES[table].format(
        columns=_COLUMNS[table],
        before=before(cut),
        moment=_MOMENT.format(id="l.transaction_id"),
        statuses=_texts(STATUSES),
        withdrawal_statuses=_texts(WITHDRAWAL_STATUSES),
        request_statuses=_texts(CREDIT_REQUEST_STATUSES),
    )
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as rows:
        source.copy_expert(f"COPY ({query}) TO STDOUT", rows)
        rows.seek(0)
        cursor.copy_expert(f"COPY {table} ({_COLUMNS[table]}) FROM STDIN", rows)


def _texts(names: tuple[str, ...]) -> str:
    """SQL: an array of texts of ours."""
    return "ARRAY[" + ",".join(f"'{name}'" for name in names) + "]"
