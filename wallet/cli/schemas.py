"""`wallet schemas`: what others need to write and read messages: schemas, AsyncAPI, vectors."""

import json
from pathlib import Path
from typing import Annotated

import typer

from producers.http.yaml import yaml_of
from schemas import asyncapi, vectors
from schemas.diagnosis import did_you_mean
from schemas.jsonschemas import MESSAGES, message_schema
from wallet.cli.asking import refuse_idle
from wallet.cli.connected import load_settings
from wallet.cli.files import using_files

OutFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write it there instead of printing it.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(print_schemas)
    group.command("asyncapi")(print_asyncapi)
    group.command("vectors")(print_vectors)
    app.add_typer(group, name="schemas")


def print_schemas(
    context: typer.Context,
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
    if context.invoked_subcommand is not None:
        given = {"--type": message_type, "--out": out}
        refuse_idle(given, f"before {context.invoked_subcommand}")
        return
    found = {name: message_schema(name) for name in _chosen(message_type)}
    if out is None:
        typer.echo(_text(found if message_type is None else found[message_type]), nl=False)
        return
    with using_files("write"):
        out.mkdir(parents=True, exist_ok=True)
        for name, schema in found.items():
            (out / f"{name}.schema.json").write_text(_text(schema), encoding="utf-8")
    typer.echo(f"wrote {len(found)} to {out}")


def print_asyncapi(
    *,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="YAML instead of JSON.")] = False,
    out: OutFile = None,
) -> None:
    """Print the AsyncAPI 3 document: topics, keys, headers, schemas and an example of each message.

    Topics and brokers are those of the settings.
    """
    settings = load_settings(reaching=False)
    document = asyncapi.document(settings.topics, settings.kafka_bootstrap)
    _give(yaml_of(document) if as_yaml else _text(document), out)


def print_vectors(*, out: OutFile = None) -> None:
    """Print the test vectors: records, where they go, and what the ledger says to each.

    Give them to a client in another language, to see whether it does right.
    """
    _give(vectors.text().decode(), out)


def _give(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    with using_files("write"):
        out.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {out}")


def _chosen(message_type: str | None) -> list[str]:
    if message_type is None:
        return list(MESSAGES)
    if message_type not in MESSAGES:
        said = f"no message is called {message_type}.{did_you_mean(message_type, MESSAGES)}"
        raise typer.BadParameter(f"{said} Known are {', '.join(MESSAGES)}.", param_hint="--type")
    return [message_type]


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
