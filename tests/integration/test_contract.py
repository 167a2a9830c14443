"""The contract for other languages: what is served, and the test vectors on a running ledger."""

import json
import os
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Message as Record

from producers.client import Client
from producers.message import Message
from schemas import asyncapi, vectors
from schemas.identifiers import partition_of
from schemas.jsonschemas import MESSAGES, message_schema
from schemas.results import AnyResult
from schemas.settings import Settings
from streams import rendering
from tests.gateways import GatewayProcess
from tests.ledgers import Ledger
from tests.snippets import PAGE, class_path, needs, run, snippet, snippets
from tests.vector_samples import SAMPLES, Sample
from tests.vectors import Answered, Play, Sent
from tests.workers import environment, wait_until

pytestmark = pytest.mark.integration

Said = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]
"""Key, value and headers of a record, to be compared."""


def test_the_asyncapi_document_is_served(gateway: GatewayProcess) -> None:
    """For this ledger's topics and brokers, as JSON and as YAML."""
    settings = gateway.settings
    told = gateway.get("/asyncapi.json")
    assert told == asyncapi.document(settings.topics, settings.kafka_bootstrap)
    assert told["channels"]["commands"]["address"] == settings.topics.commands.name
    reply = gateway("GET", "/asyncapi.yaml")
    assert reply.headers["Content-Type"] == "application/yaml; charset=utf-8"
    assert yaml.safe_load(reply.body) == told


def test_the_schemas_are_served(gateway: GatewayProcess) -> None:
    """A list of all, and each under the address that it names."""
    lines = gateway.get("/schemas")["data"]
    assert [line["type"] for line in lines] == list(MESSAGES)
    for line in lines[::7]:
        path = line["url"].removeprefix(gateway.base)
        reply = gateway("GET", path)
        assert reply.headers["Content-Type"] == "application/schema+json"
        assert reply.json == message_schema(line["type"]) == gateway.get(path[: -len(".json")])
    assert gateway("GET", "/schemas/deposit.v9.json").status == 404


def test_the_vectors_are_served(gateway: GatewayProcess) -> None:
    """To the byte."""
    assert gateway("GET", "/schemas/vectors.json").body == vectors.text()


def test_the_page_shows_every_message_and_loads_nothing(gateway: GatewayProcess) -> None:
    """Its links lead somewhere; it has neither scripts nor pictures."""
    reply = gateway("GET", "/docs/messages", headers={"Accept": "text/html"})
    html = reply.body.decode()
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<img|<link|\ssrc=|\son\w+=", html)
    places = set(re.findall(r' id="([^"]+)"', html))
    assert set(MESSAGES) < places
    links = set(re.findall(r'href="([^"]+)"', html))
    assert {link for link in links if link.startswith("#") and link[1:] not in places} == set()
    pages = {link for link in links if not link.startswith(("#", "/schemas/"))}
    assert {page: gateway("GET", page).status for page in pages} == dict.fromkeys(pages, 200)
    assert "The same in structured mode" in html
    assert "-1161928977" in html


def test_the_vectors_are_what_a_running_ledger_says(gateway: GatewayProcess) -> None:
    """Byte for byte, at the places and times that the real broker gave."""
    ledger = Ledger(gateway.settings)
    played, places = {}, set()
    for name, place, answered in _sent_and_played(gateway.settings):
        played[name] = answered
        places.add(place)
    topics = gateway.settings.topics

    def read(topic: str) -> set[Said]:
        found = map(_said, ledger.read(topic))
        return {each for each in found if dict(each[2])["src"].decode() in places}

    said = read(topics.results.name)
    assert said == {_meant(each) for a in played.values() for each in a.results}
    assert len(said) > 30
    events = {_unnumbered(each) for each in read(topics.events.name)}
    assert events == {_unnumbered(_meant(e)) for a in played.values() for _, e in a.events}
    assert read(topics.scheduled.name) == {
        _meant(each) for a in played.values() for each in a.scheduled
    }
    assert read(topics.dead_letters.name) == {
        _meant(each) for a in played.values() for each in a.dead_letters
    }


def _sent_and_played(settings: Settings) -> Iterator[tuple[str, str, Answered]]:
    """Send all samples, one after the other's result; what the rules make of each, there and then.

    Name of each sample, "partition:offset", and what is to be said.
    """
    play = Play(settings.topics.commands.name)
    results: dict[str, AnyResult] = {}
    with Client(settings) as client:
        for sample, line in zip(SAMPLES, vectors.document()["samples"], strict=True):
            if sample.name.startswith("execute"):
                _await_due(results["withdraw-two"])
            key, value, headers = play.record_of(sample)
            sent = client.send_message(_message(sample, key, value, headers))
            if sample.key is not None:
                assert (sent.partition, sample.name) == (line["record"]["partition"], sample.name)
            recorded_at = 0.0
            if line["result"]:
                results[sample.name] = result = client.wait(sent, 60)
                told = (result.status, result.balance, result.error and result.error.code)
                assert told == _told(line["result"]["value"]), sample.name
                recorded_at = datetime.fromisoformat(result.recorded_at).timestamp()
            place = (sent.partition, sent.offset, round(recorded_at * 1000))
            where = f"{sent.partition}:{sent.offset}"
            yield sample.name, where, play.take(sample, Sent(*place, key, value, headers))


def _message(
    sample: Sample, key: bytes | None, value: bytes, headers: list[tuple[str, bytes]]
) -> Message:
    """A sample as a client sends it, which waits for results by source and id."""
    said = re.search(r'"id":"([^"]+)","source":"([^"]+)"', sample.value)
    by_value = (said[2], said[1]) if said else ("", sample.name)
    named = (sample.headers.get("ce_source"), sample.headers.get("ce_id"))
    source, command_id = by_value if named[0] is None else named
    return Message(source or "", command_id or "", key, value, headers)


def _told(value: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """Status, balance and code of a result in the file."""
    return value["status"], value.get("balance"), value.get("error", {}).get("code")


def _await_due(result: AnyResult) -> None:
    assert result.withdrawal is not None
    due = datetime.fromisoformat(result.withdrawal.due_at).timestamp()
    time.sleep(max(0.0, due - time.time()) + 0.01)  # its time has to come


def _said(record: Record) -> Said:
    headers = record.headers() or []
    assert isinstance(headers, list)
    return record.key(), record.value(), _sorted(headers)


def _meant(message: rendering.Message) -> Said:
    return message.key, message.value, _sorted(message.headers)


def _sorted(headers: rendering.HeaderList) -> tuple[tuple[str, bytes], ...]:
    return tuple(sorted((name, text) for name, text in headers if isinstance(text, bytes)))


def _unnumbered(said: Said) -> Said:
    """An event but for its number: which of two partitions' events comes first is luck."""
    return said[0], said[1], tuple(each for each in said[2] if each[0] != "number")


def test_the_examples_in_python_are_true(
    gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of docs/PRODUCING.md, one after the other, as one story."""
    for name, text in environment(gateway.settings).items():
        monkeypatch.setenv(name, text)
    names: dict[str, object] = {}
    for own in snippets("python"):
        code = own.replace("http://127.0.0.1:8001", gateway.base)
        exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    assert len(snippets("python")) == 6


@needs("javac", "java")
def test_a_java_producer_is_answered_on_the_right_partition(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    """The example of docs/PRODUCING.md, compiled and run."""
    (tmp_path / "Deposit.java").write_text(snippet("java", "class Deposit"), encoding="utf-8")
    jars = ("-cp", class_path())
    made = run("javac", "-Xlint:all", *jars, "Deposit.java", folder=tmp_path)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")

    def deposit(wallet: str, amount: str, command_id: str) -> tuple[int, int, dict[str, Any]]:
        given = (gateway.settings.kafka_bootstrap, wallet, amount, command_id)
        said = environment(gateway.settings)
        started = ("java", "-XX:TieredStopAtLevel=1", *jars, "Deposit")  # it lives for a second
        ran = run(*started, *given, folder=tmp_path, environment=said)
        assert ran.returncode < 2, ran.stderr
        first, second = ran.stdout.splitlines()
        return ran.returncode, int(first.removeprefix("sent to partition ")), json.loads(second)

    wallet = gateway.new_wallet()
    code, partition, result = deposit(wallet, "20.00", "java-1")
    assert (code, partition) == (0, partition_of(wallet, gateway.settings.partitions))
    assert (result["status"], result["balance"]) == ("completed", "20.00")
    code, _, result = deposit(wallet, "0.001", "java-2")
    assert (code, result["error"]["code"]) == (1, "amount_precision")


@needs("kcat")
def test_kcat_speaks_to_the_ledger(gateway: GatewayProcess, tmp_path: Path) -> None:
    """The lines of docs/PRODUCING.md: both modes are answered, on the right partition."""
    wallet = gateway.new_wallet()
    prefix = gateway.settings.topic_prefix
    said = {"WALLET": wallet, "BOOTSTRAP": gateway.settings.kafka_bootstrap}
    both, others = snippets("sh")[:2], snippets("sh")[2:]
    for own in both:
        line = own.replace("-t wallet.", f"-t {prefix}wallet.")
        sent = run("bash", "-c", line, folder=tmp_path, environment={**os.environ, **said})
        assert (sent.returncode, sent.stderr) == (0, "")
    wait_until(lambda: gateway.get(f"/v1/wallets/{wallet}")["balance"] == "40.00", 30, "deposits")
    results, commands = (
        run(
            "bash",
            "-c",
            own.replace("-t wallet.", f"-t {prefix}wallet."),
            folder=tmp_path,
            environment={**os.environ, **said},
        ).stdout.splitlines()
        for own in others
    )
    ours = [line for line in map(json.loads, results) if line["command"]["source"] == "/shell"]
    assert {line["command"]["partition"] for line in ours if line["wallet_id"] == wallet} == {
        partition_of(wallet, gateway.settings.partitions)
    }
    assert [line for line in commands if "kcat-2" in line]
