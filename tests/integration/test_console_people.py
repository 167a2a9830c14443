"""Who may do what at the console: logins, forms of others, the audit log, users and keys."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from schemas.settings import Settings
from tests.browsers import CHROMIUM, browser
from tests.consoles import FORM, Operator
from tests.gateways import GatewayProcess, served
from tests.people import PASSWORD, basic, bearer, make_root, new_user, of_role
from tests.workers import wait_until

pytestmark = pytest.mark.integration

SECONDS: Final = 30.0
AUTHORIZED: Final = "/v1/wallets?limit=1"


@pytest.fixture(scope="module")
def gateway(
    new_ledger: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """Where logins are required, with an admin."""
    ledger = new_ledger(http_logins="required", http_rate=0, http_address_rate=0)
    with served(ledger, tmp_path_factory.mktemp("served")) as made:
        make_root(made)
        yield made


def test_a_login_is_asked_for_and_leads_on(gateway: GatewayProcess) -> None:
    """Wherever one was; a wrong password is said, and leaves nobody in."""
    operator = Operator(gateway)
    form = operator.page("/console/wallets?q=x", 401).form("/login")
    wrong = operator.send(form, {"username": "root", "password": "no"})
    assert "Invalid username/password." in operator.read(wrong, 401).text
    assert "wallet_session" not in operator.cookies
    form = operator.read(wrong, 401).form("/login")  # it has kept where one was
    reply = operator.send(form, {"username": "root", "password": PASSWORD})
    assert (reply.status, reply.headers["Location"]) == (303, "/console/wallets?q=x")
    assert "; Secure" not in reply.headers["Set-Cookie"]
    assert "root admin" in operator.page("/console/wallets?q=x").text
    assert Operator(gateway)("GET", "/console").headers["WWW-Authenticate"].startswith("Form")


def test_a_session_ends_with_the_log_out_everywhere(gateway: GatewayProcess) -> None:
    """The cookie that is left leads to the login, and is taken away."""
    operator = Operator(gateway, "root")
    kept = dict(operator.cookies)
    reply = operator.send(operator.page("/console").form("/logout"), {})
    assert reply.status == 303
    assert "wallet_session" not in operator.cookies
    operator.cookies = kept
    assert "Your session has ended" in operator.page("/console", 401).text
    assert "wallet_session" not in operator.cookies


def test_the_cookie_is_the_consoles_only(gateway: GatewayProcess) -> None:
    """The API does not take it: no page of another site can use it there."""
    operator = Operator(gateway, "root")
    assert operator("GET", AUTHORIZED).status == 401
    token = operator.cookies["wallet_session"]
    assert gateway("GET", AUTHORIZED, headers=bearer(token)).status == 200
    assert gateway("GET", "/console", headers=basic("root")).status == 200


def test_a_form_of_another_page_is_refused(gateway: GatewayProcess) -> None:
    """By its origin; without its token; with the token of another session."""
    operator, other = Operator(gateway, "root"), Operator(gateway, "root")
    form = operator.page("/console/wallets").form("/wallets")
    cookie = {"Cookie": f"wallet_session={operator.cookies['wallet_session']}", **FORM}
    body = "&".join(f"{name}={text}" for name, text in form.fields).encode()
    abroad = {**cookie, "Origin": "https://evil.example"}
    assert gateway("POST", "/console/wallets", body, abroad).status == 403
    assert gateway("POST", "/console/wallets", b"key=x", cookie).status == 400
    foreign = other.send(form, {})
    assert "was not made for you" in other.read(foreign, 400).text
    assert operator.send(form, {}).status == 303


@pytest.mark.parametrize(("role", "may"), [("auditor", 0), ("service", 6), ("user", -1)])
def test_pages_show_what_may_be_done(gateway: GatewayProcess, role: str, may: int) -> None:
    """An auditor gets no form, a service those of money; who owns one wallet gets no console."""
    made = of_role(gateway, role, basic("root"))
    operator = Operator(gateway, made["username"])
    place = f"/console/wallets/{made['wallet_id']}"
    if may < 0:
        assert "for admins, services and auditors" in operator.page(place, 403).text
        return
    forms = [form for form in operator.page(place).forms if "/wallets/" in form.action]
    assert len(forms) == may
    root = Operator(gateway, "root").page(place)
    tokens = dict(operator.page(place).form("/logout").fields)
    forged = operator.send(root.form("/deposit"), {**tokens, "amount": "1"})
    assert forged.status == (403 if role == "auditor" else 303)
    assert operator("GET", "/console/audit").status == (200 if role == "auditor" else 403)


def test_what_an_operator_does_is_in_the_audit_log(gateway: GatewayProcess) -> None:
    """With the name, the path and the command's id, which leads to its record."""
    operator = Operator(gateway, "root")
    form = operator.page("/console/wallets").form("/wallets")
    key = dict(form.fields)["key"]
    operator.send(form, {"name": "Sara"})
    me = gateway("GET", "/api/users/me", headers=basic("root")).json["id"]
    place = f"/console/audit?principal=user:{me}"
    wait_until(lambda: key in operator.page(place).text, SECONDS, "audit")
    assert "POST /console/wallets" in operator.page(place).text
    command = f"/console/commands?source=/http/console/user:{me}&id={key}"
    page = operator.page(command)
    assert "wallet.create.v1" in page.text
    assert '"status": "completed"' in page.text
    assert "There is no result" in operator.page(f"{command}x").text


def test_users_are_shut_out_and_let_in(gateway: GatewayProcess) -> None:
    """By an admin, and not the admin himself."""
    made = new_user(gateway, 0, basic("root"))
    root, other = Operator(gateway, "root"), Operator(gateway, made["username"])
    own = other.page("/console/users")
    assert not any(form.action.endswith(f"/{made['id']}/active") for form in own.forms)
    form = root.page("/console/users").form(f"/{made['id']}/active")
    assert "disabled" in root.read(root.send(form, {"active": "no"})).text
    wait_until(lambda: other("GET", "/console").status == 401, SECONDS, "disabled")
    root.send(form, {"active": "yes"})
    wait_until(lambda: _lets_in(gateway, made["username"]), SECONDS, "enabled")


def _lets_in(gateway: GatewayProcess, username: str) -> bool:
    return gateway("GET", "/api/users/me", headers=basic(username)).status == 200


def test_a_key_is_shown_once(gateway: GatewayProcess) -> None:
    """It works, its page forgets it, revoked it ends."""
    root = Operator(gateway, "root")
    form = root.page("/console/keys").form("/keys")
    wrong = root.send(form, {"name": "shop", "role": ""})
    assert "Choose a role, or name a user." in root.read(wrong, 400).text
    said = {"name": "shop", "role": "auditor", "days": "7", "scope": "read"}
    made = root.read(root.send(form, said)).text
    secret = re.findall(r"wsk_[\w-]{43}", made)[0]
    assert gateway("GET", AUTHORIZED, headers=bearer(secret)).status == 200
    assert gateway("POST", "/v1/wallets", {}, bearer(secret)).status == 403
    page = root.page("/console/keys")
    assert secret not in page.text
    root.send(page.form("/revoke"), {})
    wait_until(
        lambda: gateway("GET", AUTHORIZED, headers=bearer(secret)).status == 401, SECONDS, "revoked"
    )
    assert "revoked" in root.page("/console/keys").text


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
async def test_a_browser_approves_and_sees_the_money_come(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    """Logged in by the form; the wallet's page follows by itself; nothing is asked of others."""
    wallet = gateway("POST", "/wallets", {}, basic("root")).json["uuid"]
    asked = {"wallet_id": wallet, "amount": "1234.50"}
    by = {**basic("root"), "Idempotency-Key": wallet}
    made = gateway("POST", "/v1/credit-requests", asked, by).json
    settings = gateway.settings.model_copy(update={"http_logins": "open"})
    with GatewayProcess(settings, tmp_path / "log") as opened:
        async with browser(tmp_path / "profile") as page:
            shows = "document.querySelector('[data-state]')?.textContent === 'live'"
            await page.go(f"{opened.base}/console/wallets/{wallet}", shows)
            body = {"wallet_id": wallet, "amount": "0.50"}
            paid = gateway("POST", "/v1/deposits", body, {**by, "Idempotency-Key": "d"})
            assert paid.status == 201
            await page.until("document.querySelector('[data-balance]').textContent === '0.50'")
            assert await page.value("document.querySelectorAll('tr.new').length") == 1
            await page.go(f"{opened.base}/console/credit-requests")
            await page.value(f"document.querySelector('[value^=\"{_id(made)} approve\"]').click()")
            await page.until("document.body.innerText.includes('Done: Credit approved')")
            await page.go(f"{opened.base}/console/wallets/{wallet}", shows)
            assert await page.value("document.querySelector('[data-balance]').textContent") == (
                "1,235.00"
            )
            await page.go(f"{opened.base}/console")
            await page.until("document.querySelectorAll('.chart polyline').length > 0")
            assert page.wrong == []
            own = (opened.base, "data:")  # the browser's own pictures of its fields
            assert page.asked
            assert [each for each in page.asked if not each.startswith(own)] == []
        assert "Traceback" not in opened.said


def _id(made: dict[str, str]) -> str:
    return made["credit_request_id"]
