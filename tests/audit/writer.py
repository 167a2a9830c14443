"""A ledger written without a worker: the oracle answers, and this puts it where a worker would.

What is to be published and stored stays in lists, so that a test can damage it first.
"""

import json
import random
from collections.abc import Iterable
from contextlib import closing
from typing import Any, NamedTuple

import psycopg2
from confluent_kafka import Producer
from psycopg2.extensions import cursor
from psycopg2.extras import execute_values

from consumers.audit.log import Log, Record
from consumers.audit.oracle import Answer, Oracle, Place, Readable
from schemas import events, identifiers, results
from schemas.accounts import WORLD
from schemas.commands import Command
from schemas.decoding import Decoded, Unreadable, decode
from schemas.money import parse, show
from schemas.refusals import Code
from schemas.results import Completed, Rejected
from schemas.settings import Settings
from schemas.statuses import STATUSES
from tests.audit.mixture import Sent


class Said(NamedTuple):
    """One record of the results or events topic, before it is published."""

    key: str | None
    value: bytes
    src: str


def publish(settings: Settings, topic: str, records: Iterable[tuple[int, Sent]]) -> None:
    """Put records on their partitions, in order."""
    producer = Producer({**settings.kafka_client(), "enable.idempotence": True, "linger.ms": 5})
    for partition, sent in records:
        producer.produce(
            topic, sent.value, sent.key, partition=partition, headers=list(sent.headers)
        )
    assert producer.flush(30) == 0


class Ledger:
    """All that a worker would have written of these commands."""

    def __init__(self, settings: Settings, sent: list[Sent], seed: int = 1) -> None:
        self.settings = settings
        self.results: dict[int, list[Said]] = {p: [] for p in range(settings.partitions)}
        self.events: dict[int, list[Said]] = {p: [] for p in range(settings.partitions)}
        self.commands: list[list[Any]] = []
        self.entries: list[list[Any]] = []
        self.refunds: list[list[Any]] = []
        self.dead: list[list[Any]] = []
        self.progress: dict[int, int] = {}
        topic = settings.topics.commands.name
        publish(settings, topic, ((each.partition, each) for each in sent))
        self.oracle = Oracle(topic)
        self._answer(random.Random(seed))  # noqa: S311 - no secret
        self.wallets: list[list[Any]] = [
            [
                wallet.wallet_id,
                wallet.balance_minor,
                wallet.sequence,
                identifiers.partition_of(wallet.wallet_id, settings.partitions),
                STATUSES.index(wallet.status),
                wallet.currency,
            ]
            for wallet in self.oracle.books.wallets.values()
        ]

    def write(self) -> None:
        """Publish and store everything."""
        topics = self.settings.topics
        for name, lists in ((topics.results.name, self.results), (topics.events.name, self.events)):
            numbered = [(p, n, said) for p in lists for n, said in enumerate(lists[p])]
            publish(self.settings, name, ((p, _sent(said, n)) for p, n, said in numbered))
        with (
            closing(psycopg2.connect(self.settings.database_url)) as connection,
            connection,
            connection.cursor() as into,
        ):
            self._store(into)

    def _answer(self, draw: random.Random) -> None:
        """Let the partitions' commands interleave as the seed has it."""
        with closing(
            Log(self.settings.kafka_client(), self.settings.topics.commands.name, 20)
        ) as log:
            waiting: dict[int, list[Record]] = {p: [] for p in log.partitions}
            for batch in log.read(dict.fromkeys(log.partitions, 0)):
                for record in batch:
                    waiting[record.partition()].append(record)
        self.progress = {p: len(records) for p, records in waiting.items()}
        queues = [iter(records) for records in waiting.values()]
        while queues:
            queue = draw.choice(queues)
            found = next(queue, None)
            if found is None:
                queues.remove(queue)
            else:
                self._take(found)

    def _take(self, record: Record) -> None:
        place = Place(record.partition(), record.offset(), record.timestamp()[1])
        decoded = decode(record.key(), record.value(), record.headers() or ())
        answer = self.oracle.answer(decoded, place)
        if isinstance(decoded, Unreadable):
            self.dead.append([place.offset, place.partition, decoded.reason, "{}"])
        elif answer is not None:
            self._say(decoded, place, answer)

    def _say(self, decoded: Readable, place: Place, answer: Answer) -> None:
        src, value = f"{place.partition}:{place.offset}", results.encode(answer.result)
        self.results[place.partition].append(Said(answer.result.wallet_id, value, src))
        self.commands.append(_row(decoded, place, answer, value))
        for event in answer.events:
            home = identifiers.partition_of(event.wallet_id, self.settings.partitions)
            self.events[home].append(Said(event.wallet_id, events.encode(event), src))
            self.entries.append(_entry(event))
        if answer.events:
            self.entries += _world(answer.events[0])
        if isinstance(answer.result, Completed) and decoded.type == "refund.v1":
            assert isinstance(decoded, Command)
            amount = max(parse(e.amount, e.currency) for e in answer.events[0].entries[1:])
            original = getattr(decoded.data, "transaction_id")  # noqa: B009 - a Refund's
            self.refunds.append([original, answer.result.transaction_id, amount])

    def _store(self, into: cursor) -> None:
        topic = self.settings.topics.commands.name
        progress = [
            [topic, p, end, len(self.events[p]), _last(self.results[p])]
            for p, end in self.progress.items()
        ]
        for table, columns, rows in (
            (
                "partitions",
                "topic, partition, next_offset, next_event, last_result_offset",
                progress,
            ),
            ("commands", _COMMANDS, self.commands),
            ("entries", _ENTRIES, self.entries),
            ("wallets", _WALLETS, [[*row, "2026-01-01T00:00:00Z"] for row in self.wallets]),
            ("refunds", "transaction_id, refund_id, amount_minor", self.refunds),
            ("dead_letters", '"offset", partition, reason, record', self.dead),
        ):
            if rows:
                execute_values(into, f"INSERT INTO {table} ({columns}) VALUES %s", rows)  # noqa: S608


_PROGRESS = "topic, partition, next_offset, next_event, last_result_offset"
_COMMANDS = 'command_key, fingerprint, transaction_id, "offset", partition, result, details'
_ENTRIES = "account_id, transaction_id, sequence, amount_minor, balance_minor, currency"
_WALLETS = "wallet_id, balance_minor, sequence, partition, status, currency, updated_at"


def _sent(said: Said, number: int) -> Sent:
    headers = [("src", said.src.encode()), ("number", b"%d" % number)]
    if b'"transaction":' in said.value:
        event = events.decode(said.value)
        name = identifiers.event_id(event.wallet_id, event.sequence)
        headers.append(("ce_id", name.encode()))
    return Sent(said.key.encode() if said.key else None, said.value, headers, 0)


def _last(said: list[Said]) -> int:
    return max((int(each.src.partition(":")[2]) for each in said), default=-1)


def _row(decoded: Decoded, place: Place, answer: Answer, value: bytes) -> list[Any]:
    assert not isinstance(decoded, Unreadable)
    key, result = decoded.key, answer.result
    if isinstance(result, Rejected) and result.error.code == Code.IDEMPOTENCY_KEY_REUSED:
        key = identifiers.command_key(f"reused:{key}", decoded.fingerprint)
    done = result.transaction_id if isinstance(result, Completed) else None
    details = None
    if answer.events:
        transaction = answer.events[0].transaction
        names = ("effective_at", "reference", "metadata", "status")
        details = json.dumps({name: getattr(transaction, name) for name in names})
    return [key, decoded.fingerprint, done, place.offset, place.partition, value.decode(), details]


def _entry(event: events.Event) -> list[Any]:
    after = _minor(event.balance.after, event.currency)
    before = _minor(event.balance.before, event.currency)
    name = event.transaction.id
    return [event.wallet_id, name, event.sequence, after - before, after, event.currency]


def _world(event: events.Event) -> list[list[Any]]:
    """Entries of the world's accounts: those with no event."""
    return [
        [
            WORLD[e.account],
            event.transaction.id,
            None,
            _minor(e.amount, e.currency),
            None,
            e.currency,
        ]
        for e in event.entries
        if e.account in WORLD
    ]


def _minor(text: str, currency: str) -> int:
    digits = int(text.replace(".", ""))
    assert show(digits, currency) == text
    return digits
