"""Bars on stderr for what has stages, only where a person looks at a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, ProgressColumn

Tell = Callable[[str, int, int], None]
"""Takes a stage, how much of it is done, and of how much."""


@contextmanager
def stage_bars(*columns: ProgressColumn, hidden: bool) -> Iterator[Tell]:
    """A bar for each stage that is told of, in the order in which they come."""
    console = Console(stderr=True)
    disable = hidden or not console.is_terminal
    with Progress(*columns, console=console, disable=disable) as progress:
        bars: dict[str, int] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=total)
            progress.update(bars[stage], completed=done, total=total)  # type: ignore[arg-type]

        yield tell
