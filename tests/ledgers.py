"""A ledger under test as its clients see it: commands in, results and events out, the verdict."""

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from consumers.audit.audit import audit
from consumers.audit.findings import Findings
from consumers.audit.payments import BankLedger
from consumers.audit.sources import Sources
from schemas.identifiers import partition_of
from schemas.settings import Settings
from tests.workers import Workers

Headers = list[tuple[str, str | bytes | None]]


class Said(NamedTuple):
    """A command ready to be produced; a partition of -1 lets the key choose."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int = -1


class Ledger:
    """One ledger's topics; `source` is the CloudEvents source of what it sends."""

    def __init__(self, settings: Settings, seed: int = 0) -> None:
        self.settings = settings
        self.random = Random(seed)  # noqa: S311 - chance that repeats is what a test wants
        self.sent = 0
        self._producer = self.producer()

    def producer(self, **changes: object) -> Producer:
        """A producer as an upstream would set it up, with changes (a_b for a.b)."""
        own = {name.replace("_", "."): value for name, value in changes.items()}
        usual = {"enable.idempotence": True, "partitioner": "murmur2_random", "linger.ms": 2}
        patient = {"delivery.timeout.ms": 60_000, "retry.backoff.ms": 20, "log_level": 0}
        return Producer({**self.settings.kafka_client(), **usual, **patient, **own})

    def new_id(self) -> str:
        """A wallet or command id from the seed."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def wallet_on(self, partition: int) -> str:
        """A wallet id whose home is a partition."""
        while partition_of(found := self.new_id(), self.settings.partitions) != partition:
            pass
        return found

    def command(self, kind: str, wallet: str, command_id: str = "", **data: object) -> Said:
        """A command in structured mode."""
        body = {
            "specversion": "1.0", "id": command_id or self.new_id(), "source": "/test",
            "type": f"{kind}.v1", "data": {"wallet_id": wallet, **data},
        }  # fmt: skip
        return Said(wallet.encode(), json.dumps(body).encode(), [])

    def send(
        self, *commands: Said, producer: Producer | None = None, timeout: float = 60.0
    ) -> list[tuple[int, int]]:
        """Produce in order and wait until all are in the log; their (partition, offset)."""
        places: dict[int, tuple[int, int]] = {}
        refused: list[KafkaError] = []

        def told(turn: int, error: KafkaError | None, message: Message) -> None:
            if error is not None:
                refused.append(error)
            else:
                places[turn] = (message.partition(), message.offset())  # type: ignore[assignment]

        used = producer or self._producer
        for turn, said in enumerate(commands):
            self._put(used, said, lambda e, m, turn=turn: told(turn, e, m))
        assert used.flush(timeout) == 0, "not all was sent in time"
        assert not refused, refused
        self.sent += len(commands)
        return [places[turn] for turn in range(len(commands))]

    def _put(self, producer: Producer, said: Said, told: object) -> None:
        name = self.settings.topics.commands.name
        while True:
            try:
                producer.produce(
                    name,
                    said.value,
                    said.key,
                    said.partition,
                    headers=list(said.headers),
                    on_delivery=told,  # type: ignore[arg-type]
                )
            except BufferError:
                producer.poll(0.05)
                continue
            producer.poll(0)
            return

    def results(self) -> list[dict[str, Any]]:
        """All results so far; `src` (partition, offset) and `at` (broker's ms) of each added."""
        return [
            {**json.loads(record.value() or b""), "src": src_of(record)}
            for record in self.read(self.settings.topics.results.name)
        ]

    def events(self) -> list[Message]:
        """All events so far."""
        return self.read(self.settings.topics.events.name)

    def events_of(self, transaction_id: str) -> dict[str, dict[str, Any]]:
        """The events of a transaction by wallet; all that there will be."""
        self.verify()  # what waits for another partition's writer is there too
        bodies = [json.loads(event.value() or b"") for event in self.events()]
        mine = [body for body in bodies if body["transaction"]["id"] == transaction_id]
        return {body["wallet_id"]: body for body in mine}

    def dead(self) -> dict[tuple[int, int], Message]:
        """All dead letters so far by the place of the record they came from."""
        found = self.read(self.settings.topics.dead_letters.name)
        letters = {src_of(record): record for record in found}
        assert len(letters) == len(found), "a record was buried twice"
        return letters

    def read(self, topic: str, timeout: float = 20.0) -> list[Message]:
        """All committed records of a topic."""
        consumer = Consumer(
            {
                **self.settings.kafka_client(),
                "group.id": "test-reader",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 10,
            }
        )
        try:
            waiting = set(range(self.settings.partitions))
            consumer.assign([TopicPartition(topic, p, 0) for p in waiting])
            return _drain(consumer, waiting, time.monotonic() + timeout)
        finally:
            consumer.close()

    def await_results(
        self, places: Iterable[tuple[int, int]], timeout: float = 30.0
    ) -> dict[tuple[int, int], dict[str, Any]]:
        """Wait until the results of commands at these places can be read; all by their place."""
        wanted = set(places)
        deadline = time.monotonic() + timeout
        while missing := wanted - (found := {said["src"]: said for said in self.results()}).keys():
            assert time.monotonic() < deadline, f"no result for {sorted(missing)[:10]}"
            time.sleep(0.05)  # a topic's end is looked at again
        return found

    def ask(self, *commands: Said, timeout: float = 30.0) -> list[dict[str, Any]]:
        """Send commands and give their results, in order."""
        places = self.send(*commands)
        by_place = self.await_results(places, timeout)
        return [by_place[place] for place in places]

    def verify(self, timeout: float = 40.0, bank: str | None = None) -> Findings:
        """The auditor's verdict: everything done, and clean; with the bank's ledger at a URL."""
        with Sources(self.settings, BankLedger(bank) if bank else None) as sources:
            findings = audit(sources, timeout, 5, lambda *_: None)
        bad = {name: found for name, found in findings.invariants.items() if found.violations}
        assert not bad, bad
        return findings


@contextmanager
def at_work(settings: Settings, folder: Path, seed: int) -> Iterator[Ledger]:
    """A ledger with one worker, who must not die; in the end it must be clean."""
    made = Ledger(settings, seed)
    with Workers(settings, folder) as workers:
        (worker,) = workers.start_and_hold()
        yield made
        made.verify()
        assert worker.deaths == []


def tell(text: str) -> None:
    """Print for whoever runs with -s, and for the report of a failure."""
    print(text)  # noqa: T201 - seeds and measured times


def src_of(record: Message) -> tuple[int, int]:
    """The place of the command a record came from."""
    source = dict(record.headers() or [])["src"]
    assert isinstance(source, bytes)
    partition, offset = source.decode().split(":")
    return int(partition), int(offset)


def _drain(consumer: Consumer, waiting: set[int], deadline: float) -> list[Message]:
    found: list[Message] = []
    while waiting:
        assert time.monotonic() < deadline, "the broker does not show the end of a topic"
        first = consumer.poll(0.1)  # consume() with a timeout waits for a full batch
        for record in [first, *consumer.consume(1000, 0)] if first is not None else []:
            error = record.error()
            if error is None:
                found.append(record)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public spelling
                waiting.discard(record.partition())
    return sorted(found, key=lambda record: (record.partition(), record.offset()))


def opening(ledger: Ledger, wallets: Sequence[str], amount: str = "1000.00") -> list[Said]:
    """Commands that open wallets, all in one currency, with some money in each."""
    return [
        command
        for wallet in wallets
        for command in (
            ledger.command("wallet.create", wallet, currency="IRR"),
            ledger.command("deposit", wallet, amount=amount),
        )
    ]


def storm(ledger: Ledger, wallets: Sequence[str], count: int) -> list[Said]:
    """Random commands of the ledger's seed: half transfers, with some repeated and some refused."""
    random = ledger.random
    made: list[Said] = []
    for _ in range(count):
        wallet, other = random.choice(wallets), random.choice(wallets)
        amount = f"{random.randint(1, 5000) / 100:.2f}"
        dice = random.random()
        if 0.9 <= dice < 0.95 and made:
            said = random.choice(made)
        else:
            kind, terms = _drawn(dice, other, amount)
            if kind == "refund":
                terms = {"transaction_id": ledger.new_id()}
            said = ledger.command(kind, wallet, **terms)
        made.append(said)
    return made


def _drawn(dice: float, other: str, amount: str) -> tuple[str, dict[str, str]]:
    """Type and terms of a command; each stands with the end of its share of the dice."""
    paid = {"amount": amount, "to_wallet_id": other}
    sold = {"amount": amount, "phone_number": "+989120000000"}
    kinds: tuple[tuple[float, str, dict[str, str]], ...] = (
        (0.5, "transfer", paid),
        (0.7, "deposit", {"amount": amount, "reference": "storm"}),
        (0.75, "withdrawal.schedule", {"amount": amount, "delay": "PT1H", "target": other}),
        (0.78, "credit_request.create", {"amount": amount}),
        (0.84, "charge_sale", sold | paid),
        (0.9, "charge_sale", sold),
        (1.0, "refund", {}),
    )
    return next((kind, terms) for end, kind, terms in kinds if dice < end)
