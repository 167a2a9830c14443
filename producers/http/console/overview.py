"""The overview: is everything well, how much is there, how fast does it go."""

from typing import Any, Final, NamedTuple

from producers.http.answers import Answer
from producers.http.console.page import page
from producers.http.console.watching import CHART_SECONDS, Point, Pulse
from producers.http.route import Asked

WIDTH: Final = 600
HEIGHT: Final = 120
LATE_SECONDS: Final = 30
"""A withdrawal that is due for longer shows that nobody fires them; usual are some milliseconds."""


class Chart(NamedTuple):
    """Commands a second, as lines of an SVG; `most` is the top of it."""

    lines: list[str]
    areas: list[str]
    most: float


async def overview(asked: Asked) -> Answer:
    """The first page."""
    pulse = await asked.gateway.watch.look()
    totals = await asked.gateway.watch.totals()
    return page(asked, "overview.html", totals=totals, **_shown(pulse))


async def pulse(asked: Asked) -> Answer:
    """The part of it that lives: the page asks for it again and again."""
    return page(asked, "pulse.html", **_shown(await asked.gateway.watch.look()))


def _shown(pulse: Pulse) -> dict[str, Any]:
    return {
        "pulse": pulse,
        "signs": pulse.signs,
        "problems": [*pulse.problems, *_late(pulse)],
        "chart": chart_of(pulse.points),
        "chart_minutes": int(CHART_SECONDS // 60),
        "width": WIDTH,
        "height": HEIGHT,
    }


def _late(pulse: Pulse) -> list[str]:
    seconds = pulse.signs["overdue_seconds"]
    if seconds is None or seconds < LATE_SECONDS:
        return []
    words = "withdrawals are due and are not executed. Is the delayed consumer running?"
    return [f"{pulse.signs['overdue']} {words}"]


def chart_of(points: list[Point]) -> Chart:
    """The chart of some points; where nobody looked it has a gap."""
    most = max([1.0, *(each.rate or 0.0 for each in points)])
    if not points:
        return Chart([], [], most)
    last = points[-1].at
    lines: list[list[tuple[float, float]]] = [[]]
    for each in points:
        if each.rate is None:
            lines.append([])
            continue
        x = WIDTH * (1 - (last - each.at) / CHART_SECONDS)
        y = HEIGHT - 4 - (HEIGHT - 8) * each.rate / most
        lines[-1].append((x, y))
    drawn = [line for line in lines if line]
    return Chart([_path(line) for line in drawn], [_area(line) for line in drawn], most)


def _path(line: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in line)


def _area(line: list[tuple[float, float]]) -> str:
    return f"{line[0][0]:.1f},{HEIGHT} {_path(line)} {line[-1][0]:.1f},{HEIGHT}"
