"""The kit's tables in a consumer's database: its place in the log, fenced; what it has parked.

A place is claimed by whoever gains its partition: the epoch is raised, and from then on no older
owner can commit, since every batch compares it (as the ledger's own claims do).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from psycopg2.extensions import connection, cursor
from psycopg2.extras import execute_values

TABLES: Final = """
CREATE TABLE IF NOT EXISTS consumer_places (
    consumer text NOT NULL, topic text NOT NULL, partition integer NOT NULL,
    epoch bigint NOT NULL, next_offset bigint NOT NULL,
    is_whole boolean NOT NULL,
    owner text NOT NULL, changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, partition)
);
CREATE TABLE IF NOT EXISTS consumer_wallets (
    consumer text NOT NULL, wallet_id uuid NOT NULL, sequence bigint NOT NULL,
    PRIMARY KEY (consumer, wallet_id)
) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS consumer_parked (
    consumer text NOT NULL, topic text NOT NULL, partition integer NOT NULL,
    "offset" bigint NOT NULL, is_event boolean NOT NULL, why text NOT NULL,
    key bytea, value bytea, headers json NOT NULL,
    has_explained boolean NOT NULL DEFAULT false,
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, partition, "offset")
);
DROP INDEX IF EXISTS consumer_parked_key;
CREATE INDEX IF NOT EXISTS consumer_parked_wallet ON consumer_parked (consumer, key)
    WHERE NOT is_event AND NOT has_explained AND octet_length(key) <= 64;
"""
"""`is_whole`: the partition was read from its first event on, so that every wallet begins with 1.
`is_event`: the record could be read, the consumer made nothing of it. `has_explained`: it is known
to be an event that was missing. Only keys that may be a wallet's are in the index: one of 2.7 kB
fits into none, and could not be parked while the index that is dropped here had them all."""

_LOCK: Final = 0x77616C6C6574  # "wallet"; one name for all who make these tables at once
_CLAIM: Final = """
UPDATE consumer_places SET epoch = epoch + 1, owner = %s, changed_at = now()
WHERE consumer = %s AND topic = %s AND partition = %s
RETURNING epoch, next_offset, is_whole
"""
_AGAIN: Final = """
SELECT next_offset FROM consumer_places
WHERE consumer = %s AND topic = %s AND partition = %s AND epoch = %s FOR UPDATE
"""
_FIRST: Final = """
INSERT INTO consumer_places (consumer, topic, partition, epoch, next_offset, is_whole, owner)
VALUES (%s, %s, %s, 0, %s, %s, '') ON CONFLICT DO NOTHING
"""
_MOVE: Final = """
UPDATE consumer_places SET next_offset = %s, changed_at = now()
WHERE consumer = %s AND topic = %s AND partition = %s AND epoch = %s AND next_offset = %s
"""
_LAST: Final = """
SELECT wallet_id::text, sequence FROM consumer_wallets
WHERE consumer = %s AND wallet_id = ANY(%s::uuid[])
"""
_SAW: Final = """
INSERT INTO consumer_wallets (consumer, wallet_id, sequence) VALUES %s
ON CONFLICT (consumer, wallet_id) DO UPDATE SET sequence = excluded.sequence
"""
_PARK: Final = """
INSERT INTO consumer_parked (consumer, topic, partition, "offset", is_event, why, key, value,
                             headers)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
EXPLAIN: Final = """
UPDATE consumer_parked AS p SET has_explained = true
FROM (SELECT topic, partition, "offset" FROM consumer_parked
      WHERE consumer = %s AND key = %s AND octet_length(key) <= 64
          AND NOT is_event AND NOT has_explained
      ORDER BY "offset" LIMIT %s) AS found
WHERE p.consumer = %s AND (p.topic, p.partition, p."offset")
    = (found.topic, found.partition, found."offset")
"""


class FencedError(Exception):
    """Somebody else has claimed the partition: what this process was about to do is theirs."""


class Place(NamedTuple):
    """A claimed partition: fenced by its epoch; offset of the next record."""

    partition: int
    epoch: int
    next_offset: int
    is_whole: bool


class Parked(NamedTuple):
    """A record that is passed over."""

    partition: int
    offset: int
    is_event: bool
    why: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Places:
    """The places of one consumer on one topic. Nothing here commits. Raises psycopg2.Error."""

    def __init__(self, consumer: str, topic: str, owner: str) -> None:
        self._consumer = consumer
        self._topic = topic
        self._owner = owner

    def prepare(self, opened: connection, tables: str) -> None:
        """Make the kit's tables and the consumer's own where they are missing."""
        with opened.cursor() as at:
            at.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            at.execute(TABLES + tables)

    def claim(self, opened: connection, partition: int) -> Place | None:
        """Take a partition over; None where this consumer never had it.

        Waits for what an older owner is just committing.
        """
        with opened.cursor() as at:
            at.execute(_CLAIM, (self._owner, self._consumer, self._topic, partition))
            row = at.fetchone()
        return None if row is None else Place(partition, *row)

    def again(self, opened: connection, place: Place) -> Place:
        """Look where a claimed partition is, after a commit of which nobody knows whether it was.

        Waits for it, where it is still under way. Raises FencedError.
        """
        with opened.cursor() as at:
            at.execute(_AGAIN, (self._consumer, self._topic, place.partition, place.epoch))
            row = at.fetchone()
        if row is None:
            raise self._fenced(place)
        return place._replace(next_offset=row[0])

    def begin(self, opened: connection, partition: int, offset: int, *, is_whole: bool) -> None:
        """Note where this consumer begins with a partition that it never had."""
        with opened.cursor() as at:
            at.execute(_FIRST, (self._consumer, self._topic, partition, offset, is_whole))

    def move(self, at: cursor, place: Place, next_offset: int) -> None:
        """Move on, as the first statement of a batch: its row's lock is the batch's right.

        Raises FencedError when the place is not ours any more.
        """
        own = (self._consumer, self._topic, place.partition, place.epoch, place.next_offset)
        at.execute(_MOVE, (next_offset, *own))
        if at.rowcount != 1:
            raise self._fenced(place)

    def _fenced(self, place: Place) -> FencedError:
        return FencedError(f"{self._topic}[{place.partition}] was claimed by another process")

    def last(self, at: cursor, wallets: Iterable[str]) -> dict[str, int]:
        """The last sequence of each of these wallets that was seen."""
        at.execute(_LAST, (self._consumer, list(wallets)))
        return dict(at.fetchall())

    def saw(self, at: cursor, last: Mapping[str, int]) -> None:
        """Note the last sequences."""
        rows = [(self._consumer, wallet, sequence) for wallet, sequence in sorted(last.items())]
        if rows:
            execute_values(at, _SAW, rows, page_size=len(rows))

    def park(self, at: cursor, parked: Parked) -> None:
        """Put a record aside, with all its bytes."""
        headers = msgspec.json.encode([(name, value) for name, value in parked.headers]).decode()
        place = (self._consumer, self._topic, parked.partition, parked.offset)
        said = (parked.is_event, parked.why, parked.key, parked.value, headers)
        at.execute(_PARK, (*place, *said))

    def explain(self, at: cursor, wallet_id: str, missing: int) -> bool:
        """Whether so many records under a wallet's key were parked unread: each explains once."""
        own = self._consumer
        at.execute(EXPLAIN, (own, wallet_id.encode(), missing, own))
        return at.rowcount == missing
