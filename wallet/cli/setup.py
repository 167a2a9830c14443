"""`wallet migrate` and `wallet topics apply`: what a database and a cluster need once."""

from typing import Annotated

import typer

from schemas.settings import Settings
from wallet import migrate as migrations
from wallet import topics

Timeout = Annotated[
    float, typer.Option("--timeout", min=0, help="Seconds to wait for the server to answer.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(migrate)
    group = typer.Typer(help="The topics of the ledger.", no_args_is_help=True)
    group.command("apply")(apply_topics)
    group.callback()(_topics)
    app.add_typer(group, name="topics")


def _topics() -> None:
    """Work on the topics of the ledger."""


def migrate(timeout: Timeout = 60.0) -> None:
    """Bring the database to the newest revision; nothing happens when it is there."""
    migrations.upgrade(Settings.load().database_url, timeout, _tell)
    typer.echo("the database is at the newest revision")


def apply_topics(timeout: Timeout = 60.0) -> None:
    """Make the topics that are missing; nothing happens when none is."""
    made = topics.apply(Settings.load(), timeout, _tell)
    typer.echo(f"made {', '.join(made)}" if made else "all topics are there")


def _tell(line: str) -> None:
    typer.echo(line, err=True)
