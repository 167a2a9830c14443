"""What a run reads when all has come to rest: results, dead letters, balances, open withdrawals."""

from collections import Counter
from collections.abc import Iterator

import psycopg2

from consumers.audit.log import Log, Record
from consumers.audit.results_log import position, source_of
from producers.headers import headers_of
from schemas import results
from schemas.settings import Settings
from schemas.statuses import WITHDRAWAL_STATUSES
from wallet.torture.account import Place, Told

ANSWER_SECONDS = 30.0

SCHEDULED, EXECUTING = map(WITHDRAWAL_STATUSES.index, ("scheduled", "executing"))


def told(settings: Settings) -> Iterator[Told]:
    """All committed results, each partition in its order. Raises LogError, KafkaException."""
    log = Log(settings.kafka_client(), settings.topics.results.name, ANSWER_SECONDS)
    try:
        for batch in log.read(dict.fromkeys(log.partitions, 0)):
            for record in batch:
                src = source_of(record)
                assert src is not None, "every result says where its command stands"
                yield Told(src, results.decode(record.value() or b""))
    finally:
        log.close()


def letters(settings: Settings) -> Counter[Place]:
    """How many dead letters each record of the commands topic has."""
    log = Log(settings.kafka_client(), settings.topics.dead_letters.name, ANSWER_SECONDS)
    try:
        batches = log.read(dict.fromkeys(log.partitions, 0))
        places = [_place(record) for batch in batches for record in batch]
        return Counter(place for place in places if place is not None)
    finally:
        log.close()


def _place(record: Record) -> Place | None:
    """Where a dead letter comes from: its last such header; earlier ones are the original's."""
    named = [value for name, value in headers_of(record) or () if name == "src"]
    return position(named[-1]) if named else None


def balances(settings: Settings) -> dict[str, int]:
    """Every wallet's balance in minor units."""
    found = _rows(settings, "SELECT wallet_id::text, balance_minor FROM wallets")
    return {str(wallet): int(str(minor)) for wallet, minor in found}


def open_withdrawals(settings: Settings) -> int:
    """Withdrawals that still go on, or are due soon. Raises psycopg2.Error.

    What hostile records have scheduled for tomorrow may stay.
    """
    sql = (
        "SELECT count(*) FROM withdrawals WHERE status = %s"
        " OR (status = %s AND due_at < now() + interval '1 minute')"
    )
    return int(str(_rows(settings, sql, EXECUTING, SCHEDULED)[0][0]))


def _rows(settings: Settings, sql: str, *arguments: object) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(settings.database_url, connect_timeout=5)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())
    finally:
        connection.close()
