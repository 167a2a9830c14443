"""Poison of every kind of FAULTS.md between good neighbours: told or buried, and nothing stops."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Message

from schemas.settings import Settings
from tests.ledgers import Headers, Ledger, Said
from tests.workers import Worker, Workers

pytestmark = pytest.mark.integration

Place = tuple[int, int]
BINARY: Headers = [("ce_specversion", "1.0"), ("ce_source", "/test"), ("ce_type", "deposit.v1")]


@dataclass
class Running:
    """A ledger with one worker, and a wallet whose commands all go to partition 0."""

    ledger: Ledger
    worker: Worker
    wallet: str

    def good(self) -> Said:
        """A deposit that nothing is wrong with."""
        return self.ledger.command("deposit", self.wallet, amount="1.00")

    def value(self, data: object = ..., **changes: object) -> bytes:
        """A deposit in structured mode, changed, as JSON."""
        body = json.loads(self.good().value or b"")
        if data is not ...:
            body["data"] = data
        return json.dumps({**body, **changes}).encode()


@pytest.fixture(scope="module")
def running(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """One worker for all poison of this module; it must be the same process in the end."""
    settings = new_ledger()
    ledger = Ledger(settings, seed=5)
    with Workers(settings, tmp_path_factory.mktemp("poison")) as workers:
        (worker,) = workers.start_and_hold()
        pid, wallet = worker.pid, ledger.wallet_on(0)
        ledger.ask(ledger.command("wallet.create", wallet))
        yield Running(ledger, worker, wallet)
        ledger.verify()
        assert worker.pid == pid
        assert worker.deaths == []


def kinds(running: Running) -> dict[str, tuple[Said, str | None, str | None]]:
    """Kind of poison -> (record, code of its refusal or None, words of its dead letter or None)."""
    key = running.wallet.encode()
    wallet = {"wallet_id": running.wallet}
    named: Headers = [*BINARY, ("ce_id", running.ledger.new_id())]
    deep = b"[" * 5000 + b"]" * 5000
    other = running.ledger.new_id().encode()

    def structured(value: bytes | None) -> Said:
        return Said(key, value, [], 0)

    def binary(value: bytes | None) -> Said:
        return Said(key, value, [*BINARY, ("ce_id", running.ledger.new_id())], 0)

    return {
        "half a JSON text": (structured(running.value()[:-5]), None, "not JSON"),
        "half a JSON text, id in a header": (binary(b'{"wallet'), "invalid_field", "not JSON"),
        "a JSON list": (structured(b"[1, 2]"), None, "no JSON object"),
        "no id": (structured(running.value(id="")), None, "no id"),
        "an id of a wrong type": (structured(running.value(id=7)), None, "no id"),
        "a type of a wrong type": (structured(running.value(type=7)), "invalid_field", None),
        "an amount of a wrong type": (
            structured(running.value({**wallet, "amount": 5})), "invalid_field", None,
        ),
        "NaN": (
            structured(running.value().replace(b'"1.00"', b"NaN")), None, "not JSON",
        ),
        "NaN, id in a header": (binary(b'{"amount": NaN}'), "invalid_field", "not JSON"),
        "NaN as text": (
            structured(running.value({**wallet, "amount": "NaN"})), "invalid_field", None,
        ),
        "a huge number": (
            structured(running.value().replace(b'"1.00"', b"1e400")), "invalid_field", None,
        ),
        "a number of 5000 digits": (
            structured(running.value().replace(b'"1.00"', b"9" * 5000)), "invalid_field", None,
        ),
        "an amount of 60 digits": (
            structured(running.value({**wallet, "amount": "9" * 60})), "amount_too_large", None,
        ),
        "null": (structured(None), None, "empty"),
        "null, id in a header": (binary(None), "missing_field", None),
        "0 bytes": (structured(b""), None, "empty"),
        "not UTF-8": (structured(b"\xff\xfe\x00"), None, "not JSON"),
        "not UTF-8 within": (
            structured(running.value().replace(b"deposit", b"dep\xffsit")),
            None, "not JSON",
        ),
        "nested deep": (structured(deep), None, "nested"),
        "nested deep, id in a header": (binary(deep), "invalid_field", None),
        "a wrong key": (Said(other, running.value(), [], 0), "key_mismatch", "key"),
        "a key that is no text": (
            Said(b"\xff\x00", running.value(), [], 0), "key_mismatch", "key",
        ),
        "an unknown field": (
            structured(running.value({**wallet, "amount": "1", "ammount": "1"})),
            "unknown_field", None,
        ),
        "an unknown type": (structured(running.value(type="steal.v1")), "unknown_type", None),
        "an id in a header that is not UTF-8": (
            Said(key, running.value(), [*BINARY, ("ce_id", b"\xff")], 0), None, "no id",
        ),
        "a source in a header that is not UTF-8": (
            Said(key, running.value(), [*named, ("ce_source", b"\xff\xfe")], 0),
            "invalid_field", None,
        ),
        "headers without values": (
            Said(key, running.value(), [(name, None) for name, _ in named], 0), None, "no id",
        ),
        "NUL in the id": (structured(running.value(id="a\0b")), None, "NUL"),
        "NUL in a text": (
            structured(running.value({**wallet, "amount": "1", "reference": "a\0b"})),
            "invalid_field", None,
        ),
        "a broken surrogate": (
            structured(running.value().replace(b'"1.00"', b'"\\ud800"')), None, "not JSON",
        ),
        "oversize": (
            structured(running.value({**wallet, "reference": "x" * 100_000})),
            "invalid_field", "oversize",
        ),
        "as large as the broker takes": (structured(b"x" * 1_048_000), None, "not JSON"),
        "headers as large as the broker takes": (
            Said(key, b"{", [(f"h{n}", b"x" * 10_000) for n in range(40)], 0), None, "not JSON",
        ),
    }  # fmt: skip


def test_every_poison_is_told_or_buried(running: Running) -> None:
    """One refusal or one dead letter each, and every neighbour is done."""
    ledger = running.ledger
    poison = kinds(running)
    good = [running.good() for _ in range(len(poison) + 1)]
    pairs = zip(good, poison.values(), strict=False)
    row = [said for neighbour, (bad, _, _) in pairs for said in (neighbour, bad)]
    producer = ledger.producer(message_max_bytes=2_000_000, partitioner="murmur2_random")
    places = ledger.send(*row, good[-1], producer=producer)
    ledger.await_results(places[0::2])
    results = {result["src"]: result for result in ledger.results()}
    dead = ledger.dead()
    assert {results[place]["status"] for place in places[0::2]} == {"completed"}
    for place, (kind, (said, code, buried)) in zip(places[1::2], poison.items(), strict=True):
        _check_result(kind, results.get(place), code)
        _check_letter(kind, dead.get(place), said, buried)


def _check_result(kind: str, result: dict[str, Any] | None, code: str | None) -> None:
    if code is None:
        assert result is None, kind
    else:
        assert result is not None, kind
        assert result["error"]["code"] == code, kind
        assert result["error"]["detail"], kind


def _check_letter(kind: str, letter: Message | None, said: Said, reason: str | None) -> None:
    if reason is None:
        assert letter is None, kind
        return
    assert letter is not None, kind
    assert (letter.key(), letter.value()) == (said.key, said.value), kind
    headers = list(letter.headers() or [])
    given = [(n, v.encode() if isinstance(v, str) else v) for n, v in said.headers]
    assert headers[: len(given)] == given, kind
    told = {n: v.decode() for n, v in headers[len(given) :] if isinstance(v, bytes)}
    assert reason in told["_dlq.errors.reason"], kind
    assert told["_dlq.errors.topic"].endswith("wallet.commands.v1"), kind
    place = f"{told['_dlq.errors.partition']}:{told['_dlq.errors.offset']}"
    assert place == told["src"], kind


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_commands(running: Running, codec: str) -> None:
    """Whatever an upstream compresses with."""
    producer = running.ledger.producer(compression_type=codec, linger_ms=50)
    places = running.ledger.send(*[running.good() for _ in range(50)], producer=producer)
    running.ledger.await_results(places)


def test_what_unpacks_to_far_more_than_the_broker_took(running: Running) -> None:
    """20 MB of blanks in a few KB: buried as far as it fits, with a word about the rest."""
    producer = running.ledger.producer(compression_type="zstd", message_max_bytes=100_000_000)
    bomb = Said(b"k", b" " * 20_000_000, [], 0)
    places = running.ledger.send(running.good(), bomb, running.good(), producer=producer)
    running.ledger.await_results([places[0], places[2]])
    letter = running.ledger.dead()[places[1]]
    assert 0 < len(letter.value() or b"") < 20_000_000


def test_without_a_key_any_partition_does(running: Running) -> None:
    """A command without a key is done wherever it lands."""
    said = [running.good()._replace(key=None, partition=n) for n in range(4)]
    results = running.ledger.ask(*said)
    assert [result["status"] for result in results] == ["completed"] * 4
