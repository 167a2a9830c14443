"""Two ledgers held against each other, table by table: the server digests, we compare digests.

A table's rows, as texts, are hashed in 256 buckets by the end of their ids (SHA-256, in the order
of their keys). Only where a bucket differs are its rows fetched, and the first that differ told.
"""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Table

from consumers.audit.snapshot import Snapshot
from schemas import tables
from wallet.replay.failure import Difference

MOST: Final = 5
"""Differing rows told of each table."""


class Comparison(NamedTuple):
    """How the rows of a table are named and told apart.

    `key` orders them, `bucket` parts them; SQL over the table's columns.
    """

    table: Table
    key: str
    bucket: str
    where: str = "true"


_ENTRY: Final = (
    "transaction_id::text || ' ' || account_id || ' ' || coalesce(sequence::text, '-')"
    " || ' ' || amount_minor"
)
COMPARED: Final = (
    Comparison(tables.wallets, "wallet_id::text", "right(wallet_id::text, 2)"),
    Comparison(tables.profiles, "wallet_id::text", "right(wallet_id::text, 2)"),
    Comparison(tables.commands, "command_key::text", "right(command_key::text, 2)"),
    Comparison(tables.entries, _ENTRY, "right(transaction_id::text, 2)"),
    Comparison(tables.refunds, "refund_id::text", "right(refund_id::text, 2)"),
    Comparison(tables.withdrawals, "withdrawal_id::text", "right(withdrawal_id::text, 2)"),
    Comparison(tables.credit_requests, "credit_request_id::text", "''"),
    Comparison(tables.dead_letters, "partition || ':' || \"offset\"", "''"),
)
"""The tables that the commands topic determines, whole: every column of every row."""

PROGRESS: Final = (
    "SELECT p.partition, p.next_offset, p.next_event + (SELECT count(*) FROM arrivals AS a"
    " WHERE a.partition = p.partition), p.last_result_offset, p.mispartitioned"
    " FROM partitions AS p WHERE p.topic = %s ORDER BY p.partition"
)
"""Of progress what does not hang on how commands came in batches, or what is published by now."""

NOT_COMPARED: Final = {
    "partitions": "epochs, owners and the place of the newest batch are each database's own",
    "arrivals": "events on their way to the log: only their number, with those published",
    "clock": "a person's act",
    "bank_calls": "what the bank caller remembers of its calls; its words are in the commands",
    "others": "sellers, people, keys, what is counted for them: no part of the commands topic",
}


class Chosen(NamedTuple):
    """What is compared of two ledgers: some partitions or all (none named).

    Where the replay was not of the whole log, what it has counted on the way is not the whole.
    """

    partitions: Collection[int] = ()
    is_whole: bool = True


WHOLE: Final = Chosen()


class Compared(msgspec.Struct, frozen=True):
    """A table held against its twin: rows of the first, rows of the second, whether all equal."""

    rows: int
    second: int
    equal: bool


def compare(
    first: Snapshot, second: Snapshot, topic: str, chosen: Chosen = WHOLE
) -> tuple[dict[str, Compared], list[Difference]]:
    """Compare all tables of two ledgers that have done the same commands.

    Of some partitions only, those tables whose rows belong to one.
    """
    partitions = chosen.partitions
    for each in (first, second):
        each.all("SELECT set_config('TimeZone', 'UTC', true)")
    compared: dict[str, Compared] = {}
    differences: list[Difference] = []
    for comparison in _chosen(partitions):
        name = comparison.table.name
        one, other = (_buckets(each, comparison) for each in (first, second))
        counts = [sum(count for count, _ in found.values()) for found in (one, other)]
        compared[name] = Compared(counts[0], counts[1], one == other)
        if one != other:
            wrong = sorted(b for b in one.keys() | other.keys() if one.get(b) != other.get(b))
            differences += islice(_differing(first, second, comparison, wrong), MOST)
    rows = [
        [
            row if chosen.is_whole else row[:-1]
            for row in each.all(PROGRESS, (topic,))
            if not partitions or row[0] in partitions
        ]
        for each in (first, second)
    ]
    compared["partitions"] = Compared(len(rows[0]), len(rows[1]), rows[0] == rows[1])
    if rows[0] != rows[1]:
        columns = "partition, next_offset, events, last_result_offset, mispartitioned"
        differences.append(Difference("progress", columns, str(rows[0]), str(rows[1])))
    return compared, differences


def _chosen(partitions: Collection[int]) -> Iterator[Comparison]:
    """The comparisons of all partitions, or of some."""
    wanted = ",".join(map(str, partitions))
    for each in COMPARED:
        if not partitions:
            yield each
        elif "partition" in each.table.columns:
            yield each._replace(where=f"partition IN ({wanted})")


def _buckets(snapshot: Snapshot, comparison: Comparison) -> dict[str, tuple[int, str]]:
    found = snapshot.all(
        f"SELECT x.bucket, count(*), encode(sha256(string_agg("  # noqa: S608 - constants of ours
        f"sha256(convert_to(x.line, 'UTF8')), ''::bytea ORDER BY x.key COLLATE \"C\")), 'hex')"
        f" FROM ({_lines(comparison)}) AS x GROUP BY 1"
    )
    return {bucket: (count, digest) for bucket, count, digest in found}


def _differing(
    first: Snapshot, second: Snapshot, comparison: Comparison, buckets: list[str]
) -> Iterator[Difference]:
    """The rows that differ, or that only one of the two has."""
    query = f"SELECT x.key, x.line FROM ({_lines(comparison)}) AS x WHERE x.bucket = %s"  # noqa: S608 - as above
    for bucket in buckets:
        one, other = (dict(each.all(query, (bucket,))) for each in (first, second))
        for key in sorted(one.keys() | other.keys()):
            if one.get(key) != other.get(key):
                told: list[Any] = [one.get(key, "none"), other.get(key, "none")]
                yield Difference(f"a row of {comparison.table.name}", key, *told)


def _lines(comparison: Comparison) -> str:
    """SQL: bucket, key and text of every row of a table."""
    table = comparison.table
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    return (
        f"SELECT {comparison.bucket} AS bucket, {comparison.key} AS key,"  # noqa: S608 - as above
        f" ROW({columns})::text AS line FROM {table.name} WHERE {comparison.where}"
    )
