"""`wallet dlq`: records in which no command could be read; looked at, sent again or dropped."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer

from consumers.failure import RecordsError
from consumers.letters.again import Again, HopelessError, again
from consumers.letters.deciding import Said, decide
from consumers.letters.letter import Decision, Letter
from consumers.letters.looking import Filed, Letters
from consumers.records import Records
from producers.client import TIMEOUT
from schemas.cloudevents import EnvelopeError, read
from schemas.identifiers import partition_of
from schemas.moments import in_milliseconds
from schemas.results import AnyResult
from schemas.settings import Settings
from wallet.cli.asking import AsJson, refuse_idle
from wallet.cli.connected import client_of, load_settings, looking_at, told_as_failures
from wallet.cli.moments import moment
from wallet.cli.printing import print_json, print_pairs, print_result, print_table, result_line
from wallet.failure import Failure, NoAnswer

SHOWN_BYTES = 2000
"""So much of a value is shown to people; --value gives all of it."""

LOOK_SECONDS = 5.0
"""Kafka is asked for no longer when a letter came: it is only the time that is missing then."""


class Place(NamedTuple):
    """Where a letter stood in the commands topic."""

    partition: int
    offset: int


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Records that are no command.", no_args_is_help=True)
    group.command("list")(list_them)
    for command in (show, retry, drop):
        group.command()(command)
    app.add_typer(group, name="dlq")


def _place(text: str) -> Place:
    partition, colon, offset = text.partition(":")
    if not colon or not partition.isdecimal() or not offset.isdecimal():
        raise typer.BadParameter(f"{text!r} is no PARTITION:OFFSET, such as 3:1841")
    return Place(int(partition), int(offset))


Which = Annotated[
    Place,
    typer.Argument(metavar="PARTITION:OFFSET", help="Where it stood.", parser=_place),
]
Those = Annotated[
    list[Place],
    typer.Argument(metavar="PARTITION:OFFSET...", help="Where it stood, or they.", parser=_place),
]
By = Annotated[str, typer.Option(metavar="NAME", help="Who decides; it is kept.")]
Why = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it is kept.")]


def list_them(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that somebody has decided about.")
    ] = False,
    since: Annotated[
        datetime | None,
        typer.Option(metavar="TIME", help="Only what came then or later.", parser=moment),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show records that are no command and that nobody has decided about, the last ones first."""
    settings = load_settings()
    with _letters(settings) as letters:
        starts = _starts(settings, since) if since else None
        found = letters.newest(limit, starts, decided=everything)
        open_ones = letters.undecided()
    times = _times(settings, [filed.letter for filed in found])
    if as_json:
        print_json({"letters": [_document(filed, times) for filed in found], "open": open_ones})
        return
    columns = ("place", "came", "id", "bytes", "reason", "decided")
    print_table(columns, [_row(filed, times) for filed in found], fold=("id", "reason"))
    typer.echo(f"{open_ones:,} that nobody has decided about", err=True)


def show(
    place: Which,
    *,
    value: Annotated[
        bool, typer.Option("--value", help="Only the record's value, byte for byte.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a record as it came, why it is here, and what sending it again would do."""
    if value:
        refuse_idle({"--json": as_json}, "with --value")
    settings = load_settings()
    with _letters(settings) as letters:
        filed = _found(letters, place)
    letter = filed.letter
    if value:
        sys.stdout.buffer.write(letter.value or b"")
        return
    would = _would(settings, letter)
    times = _times(settings, [letter])
    if as_json:
        print_json({**_document(filed, times), "retry": would})
        return
    said = (letter.value or b"")[:SHOWN_BYTES].decode(errors="backslashreplace")
    print_pairs(
        [
            ("place", f"{settings.topics.commands.name} {letter.place}"),
            ("came", times.get(letter.place, "")),
            ("reason", letter.reason),
            ("key", _text(letter.key)),
            *[(name, _text(each)) for name, each in letter.headers],
            ("value", said),
            ("bytes", f"{len(letter.value or b''):,}"),
            ("cut", letter.cut or ""),
            *[(each.decision, _told(each)) for each in filed.decisions],
            ("retry", would),
        ]
    )


def retry(
    places: Those,
    *,
    by: By,
    why: Why = None,
    force: Annotated[
        bool, typer.Option("--force", help="Although it was decided about before.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for a result.")] = TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Send records again, as the commands that they can be read as today; shows their results.

    Each is done once however often it is sent: an id that was refused is replaced by one made of
    it. Exit code 1 when one is refused, cannot be read, or was done meanwhile by another copy; the
    others are sent all the same. Of several, with --json, each line is a result.
    """
    settings = load_settings()
    failed = False
    with client_of(settings) as client:
        for place in places:
            try:
                letter, sent = _sendable(settings, place, force=force)
            except Failure as error:
                if len(places) == 1:
                    raise
                typer.echo(str(error), err=True)
                failed = True
                continue
            result = client.wait(client.send_message(sent.message), timeout)
            command = (sent.message.source, sent.message.id)
            _keep(settings, letter, "retried", by, why, command)
            _show_result(result, as_json=as_json, is_one=len(places) == 1)
            failed = failed or result.error is not None
    if failed:
        raise typer.Exit(1)


def drop(
    places: Those,
    *,
    by: By,
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept.")],
    force: Annotated[
        bool, typer.Option("--force", help="Although it was decided about before.")
    ] = False,
) -> None:
    """Say that nothing is to be done about records. They stay where they are, with who and why."""
    settings = load_settings()
    with _letters(settings) as letters:
        found = [_found(letters, place) for place in places]
    for filed in found:
        _refuse_decided(filed, force=force)
    for filed in found:
        _keep(settings, filed.letter, "dropped", by, why, None)
        typer.echo(f"{filed.letter.place} is dropped")


def _sendable(settings: Settings, place: Place, *, force: bool) -> tuple[Letter, Again]:
    """A letter and what is sent for it. Raises Failure where nothing may be."""
    with _letters(settings) as letters:
        filed = _found(letters, place)
    _refuse_decided(filed, force=force)
    letter = filed.letter
    try:
        sent = again(letter, _answer(settings, letter))
    except HopelessError as error:
        raise Failure(f"{letter.place} was not sent: {error}") from None
    for change in sent.changes:
        typer.echo(f"{letter.place} is sent with a change: {change}", err=True)
    return letter, sent


def _show_result(result: AnyResult, *, as_json: bool, is_one: bool) -> None:
    if as_json:
        print_json(result)
    elif is_one:
        print_result(result)
    else:
        typer.echo(result_line(result))


@contextmanager
def _letters(settings: Settings) -> Iterator[Letters]:
    with looking_at(settings) as looking:
        yield Letters(looking)


def _found(letters: Letters, place: Place) -> Filed:
    found = letters.one(*place)
    if found is None:
        raise Failure(f"there is no dead letter of {place.partition}:{place.offset}")
    return found


def _refuse_decided(filed: Filed, *, force: bool) -> None:
    if filed.decisions and not force:
        last = filed.decisions[-1]
        raise Failure(f"{filed.letter.place} was {last.decision}: {_told(last)}; --force does it")


def _keep(
    settings: Settings,
    letter: Letter,
    said: Said,
    by: str,
    why: str | None,
    command: tuple[str, str] | None,
) -> None:
    with told_as_failures():
        decide(settings, letter, said, by=by, why=why, command=command)


def _would(settings: Settings, letter: Letter) -> str:
    """What sending it again would do, in a sentence."""
    try:
        sent = again(letter, _answer(settings, letter))
    except HopelessError as error:
        return f"not possible: {error}"
    wallet = (sent.message.key or b"").decode()
    partition = partition_of(wallet, settings.partitions)
    told = "; ".join(sent.changes) or "as it came"
    return f"as a command on partition {partition}: {told}"


def _answer(settings: Settings, letter: Letter) -> AnyResult | None:
    """The result that the letter's id has, of whatever record."""
    try:
        envelope = read(letter.value, letter.headers)
    except EnvelopeError:
        return None
    with looking_at(settings) as looking:
        return looking.result(envelope.source or "", envelope.id or "")


def _starts(settings: Settings, since: datetime) -> dict[int, int]:
    topic = settings.topics.commands
    moment_ms = int(since.timestamp() * 1000)
    try:
        with Records(settings) as records:
            return {
                number: records.offset_at(topic.name, number, moment_ms)
                for number in range(topic.partitions)
            }
    except RecordsError as error:
        raise NoAnswer(str(error)) from error


def _times(settings: Settings, letters: list[Letter]) -> dict[str, str]:
    """When letters came, by place, of those whose record the log still has."""
    found: dict[str, str] = {}
    topic = settings.topics.commands.name
    try:
        with Records(settings, LOOK_SECONDS) as records:
            for letter in letters:
                record = records.at(topic, letter.partition, letter.offset)
                if record is not None:
                    came = datetime.fromtimestamp(record.timestamp()[1] / 1000, UTC)
                    found[letter.place] = in_milliseconds(came)
    except RecordsError:
        pass  # the letters themselves are in the database
    return found


def _row(filed: Filed, times: dict[str, str]) -> tuple[str, ...]:
    letter = filed.letter
    decided = filed.decisions[-1].decision if filed.decisions else ""
    size = f"{len(letter.value or b''):,}"
    return letter.place, times.get(letter.place, ""), _id(letter), size, letter.reason, decided


def _document(filed: Filed, times: dict[str, str]) -> dict[str, object]:
    letter = filed.letter
    return {
        "place": letter.place,
        "came": times.get(letter.place),
        "id": _id(letter) or None,
        "reason": letter.reason,
        "key": letter.key,
        "value": letter.value,
        "headers": letter.headers,
        "cut": letter.cut,
        "decisions": filed.decisions,
    }


def _id(letter: Letter) -> str:
    try:
        return read(letter.value, letter.headers).id or ""
    except EnvelopeError:
        return ""


def _told(decision: Decision) -> str:
    parts = [f"by {decision.by}", f"at {decision.decided_at}"]
    if decision.command_id:
        parts.append(f"as {decision.source} {decision.command_id}")
    return ", ".join([*parts, *([decision.why] if decision.why else [])])


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode(errors="backslashreplace")
