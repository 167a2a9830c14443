"""The v1 API under many commands at once, and under bodies that nobody should send."""

import json
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.apis import PROBLEM, Api, problem
from tests.gateways import with_curl

pytestmark = pytest.mark.integration

EXAMPLE = re.compile(r"^```sh\n(.*?)^```\n\n```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = Path(__file__).parents[2] / "docs/API.md"
JSON = "application/json"
LINES = "application/x-ndjson"
POSTS = ("wallets", "deposits", "transfers", "exchanges", "charge-sales", "refunds",
         "withdrawals", "credit-requests", "commands")  # fmt: skip
HOSTILE: dict[str, tuple[str, bytes, int]] = {
    "no JSON": (JSON, b"{", 400),
    "not UTF-8": (JSON, b'{"amount": "\xff"}', 400),
    "NaN": (JSON, b'{"amount": NaN}', 400),
    "Infinity": (JSON, b'{"amount": -Infinity}', 400),
    "1e400": (JSON, b'{"amount": 1e400}', 400),
    "a text for an amount of 5,000 digits": (JSON, b'{"amount": "%s"}' % (b"9" * 5000), 400),
    "deep": (JSON, b'{"metadata": %s1%s}' % (b"[" * 30_000, b"]" * 30_000), 400),
    "a text": (JSON, b'"amount"', 400),
    "null": (JSON, b"null", 400),
    "twice the same name": (JSON, b'{"wallet_id": "x", "wallet_id": "y"}', 400),
    "NUL": (JSON, b'{"reference": "\\u0000"}', 400),
    "half a character": (JSON, b'{"reference": "\\ud800"}', 400),
    "a field too many": (JSON, b'{"is_admin": true}', 400),
    "plain text": ("text/plain", b"amount=1", 415),
    "no type": ("", b"{}", 415),
    "10 MB": (JSON, b'{"reference": "%s"}' % (b"1" * 10_000_000), 413),
}


def _deposit(wallet: str, amount: str, command_id: str | None = "new") -> dict[str, Any]:
    said = {"type": "deposit.v1", "data": {"wallet_id": wallet, "amount": amount}}
    own = str(uuid.uuid4()) if command_id == "new" else command_id
    return said if own is None else said | {"id": own}


def _sale(wallet: str, amount: str) -> dict[str, Any]:
    data = {"wallet_id": wallet, "amount": amount, "phone_number": "09121234567"}
    return {"type": "charge_sale.v1", "id": str(uuid.uuid4()), "data": data}


def test_each_command_has_its_own_end_in_its_wallets_order(api: Api) -> None:
    """A sale after the deposit that pays for it is done, one before it is not."""
    wallet, other = api.wallet(), api.wallet()
    sent = [
        _sale(wallet, "5"),
        _deposit(wallet, "5"),
        _sale(wallet, "5"),
        {"type": "deposit.v1", "id": "misspelt", "data": {"wallet_id": wallet, "amunt": "1"}},
        _deposit(other, "7"),
        _deposit(wallet, "1.00"),
    ]
    body = api.made("commands", sent, key=None)
    ends = [(line["status"], line["http_status"]) for line in body["data"]]
    assert ends == [
        ("rejected", 402),
        ("completed", 200),
        ("completed", 200),
        ("rejected", 400),
        ("completed", 200),
        ("completed", 200),
    ]
    assert [line["id"] for line in body["data"]] == [each["id"] for each in sent]
    assert (body["completed"], body["rejected"], body["pending"]) == (4, 2, 0)
    assert body["data"][0]["problem"]["context"]["shortage"] == "5.00"
    assert "Did you mean amount?" in body["data"][3]["problem"]["detail"]
    assert body["data"][5]["result"]["balance"] == "1.00"
    again = api.made("commands", sent, key=None)
    assert [line["replayed"] for line in again["data"]] == [True, True, True, False, True, True]
    assert again["data"][5]["result"] == body["data"][5]["result"]
    assert (api.balance(wallet), api.balance(other)) == ("1.00", "7.00")


def test_five_hundred_go_in_one_request(api: Api) -> None:
    """As lines of JSON, with ids that follow from the request's key: sent again, nothing moves."""
    wallet = api.wallet()
    lines = [json.dumps(_deposit(wallet, "1", None)) for _ in range(500)]
    for _ in range(2):
        reply = api.post("commands", "\n".join(lines).encode(), "many-1", Content_Type=LINES)
        assert reply.status == 200, reply
        assert reply.json["completed"] == 500
        sequences = [line["result"]["sequence"] for line in reply.json["data"]]
        assert sequences == list(range(2, 502))
        assert api.balance(wallet) == "500.00"
    lines.append(lines[0])
    reply = api.post("commands", "\n".join(lines).encode(), "many-2", Content_Type=LINES)
    assert problem(reply, 400, "invalid_field")["param"] == "commands"


def test_an_id_that_comes_twice_is_done_once(api: Api) -> None:
    """The same content has the one answer twice; each other content is refused, in its line."""
    wallet = api.wallet()
    sent = [_deposit(wallet, amount, "twice") for amount in ("1", "1", "2", "1", "3")]
    body = api.made("commands", sent, key=None)
    ends = [(line["http_status"], line["replayed"]) for line in body["data"]]
    assert ends == [(200, False), (200, True), (422, False), (200, True), (422, False)]
    assert body["data"][0]["result"] == body["data"][1]["result"] == body["data"][3]["result"]
    for place in (2, 4):
        assert body["data"][place]["problem"]["code"] == "idempotency_key_reused"
    assert api.balance(wallet) == "1.00"


def test_five_hundred_contents_under_one_id_are_all_answered(api: Api) -> None:
    """As of a client whose bug it is: the first is done, every other is refused in its line."""
    wallet = api.wallet()
    sent = [_deposit(wallet, str(amount), "one-for-all") for amount in range(1, 501)]
    body = api.made("commands", sent, key=None)
    assert (body["completed"], body["rejected"]) == (1, 499)
    assert {line["problem"]["code"] for line in body["data"][1:]} == {"idempotency_key_reused"}
    assert api.balance(wallet) == "1.00"


def test_a_dry_run_of_many_sees_its_own_steps(api: Api) -> None:
    """Each is tried on what the ones before it would have left; nothing is left in the end."""
    wallet = api.wallet()
    sent = [_sale(wallet, "5"), _deposit(wallet, "5"), _sale(wallet, "5"), _sale(wallet, "1")]
    body = api.post("commands?dry_run=true", sent, key=None).json
    assert body["dry_run"] is True
    assert [line["http_status"] for line in body["data"]] == [402, 200, 200, 402]
    assert body["data"][2]["result"]["balance"] == "0.00"
    assert api.get(f"wallets/{wallet}").json["sequence"] == 1


def test_what_is_no_list_of_commands_is_refused_whole(api: Api) -> None:
    """Nothing of it is done: a type that is not for clients, no id, no data, too much."""
    wallet = api.wallet()
    good = _deposit(wallet, "1")
    step = {"type": "withdrawal.settle.v1", "id": "x", "data": {"wallet_id": wallet}}
    for wrong, code in (
        ([good, step], "invalid_field"),
        ([good, _deposit(wallet, "1", None)], "idempotency_key_missing"),
        ([good, {"type": "deposit.v1", "id": "1"}], "missing_field"),
        ([good, 5], "invalid_field"),
        ([good, good | {"extra": 1}], "unknown_field"),
        ([good, good | {"data": {"wallet_id": wallet, "amount": 1.5}}], "invalid_field"),
        ([], "invalid_field"),
        ({}, "missing_field"),
    ):
        problem(api.post("commands", wrong, key=None), 400, code)
    assert api.balance(wallet) == "0.00"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused_by_every_path(api: Api, name: str) -> None:
    """With a problem; whatever the path."""
    kind, body, status = HOSTILE[name]
    for path in POSTS:
        reply = api.post(path, body, Content_Type=kind)
        assert reply.status == status, (path, reply)
        assert reply.headers["Content-Type"] == PROBLEM
        assert reply.json["code"]


def test_hostile_keys_are_refused(api: Api) -> None:
    """Too long, empty, or of characters that no header has."""
    data = {"wallet_id": api.wallet(), "amount": "1"}
    for key in ("k" * 256, " ", "\xe9"):
        problem(api.post("deposits", data, key), 400, "invalid_request")
    assert api.post("deposits", data, "k" * 255).status == 201
    sent = [_deposit(data["wallet_id"], "1", None)]
    assert api.post("commands", sent, "k" * 255).json["completed"] == 1


def _is_as_said(found: Any, said: Any, names: dict[str, str]) -> bool:  # noqa: ANN401 - JSON
    """Whether an answer is as an example has it; "..." is anything, <name> is kept for later."""
    if isinstance(said, str) and (said == "..." or re.fullmatch("<[a-z]+>", said)):
        return said == "..." or names.setdefault(said, found) == found
    if isinstance(said, dict):
        some = "..." in said
        wanted = {name: part for name, part in said.items() if name != "..."}
        return (some or wanted.keys() == found.keys()) and all(
            _is_as_said(found[name], part, names) for name, part in wanted.items()
        )
    if isinstance(said, list):
        return len(said) == len(found) and all(map(_is_as_said, found, said, [names] * len(said)))
    return bool(found == said)


@with_curl
def test_the_pages_examples_do_what_they_say(api: Api) -> None:
    """Each in its order, in a shell with curl, with the answer that stands under it."""
    base, names = api.gateway.base, dict[str, str]()
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(examples) == PAGE.read_text(encoding="utf-8").count("```sh") > 8
    for command, said in examples:
        for name, value in names.items():
            command = command.replace(name, value)  # noqa: PLW2901 - filled in
        script = f"curl() {{ command curl -sS --noproxy '*' \"$@\"; }}\n{command}"
        script = script.replace("http://127.0.0.1:8001", base)
        done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, check=True)
        wanted = json.loads(said.replace("http://127.0.0.1:8001", base))
        assert _is_as_said(json.loads(done.stdout), wanted, names), (command, done.stdout)
