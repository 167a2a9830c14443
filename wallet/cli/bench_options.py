"""What the benches have in common on the command line: options, and how figures are shown."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from wallet.cli.files import using_files
from wallet.cli.printing import print_json
from wallet.failure import UsageFailure

if TYPE_CHECKING:  # a worker's command line need not wait for what a bench imports
    from wallet.bench.charts import Chart
    from wallet.bench.telling import Telling

MIXES = ("sale", "deposit", "transfer", "mixed", "hot", "one-seller")
"""As producers.load has them."""

Figures = dict[str, Any]


def writable(file: Path | None) -> Path | None:
    """Try a file, and make its folder, before anything is measured. Raises UsageFailure."""
    if file is not None:
        with using_files("write"):
            file.parent.mkdir(parents=True, exist_ok=True)
            is_new = not file.exists()
            file.open("ab").close()
            if is_new:
                file.unlink()
    return file


Workers = Annotated[
    int | None, typer.Option(min=1, help="Worker processes; else as many as `wallet up` has.")
]
Runs = Annotated[int, typer.Option(min=1, help="Runs of each arm; medians are told.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same commands.")]
ChartFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", callback=writable, help="Draw the figures into an SVG file too."),
]


class Shown(NamedTuple):
    """How what a bench finds is to be shown."""

    chart: Path | None
    json: bool

    def telling(self) -> "Telling":
        """What the bench tells on its way; bars only for a person."""
        from wallet.bench.telling import Telling  # noqa: PLC0415 - as above

        return Telling(with_bars=not self.json)

    def print(self, figures: Figures, chart_of: "Callable[[Figures], Chart]") -> None:
        """Print the figures, and draw them where that was asked for."""
        print_figures(figures, json=self.json)
        if self.chart is not None:
            from wallet.bench.charts import write  # noqa: PLC0415 - as above

            with using_files("write"):
                write(chart_of(figures), self.chart)


def one_mix(mix: str) -> str:
    """A mix that there is. Raises UsageFailure."""
    if mix not in MIXES:
        raise UsageFailure(f"--mix {mix}: choose of {', '.join(MIXES)}")
    return mix


def print_figures(figures: Figures, *, json: bool) -> None:
    """One JSON document, or figures by name and tables of those that come in rows."""
    if json:
        print_json(figures)
        return
    for name, value in figures.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            _print_rows(value)
        elif isinstance(value, dict):
            inner = ", ".join(f"{key} {figure}" for key, figure in value.items())
            typer.echo(f"{name:28} {inner}")
        else:
            typer.echo(f"{name:28} {value}")


def _print_rows(rows: list[Figures]) -> None:
    """One column a row of figures, as there are more figures than rows."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = 200
    table = Table(box=None, pad_edge=False, show_header=False)
    for name in dict.fromkeys(name for row in rows for name in row):
        table.add_row(name.ljust(28), *(str(row.get(name, "")) for row in rows))
    console.print(table)
