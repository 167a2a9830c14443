"""`wallet audit-log`: who did what over HTTP, and with people and keys on the command line."""

from typing import Annotated

import typer

from producers.http.people import audit
from schemas.moments import in_milliseconds
from wallet.cli.asking import AsJson, uuid_text
from wallet.cli.connected import load_settings
from wallet.cli.people import people_at, print_table
from wallet.cli.printing import print_json

LIMIT = 1000


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("audit-log")(audit_log)


def audit_log(
    *,
    principal: Annotated[
        str | None, typer.Option("--of", metavar="WHO", help='As "user:12", "key:3".')
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT, help="So many.")] = 20,
    before: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only those older than this.", parser=uuid_text),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show requests that changed something, or were refused for rights, the newest first."""
    with people_at(load_settings()) as connection:
        found = audit.entries(connection, limit, before, principal)
    older = found[-1].id if len(found) == limit else None
    if as_json:
        print_json({"entries": [audit.shown(each) for each in found], "older": older})
        return
    names = ("asked", "who", "from", "method", "path", "status", "request")
    rows = [
        (
            in_milliseconds(each.asked_at), each.principal, each.address,
            each.method, each.path, each.status or "", each.request_id,
        )
        for each in found
    ]  # fmt: skip
    print_table(names, rows)
    if older:
        typer.echo(f"there may be older ones: say --before {older} too", err=True)
