"""`wallet schemas`: JSON Schema 2020-12 of every message, for those who write or read them."""

import json
from pathlib import Path
from typing import Annotated

import typer

from schemas.diagnosis import did_you_mean
from schemas.jsonschemas import MESSAGES, message_schema


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(name="schemas")(print_schemas)


def print_schemas(
    *,
    message_type: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Only this message's.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write TYPE.schema.json files there.")
    ] = None,
) -> None:
    """Print the JSON Schemas of all messages, or write them into a folder.

    Messages are commands, results, events and the records of the delayed topic.

    One type gives its schema; all of them give an object of schemas by type.
    """
    found = {name: message_schema(name) for name in _chosen(message_type)}
    if out is None:
        typer.echo(_text(found if message_type is None else found[message_type]), nl=False)
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, schema in found.items():
        (out / f"{name}.schema.json").write_text(_text(schema), encoding="utf-8")
    typer.echo(f"wrote {len(found)} to {out}")


def _chosen(message_type: str | None) -> list[str]:
    if message_type is None:
        return list(MESSAGES)
    if message_type not in MESSAGES:
        said = f"no message is called {message_type}.{did_you_mean(message_type, MESSAGES)}"
        raise typer.BadParameter(f"{said} Known are {', '.join(MESSAGES)}.", param_hint="--type")
    return [message_type]


def _text(schema: object) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
