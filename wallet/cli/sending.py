"""`wallet send`: commands from a file of CloudEvents, a line each."""

import sys
import tempfile
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Final

import typer

from producers.client import TIMEOUT
from producers.message import Message, message_from
from schemas.cloudevents import read
from schemas.decoding import MAX_VALUE_BYTES
from wallet.cli.asking import AsJson
from wallet.cli.checking import what_is_wrong
from wallet.cli.connected import client_of, load_settings
from wallet.cli.files import using_files
from wallet.cli.printing import print_json, result_line
from wallet.failure import UsageFailure

SHOWN: Final = 20
"""Most wrong lines that are told."""

IN_MEMORY_BYTES: Final = 16 * 2**20
"""What comes from a pipe is kept in memory up to here, then in a temporary file."""

# One more than a command may have, so that a longer line is seen to be too long, not cut.
_LINE_BYTES: Final = MAX_VALUE_BYTES + 2


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(send)


def send(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON lines, - is the input.")],
    *,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait when no result comes.")
    ] = TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Send commands, a structured CloudEvent a line, and print their results, a line each.

    All lines are checked first: when one can be no command, nothing is sent. A file may be sent
    again: what was done is not done twice. Results come as they are ready; a line names its
    command's id. Exit code 1 when a command was refused.

    A line: {"specversion": "1.0", "id": "...", "source": "/checkout", "type": "deposit.v1",
    "data": {"wallet_id": "...", "amount": "50.00"}}
    """
    counts = {"completed": 0, "rejected": 0}
    with _opened(file) as lines:
        _refuse_wrong(lines)
        lines.seek(0)
        with client_of(load_settings()) as client:
            for _, result, _ in client.stream(_messages(lines), timeout=timeout):
                counts[result.status] += 1
                print_json(result) if as_json else typer.echo(result_line(result))
    told = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    typer.echo(f"{sum(counts.values()):,} sent: {told}", err=True)
    if counts["rejected"]:
        raise typer.Exit(1)


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    """The lines, in something that can be read twice."""
    if file != "-":
        with using_files("read"):
            opened = Path(file).open("rb")  # noqa: SIM115 - what is printed meanwhile is no file
        with opened as lines:
            yield lines
        return
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as kept:
        while piece := sys.stdin.buffer.read(1 << 16):
            kept.write(piece)
        kept.seek(0)
        yield kept


def _numbered(lines: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Line numbers from 1 and the lines that hold something."""
    number = 0
    while line := lines.readline(_LINE_BYTES):
        number += 1
        if number == 1:
            line = line.removeprefix(BOM_UTF8)  # some editors' mark of a file, no part of a command
        while not line.endswith(b"\n") and (rest := lines.readline(_LINE_BYTES)):
            line = line[:_LINE_BYTES] + rest[-1:]
        if line.strip():
            yield number, line.rstrip(b"\r\n")


def _refuse_wrong(lines: IO[bytes]) -> None:
    wrong = [
        f"line {number}: {why}"
        for number, line in _numbered(lines)
        if (why := _what_is_wrong(line)) is not None
    ]
    if wrong:
        more = [f"and {len(wrong) - SHOWN:,} more"] if len(wrong) > SHOWN else []
        listed = "\n  ".join([*wrong[:SHOWN], *more])
        are = "1 line is no command" if len(wrong) == 1 else f"{len(wrong):,} lines are no commands"
        raise UsageFailure(f"nothing was sent, {are}\n  {listed}")


def _what_is_wrong(line: bytes) -> str | None:
    if len(line) > MAX_VALUE_BYTES:
        return f"longer than the {MAX_VALUE_BYTES:,} bytes that a command may have"
    return what_is_wrong(None, line)


def _messages(lines: IO[bytes]) -> Iterator[Message]:
    for _, line in _numbered(lines):
        yield message_from(read(line, ()))
