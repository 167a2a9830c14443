"""Whatever is asked of any path: never an error of ours, and every answer as the description says.

Schemathesis makes requests of the live description, right ones and wrong ones, always the same.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

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

from schemas.settings import Settings
from tests.gateways import GatewayProcess, served

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
    "another type": ("text/plain", b"amount=1"),
    "a broken form": (FORM, b"amount=%ff"),
    "10 MB": ("application/json", b'{"amount": "' + b"1" * 10_000_000 + b'"}'),
}
REFUSED: Final = {400, 401, 404, 413, 415, 422}


@pytest.fixture(scope="module")
def gateway(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway of a ledger with one worker; what it answers must be in its books in the end."""
    with served(new_ledger(), tmp_path_factory.mktemp("served")) as gateway:
        yield gateway


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
