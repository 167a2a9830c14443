"""The bare loop: what the same machine does without Faust and without rules.

confluent consumer -> the same SQL -> transactional producer, one thread, batches of one partition.
It reads no content but wallet and amount, refuses nothing, claims nothing, and is no ledger: it is
the yardstick of `wallet bench drain`. Run as `python -m wallet.bench.bare`.
"""

import sys
from typing import Final

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

from schemas.settings import Settings
from streams import sql
from streams.arrays import array
from streams.journal import connect
from streams.publisher import Publisher
from streams.rendering import Message as Outgoing
from streams.rows import Place


class _Body(msgspec.Struct):
    wallet_id: str
    amount: str = "0.00"


_decode: Final = msgspec.json.Decoder(_Body).decode
# As long as the ledger's own results and events are.
_RESULT: Final = (
    '{"command":{"source":"/wallet/load","id":"%s","type":"deposit.v1","topic":"%s","partition":%d,'
    '"offset":%d},"status":"completed","wallet_id":"%s","currency":"IRR","balance":"%d",'
    '"sequence":%d,"transaction_id":"%s","recorded_at":"2026-01-01T00:00:00.000Z",'
    '"sequences":{"%s":%d}}'
)
_EVENT: Final = (
    '{"wallet_id":"%s","sequence":%d,"currency":"IRR","transaction":{"id":"%s","kind":"deposit",'
    '"effective_at":"2026-01-01T00:00:00.000Z","recorded_at":"2026-01-01T00:00:00.000Z",'
    '"reference":null,"metadata":{}},"entries":[{"account":"world:deposits","amount":"-1.00",'
    '"currency":"IRR"},{"account":"%s","amount":"1.00","currency":"IRR"}],"balance":{"before":"0.00",'
    '"after":"%d"},"command":%s}'
)
_HEADERS: Final[list[tuple[str, str | bytes | None]]] = [(f"ce_{n}", b"x" * 24) for n in range(8)]


class BareLoop:
    """Drains the commands topic of a ledger into its database and its results."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection = connect(settings, "bare")
        self._cursor = self._connection.cursor()
        self._topic = settings.topics.commands.name
        self._publishers: dict[int, Publisher] = {}
        self._next: dict[int, int] = {}
        self._opened: dict[str, tuple[int, int]] = {}

    def run(self) -> None:
        """Drain until ended by a signal."""
        consumer = Consumer(
            {
                **self._settings.kafka_client(),
                "group.id": f"{self._settings.application}-bare",
                "enable.auto.commit": False,
            }
        )
        for partition in range(self._settings.partitions):
            place = Place(self._topic, partition, self._settings.partitions)
            self._publishers[partition] = publisher = Publisher(self._settings, place)
            publisher.fence()
            self._cursor.execute(
                'SELECT next_offset FROM partitions WHERE topic = %s AND "partition" = %s',
                (self._topic, partition),
            )
            row = self._cursor.fetchone()
            self._next[partition] = row[0] if row else 0
        consumer.assign([TopicPartition(self._topic, p, o) for p, o in self._next.items()])
        sys.stderr.write("bare loop started\n")
        while True:
            first = consumer.poll(0.1)  # consume() would wait for more than the first
            rest = consumer.consume(self._settings.batch_max - 1, timeout=0)
            records = rest if first is None else [first, *rest]
            runs: dict[int, list[Message]] = {}
            for record in records:
                if record.error() is None:
                    runs.setdefault(record.partition() or 0, []).append(record)
            for partition, run in runs.items():
                self._batch(partition, run)

    def _batch(self, partition: int, run: list[Message]) -> None:
        bodies = [_decode(record.value() or b"") for record in run]
        ids = [_identity(record) for record in run]
        first = self._next[partition]
        wallets = self._open(partition, first, first + len(run), bodies, ids)
        results: list[Outgoing] = []
        events: list[Outgoing] = []
        command_rows: list[tuple[object, ...]] = []
        entry_rows: list[tuple[object, ...]] = []
        for number, (body, command_id) in enumerate(zip(bodies, ids, strict=True)):
            wallet, offset = body.wallet_id, first + number
            balance, sequence = wallets[wallet]
            minor = int(body.amount.replace(".", ""))
            balance, sequence = balance + minor, sequence + 1
            wallets[wallet] = (balance, sequence)
            result = _RESULT % (
                command_id, self._topic, partition, offset, wallet, balance, sequence,
                command_id, wallet, sequence,
            )  # fmt: skip
            event = _EVENT % (wallet, sequence, command_id, wallet, balance, result[11:160])
            headers = [*_HEADERS, ("ce_causationid", command_id.encode())]
            results.append(Outgoing(wallet.encode(), result.encode(), headers))
            events.append(Outgoing(wallet.encode(), event.encode(), headers))
            command_rows.append((command_id, command_id, command_id, offset, result, ""))
            entry_rows.append((wallet, command_id, sequence, minor, balance, "IRR", 1))
        self._write(partition, wallets, command_rows, entry_rows)
        self._publishers[partition].publish(results, events)
        self._next[partition] = first + len(run)

    def _open(
        self, partition: int, first: int, end: int, bodies: list[_Body], ids: list[str]
    ) -> dict[str, tuple[int, int]]:
        wallet_ids = {body.wallet_id for body in bodies}
        arrays = (array(wallet_ids), array(ids))
        self._cursor.execute(
            sql.OPEN, (self._topic, partition, self._epoch(partition), first, end, *arrays, 2000)
        )
        row = self._cursor.fetchone()
        assert row is not None, "open_batch returns one row"
        self._opened.clear()
        for line in row[0].split("\n"):
            wallet_id, _, _, _, balance, sequence = line.split(" ")
            self._opened[wallet_id] = (int(balance), int(sequence))
        return dict(self._opened)

    def _epoch(self, partition: int) -> int:
        self._cursor.execute(
            "SELECT epoch FROM partitions WHERE topic = %s AND partition = %s",
            (self._topic, partition),
        )
        row = self._cursor.fetchone()
        assert row is not None, "the opening made the row"
        return int(row[0])

    def _write(
        self,
        partition: int,
        wallets: dict[str, tuple[int, int]],
        commands: list[tuple[object, ...]],
        entries: list[tuple[object, ...]],
    ) -> None:
        keys, marks, transactions, offsets, results, _ = zip(*commands, strict=True)
        moment = 1_790_000_000_000
        changed = [(w, now[0], self._opened[w][1], now[1], 0, moment) for w, now in wallets.items()]
        self._cursor.execute(
            sql.WRITE + ";COMMIT",
            (
                self._topic, partition, self._epoch(partition), len(commands), offsets[-1], 0,
                "{}", "{}", array(keys), array(marks), array(transactions),
                array(offsets), "\n".join(map(str, results)), "\n" * (len(commands) - 1),
                *(array(column) for column in zip(*entries, strict=True)),
                sql.WORLDS,
                *(array(column) for column in zip(*changed, strict=True)),
            ),
        )  # fmt: skip


def _identity(record: Message) -> str:
    headers = record.headers()
    found = dict(headers)["ce_id"] if headers else b""
    assert isinstance(found, bytes), "the load names its commands"
    return found.decode()


if __name__ == "__main__":
    BareLoop(Settings.load()).run()
