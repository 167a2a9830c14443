"""Service 003 for tests: a ledger of its own behind a gateway, and what its clients do."""

import itertools
from typing import Any

from pydantic import TypeAdapter

from tests.gateways import GatewayProcess, Reply

CLIENTS = 16
PHONE = "09123456789"
turns = itertools.count(1)


def is_a(shape: object, body: Any) -> None:  # noqa: ANN401 - whatever JSON holds
    """Hold a body against the model that the schema shows, field by field."""
    adapter: TypeAdapter[Any] = TypeAdapter(shape)  # type: ignore[arg-type]
    assert adapter.dump_python(adapter.validate_python(body, strict=True)) == body


def profile() -> dict[str, object]:
    """What nobody else has said yet."""
    turn = next(turns)
    return {"name": f"Seller {turn}", "email": f"s{turn}@example.com", "phone": f"0912{turn:07}"}


def posted(gateway: GatewayProcess, path: str, body: object, status: int = 201) -> Any:  # noqa: ANN401
    """The document that a POST answers."""
    reply = gateway("POST", path, body)
    assert reply.status == status, reply
    return reply.json


def new_seller(gateway: GatewayProcess, credit: int = 0) -> int:
    """A seller's id; it has some credit."""
    seller = int(posted(gateway, "/api/sellers/", profile())["id"])
    if credit:
        asked = posted(gateway, "/api/credit-requests/", {"seller": seller, "amount": credit})
        approve(gateway, asked["id"])
    return seller


def approve(gateway: GatewayProcess, request: int) -> Any:  # noqa: ANN401 - as above
    """Have a credit request approved."""
    return posted(gateway, f"/api/credit-requests/{request}/process/", {"action": "approve"}, 200)


def sell(gateway: GatewayProcess, seller: object, amount: object, phone: object = PHONE) -> Reply:
    """Try to sell a charge."""
    body = {"seller_id": seller, "phone_number": phone, "amount": amount}
    return gateway("POST", "/api/charge-sales/", body)


def balance(gateway: GatewayProcess, seller: int) -> str:
    """What a seller has; and that its books agree."""
    books = gateway.get(f"/api/sellers/{seller}/reconcile/")
    assert books["is_reconciled"] is True, books
    found = str(gateway.get(f"/api/sellers/{seller}/balance/")["credit_balance"])
    assert found == books["current_balance"] == books["calculated_from_transactions"]
    return found
