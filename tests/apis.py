"""Who calls the v1 API in tests."""

import uuid
from typing import Any

from tests.gateways import GatewayProcess, Reply

PROBLEM = "application/problem+json"


class Api:
    """The API of a gateway: with a new Idempotency-Key for every command, unless one is given."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.gateway = gateway

    def post(self, path: str, body: object = None, key: str | None = "new", **more: str) -> Reply:
        """Command something. Headers' names have underscores for hyphens."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        if key is not None:
            headers["Idempotency-Key"] = str(uuid.uuid4()) if key == "new" else key
        return self.gateway("POST", f"/v1/{path}", {} if body is None else body, headers)

    def made(self, path: str, body: object = None, key: str | None = "new") -> Any:  # noqa: ANN401
        """What a command has made."""
        reply = self.post(path, body, key)
        assert reply.status in {200, 201}, reply
        return reply.json

    def get(self, path: str, **headers: str) -> Reply:
        """Read something."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.gateway("GET", f"/v1/{path}", headers=named)

    def wallet(self, money: str | None = None, currency: str = "IRR") -> str:
        """A new wallet, with some money in it."""
        wallet = str(self.made("wallets", {"currency": currency})["wallet_id"])
        if money is not None:
            self.made("deposits", {"wallet_id": wallet, "amount": money})
        return wallet

    def balance(self, wallet: str) -> str:
        """What a wallet has."""
        return str(self.get(f"wallets/{wallet}").json["balance"])

    def pages(self, path: str) -> list[list[Any]]:
        """All pages of a list, along the Link headers."""
        found = []
        while path:
            reply = self.get(path)
            assert reply.status == 200, reply
            found.append(reply.json["data"])
            path = following(reply)
        return found


def following(reply: Reply) -> str:
    """Where a list goes on, after /v1/; empty on its last page."""
    link = reply.headers.get("Link", "")
    assert bool(link) == (reply.json["next_cursor"] is not None)
    return link.partition("/v1/")[2].partition(">")[0]


def problem(reply: Reply, status: int, code: str) -> Any:  # noqa: ANN401 - JSON
    """The problem that a reply tells: complete, and of this status and code."""
    assert (reply.status, reply.headers["Content-Type"]) == (status, PROBLEM), reply
    body = reply.json
    assert (body["status"], body["code"]) == (status, code), body
    assert body["type"] == body["doc_url"] == f"/docs/errors#{code}"
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == reply.headers["X-Request-ID"]
    assert isinstance(body["retryable"], bool)
    assert all(isinstance(value, str) for value in body["context"].values())
    return body
