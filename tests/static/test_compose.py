"""docker-compose.yml starts what `make run` starts, in the right order, for this machine only."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from producers.http.people.entrance import USUAL_RATE
from schemas.settings import Settings

ONE_SHOTS = {"migrate", "topics"}
IN_SLOTS = ("worker", "delayed", "receipts", "balances", "bank-caller")

Files = dict[Path, str]
Service = dict[str, Any]


@pytest.fixture(scope="module")
def services(files: Files) -> dict[str, Service]:
    """The services by name, anchors resolved."""
    found: dict[str, Service] = yaml.safe_load(files[Path("docker-compose.yml")])["services"]
    return found


def _is_ours(service: Service) -> bool:
    return str(service["image"]).startswith("wallet-streams:")


def _named(services: dict[str, Service], command: str) -> dict[str, Service]:
    """The services of ours that run a command."""
    return {
        name: service
        for name, service in services.items()
        if _is_ours(service) and service["command"][0] == command
    }


def test_it_follows_the_compose_specification(root: Path) -> None:
    """The schema comes with the checker: nothing is fetched."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    arguments = ["--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    subprocess.run([checker, *arguments], cwd=root, check=True, timeout=60)


def test_ports_are_published_on_loopback_only(services: dict[str, Service]) -> None:
    """Well-known passwords never listen to a network."""
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)
    assert all("network_mode" not in service for service in services.values())


def test_images_are_pinned(services: dict[str, Service]) -> None:
    """The same file starts the same versions next year."""
    for name, service in services.items():
        assert re.search(r":\d[\w.]*$", service["image"]), name


def test_servers_have_health_checks_and_one_shots_wait_for_them(
    services: dict[str, Service],
) -> None:
    """A server is ready when it answers, not when its process exists."""
    servers = {name for name, service in services.items() if not _is_ours(service)}
    assert servers == {"kafka", "postgres"}
    assert all("healthcheck" in services[name] for name in servers)
    awaited = {
        (server, condition["condition"])
        for name in ONE_SHOTS
        for server, condition in services[name]["depends_on"].items()
    }
    assert awaited == {(name, "service_healthy") for name in servers}
    assert all(services[name].get("restart", "no") == "no" for name in ONE_SHOTS)


def test_no_service_is_of_a_kind_that_is_not_known(services: dict[str, Service]) -> None:
    """Servers, one-shots, what works in slots, the gateway, a bank for who has no real one."""
    in_slots = {name for command in IN_SLOTS for name in _named(services, command)}
    others = {"kafka", "postgres", "pretend-bank", "gateway"}
    assert set(services) == others | ONE_SHOTS | in_slots


@pytest.mark.parametrize("command", IN_SLOTS)
def test_what_works_starts_last_and_each_has_its_own_slot(
    services: dict[str, Service], command: str
) -> None:
    """A slot is a member of the consumer group: two processes on one slot fence each other."""
    found = _named(services, command)
    slots = [tuple(service["command"]) for service in found.values()]
    assert len(slots) == len(set(slots)) >= 2
    for service in found.values():
        assert service["restart"] == "unless-stopped"
        assert service["stop_grace_period"] == "30s"
        port = service["environment"]["WALLET_METRICS_PORT"]
        assert f"127.0.0.1:{port}/healthz" in service["healthcheck"]["test"][-1]
        assert service["depends_on"] == {
            name: {"condition": "service_completed_successfully"} for name in ONE_SHOTS
        }


def test_the_bank_is_a_variable_and_the_pretend_one_a_choice(
    services: dict[str, Service],
) -> None:
    """Nobody pays with a pretend bank who did not ask for it by its profile."""
    pretend = services["pretend-bank"]
    assert pretend["profiles"] == ["dev"]
    assert "ports" not in pretend
    assert "healthcheck" in pretend
    port = pretend["command"][pretend["command"].index("--port") + 1]
    for service in _named(services, "bank-caller").values():
        said = service["environment"]["WALLET_BANK_URL"]
        assert said == f"${{WALLET_BANK_URL:-http://pretend-bank:{port}/}}"
        assert "WALLET_KAFKA_BOOTSTRAP" in service["environment"]


def test_receipts_stand_on_one_volume(services: dict[str, Service]) -> None:
    """Whoever makes them, they are found in the same place."""
    for service in _named(services, "receipts").values():
        place = service["environment"]["WALLET_RECEIPTS"]
        assert service["volumes"] == [f"receipts:{place}"]


def test_the_gateway_requires_logins_and_says_how_it_is(services: dict[str, Service]) -> None:
    """It listens to all of its container, so nobody may ask it without a name."""
    gateway = services["gateway"]
    said = gateway["environment"]
    port = gateway["command"][gateway["command"].index("--port") + 1]
    assert (said["WALLET_HTTP_HOST"], said["WALLET_HTTP_LOGINS"]) == ("0.0.0.0", "required")  # noqa: S104
    assert [each.rpartition(":")[2] for each in gateway["ports"]] == [port]
    assert f"127.0.0.1:{port}/healthz" in gateway["healthcheck"]["test"][-1]
    assert set(said) <= {f"WALLET_{name.upper()}" for name in Settings.model_fields}
    assert gateway["volumes"] == [f"receipts:{said['WALLET_RECEIPTS']}"]


def test_every_secret_is_a_development_one(files: Files) -> None:
    """A password is an environment variable with a development default, never a literal."""
    text = files[Path("docker-compose.yml")]
    assert re.findall(r"PASSWORD: (.*)", text) == ["${WALLET_POSTGRES_PASSWORD:-development}"]
    assert "wallet:${WALLET_POSTGRES_PASSWORD:-development}@postgres" in text


def test_who_deploys_the_gateway_decides_who_may_do_what(services: dict[str, Service]) -> None:
    """Each setting of people and limits is a variable, whose default the gateway understands."""
    (gateway,) = _named(services, "gateway").values()
    said = gateway["environment"]
    assert said["WALLET_HTTP_LOGINS"] == "required"
    decided = {name for name in Settings.model_fields if name.startswith("kyc_")} | {
        "http_hosts", "http_self_deposits", "http_allow", "http_proxies", "http_rate",
        "http_address_rate", "http_failed_logins", "http_token_seconds",
    }  # fmt: skip
    given = {}
    for name in decided:
        variable = f"WALLET_{name.upper()}"
        found = re.fullmatch(rf"\$\{{{variable}:-(.*)\}}", said[variable])
        assert found, variable
        given[name] = found[1]
    settings = Settings.model_validate(given)
    assert settings.http_self_deposits is False
    assert settings.http_rate == settings.http_address_rate == USUAL_RATE
