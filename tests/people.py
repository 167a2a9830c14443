"""People for tests: made over HTTP, and the headers by which they say who they are."""

import base64
import itertools
from typing import Any

from tests.gateways import GatewayProcess
from tests.shell import Shell
from tests.workers import execute

PASSWORD = "correct horse"  # noqa: S105 - of people who exist in tests only
turns = itertools.count(1)


def basic(username: str, password: str = PASSWORD) -> dict[str, str]:
    """A name and a password, as a header."""
    said = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {said}"}


def bearer(token: str) -> dict[str, str]:
    """A token or a key, as a header."""
    return {"Authorization": f"Bearer {token}"}


def person(user_type: int = 3, **more: object) -> dict[str, object]:
    """A new user to make, whom nobody else has made."""
    turn = next(turns)
    return {
        "username": f"person{turn}",
        "password": PASSWORD,
        "phone_number": f"0935{turn:07}",
        "user_type": user_type,
        **more,
    }


def new_user(
    gateway: GatewayProcess, user_type: int = 3, by: dict[str, str] | None = None, **more: object
) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A user that is made; `by` are the headers of who makes it."""
    reply = gateway("POST", "/api/users/", person(user_type, **more), by)
    assert reply.status == 201, reply
    return reply.json


def make_root(gateway: GatewayProcess) -> dict[str, str]:
    """The first admin, made on the command line; its headers."""
    Shell(gateway.settings)("create-admin", "root", given=f"{PASSWORD}\n".encode())
    return basic("root")


def of_role(
    gateway: GatewayProcess, role: str, by: dict[str, str] | None = None, **more: object
) -> Any:  # noqa: ANN401 - as above
    """A new user of a role; by whom it is made as in new_user."""
    made = new_user(gateway, 3, by, **more)
    change = "UPDATE users SET role = %s WHERE id = %s"
    execute(gateway.settings, change, role, made["id"])
    return made
