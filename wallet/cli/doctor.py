"""`wallet doctor`: what is wrong here, and what to do about it."""

from collections import Counter
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from wallet.cli.asking import AsJson
from wallet.cli.connected import load_settings
from wallet.cli.printing import print_json
from wallet.doctor.findings import Finding, Level

MARKS: Final[dict[Level, tuple[str, str]]] = {
    "fine": ("ok", "green"),
    "warning": ("look", "yellow"),
    "harm": ("HARM", "bold red"),
}


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(doctor)


def doctor(*, as_json: AsJson = False) -> None:
    """Look for what is wrong: servers, topics, producers, migrations, clocks, lag, dead letters.

    Each finding comes with what to do. Nothing is changed, and the bank is asked for nothing.
    Exit code 1 when something keeps the ledger from its work, or may make it go wrong.
    """
    from wallet.doctor.doctor import examine  # noqa: PLC0415 - half a second for the help

    settings = load_settings(reaching=False)
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 200
    found: list[Finding] = []
    for finding in examine(settings):
        found.append(finding)
        if not as_json:
            _show(console, finding)
    levels = Counter[Level](each.level for each in found)
    count: dict[str, int] = {level: levels[level] for level in MARKS}
    if as_json:
        print_json({"findings": found, **count})
    else:
        typer.echo(f"{count['harm']} harmful, {count['warning']} to look at, {count['fine']} fine")
    if count["harm"]:
        raise typer.Exit(1)


def _show(console: Console, finding: Finding) -> None:
    mark, style = MARKS[finding.level]
    console.print(Text(f"{mark:5}", style), Text(f"{finding.check:17}"), Text(finding.what))
    if finding.fix:
        console.print(Text(f"{'':24}->"), Text(finding.fix, "cyan"))
