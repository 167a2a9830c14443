"""What a bench tells a person while it runs, on stderr: lines, and bars on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Moved = Callable[[int], None]
"""Takes how much of the whole is done."""


class Telling:
    """Lines, and bars where somebody looks at them. As a function it takes a line (Tell)."""

    def __init__(self, *, with_bars: bool = True) -> None:
        self._console = Console(stderr=True, markup=False, emoji=False, highlight=False)
        self._shows_bars = with_bars and self._console.is_terminal

    def __call__(self, line: str) -> None:
        """Tell a line."""
        self._console.print(line, soft_wrap=True)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Moved]:
        """A bar until the end of the block; where none is shown the moves cost nothing."""
        if not self._shows_bars:
            yield unmoved
            return
        columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns, TimeRemainingColumn(), console=self._console, transient=True
        ) as progress:
            bar = progress.add_task(what, total=total)
            yield lambda done: progress.update(bar, completed=done)


def unmoved(_done: int) -> None:
    """Show nobody that something moved."""
