"""The `wallet` command line: `families` says which module has which command."""

import errno
import io
import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from wallet.cli.families import Families
from wallet.failure import Failure

app = typer.Typer(
    name="wallet",
    cls=Families,
    help="A Kafka-driven wallet ledger: commands in, exactly one result out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def wallet(
    *,
    show_version: Annotated[bool, typer.Option("--version", help="Say which version.")] = False,
) -> None:
    """A Kafka-driven wallet ledger: commands in, exactly one result out."""
    if show_version:
        typer.echo(version("wallet-streams"))
        raise typer.Exit


def main() -> None:
    """Run the command; a failure is one line on stderr and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names are in all scripts, terminals are not
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except Failure as failure:
        typer.echo(f"wallet: {failure}", err=True)
        sys.exit(failure.exit_code)
    except BrokenPipeError:  # the reader of our output has gone, `wallet events tail | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        typer.echo("wallet: cannot write: No space left on device", err=True)
        sys.exit(1)
