"""People on a gateway that requires no logins: made once, known by password, token and key."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from producers.message import uuid7
from schemas.settings import Settings
from tests.gateways import GatewayProcess, served
from tests.people import PASSWORD, basic, bearer, new_user, person
from tests.workers import execute, rows

pytestmark = pytest.mark.integration

INVALID = {"detail": "Invalid username/password."}


@pytest.fixture(scope="module")
def gateway(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway of a ledger of its own, on which a login may fail three times."""
    with served(new_ledger(http_failed_logins=3), tmp_path_factory.mktemp("served")) as made:
        yield made


def test_a_user_is_made_with_a_wallet(gateway: GatewayProcess) -> None:
    """Of many who come together with one name, one is first; the password is nowhere."""
    wanted = person(1)
    with ThreadPoolExecutor(8) as clients:
        replies = list(clients.map(lambda _: gateway("POST", "/api/users/", wanted), range(8)))
    assert Counter(reply.status for reply in replies) == {201: 1, 400: 7}
    made = next(reply.json for reply in replies if reply.status == 201)
    assert made == {
        "id": made["id"],
        "username": wanted["username"],
        "phone_number": wanted["phone_number"],
        "user_type": 1,
        "wallet_id": made["wallet_id"],
        "role": "seller",
        "kyc_level": 0,
        "is_active": True,
    }
    assert gateway.get(f"/api/wallets/{made['wallet_id']}/")["balance"] == "0.00"
    assert gateway.get(f"/api/users/{made['id']}/") == made
    assert made in gateway.get("/api/users/?limit=1000")
    query = "SELECT password_hash FROM users WHERE id = %s"
    with rows(gateway.settings, query, made["id"]) as found:
        assert found[0][0].startswith("$argon2id$")
        assert PASSWORD not in found[0][0]


def test_names_phones_and_wallets_are_nobody_elses(gateway: GatewayProcess) -> None:
    """Each is told by its field."""
    first = new_user(gateway)
    for changed, field in (
        ({"username": first["username"]}, "username"),
        ({"username": first["username"], "phone_number": None}, None),
        ({"phone_number": first["phone_number"]}, "phone_number"),
        ({"wallet_id": first["wallet_id"]}, "wallet_id"),
        ({"wallet_id": uuid7()}, "wallet_id"),
        ({"username": "with blank"}, "username"),
        ({"username": "n" * 151}, "username"),
        ({"username": None}, "username"),
        ({"username": "\u0000"}, None),
        ({"password": ""}, "password"),
        ({"password": "p" * 129}, "password"),
        ({"phone_number": "abc"}, "phone_number"),
        ({"phone_number": "1"}, "phone_number"),
        ({"user_type": 2}, "user_type"),
        ({"user_type": True}, "user_type"),
        ({"wallet_id": "x"}, "wallet_id"),
    ):
        reply = gateway("POST", "/api/users/", {**person(), **changed})
        assert reply.status == 400, (changed, reply)
        assert field is None or list(reply.json) == [field], (changed, reply)


def test_the_same_key_gets_the_same_user(gateway: GatewayProcess) -> None:
    """Other content under it is refused, another password too."""
    wanted, key = person(), {"Idempotency-Key": f"key {uuid7()}"}
    first, second = (gateway("POST", "/api/users/", wanted, key) for _ in range(2))
    assert (first.status, second.status) == (201, 201)
    assert first.json == second.json
    for other in ({**wanted, "password": "other password"}, person()):
        reply = gateway("POST", "/api/users/", other, key)
        assert (reply.status, list(reply.json)) == (400, ["detail"])


def test_a_user_broken_off_is_gone_on_with(gateway: GatewayProcess) -> None:
    """By its name, with its wallet; an abandoned one holds nobody's phone for ever."""
    wanted, wallet = person(), uuid7()
    left = "INSERT INTO users (opens, created_at, updated_at, role, username, phone_number)"
    left += " VALUES (%s, now() - %s::interval, now(), 'admin', %s, %s)"
    execute(gateway.settings, left, wallet, "0s", wanted["username"], wanted["phone_number"])
    headers = basic(str(wanted["username"]))
    assert gateway("GET", "/api/users/me", headers=headers).status == 401
    taken = gateway("POST", "/api/users/", person(phone_number=wanted["phone_number"]))
    assert (taken.status, list(taken.json)) == (400, ["phone_number"])
    made = gateway("POST", "/api/users/", wanted).json
    assert (made["wallet_id"], made["role"]) == (wallet, "user")

    wanted = person()
    execute(gateway.settings, left, uuid7(), "1d", f"gone{uuid7()}", wanted["phone_number"])
    assert gateway("POST", "/api/users/", wanted).status == 201


def test_a_user_may_have_a_wallet_that_was_there_or_none(gateway: GatewayProcess) -> None:
    """As it is wanted."""
    wallet = gateway.new_wallet("7.00")
    assert new_user(gateway, wallet_id=wallet.upper())["wallet_id"] == wallet
    assert new_user(gateway, 0, wallet=False)["wallet_id"] is None


def test_who_asks_is_known_by_password_token_and_key(gateway: GatewayProcess) -> None:
    """Without any of them nobody is known, not even on loopback."""
    user = new_user(gateway)
    assert gateway("GET", "/api/users/me/").status == 401
    by_password = gateway("GET", "/api/users/me/", headers=basic(user["username"]))
    assert by_password.json == user
    made = gateway("POST", "/v1/tokens", headers=basic(user["username"]))
    assert made.status == 201
    assert made.headers["Cache-Control"] == "no-store"
    said = {"username": user["username"], "password": PASSWORD}
    also = gateway("POST", "/v1/tokens", said)
    assert (also.status, also.json["user_id"]) == (201, user["id"])
    token = bearer(made.json["token"])
    assert gateway("GET", "/api/users/me/", headers=token).json == user
    assert gateway("DELETE", "/v1/tokens/current", headers=token).status == 204
    assert gateway("GET", "/api/users/me/", headers=token).status == 401
    other = bearer(also.json["token"])
    assert gateway("GET", "/api/users/me/", headers=other).status == 200
    execute(gateway.settings, "DELETE FROM tokens WHERE user_id = %s", user["id"])


def test_an_ended_token_is_nobodys(gateway: GatewayProcess) -> None:
    """Those that have ended are deleted when the next is made."""
    user = new_user(gateway)
    headers = basic(user["username"])
    token = gateway("POST", "/v1/tokens", headers=headers).json["token"]
    execute(gateway.settings, "UPDATE tokens SET expires_at = now() - interval '1s'")
    assert gateway("GET", "/api/users/me/", headers=bearer(token)).status == 401
    assert gateway("POST", "/v1/tokens", headers=headers).status == 201
    query = "SELECT count(*) FROM tokens WHERE user_id = %s"
    with rows(gateway.settings, query, user["id"]) as found:
        assert found == [(1,)]


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic bm9ib2R5",
        "Basic bm8Abm86bm8=",
        "Basic /////w==",
        "Digest abc",
        "Bearer",
        "Bearer wst_wrong",
        "Bearer wsk_" + "x" * 4000,
        "Bearer abc",
        "x",
    ],
)
def test_what_is_no_credential_is_refused(gateway: GatewayProcess, header: str) -> None:
    """With 401 and what would do, also where nobody has to log in."""
    reply = gateway("GET", "/api/users/", headers={"Authorization": header})
    assert (reply.status, list(reply.json)) == (401, ["detail"])
    assert reply.headers["WWW-Authenticate"].startswith("Basic ")


def test_guessing_ends(gateway: GatewayProcess) -> None:
    """After some wrong passwords even the right one has to wait; other people need not."""
    user, other = new_user(gateway), new_user(gateway)
    wrong = basic(user["username"], "wrong")
    replies = [gateway("GET", "/api/users/me/", headers=wrong) for _ in range(4)]
    assert [reply.status for reply in replies] == [401, 401, 401, 429]
    assert replies[0].json == INVALID
    last = gateway("GET", "/api/users/me/", headers=basic(user["username"]))
    assert last.status == 429
    assert 0 < int(last.headers["Retry-After"]) <= 300
    assert gateway("GET", "/api/users/me/", headers=basic(other["username"])).status == 200


def test_names_that_nobody_has_are_refused_in_the_same_words(gateway: GatewayProcess) -> None:
    """So that nobody finds out who is there."""
    reply = gateway("GET", "/api/users/me/", headers=basic(f"nobody{uuid7()}"))
    assert (reply.status, reply.json) == (401, INVALID)


def test_a_user_sees_and_moves_the_own_wallet_only(gateway: GatewayProcess) -> None:
    """Who shows credentials has these rights, not those of whoever reaches loopback."""
    user, other = new_user(gateway), new_user(gateway)
    headers = basic(user["username"])
    mine, theirs = (f"/api/wallets/{each['wallet_id']}/" for each in (user, other))
    assert gateway("GET", mine, headers=headers).status == 200
    assert gateway("GET", theirs, headers=headers).status == 403
    amount = {"amount": "5.00"}
    assert gateway("PATCH", f"{mine}deposit/", amount, headers).status == 200
    assert gateway("PATCH", f"{theirs}deposit/", amount, headers).status == 403
    assert gateway("GET", theirs).json["balance"] == "0.00"


def test_nobody_meets_the_keys_of_others(gateway: GatewayProcess) -> None:
    """The same Idempotency-Key of two people is two commands."""
    key = {"Idempotency-Key": f"{uuid7()}"}
    for user in (new_user(gateway), new_user(gateway)):
        headers = {**basic(user["username"]), **key}
        path = f"/api/wallets/{user['wallet_id']}/deposit/"
        for _ in range(2):
            reply = gateway("PATCH", path, {"amount": "5.00"}, headers)
            assert (reply.status, reply.json["balance"]) == (200, "5.00")
