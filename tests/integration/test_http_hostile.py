"""Whatever is asked of any path: never an error of ours, and every answer as the description says.

Schemathesis makes requests of the live description, right ones and wrong ones, always the same.
"""

import gzip
import json
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from producers.message import uuid7
from tests.apis import Api, problem
from tests.gateways import GatewayProcess, Reply

pytestmark = pytest.mark.integration

SEED: Final = 20_261_121
EXAMPLES: Final = 3
"""Requests of each kind to each operation; some 70 operations."""

CHECKS: Final = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
FORM: Final = "application/x-www-form-urlencoded"
BODIES: Final[dict[str, tuple[str, bytes]]] = {
    "no JSON": ("application/json", b"{"),
    "NaN": ("application/json", b'{"amount": NaN}'),
    "1e400": ("application/json", b'{"amount": 1e400}'),
    "deep": ("application/json", b'{"amount": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
    "twice": ("application/json", b'{"amount": 1, "amount": 2}'),
    "an array": ("application/json", b"[1]"),
    "half a character": ("application/json", b'{"amount": "\\ud800"}'),
    "not UTF-8": ("application/json", b'{"amount": "\xff"}'),
    "5,000 digits": ("application/json", b'{"amount": ' + b"9" * 5000 + b"}"),
    "a byte order mark": ("application/json", b"\xef\xbb\xbf{}"),
    "UTF-16": ("application/json", '{"amount": "1"}'.encode("utf-16")),
    "UTF-16 without a mark": ("application/json", '{"amount": "1"}'.encode("utf-16-le")),
    "beyond all exponents": ("application/json", b'{"amount": 1e99999999999999999999}'),
    "another type": ("text/plain", b"amount=1"),
    "a broken form": (FORM, b"amount=%ff"),
    "a form that says it twice": (FORM, b"amount=1&amount=2"),
    "10 MB": ("application/json", b'{"amount": "' + b"1" * 10_000_000 + b'"}'),
}
REFUSED: Final = {400, 401, 404, 413, 415, 422}
SECONDS: Final = 30.0


@pytest.mark.timeout(300)  # some 400 requests; a minute on a quiet machine is much
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_answers_as_described(
    gateway: GatewayProcess, mode: GenerationMode
) -> None:
    """In status, content type and shape; no answer is an error of ours."""
    schema: Any = schemathesis.openapi.from_dict(gateway.get("/api/schema/?format=json"))
    asked: Counter[str] = Counter()
    wrong: dict[str, str] = {}
    for found in schema.get_all_operations():
        operation = found.ok()

        @seed(SEED)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Case[Any]) -> None:
            asked[case.operation.label] += 1
            answer = case.call(base_url=gateway.base, timeout=60)
            try:
                case.validate_response(answer, checks=list(CHECKS))
            except FailureGroup as failures:
                wrong[case.operation.label] = "\n".join(map(str, failures.exceptions))

        try:
            ask()
        except Unsatisfiable:
            # An operation without parameters cannot be asked wrongly.
            assert mode is GenerationMode.NEGATIVE, operation.label
    assert wrong == {}
    assert len(asked) > 50


def test_no_operation_takes_a_hostile_body(gateway: GatewayProcess) -> None:
    """Each is refused, in JSON, by every path that needs a body."""
    document = gateway.get("/api/schema/?format=json")
    operations = [
        (method.upper(), path)
        for path, each in document["paths"].items()
        for method, operation in each.items()
        if operation.get("requestBody", {}).get("required")
    ]
    assert len(operations) > 15
    for turn, (method, path) in enumerate(operations):
        place = path.replace("{uuid}", "{wallet_id}").replace("{id}", "1")
        place = place.replace("{wallet_id}", "01930f6e-0000-7000-8000-0000000000ff")
        # Each path gets a few of them, all of them go to some.
        names = list(BODIES)
        for name in [names[(turn * 4 + step) % len(names)] for step in range(4)]:
            kind, body = BODIES[name]
            headers = {"Content-Type": kind, "Idempotency-Key": f"{name} {path}"}
            reply = gateway(method, place, body, headers)
            assert reply.status in REFUSED, (method, path, name, reply.status, reply.body[:300])
            assert "json" in reply.headers["Content-Type"]


@pytest.fixture(scope="module")
def wallet(api: Api) -> str:
    """A wallet."""
    return api.wallet()


def _raw(gateway: GatewayProcess, lines: bytes) -> bytes:
    """What comes back for the bytes of a request that closes its connection."""
    place = urlsplit(gateway.base)
    assert place.hostname is not None
    assert place.port is not None
    with socket.create_connection((place.hostname, place.port), timeout=SECONDS) as caller:
        caller.sendall(lines)
        return b"".join(iter(lambda: caller.recv(65536), b""))


def _deposit(
    api: Api, wallet: str, headers: Mapping[str, str], pack: Callable[[bytes], bytes]
) -> Reply:
    said = pack(json.dumps({"wallet_id": wallet, "amount": "1"}).encode())
    return api.gateway("POST", "/v1/deposits", said, {"Idempotency-Key": uuid7(), **headers})


def test_a_query_that_says_it_twice_is_refused(api: Api, wallet: str) -> None:
    """Above all whether it is a dry run: nothing is done."""
    before = api.balance(wallet)
    body = {"wallet_id": wallet, "amount": "5"}
    for query in ("dry_run=false&dry_run=true", "dry_run=true&dry_run=false"):
        told = problem(api.post(f"deposits?{query}", body), 400, "invalid_field")
        assert (told["param"], told["detail"]) == ("dry_run", "dry_run is there 2 times.")
    problem(api.get("wallets?limit=1&limit=2"), 400, "invalid_field")
    assert api.balance(wallet) == before


def test_a_query_where_none_is_read_is_refused(api: Api, wallet: str) -> None:
    """As every field that is not known; a misspelled one is not ignored."""
    for path, name in (
        (f"wallets/{wallet}?dry_run=true", "dry_run"),
        (f"wallets/{wallet}/events?afte=1", "afte"),
        ("audit?usr=1", "usr"),
        ("results/x?source=y&fingerprnt=z", "fingerprnt"),
    ):
        assert problem(api.get(path), 400, "unknown_field")["param"] == name


def test_the_services_take_the_last_of_a_name(api: Api) -> None:
    """As Django does; JSON and forms that say a name twice are refused all the same."""
    assert api.gateway.get("/api/users/?limit=0&limit=5") == []
    assert api.gateway("GET", "/api/users/?limit=5&limit=0").status == 400


def test_two_keys_are_none(api: Api, wallet: str) -> None:
    """Nobody knows by which of them it would be found again."""
    body = json.dumps({"wallet_id": wallet, "amount": "1"}).encode()
    host = urlsplit(api.gateway.base).netloc
    head = f"POST /v1/deposits HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    keys = "Idempotency-Key: a\r\nIdempotency-Key: b\r\n"
    end = f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    reply = _raw(api.gateway, (head + keys + end).encode() + body)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"Idempotency-Key: it is there 2 times." in reply


def test_a_packed_body_is_read_and_one_that_is_not_packed_refused(api: Api, wallet: str) -> None:
    """By its header; what is too large once unpacked too."""
    packed = {"Content-Encoding": "gzip"}
    assert _deposit(api, wallet, packed, gzip.compress).status == 201
    broken = _deposit(api, wallet, packed, lambda said: said)
    assert problem(broken, 400, "invalid_request")["detail"] == (
        "The body is not gzip, as Content-Encoding says."
    )
    half = _deposit(api, wallet, packed, lambda said: gzip.compress(said)[:-4])
    assert problem(half, 400, "invalid_request")["detail"] == "The body is not one whole gzip."
    other = _deposit(api, wallet, {"Content-Encoding": "br"}, lambda said: said)
    problem(other, 415, "unsupported_media_type")
    bomb = _deposit(api, wallet, packed, lambda said: gzip.compress(said + b" " * 10_000_000))
    told = problem(bomb, 413, "body_too_large")
    assert told["detail"] == "The body has more than 65536 bytes."


@pytest.mark.usefixtures("wallet")
def test_whoever_names_the_host_in_the_address_means_it(api: Api) -> None:
    """Another's is refused whatever the header says; ours is in the links of the answer."""
    host = urlsplit(api.gateway.base).netloc
    head = f" HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    evil = _raw(api.gateway, f"GET http://evil.example/v1/wallets{head}".encode())
    assert evil.startswith(b"HTTP/1.1 400 ")
    ours = _raw(api.gateway, f"GET http://{host}/v1/wallets{head}".encode())
    assert ours.startswith(b"HTTP/1.1 200 ")
    assert f'"url":"http://{host}/v1/wallets/'.encode() in ours


def test_options_tells_the_methods(api: Api, wallet: str) -> None:
    """Of a path that is there; for other sites' pages nothing is opened."""
    asked = api.gateway("OPTIONS", f"/v1/wallets/{wallet}", headers={"Origin": api.gateway.base})
    assert (asked.status, asked.body) == (204, b"")
    assert asked.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert not [name for name in asked.headers if name.lower().startswith("access-control")]
    assert api.gateway("OPTIONS", "/v1/nothing").status == 404
    foreign = api.gateway("OPTIONS", "/v1/deposits", headers={"Origin": "https://evil.example"})
    assert foreign.status == 403


@pytest.mark.parametrize(
    ("delay", "words"),
    [
        (0, "delay: seconds are a whole number from 1 to 10000000000"),
        (True, 'delay: whole seconds as a number, or an ISO 8601 duration like "PT5M"'),
        ("-PT5M", 'delay: whole seconds as a number, or an ISO 8601 duration like "PT5M"'),
    ],
)
def test_a_wrong_delay_is_named_by_its_field(
    api: Api, wallet: str, delay: object, words: str
) -> None:
    """Whichever of its two kinds it might have been."""
    reply = api.post("withdrawals", {"wallet_id": wallet, "amount": "1", "delay": delay})
    told = problem(reply, 400, "invalid_field")
    assert (told["param"], told["detail"]) == ("delay", words)
