"""The statements of a batch, and how its rows become arrays.

Sets go through unnest, as array literals in text: as fast as COPY here, and a process frozen
inside COPY keeps its locks beyond every timeout (FAULTS.md).
"""

from typing import Any, Final

import msgspec

from schemas.accounts import WORLD, WORLD_SALES
from streams import sql_cases
from streams.arrays import array, columns, texts
from streams.books import NewWallet, Wallet
from streams.deciding import Decided
from streams.rows import EntryRow, Place

FENCED: Final = "WS001"
"""SQLSTATE of open_batch when the compare-and-set finds another epoch or offset."""

OPEN: Final = (
    "BEGIN; SELECT wallet_rows, seen, arrived, clock_ahead_ms"
    " FROM open_batch(%s, %s::smallint, %s, %s, %s,"
    " %s::uuid[], %s::uuid[], %s)"
)

SEEN: Final = (
    "SELECT command_key::text, fingerprint::text FROM commands WHERE command_key = ANY(%s::uuid[])"
)

# Locks on wallets that are not there, by buckets of their ids: whoever makes a wallet shares its
# bucket, whoever has missed one has it alone. In one order for all, so without deadlocks.
HOLD_ABSENT: Final = (
    "SELECT CASE WHEN v.alone THEN pg_advisory_xact_lock(%s, v.bucket)"
    " ELSE pg_advisory_xact_lock_shared(%s, v.bucket) END"
    " FROM unnest(%s::integer[], %s::boolean[]) AS v (bucket, alone)"
)
APPEARED: Final = "SELECT 1 FROM wallets WHERE wallet_id = ANY(%s::uuid[]) LIMIT 1"

# A payment has one debit on a wallet and one credit, on another wallet or on the world's sales. The
# entries of wallets are found by the sequences that the result tells: by their transaction there is
# only a BRIN index, a look through which takes milliseconds where entries are many, and a quarter
# of a second behind 300,000 that no vacuum has seen; IS NOT DISTINCT FROM can use no index.
PAYMENTS: Final = f"""
SELECT c.transaction_id::text, debit.account_id::text,
       coalesce(credit.account_id, '{WORLD[WORLD_SALES]}')::text, debit.currency,
       -debit.amount_minor, coalesce((SELECT sum(r.amount_minor) FROM refunds AS r
                                      WHERE r.transaction_id = c.transaction_id), 0)
FROM commands AS c
CROSS JOIN LATERAL json_each_text(c.result::json -> 'sequences') AS payer (id, sequence)
JOIN entries AS debit ON debit.account_id = payer.id::uuid
    AND debit.sequence = payer.sequence::bigint
    AND debit.transaction_id IS NOT DISTINCT FROM c.transaction_id AND debit.amount_minor < 0
LEFT JOIN LATERAL (
    SELECT e.account_id FROM json_each_text(c.result::json -> 'sequences') AS payee (id, sequence)
    JOIN entries AS e ON e.account_id = payee.id::uuid AND e.sequence = payee.sequence::bigint
    WHERE e.transaction_id IS NOT DISTINCT FROM c.transaction_id AND e.amount_minor > 0
) AS credit ON true
WHERE c.transaction_id = ANY(%s::uuid[])
    AND c.result::json -> 'command' ->> 'type' IN ('charge_sale.v1', 'transfer.v1')
"""  # noqa: S608 - an id of ours

WORLDS: Final = "{" + ",".join(WORLD.values()) + "}"

WRITE: Final = (
    "SELECT write_batch(%s, %s::smallint, %s, %s, %s, %s, %s::uuid[], %s::bigint[],"
    " %s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[], %s, %s,"
    " %s::uuid[], %s::uuid[], %s::bigint[], %s::numeric[], %s::numeric[], %s::text[],"
    " %s::smallint[], %s::uuid[],"
    " %s::uuid[], %s::numeric[], %s::bigint[], %s::bigint[], %s::smallint[], %s::bigint[])"
)
_WALLETS: Final = (
    "INSERT INTO wallets (wallet_id, balance_minor, sequence, updated_at, partition, status,"
    " currency) SELECT i, b, s, to_timestamp(m / 1000.0), p, t, c"
    " FROM unnest(%s::uuid[], %s::numeric[], %s::bigint[], %s::bigint[], %s::smallint[],"
    " %s::smallint[], %s::text[]) AS v (i, b, s, m, p, t, c)"
)
_PROFILES: Final = (
    "INSERT INTO profiles (wallet_id, created_at, owner, metadata)"
    " SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[]::json[], %s::text[]::json[])"
)
_ARRIVALS: Final = (
    "INSERT INTO arrivals (partition, wallet_id, sequence, event) SELECT p, w, s, e"
    " FROM unnest(%s::smallint[], %s::uuid[], %s::bigint[], string_to_array(%s, E'\\n'))"
    " AS v (p, w, s, e)"
)
_REFUNDS: Final = (
    "INSERT INTO refunds (transaction_id, refund_id, amount_minor)"
    " SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::numeric[])"
)
_DEAD_LETTERS: Final = (
    'INSERT INTO dead_letters (partition, "offset", reason, record) SELECT %s, *'
    " FROM unnest(%s::bigint[], %s::text[], %s::text[]::json[])"
)


ABSENCE: Final = 1
"""The class of the advisory locks on wallets that are not there."""

BUCKETS: Final = 256
"""PostgreSQL holds some 6,000 locks for everybody: a batch must not take one for each wallet."""


def absence_locks(decided: Decided) -> tuple[int, int, str, str]:
    """The arguments of HOLD_ABSENT: for the wallets a batch has missed, and those it makes."""
    alone = {_bucket(wallet_id) for wallet_id in decided.absent}
    shared = {_bucket(new.wallet_id) for new in decided.new_wallets}
    buckets = sorted(alone | shared)
    return ABSENCE, ABSENCE, array(buckets), array(bucket in alone for bucket in buckets)


def _bucket(wallet_id: str) -> int:
    return int(wallet_id[-4:], 16) % BUCKETS


def write(
    place: Place, epoch: int, decided: Decided, arrived: list[list[str]]
) -> tuple[str, list[Any]]:
    """One text with every statement that writes a decided batch, and its arguments."""
    statements: list[str] = []
    arguments: list[Any] = []
    for text, values in (
        *([(HOLD_ABSENT, absence_locks(decided))] if decided.new_wallets else []),
        *_new_wallets(decided),
        *_rare(place, decided),
        (WRITE, _batch(place, epoch, decided, arrived)),
    ):
        statements.append(text)
        arguments.extend(values)
    return ";".join(statements), arguments


def _batch(place: Place, epoch: int, decided: Decided, arrived: list[list[str]]) -> tuple[Any, ...]:
    commands = decided.commands
    changed = [w for w in decided.books.wallets.values() if 0 < w.opened_at_sequence < w.sequence]
    return (
        place.topic,
        place.partition,
        epoch,
        len(decided.events) + len(arrived),
        decided.last_result_offset,
        decided.strays,
        array(line[0] for line in arrived),
        array(line[1] for line in arrived),
        texts([row.key for row in commands]),
        texts([row.fingerprint for row in commands]),
        texts([row.transaction_id or "NULL" for row in commands]),
        array([row.offset for row in commands]),
        "\n".join([row.result for row in commands]),
        "\n".join([row.details for row in commands]),
        *_entries(decided.entries),
        WORLDS,
        *_changes(changed),
    )


def _entries(rows: list[EntryRow]) -> tuple[str, ...]:
    # The rows of the world's accounts have no sequence and no balance.
    return (
        texts([row.account_id for row in rows]),
        texts([row.transaction_id for row in rows]),
        array([row.sequence for row in rows]).replace("None", "NULL"),
        array([row.amount_minor for row in rows]),
        array([row.balance_minor for row in rows]).replace("None", "NULL"),
        texts([row.currency for row in rows]),
        array([row.world for row in rows]),
    )


def _changes(changed: list[Wallet]) -> tuple[str, ...]:
    rows = (
        (w.wallet_id, w.balance_minor, w.opened_at_sequence, w.sequence, w.status, w.touched_at_ms)
        for w in changed
    )
    return tuple(array(column) for column in columns(list(rows), 6))


def _new_wallets(decided: Decided) -> list[tuple[str, tuple[Any, ...]]]:
    """The wallets the batch made, as they are at its end."""
    made: list[NewWallet] = decided.new_wallets
    if not made:
        return []
    wallets = [decided.books.wallets[new.wallet_id] for new in made]
    rows = [
        (
            w.wallet_id,
            w.balance_minor,
            w.sequence,
            w.touched_at_ms,
            w.partition,
            w.status,
            w.currency,
        )
        for w in wallets
    ]
    owners = [_json(new.owner) for new in made]
    metadata = [_json(new.metadata) for new in made]
    created = texts([new.created_at for new in made])
    wallet_ids = texts([new.wallet_id for new in made])
    return [
        (_WALLETS, tuple(array(column) for column in columns(rows, 7))),
        (_PROFILES, (wallet_ids, created, owners, metadata)),
    ]


def _rare(place: Place, decided: Decided) -> list[tuple[str, tuple[Any, ...]]]:
    """What most batches do not have."""
    rare: list[tuple[str, tuple[Any, ...]]] = []
    if decided.arrivals:
        partitions, wallets, sequences, events = columns(decided.arrivals, 4)
        places = (array(partitions), texts(wallets), array(sequences))
        rare.append((_ARRIVALS, (*places, "\n".join(events))))
    if decided.refunds:
        rare.append((_REFUNDS, tuple(array(column) for column in columns(decided.refunds, 3))))
    if decided.books.withdrawals:
        rare += sql_cases.withdrawals(decided.books)
    if decided.books.credit_requests:
        rare += sql_cases.credit_requests(list(decided.books.credit_requests.values()))
    if decided.dead_letters:
        offsets, reasons, records = columns(decided.dead_letters, 3)
        clean = [reason.replace("\0", "") for reason in reasons]
        rare.append((_DEAD_LETTERS, (place.partition, array(offsets), clean, list(records))))
    return rare


def _json(value: Any) -> str | None:  # noqa: ANN401 - any value JSON can hold
    return None if value is None else msgspec.json.encode(value).decode()
