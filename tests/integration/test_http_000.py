"""Service 000: its README's examples, and what its clients get beyond."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.gateways import GatewayProcess, Reply, with_curl
from tests.people import basic, new_user
from tests.workers import execute, rows

pytestmark = pytest.mark.integration


CREDIT, PROCESS, SALE = (
    f"/api/wallet/{name}"
    for name in ("credit_request", "admin/process_credit_request", "charge_sale")
)
CLIENTS = 25


@pytest.fixture(scope="module")
def admin(gateway: GatewayProcess) -> str:
    """The phone of an admin."""
    return str(new_user(gateway, 0)["phone_number"])


def credit(gateway: GatewayProcess, phone: str, amount: str = "5000.00") -> int:
    """Ask for credit; the code of the request."""
    reply = gateway("POST", CREDIT, {"seller_phone_number": phone, "amount": amount})
    assert reply.status == 201, reply
    return int(reply.json["code"])


def process(gateway: GatewayProcess, admin: str, code: int, status: int = 1) -> Reply:
    """Decide on a request."""
    said = {"phone_number": admin, "credit_id": code, "status": status}
    return gateway("POST", PROCESS, said)


def sell(gateway: GatewayProcess, seller: str, receiver: str, amount: str = "1000.00") -> Reply:
    """Sell from one phone's wallet to another's."""
    said = {
        "seller_phone_number": seller,
        "receiver_phone_number": receiver,
        "amount": amount,
    }
    return gateway("POST", SALE, said)


def seller(gateway: GatewayProcess, admin: str, money: str | None = None) -> Any:  # noqa: ANN401
    """A new seller, with credit."""
    made = new_user(gateway, 1)
    if money:
        code = credit(gateway, made["phone_number"], money)
        assert process(gateway, admin, code).status == 202
    return made


def balance(gateway: GatewayProcess, wallet: str) -> str:
    """What is in a wallet, by way of another service."""
    return str(gateway.get(f"/api/wallets/{wallet}/")["balance"])


def owner_of(gateway: GatewayProcess, phone: str) -> tuple[str, str, bool]:
    """Wallet, role, and whether there is a password, of who has a phone."""
    query = (
        "SELECT wallet_id::text, role, password_hash IS NOT NULL FROM users WHERE phone_number = %s"
    )
    with rows(gateway.settings, query, phone) as (found,):
        return found


@with_curl
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_examples(gateway: GatewayProcess, slash: str) -> None:
    """As they stand in the README, in its order; with and without a slash."""
    suffix = "7" if slash else "8"
    shop, boss, buyer = f"0912512918{suffix}", f"0933282369{suffix}", f"0918765432{suffix}"
    mine = new_user(gateway, 1, phone_number=shop)
    new_user(gateway, 0, phone_number=boss)
    asked = gateway.shell(
        f"""curl -X POST http://localhost:8000/api/wallet/credit_request{slash} \\
    -H "Content-Type: application/json" \\
    -d '{{
    "seller_phone_number": "{shop}",
    "amount": "5000.00"
    }}'"""
    )
    assert asked == {"code": asked["code"]}
    assert isinstance(asked["code"], int)
    done = gateway.shell(
        f"""curl -X POST http://localhost:8000/api/wallet/admin/process_credit_request{slash} \\
    -H "Content-Type: application/json" \\
    -d '{{
    "phone_number": "{boss}",
    "credit_id": {asked["code"]},
    "status": 1
    }}'"""
    )
    assert done == {"msg": "done"}
    sold = gateway.shell(
        f"""curl -X POST http://localhost:8000/api/wallet/charge_sale{slash} \\
        -H "Content-Type: application/json" \\
        -d '{{
        "seller_phone_number": "{shop}",
        "receiver_phone_number": "{buyer}",
        "amount": "1000.00"
        }}'"""
    )
    assert sold == {"code": str(uuid.UUID(sold["code"]))}
    assert balance(gateway, mine["wallet_id"]) == "4000.00"
    wallet, role, may_log_in = owner_of(gateway, buyer)
    assert (balance(gateway, wallet), role, may_log_in) == ("1000.00", "user", False)
    assert gateway("GET", f"/api/schema{slash}").status == 200
    shown = gateway.get(f"/api/schema{slash}?format=json")
    assert {CREDIT, PROCESS, SALE} <= shown["paths"].keys()


def test_a_hundred_approvals_of_one_request_credit_once(
    gateway: GatewayProcess, admin: str
) -> None:
    """Whoever comes second is told that it is processed already; the race is nobody's."""
    made = new_user(gateway, 1)
    code = credit(gateway, made["phone_number"], "1000.50")
    with ThreadPoolExecutor(CLIENTS) as clients:
        replies = list(clients.map(lambda _: process(gateway, admin, code), range(100)))
    assert Counter(reply.status for reply in replies) == {202: 1, 400: 99}
    words = ["Credit request not found or already processed"]
    assert all(reply.json == words for reply in replies if reply.status == 400)
    assert balance(gateway, made["wallet_id"]) == "1000.50"


def test_many_sales_at_once_spend_nothing_twice(gateway: GatewayProcess, admin: str) -> None:
    """To phones that nobody knew before, each of them one user in the end."""
    made = seller(gateway, admin, "20000.00")
    phones = [f"0930{number:07}" for number in range(5)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        replies = list(
            clients.map(lambda phone: sell(gateway, made["phone_number"], phone), phones * 8)
        )
    assert Counter(reply.status for reply in replies) == {201: 20, 400: 20}
    refused = next(reply for reply in replies if reply.status == 400)
    assert refused.json == ["Insufficient balance in seller wallet"]
    assert len({reply.json["code"] for reply in replies if reply.status == 201}) == 20
    assert balance(gateway, made["wallet_id"]) == "0.00"
    got = [float(balance(gateway, owner_of(gateway, phone)[0])) for phone in phones]
    assert sum(got) == 20_000


def test_any_other_status_rejects(gateway: GatewayProcess, admin: str) -> None:
    """Once; nothing is credited."""
    made = new_user(gateway, 1)
    for status in (2, 0, 7, -1):
        code = credit(gateway, made["phone_number"])
        assert process(gateway, admin, code, status).json == {"msg": "done"}
        assert process(gateway, admin, code, 1).status == 400
    assert balance(gateway, made["wallet_id"]) == "0.00"
    listed = gateway.get("/v1/credit-requests?status=rejected&limit=1")
    assert listed["data"][0]["status"] == "rejected"


def test_who_is_unknown_or_no_admin(gateway: GatewayProcess, admin: str) -> None:
    """404 and 403, as {"detail"}; a request that there is not as one that is processed."""
    made = new_user(gateway, 1)
    code = credit(gateway, made["phone_number"])
    nobody = "09999999999"
    for reply in (
        gateway("POST", CREDIT, {"seller_phone_number": nobody, "amount": "5000.00"}),
        process(gateway, nobody, code),
        sell(gateway, nobody, made["phone_number"]),
    ):
        assert reply.status == 404
        assert reply.json == {"detail": "No User matches the given query."}
    refused = process(gateway, made["phone_number"], code)
    assert (refused.status, list(refused.json)) == (403, ["detail"])
    for number in (0, -1, 2**63, 10**60, code + 4000):
        reply = process(gateway, admin, number)
        assert reply.status == 400
        assert reply.json == ["Credit request not found or already processed"]
    assert process(gateway, admin, code).status == 202


def test_both_wallets_must_be_active(gateway: GatewayProcess, admin: str) -> None:
    """Each is named; money stays where it is."""
    made, other = seller(gateway, admin, "5000.00"), new_user(gateway)
    phones = made["phone_number"], other["phone_number"]
    set_status = "UPDATE users SET is_active = %s WHERE id = %s"
    for user, words in (
        (made, "Seller wallet is not active"),
        (other, "Target wallet is not active"),
    ):
        execute(gateway.settings, set_status, False, user["id"])  # noqa: FBT003 - a column
        assert sell(gateway, *phones).json == [words]
        execute(gateway.settings, set_status, True, user["id"])  # noqa: FBT003 - as above
        closed = gateway(
            "POST", f"/v1/wallets/{user['wallet_id']}/status", {"status": "suspended"},
            {"Idempotency-Key": str(uuid.uuid4())},
        )  # fmt: skip
        assert closed.status < 300, closed
        assert sell(gateway, *phones).json == [words]
        reopened = gateway(
            "POST", f"/v1/wallets/{user['wallet_id']}/status", {"status": "active"},
            {"Idempotency-Key": str(uuid.uuid4())},
        )  # fmt: skip
        assert reopened.status < 300, reopened
    assert sell(gateway, *phones).status == 201
    assert sell(gateway, phones[0], phones[0]).json == ["Seller and receiver are the same"]
    assert balance(gateway, made["wallet_id"]) == "4000.00"


LONG = "Ensure this field has no more than 11 characters."


@pytest.mark.parametrize(
    ("field", "wrong", "words"),
    [
        ("amount", "999.99", "Ensure this value is greater than or equal to 1000."),
        ("amount", "-5000", "Ensure this value is greater than or equal to 1000."),
        ("amount", "5000.001", "Ensure that there are no more than 2 decimal places."),
        ("amount", "NaN", "A valid number is required."),
        ("amount", "1e400", "Ensure that there are no more than 38 digits in total."),
        ("amount", None, "This field may not be null."),
        ("amount", [], "A valid number is required."),
        ("seller_phone_number", "091251291880", LONG),
        ("seller_phone_number", 10**30, LONG),
        ("seller_phone_number", "0912", "Ensure this field has at least 11 characters."),
        ("seller_phone_number", "0912512918x", "Enter a valid phone number."),
        ("seller_phone_number", " ", "This field may not be blank."),
        ("seller_phone_number", None, "This field may not be null."),
        ("seller_phone_number", {}, "Not a valid string."),
        ("receiver_phone_number", "۰۹۱۲۵۱۲۹۱۸۸", "Enter a valid phone number."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_field(
    gateway: GatewayProcess, field: str, wrong: object, words: str
) -> None:
    """400, never 500."""
    said = {
        "seller_phone_number": "09125129188",
        "receiver_phone_number": "09187654321",
        "amount": "1000.00",
    }
    reply = gateway("POST", SALE, {**said, field: wrong})
    assert (reply.status, reply.json) == (400, {field: [words]})
    missing = gateway("POST", SALE, {name: value for name, value in said.items() if name != field})
    assert (missing.status, missing.json) == (400, {field: ["This field is required."]})


def test_a_key_does_it_once(gateway: GatewayProcess, admin: str) -> None:
    """The sale, the request and the decision: the first answer comes again."""
    made = seller(gateway, admin, "5000.00")
    phone = made["phone_number"]
    for path, said in (
        (CREDIT, {"seller_phone_number": phone, "amount": "1000"}),
        (
            SALE,
            {
                "seller_phone_number": phone,
                "receiver_phone_number": "09305550000",
                "amount": "1000",
            },
        ),
    ):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        with ThreadPoolExecutor(5) as clients:
            replies = list(clients.map(lambda _: gateway("POST", path, said, key), range(5)))  # noqa: B023
        assert {reply.status for reply in replies} == {201}, replies
        assert len({reply.body for reply in replies}) == 1
        other = gateway("POST", path, {**said, "amount": "1001"}, key)
        assert other.status == 400
    code = replies[0].json["code"]
    assert uuid.UUID(code)
    assert balance(gateway, made["wallet_id"]) == "4000.00"
    decision = {"phone_number": admin, "credit_id": credit(gateway, phone), "status": 1}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    assert [gateway("POST", PROCESS, decision, key).status for _ in range(2)] == [202, 202]
    assert balance(gateway, made["wallet_id"]) == "9000.00"


def test_who_logs_in_sells_from_the_own_wallet_only(gateway: GatewayProcess, admin: str) -> None:
    """And an admin decides in no other admin's name."""
    made, other = seller(gateway, admin, "2000.00"), seller(gateway, admin, "2000.00")
    said = {"receiver_phone_number": "09305551111", "amount": "1000.00"}
    own, others = ({**said, "seller_phone_number": each["phone_number"]} for each in (made, other))
    who = basic(made["username"])
    assert gateway("POST", SALE, own, who).status == 201
    for path in (SALE, CREDIT):
        assert gateway("POST", path, others, who).status == 403
    unknown = {**said, "seller_phone_number": "09999999998"}
    assert gateway("POST", SALE, unknown, who).status == 403  # nor who is here
    code = credit(gateway, made["phone_number"])
    decision = {"phone_number": admin, "credit_id": code, "status": 1}
    assert gateway("POST", PROCESS, decision, who).status == 403
    boss = new_user(gateway, 0)
    assert gateway("POST", PROCESS, decision, basic(boss["username"])).status == 403
    decision["phone_number"] = boss["phone_number"]
    assert gateway("POST", PROCESS, decision, basic(boss["username"])).status == 202
