"""`wallet keys`: API keys of users, and of programs that are no user."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from producers.http.people import changing
from producers.http.people.changing import KeyRow
from producers.http.people.principal import SCOPES
from producers.http.people.roles import KEY_ROLES, Role
from wallet.cli.asking import AsJson
from wallet.cli.connected import load_settings
from wallet.cli.people import found, people_at, print_table
from wallet.cli.printing import print_json
from wallet.failure import Failure, UsageFailure


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Keys by which programs ask the gateway.", no_args_is_help=True)
    group.command()(create)
    group.command("list")(list_them)
    group.command()(revoke)
    app.add_typer(group, name="keys")


def _scope(text: str) -> str:
    if text not in SCOPES:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(SCOPES)}")
    return text


def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    *,
    user: Annotated[str | None, typer.Option(help="Whose rights it has: name or id.")] = None,
    role: Annotated[
        Role | None, typer.Option(help="Else what it is itself: admin, service or auditor.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"Narrow it to these: {', '.join(SCOPES)}.", parser=_scope),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="It lasts so long.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once: only its hash is kept."""
    if (user is None) == (role is None):
        raise UsageFailure("say either --user or --role")
    if role is not None and role not in KEY_ROLES:
        raise UsageFailure(f"a key is {', '.join(KEY_ROLES)}; say --user for a {role}'s rights")
    ends = datetime.now(UTC) + timedelta(days=days) if days else None
    scopes = [each for each in SCOPES if each in (scope or SCOPES)]
    with people_at(load_settings(), f"keys create {name[:100]} {user or role}") as connection:
        owner = role or found(connection, user or "").id
        secret, row = changing.make_key(connection, name, owner, scopes, ends)
    if as_json:
        print_json({"key": secret, **_said(row)})
    else:
        typer.echo(secret)
        typer.echo(f"key {row.id}, {', '.join(row.scopes)}; it is not shown again", err=True)


def list_them(*, as_json: AsJson = False) -> None:
    """Show all keys, without their secrets."""
    with people_at(load_settings()) as connection:
        keys = changing.keys(connection)
    if as_json:
        print_json({"keys": [_said(each) for each in keys]})
        return
    names = ("id", "name", "begins", "of", "scopes", "expires", "revoked")
    print_table(names, [_row(each) for each in keys])


def revoke(number: Annotated[int, typer.Argument(metavar="ID", min=1)]) -> None:
    """End a key for ever. Gateways know within five seconds."""
    with people_at(load_settings(), f"keys revoke {number}") as connection:
        if not changing.revoke_key(connection, number):
            raise Failure(f"there is no key {number} that lasts; `wallet keys list` shows all")


def _row(key: KeyRow) -> tuple[object, ...]:
    of = key.role if key.user_id is None else f"user {key.user_id}"
    ends = (key.expires_at, key.revoked_at)
    moments = [each.isoformat(timespec="seconds") if each else None for each in ends]
    return (key.id, key.name, f"{key.prefix}...", of, ", ".join(key.scopes), *moments)


def _said(key: KeyRow) -> dict[str, object]:
    return {name: getattr(key, name) for name in KeyRow.__struct_fields__}
