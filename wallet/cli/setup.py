"""`wallet migrate` and `wallet topics plan|apply`: what a database and a cluster need once."""

from typing import Annotated

import typer

from schemas.kafka_rights import rights
from wallet import migrate as migrations
from wallet import topic_plan, topics
from wallet.cli.asking import AsJson
from wallet.cli.connected import load_settings
from wallet.cli.printing import print_json

Timeout = Annotated[
    float, typer.Option("--timeout", min=0, help="Seconds to wait for the server to answer.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(migrate)
    group = typer.Typer(help="The topics of the ledger.", no_args_is_help=True)
    group.command("plan")(plan_topics)
    group.command("apply")(apply_topics)
    group.command("rights")(tell_rights)
    group.callback()(_topics)
    app.add_typer(group, name="topics")


def _topics() -> None:
    """Work on the topics of the ledger."""


def migrate(timeout: Timeout = 60.0) -> None:
    """Bring the database to the newest revision; nothing happens when it is there."""
    migrations.upgrade(load_settings().database_url, timeout, _tell)
    typer.echo("the database is at the newest revision")


def plan_topics(*, timeout: Timeout = 10.0, as_json: AsJson = False) -> None:
    """Say in what the cluster's topics are not as the contract has them; changes nothing.

    Exit code 1 when `wallet topics apply` has something to do, or cannot help; 3 when Kafka does
    not answer.
    """
    plan = topic_plan.plan(load_settings(), timeout)
    if as_json:
        print_json(plan)
    elif not plan.differences:
        typer.echo("all topics are as the contract says")
    for each in () if as_json else plan.differences:
        note = "  (records would be lost: only with --shorten)" if each.step == "shorten" else ""
        typer.echo(f"{each.line()}{note}")
    if plan.of("make", "set", "count") or any(each.hurts for each in plan.differences):
        raise typer.Exit(1)


def apply_topics(
    *,
    timeout: Timeout = 60.0,
    shorten: Annotated[
        bool,
        typer.Option(
            "--shorten", help="Also set what throws records away, as a shorter retention."
        ),
    ] = False,
) -> None:
    """Make the topics that are missing, and set what differs from the contract.

    No topic is deleted and no number of partitions changed, and without --shorten no record is
    lost by it. Nothing happens when all is as it should be.
    """
    settings = load_settings()
    topics.wait_until_answers(settings, timeout, _tell)
    plan = topic_plan.plan(settings)
    done = topic_plan.carry_out(settings, plan, shorten=shorten)
    made = [each.topic for each in done if each.step == "make"]
    typer.echo(f"made {', '.join(made)}" if made else "all topics are there")
    for each in done:
        if each.step != "make":
            typer.echo(each.line())
    left = [] if shorten else plan.of("shorten")
    for each in left:
        _tell(f"left as it is: {each.line()}; --shorten sets it, and records are lost")


def tell_rights(
    *,
    user: Annotated[
        str, typer.Option(help="How a process's user is called; {process} stands for its name.")
    ] = "User:wallet-{process}",
    as_json: AsJson = False,
) -> None:
    """Say what each process must be allowed to do, as `kafka-acls --add` takes it; asks nobody."""
    found = list(rights(load_settings(reaching=False)))
    if as_json:
        print_json([each._asdict() for each in found])
        return
    for each in found:
        typer.echo(each.options(user.replace("{process}", each.process)))


def _tell(line: str) -> None:
    typer.echo(line, err=True)
