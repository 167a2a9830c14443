"""`wallet check`: what is wrong with messages, and where, before they are sent."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from producers.checking.documents import Broken, Document, documents_of
from producers.checking.findings import Finding, Inspected, inspect
from producers.checking.places import Lines, Spot, position_of
from schemas.commands import Command
from schemas.identifiers import partition_of
from schemas.refusals import Code
from wallet.cli.asking import AsJson
from wallet.cli.connected import load_settings
from wallet.cli.files import using_files
from wallet.cli.printing import print_json
from wallet.failure import UsageFailure

MOST_BYTES: Final = 256 * 2**20
"""Of a file: it is read at once. A million commands have some 300 MB; split it."""

SHOWN: Final = 200
"""Most findings that are printed."""


class Told(msgspec.Struct, frozen=True):
    """A finding as it is printed; `record` is "partition:offset" of one that kcat has printed."""

    line: int
    column: int
    path: str
    code: str
    detail: str
    note: bool
    record: str = ""


class Checked(msgspec.Struct, frozen=True):
    """All of a file, for programs."""

    messages: int
    types: dict[str, int]
    troubles: int
    findings: list[Told]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(check)


def check(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON documents, - is the input.")],
    *,
    key: Annotated[str | None, typer.Option(help="The record's key.")] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=TEXT", help="A header; with ce_ headers the file is the data."),
    ] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="Where the record was put.")] = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="How many the topic has; by default the settings'.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with commands, where in the file, and how to mend it.

    The file has one command or many, on one line each or on several: in structured mode, or as
    `kcat -C -J` prints records. The ledger is not asked: balances and wallets are not looked at.
    A note is no trouble. Exit code 1 when a command would be refused.
    """
    given = None if key is None else key.encode()
    count = partitions or load_settings(reaching=False).partitions
    file_check = _Check(_read(file), count, partition)
    checked = file_check.of(documents_of(file_check.text, given, _headers(header or [])))
    if as_json:
        print_json(checked)
    else:
        _print(checked, file, file_check.home)
    if checked.troubles or not checked.messages:
        raise typer.Exit(1)


class _Check:
    """One file under the eyes."""

    def __init__(self, text: str, partitions: int, partition: int | None) -> None:
        self.text = text
        self._lines = Lines(text)
        self.home: int | None = None
        """The partition of the last command."""
        self._partitions = partitions
        self._partition = partition
        self._first: dict[str, tuple[str, int]] = {}

    def of(self, documents: Iterator[Document | Broken]) -> Checked:
        """Look at all."""
        types: Counter[str] = Counter()
        findings: list[Told] = []
        if self.text.startswith("\ufeff"):
            words = "the file begins with a byte order mark: kcat would send it with the command."
            findings.append(Told(1, 1, "", "byte_order_mark", words, note=True))
        count = 0
        for each in documents:
            count += 1
            if isinstance(each, Broken):
                spot = self._lines.spot(each.position)
                findings.append(Told(*spot, "", "no_json", each.why, note=False))
                continue
            inspected = inspect(each.key, each.value, each.headers)
            if inspected.command is not None:
                types[inspected.command.type] += 1
            findings += self._told(each, inspected)
        troubles = sum(not each.note for each in findings)
        return Checked(count, dict(types), troubles, findings)

    def _told(self, document: Document, inspected: Inspected) -> Iterator[Told]:
        found = list(inspected.findings)
        if inspected.command is not None:
            found += self._of_record(document, inspected.command)
            found += self._of_repetition(document, inspected.command)
        found += [*_of_names(document), *_of_list(document)]
        spots = [(self._spot(document, each), each) for each in found]
        for spot, each in sorted(spots, key=lambda pair: pair[0]):
            path = ".".join(each.path)
            yield Told(*spot, path, each.code, each.detail, each.is_note, document.place)

    def _spot(self, document: Document, found: Finding) -> Spot:
        is_header = found.path[:1] != () and found.path[0].startswith("ce_")
        if document.value_at is None or is_header or document.value.lstrip()[:1] != b"{":
            return self._lines.spot(document.start)
        return self._lines.spot(position_of(self.text, document.value_at, found.path))

    def _of_record(self, document: Document, command: Command) -> Iterator[Finding]:
        """Whether it has its key, and stands where its key leads."""
        wallet_id = command.data.wallet_id
        self.home = partition_of(wallet_id, self._partitions)
        if document.has_key and document.key is None:
            words = "the record has no key: its partition is luck. Send the wallet id as the key."
            yield Finding((), "no_key", words, is_note=True)
        put = self._partition if document.partition is None else document.partition
        if put is not None and put != self.home:
            words = (
                f"the record stands on partition {put}, its wallet's is {self.home} of"
                f" {self._partitions}: set the partitioner to murmur2 (librdkafka:"
                " partitioner=murmur2_random)."
            )
            yield Finding((), "wrong_partition", words, is_note=True)

    def _of_repetition(self, document: Document, command: Command) -> Iterator[Finding]:
        """Whether an earlier command of the file has its id."""
        line = self._lines.spot(document.start).line
        fingerprint, first = self._first.setdefault(command.name, (command.fingerprint, line))
        if first == line:
            return  # it is the first
        if fingerprint == command.fingerprint:
            words = f"repeats the command of line {first}: nothing new happens."
            yield Finding(("id",), "repeated", words, is_note=True)
        else:
            words = f"line {first} uses this id for another command. Take a new id for new content."
            yield Finding(("id",), Code.IDEMPOTENCY_KEY_REUSED, words)


def _of_names(document: Document) -> Iterator[Finding]:
    for name in document.repeated:
        words = f"{name} stands twice in one object: the last one counts."
        yield Finding((name,), "stands_twice", words, is_note=True)


def _of_list(document: Document) -> Iterator[Finding]:
    if document.value[:1] == b"[":
        words = "commands stand one after the other, not in a list: jq -c '.[]' takes them out."
        yield Finding((), "list", words, is_note=True)


def _read(file: str) -> str:
    with using_files("read"), Path(file).open("rb") if file != "-" else sys.stdin.buffer as opened:
        content = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UsageFailure(f"{file} has more than {MOST_BYTES:,} bytes; split it")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageFailure(f"{file}: line {line} is no UTF-8; save the file as UTF-8") from None


def _headers(given: list[str]) -> list[tuple[str, bytes]]:
    pairs = [each.partition("=") for each in given]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise UsageFailure(f"--header {name!r} is no NAME=TEXT")
    return [(name, text.encode()) for name, _, text in pairs]


def _print(checked: Checked, file: str, home: int | None) -> None:
    for each in checked.findings[:SHOWN]:
        kind = "note: " if each.note else ""
        said = (f"record {each.record}: " if each.record else "") + _said(each)
        typer.echo(f"{file}:{each.line}:{each.column}: {kind}{said} [{each.code}]")
    if len(checked.findings) > SHOWN:
        typer.echo(f"and {len(checked.findings) - SHOWN:,} more; --json has all")
    notes = len(checked.findings) - checked.troubles
    told = [f"{_counted(checked.messages, 'message')}", _counted(checked.troubles, "trouble")]
    told += [_counted(notes, "note")] if notes else []
    typer.echo(", ".join(told), err=True)
    if not checked.messages:
        typer.echo(f"{file} holds no message", err=True)
    elif not checked.troubles:
        types = ", ".join(f"{name} {count:,}" for name, count in checked.types.items())
        typer.echo(types + (f", partition {home}" if checked.messages == 1 else ""), err=True)


def _said(told: Told) -> str:
    """Path and detail; the ledger's own words often begin with the end of the path."""
    steps = told.path.split(".")
    for first in range(len(steps)):
        told_twice = f"{'.'.join(steps[first:])}: "
        if told.detail.startswith(told_twice):
            return f"{told.path}: {told.detail.removeprefix(told_twice)}"
    return f"{told.path}: {told.detail}" if told.path else told.detail


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
