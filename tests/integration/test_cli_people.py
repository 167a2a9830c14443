"""People and keys from the command line, and what they then may on a gateway with logins."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from producers.message import uuid7
from schemas.settings import Settings
from tests.gateways import GatewayProcess, served
from tests.people import PASSWORD, basic, bearer, new_user
from tests.shell import Shell
from tests.workers import demoted, rows, wait_until

pytestmark = pytest.mark.integration

TYPED = f"{PASSWORD}\n".encode()
SECONDS = 60.0


@pytest.fixture(scope="module")
def gateway(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway where logins are required."""
    with served(new_ledger(http_logins="required"), tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.fixture(scope="module")
def wallet(gateway: GatewayProcess) -> Shell:
    """The command line."""
    return Shell(gateway.settings)


@pytest.fixture(scope="module")
def admin(wallet: Shell) -> dict[str, str]:
    """The headers of the first admin."""
    done = wallet("create-admin", "boss", "--json", given=TYPED)
    assert done.code == 0, done
    assert (done.json["role"], done.json["user_type"], done.json["wallet_id"]) == ("admin", 0, None)
    return basic("boss")


def created(wallet: Shell, *options: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A user that the command line has made."""
    name = f"user-{uuid7()}"
    done = wallet("users", "create", name, *options, "--json", given=TYPED)
    assert done.code == 0, done
    return done.json


def status(gateway: GatewayProcess, path: str, headers: dict[str, str] | None = None) -> int:
    """What a GET is answered with."""
    return gateway("GET", path, headers=headers).status


def until(is_so: Callable[[], bool]) -> None:
    """Wait until a change takes effect: gateways know for seconds what was."""
    wait_until(is_so, SECONDS, "the change")


def test_the_first_admin_makes_the_others(gateway: GatewayProcess, admin: dict[str, str]) -> None:
    """Whoever says nothing may do nothing but see whether the gateway is well."""
    assert status(gateway, "/healthz") == 200
    assert status(gateway, "/api/users/") == 401
    assert gateway("POST", "/api/users/", {"username": "me", "password": PASSWORD}).status == 401
    user = new_user(gateway, by=admin)
    assert status(gateway, f"/api/users/{user['id']}", basic(user["username"])) == 200
    assert status(gateway, "/api/users/", basic(user["username"])) == 403
    short = gateway("POST", "/api/users/", {"username": "me", "password": "short"}, admin)
    assert (short.status, list(short.json)) == (400, ["password"])


def test_a_user_of_the_command_line_has_a_wallet(
    gateway: GatewayProcess, wallet: Shell, admin: dict[str, str]
) -> None:
    """A new one, one that was there, or none."""
    own = created(wallet, "--phone", "0912 000 0001")
    assert own["phone_number"] == "09120000001"
    assert status(gateway, f"/api/wallets/{own['wallet_id']}/", basic(own["username"])) == 200
    assert created(wallet, "--wallet", "none")["wallet_id"] is None
    other = str(gateway("POST", "/wallets/", headers=admin).json["uuid"])
    assert created(wallet, "--wallet", other)["wallet_id"] == other
    taken = wallet("users", "create", own["username"], given=TYPED)
    assert (taken.code, "another user has this username" in taken.complained) == (1, True)
    missing = wallet("users", "create", "x", "--wallet", uuid7(), given=TYPED)
    assert (missing.code, "there is no wallet" in missing.complained) == (1, True)
    weak = wallet("users", "create", "x", given=b"short\n")
    assert (weak.code, "8 to 128 characters" in weak.complained) == (2, True)
    listed = wallet("users", "list", "--limit", "1000", "--json").json["users"]
    assert own in listed
    assert own["username"] in wallet("users", "show", str(own["id"])).said


def test_what_the_command_line_changes_takes_effect(gateway: GatewayProcess, wallet: Shell) -> None:
    """Within seconds: role, password, and that somebody is let in no longer."""
    user = created(wallet)
    headers = basic(user["username"])
    assert status(gateway, "/api/users/", headers) == 403
    token = bearer(gateway("POST", "/v1/tokens", headers=headers).json["token"])
    assert wallet("users", "set-role", user["username"], "auditor").code == 0
    until(lambda: status(gateway, "/api/users/", headers) == 200)
    assert wallet("users", "set-kyc", user["username"], "2").code == 0
    assert wallet("users", "show", user["username"], "--json").json["kyc_level"] == 2
    assert wallet("users", "set-password", user["username"], given=b"another one\n").code == 0
    until(lambda: status(gateway, "/api/users/me", headers) == 401)
    until(lambda: status(gateway, "/api/users/me", token) == 401)
    headers = basic(user["username"], "another one")
    assert status(gateway, "/api/users/me", headers) == 200
    assert wallet("users", "disable", user["username"]).code == 0
    until(lambda: status(gateway, "/api/users/me", headers) == 401)
    assert wallet("users", "enable", user["username"]).code == 0
    assert status(gateway, "/api/users/me", headers) == 200
    assert wallet("users", "disable", "nobody").code == 1


def test_a_key_is_narrow_and_can_be_revoked(gateway: GatewayProcess, wallet: Shell) -> None:
    """A key of a service reads and commands, unless it is narrowed; it administers nobody."""
    made = wallet("keys", "create", "shop", "--role", "service", "--json").json
    reader = wallet("keys", "create", "eyes", "--role", "admin", "--scope", "read", "--json").json
    assert made["key"].startswith(made["prefix"])
    service, eyes = {"X-API-Key": made["key"]}, bearer(reader["key"])
    assert gateway("POST", "/wallets/", headers=service).status == 201
    assert gateway("POST", "/api/users/", {}, service).status == 403
    assert status(gateway, "/api/users/", eyes) == 200
    assert gateway("POST", "/wallets/", headers=eyes).status == 403
    assert gateway("POST", "/api/users/", {}, eyes).status == 403
    listed = wallet("keys", "list", "--json").json["keys"]
    assert made["id"] in [each["id"] for each in listed]
    assert "shop" in wallet("keys", "list").said
    with rows(gateway.settings, "SELECT api_keys::text FROM api_keys") as found:
        assert made["key"] not in str(found)
    assert wallet("keys", "revoke", str(made["id"])).code == 0
    until(lambda: status(gateway, "/api/sellers/", service) == 401)
    assert wallet("keys", "revoke", str(made["id"])).code == 1


def test_a_key_that_only_writes_decides_on_no_credit(
    gateway: GatewayProcess, wallet: Shell, admin: dict[str, str]
) -> None:
    """Though its role is an admin's: neither alone nor among many commands."""
    narrow = ("--role", "admin", "--scope", "read", "--scope", "write", "--json")
    key = bearer(wallet("keys", "create", "till", *narrow).json["key"])
    own = str(gateway("POST", "/wallets/", headers=key).json["uuid"])
    wanted = {"wallet_id": own, "amount": "5.00"}
    made = gateway("POST", "/v1/credit-requests", wanted, {**key, "Idempotency-Key": uuid7()}).json
    approve = f"/v1/credit-requests/{made['credit_request_id']}/approve"
    assert gateway("POST", approve, {}, {**key, "Idempotency-Key": uuid7()}).status == 403
    data = {"wallet_id": own, "credit_request_id": made["credit_request_id"], "by": "till"}
    for verb in ("reject", "approve"):
        many = [{"type": f"credit_request.{verb}.v1", "id": uuid7(), "data": data}]
        assert gateway("POST", "/v1/commands", many, key).status == 403
        assert gateway("POST", "/v1/commands?dry_run=true", many, key).status == 403
    deposits = [{"type": "deposit.v1", "id": uuid7(), "data": wanted}]
    assert gateway("POST", "/v1/commands", deposits, key).json["completed"] == 1
    assert gateway("GET", f"/wallets/{own}/", headers=key).json["balance"] == 500
    assert gateway("POST", "/v1/commands", many, admin).json["completed"] == 1


def test_a_users_key_has_its_rights(gateway: GatewayProcess, wallet: Shell) -> None:
    """And no more."""
    user = created(wallet, "--no-password")
    key = wallet("keys", "create", "phone", "--user", user["username"], "--days", "3", "--json")
    headers = bearer(key.json["key"])
    assert gateway("GET", "/api/users/me", headers=headers).json["id"] == user["id"]
    assert status(gateway, f"/api/wallets/{user['wallet_id']}", headers) == 200
    assert status(gateway, f"/api/wallets/{uuid7()}", headers) == 403
    assert status(gateway, "/api/users/me", basic(user["username"], "")) == 401


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "create", "k"),
        ("keys", "create", "k", "--role", "user"),
        ("keys", "create", "k", "--role", "admin", "--user", "boss"),
        ("keys", "create", "k", "--role", "admin", "--scope", "all"),
        ("users", "create", "with blank"),
        ("users", "create", "x", "--phone", "abc"),
        ("users", "create", "x", "--role", "root"),
        ("users", "set-kyc", "boss", "10"),
    ],
)
def test_what_makes_no_sense_is_refused(wallet: Shell, words: tuple[str, ...]) -> None:
    """Before anything is done."""
    assert wallet(*words).code == 2


def test_what_was_done_is_in_the_audit_log(wallet: Shell, gateway: GatewayProcess) -> None:
    """Who did it, and to whom."""
    user = created(wallet)
    query = "SELECT principal, method FROM http_audit WHERE path = %s"
    with rows(gateway.settings, query, f"users create {user['username']} user") as found:
        ((principal, method),) = found
    assert (principal[:4], method) == ("cli:", "CLI")
    (newest,) = wallet("audit-log", "--of", principal, "--limit", "1", "--json").json["entries"]
    assert newest["path"] == f"users create {user['username']} user"
    older = wallet("audit-log", "--limit", "5", "--before", newest["id"])
    assert newest["path"] not in older.said
    assert "users create" in wallet("audit-log").said


def test_a_server_that_takes_nothing_is_told(wallet: Shell, gateway: GatewayProcess) -> None:
    """As a standby after a failover; nobody is made there, and reading goes on."""
    with demoted(gateway.settings):
        done = wallet("users", "create", f"user-{uuid7()}", given=TYPED)
        assert done.code == 3, done
        assert "read-only transaction" in done.complained
        assert wallet("users", "list").code == 0
