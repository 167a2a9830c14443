"""`wallet seal`: the events so far, named by one hash a partition, for keeping elsewhere."""

from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka import KafkaException

from consumers import seals
from consumers.audit.log import LogError
from consumers.seals import SealError
from producers.failure import one_line
from wallet.cli.asking import AsJson
from wallet.cli.connected import load_settings
from wallet.cli.files import using_files
from wallet.cli.printing import print_json
from wallet.failure import Failure, NoAnswer

KeyFile = Annotated[
    Path | None,
    typer.Option("--key", metavar="KEYFILE", help="Sign with the secret in this file (HMAC)."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(seal)


def seal(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Seals so far; new ones are added.")],
    *,
    key: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Add a seal of all events so far to a file, a line for each partition that has new ones.

    Keep the file where who can change the ledger cannot; `wallet verify --seals FILE` checks it.
    """
    settings = load_settings()
    try:
        with using_files("read"):
            secret = seals.key_of(key) if key else None
            before = seals.read(path, secret) if path.exists() else []
        made = list(seals.seal(settings, before))
        if secret is not None:
            made = [each.signed(secret) for each in made]
        with using_files("write"), path.open("ab") as file:
            file.writelines(map(seals.line_of, made))
    except SealError as error:
        raise Failure(str(error)) from error
    except (LogError, KafkaException) as error:
        raise NoAnswer(one_line(error)) from error
    if as_json:
        print_json(made)
        return
    for each in made:
        typer.echo(f"partition {each.partition}: up to event {each.number}, {each.link}")
    if not made:
        typer.echo("no event since the last seal")
