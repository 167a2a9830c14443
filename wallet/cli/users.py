"""`wallet create-admin` and `wallet users`: who may ask the gateway for what."""

from typing import Annotated, Any, Final

import typer
from pydantic import TypeAdapter, ValidationError

from producers.http.people import changing, passwords, reading, users
from producers.http.people.fields import Phone as PhoneField
from producers.http.people.fields import Username
from producers.http.people.reading import UserRow
from producers.http.people.roles import Role
from producers.http.people.users import Person, TakenError
from producers.message import message_of, uuid7
from schemas.settings import Settings
from wallet.cli.asking import AsJson, uuid_text
from wallet.cli.connected import client_of, load_settings, looking_at
from wallet.cli.people import found, password_asked, people_at, print_table
from wallet.cli.printing import print_json
from wallet.failure import Failure

NEW: Final = "new"
NONE: Final = "none"
SECONDS: Final = 30.0
"""How long the wallet of a new user is waited for."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("create-admin")(create_admin)
    group = typer.Typer(help="The people whom the gateway knows.", no_args_is_help=True)
    group.command("list")(list_them)
    for command in (show, create, disable, enable):
        group.command()(command)
    group.command("set-role")(set_role)
    group.command("set-kyc")(set_kyc)
    group.command("set-password")(set_password)
    app.add_typer(group, name="users")


def _valid(field: Any, text: str) -> str:  # noqa: ANN401 - a type of pydantic's
    try:
        valid: str = TypeAdapter(field).validate_python(text)
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"]) from None
    return valid


def _wallet(text: str) -> str:
    return text if text in {NEW, NONE} else uuid_text(text)


NewName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="To log in with.", parser=lambda t: _valid(Username, t)),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The username, or the id.")]
Phone = Annotated[
    str | None, typer.Option(help="Nobody else's.", parser=lambda text: _valid(PhoneField, text))
]


def create_admin(name: NewName, *, phone: Phone = None, as_json: AsJson = False) -> None:
    """Make an admin, without a wallet. The password is asked for, or read from stdin."""
    _create(Person(name, Role.ADMIN, phone, _hashed()), NONE, as_json=as_json)


def create(
    name: NewName,
    *,
    role: Annotated[Role, typer.Option(help="What it is.")] = Role.USER,
    phone: Phone = None,
    wallet: Annotated[
        str, typer.Option(metavar="ID|new|none", help="Which is its wallet.", parser=_wallet)
    ] = NEW,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Cannot log in; may have keys.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a user. The password is asked for, or read from stdin."""
    person = Person(name, role, phone, None if no_password else _hashed())
    _create(person, wallet, as_json=as_json)


def list_them(
    *,
    after: Annotated[int, typer.Option(min=0, help="Only ids after this.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=reading.LIMIT, help="So many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show users in the order of their ids."""
    with people_at(load_settings()) as connection:
        _print(reading.users_after(connection, after, limit), as_json=as_json)


def show(name: Name, *, as_json: AsJson = False) -> None:
    """Show a user."""
    with people_at(load_settings()) as connection:
        _print([found(connection, name)], as_json=as_json, is_list=False)


def set_role(name: Name, role: Role) -> None:
    """Make a user something else."""
    with people_at(load_settings(), f"users set-role {name} {role}") as connection:
        changing.set_role(connection, found(connection, name).id, role)


def set_kyc(name: Name, level: Annotated[int, typer.Argument(min=0, max=9)]) -> None:
    """Say how well a user is known: WALLET_KYC_LIMITS says what that allows."""
    with people_at(load_settings(), f"users set-kyc {name} {level}") as connection:
        changing.set_kyc(connection, found(connection, name).id, level)


def disable(name: Name) -> None:
    """Let a user in no longer; tokens end, keys sleep. Gateways know within five seconds."""
    with people_at(load_settings(), f"users disable {name}") as connection:
        changing.set_active(connection, found(connection, name).id, is_active=False)


def enable(name: Name) -> None:
    """Let a user in again."""
    with people_at(load_settings(), f"users enable {name}") as connection:
        changing.set_active(connection, found(connection, name).id, is_active=True)


def set_password(name: Name) -> None:
    """Give a user another password, asked for or read from stdin; tokens end."""
    hashed = _hashed()
    with people_at(load_settings(), f"users set-password {name}") as connection:
        changing.set_password(connection, found(connection, name).id, hashed)


def _hashed() -> str:
    return passwords.hash_of(password_asked())


def _create(person: Person, wallet: str, *, as_json: bool) -> None:
    settings = load_settings()
    wallet_id = None if wallet in {NEW, NONE} else wallet
    if wallet_id is not None:
        with looking_at(settings) as looking:
            if looking.wallet(wallet_id) is None:
                raise Failure(f"there is no wallet {wallet_id}")
    try:
        with people_at(settings) as connection:
            opens = users.reserve(connection, person, uuid7()).opens
        if wallet == NEW:
            _open(settings, opens)
            wallet_id = opens
        with people_at(settings, f"users create {person.username} {person.role}") as connection:
            users.finish(connection, person, opens, wallet_id)
            _print([found(connection, person.username)], as_json=as_json, is_list=False)
    except TakenError as taken:
        raise Failure(f"another user has this {' and this '.join(taken.fields)}") from None


def _open(settings: Settings, wallet_id: str) -> None:
    """Open a user's wallet by the command that a gateway would send."""
    message = message_of(
        "wallet.create.v1",
        {"wallet_id": wallet_id},
        source=f"/http/{users.FAMILY}",
        command_id=users.opening_id(wallet_id),
    )
    with client_of(settings) as client:
        result = client.wait(client.send_message(message), SECONDS)
    if result.error is not None:
        raise Failure(result.error.detail)


def _print(several: list[UserRow], *, as_json: bool, is_list: bool = True) -> None:
    if as_json:
        said = [_said(each) for each in several]
        print_json({"users": said} if is_list else said[0])
        return
    names = ("id", "username", "role", "active", "kyc", "phone", "wallet")
    rows = [
        (
            each.id, each.username, each.role, "yes" if each.is_active else "no", each.kyc_level,
            each.phone_number, each.wallet_id,
        )
        for each in several
    ]  # fmt: skip
    print_table(names, rows)


def _said(user: UserRow) -> dict[str, object]:
    own = {name: getattr(user, name) for name in UserRow.__struct_fields__}
    return {**own, "user_type": user.user_type}
