"""A ledger written without a worker: the oracle answers, and this puts it where a worker would.

What is to be published and stored stays in lists, so that a test can damage it first.
"""

import json
import random
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import msgspec
import psycopg2
from confluent_kafka import Producer
from psycopg2.extensions import cursor
from psycopg2.extras import execute_values

from consumers.audit.books import CreditRequest, Place, Wallet, Withdrawal
from consumers.audit.log import Log, Record
from consumers.audit.oracle import Answer, Oracle, Readable
from consumers.audit.payments import Payment
from schemas import events, identifiers, results
from schemas.accounts import WORLD
from schemas.commands import Command
from schemas.decoding import Decoded, Unreadable, decode
from schemas.moments import of_broker
from schemas.money import parse, show
from schemas.refusals import Code
from schemas.results import Completed, Rejected
from schemas.settings import Settings
from schemas.statuses import (
    CREDIT_REQUEST_STATUSES,
    IN_TRANSIT,
    STATUSES,
    WITHDRAWAL_STATUSES,
)
from tests.audit.mixture import Mixture, Sent


class Said(NamedTuple):
    """One record of the results, events or delayed topic, before it is published.

    `headers` replaces headers of the record; None takes one away.
    """

    key: str | None
    value: bytes
    src: str
    headers: Mapping[str, bytes | None] = {}


@cache
def _producer(bootstrap: str) -> Producer:
    """One for all tests: each new one takes half a second to have its producer id."""
    return Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, "log_level": 0}
    )


def publish(settings: Settings, topic: str, records: Iterable[tuple[int, Sent]]) -> None:
    """Put records on their partitions, in order."""
    producer = _producer(settings.kafka_bootstrap)
    for partition, sent in records:
        producer.produce(
            topic, sent.value, sent.key, partition=partition, headers=list(sent.headers)
        )
    assert producer.flush(30) == 0


class Ledger:
    """All that a worker would have written of the commands it is given to take.

    `ahead_ms` is the advance of the ledger's clock; `clock` those that were written down.
    """

    def __init__(self, settings: Settings, seed: int = 1) -> None:
        self.settings = settings
        self._draw = random.Random(seed)  # noqa: S311 - no secret
        self.ahead_ms = 0
        self.clock: list[list[int]] = []
        self.results: dict[int, list[Said]] = {p: [] for p in range(settings.partitions)}
        self.events: dict[int, list[Said]] = {p: [] for p in range(settings.partitions)}
        self.steps: dict[int, list[Said]] = {p: [] for p in range(settings.partitions)}
        self.commands: list[list[Any]] = []
        self.entries: list[list[Any]] = []
        self.refunds: list[list[Any]] = []
        self.dead: list[list[Any]] = []
        self.progress: dict[int, int] = dict.fromkeys(range(settings.partitions), 0)
        topic = settings.topics.commands.name
        self.oracle = Oracle(topic, partitions=settings.partitions)
        self.wallets: list[list[Any]] = []
        self.withdrawals: list[list[Any]] = []
        self.credit_requests: list[list[Any]] = []

    def lose_event(self, partition: int, sequence: int) -> Said:
        """Forget the first event of this sequence there, before it is written; and which it was."""
        said = self.events[partition]
        found = next(each for each in said if events.decode(each.value).sequence == sequence)
        said.remove(found)
        return found

    def take(self, sent: list[Sent]) -> None:
        """Put commands into the topic and answer them, partitions interleaved by the seed."""
        publish(self.settings, self.oracle.topic, ((each.partition, each) for each in sent))
        self._answer()
        books = self.oracle.books
        self.wallets = [self._wallet(wallet) for wallet in books.wallets.values()]
        self.withdrawals = [_withdrawal(each) for each in books.withdrawals.values()]
        self.credit_requests = [_credit_request(each) for each in books.credit_requests.values()]

    def payments(self) -> list[Payment]:
        """What a good bank may have in its ledger: all that is paid, and all in transit."""
        statuses = {"paid", *IN_TRANSIT}
        found = [each for each in self.oracle.books.withdrawals.values() if each.status in statuses]
        return [payment_of(number, each) for number, each in enumerate(found, 1)]

    def _wallet(self, wallet: Wallet) -> list[Any]:
        return [
            wallet.wallet_id,
            wallet.balance_minor,
            wallet.sequence,
            identifiers.partition_of(wallet.wallet_id, self.settings.partitions),
            STATUSES.index(wallet.status),
            wallet.currency,
        ]

    def write(self) -> None:
        """Publish and store everything."""
        topics = self.settings.topics
        for name, lists in ((topics.results.name, self.results), (topics.events.name, self.events)):
            numbered = [(p, n, said) for p in lists for n, said in enumerate(lists[p])]
            publish(self.settings, name, ((p, _sent(said, n)) for p, n, said in numbered))
        steps = [(p, _step_sent(said)) for p, told in self.steps.items() for said in told]
        publish(self.settings, topics.scheduled.name, steps)
        with (
            closing(psycopg2.connect(self.settings.database_url)) as connection,
            connection,
            connection.cursor() as into,
        ):
            self._store(into)

    def _answer(self) -> None:
        with closing(
            Log(self.settings.kafka_client(), self.settings.topics.commands.name, 20)
        ) as log:
            waiting: dict[int, list[Record]] = {p: [] for p in log.partitions}
            for batch in log.read(self.progress):
                for record in batch:
                    waiting[record.partition()].append(record)
        for partition, records in waiting.items():
            self.progress[partition] += len(records)
        queues = [iter(records) for records in waiting.values()]
        while queues:
            queue = self._draw.choice(queues)
            found = next(queue, None)
            if found is None:
                queues.remove(queue)
            else:
                self._take(found)

    def _take(self, record: Record) -> None:
        now_ms = record.timestamp()[1] + self.ahead_ms
        place = Place(record.partition(), record.offset(), now_ms)
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
        if isinstance(answer.result, Completed) and answer.result.withdrawal is not None:
            self.steps[place.partition].append(_step(answer.result, src))
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
            ("withdrawals", _WITHDRAWALS, self.withdrawals),
            ("credit_requests", _CREDIT_REQUESTS, self.credit_requests),
            ("clock", "ahead_ms", self.clock),
            ("dead_letters", '"offset", partition, reason, record', self.dead),
        ):
            if rows:
                execute_values(into, f"INSERT INTO {table} ({columns}) VALUES %s", rows)  # noqa: S608


def learn(mixture: Mixture, ledger: Ledger) -> None:
    """Let what comes next be about the payments, withdrawals and credit requests known."""
    books = ledger.oracle.books
    mixture.payments = [(each.payer, name) for name, each in books.payments.items()]
    mixture.withdrawals = [(each.wallet_id, name) for name, each in books.withdrawals.items()]
    asked = books.credit_requests.items()
    mixture.credit_requests = [(each.wallet_id, name) for name, each in asked]


_PROGRESS = "topic, partition, next_offset, next_event, last_result_offset"
_COMMANDS = 'command_key, fingerprint, transaction_id, "offset", partition, result, details'
_ENTRIES = "account_id, transaction_id, sequence, amount_minor, balance_minor, currency"
_WALLETS = "wallet_id, balance_minor, sequence, partition, status, currency, updated_at"
_WITHDRAWALS = (
    "withdrawal_id, wallet_id, amount_minor, currency, due_at, changed_at, partition, status,"
    " target, reason"
)
_CREDIT_REQUESTS = (
    "credit_request_id, wallet_id, amount_minor, currency, number, requested_at, changed_at,"
    " status, by, reason"
)


def _step(result: Completed, src: str) -> Said:
    assert result.withdrawal is not None
    step = events.WithdrawalStep(
        result.wallet_id, result.withdrawal, result.recorded_at, result.command
    )
    return Said(result.wallet_id, events.encode_step(step), src)


def _step_sent(said: Said) -> Sent:
    headers: dict[str, bytes | None] = {"src": said.src.encode()}
    with suppress(msgspec.DecodeError):  # a test wants it so
        withdrawal = events.decode_step(said.value).withdrawal
        headers["ce_id"] = f"{withdrawal.id}:{withdrawal.status}".encode()
        headers["ce_type"] = f"withdrawal.{withdrawal.status}.v1".encode()
    headers |= said.headers
    key = said.key.encode() if said.key else None
    return Sent(key, said.value, [(name, text) for name, text in headers.items() if text], 0)


def _withdrawal(found: Withdrawal) -> list[Any]:
    return [
        found.withdrawal_id,
        found.wallet_id,
        found.amount_minor,
        found.currency,
        of_broker(found.due_at_ms),
        of_broker(found.changed_at_ms),
        found.partition,
        WITHDRAWAL_STATUSES.index(found.status),
        found.target,
        found.reason,
    ]


def _credit_request(found: CreditRequest) -> list[Any]:
    return [
        found.credit_request_id,
        found.wallet_id,
        found.amount_minor,
        found.currency,
        found.number,
        of_broker(found.requested_at_ms),
        of_broker(found.changed_at_ms),
        CREDIT_REQUEST_STATUSES.index(found.status),
        found.by,
        found.reason,
    ]


def payment_of(number: int, found: Withdrawal) -> Payment:
    """What a bank writes down that pays a withdrawal a second after it was due."""
    return Payment(
        number,
        found.withdrawal_id,
        found.wallet_id,
        show(found.amount_minor, found.currency),
        found.currency,
        found.target,
        datetime.fromtimestamp(found.due_at_ms / 1000, UTC) + timedelta(seconds=1),
    )


def _sent(said: Said, number: int) -> Sent:
    headers = [("src", said.src.encode()), ("number", b"%d" % number)]
    with suppress(msgspec.DecodeError):  # a test wants it so
        event = events.decode(said.value)
        name = identifiers.event_id(event.wallet_id, event.sequence)
        headers.append(("ce_id", name.encode()))
        kind = events.event_type(event.transaction.kind, event.withdrawal)
        headers.append(("ce_type", kind.encode()))
    headers = [header for header in headers if header[0] not in said.headers]
    headers += [(name, value) for name, value in said.headers.items() if value]
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
        names = ("effective_at", "reference", "metadata", "status", "phone_number")
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
