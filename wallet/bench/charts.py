"""Bar charts of what a bench has measured, as SVG files that a page can show.

They follow the reader's light or dark scheme. No library: a chart is a few rectangles and texts.
"""

import math
from collections.abc import Sequence
from html import escape
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

WIDTH: Final = 760
HEIGHT: Final = 380
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 72, 60
"""Of the frame around the bars, in pixels: scale, air, title and key, names of the groups."""

GAP: Final = 0.3
"""Of a group's width, to the next one."""

TICKS: Final = 5
WIDEST_BAR: Final = 90.0
CHARACTER: Final = 6.6
"""Pixels of a letter of the key, more or less."""

LINE: Final = 16
"""From one line of a name to the next; there is room for two."""

_STYLE: Final = """
.paper { fill: #ffffff; } .ink { fill: #1f2328; } .soft { fill: #59636e; }
.line { stroke: #d1d9e0; stroke-width: 1; } .range { stroke: #1f2328; stroke-width: 1.5; }
.s0 { fill: #0969da; } .s1 { fill: #bf8700; } .s2 { fill: #1a7f37; } .s3 { fill: #8250df; }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117; } .ink { fill: #f0f6fc; } .soft { fill: #9198a1; }
.line { stroke: #3d444d; } .range { stroke: #f0f6fc; }
.s0 { fill: #4493f8; } .s1 { fill: #d29922; } .s2 { fill: #3fb950; } .s3 { fill: #ab7df8; }
}
text { font-family: system-ui, sans-serif; font-size: 12px; }
.title { font-size: 16px; font-weight: 600; } .small { font-size: 11px; }
"""
SERIES_MAX: Final = 4
"""As many as there are colours."""


class Bar(NamedTuple):
    """One figure, and the lowest and highest of the runs behind it where there were several."""

    series: str
    value: float
    low: float | None = None
    high: float | None = None


class Group(NamedTuple):
    """Bars that stand side by side above one name, of two lines at most."""

    name: str
    bars: Sequence[Bar]


class Chart(NamedTuple):
    """A chart: its title, what its scale counts, what it was made of, and its bars."""

    title: str
    unit: str
    note: str
    groups: Sequence[Group]


def write(chart: Chart, file: Path) -> None:
    """Write a chart to a file; its folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(svg(chart), encoding="utf-8")


def svg(chart: Chart) -> str:
    """The chart as a document. The same figures give the same bytes."""
    series = list(dict.fromkeys(bar.series for group in chart.groups for bar in group.bars))
    assert 0 < len(series) <= SERIES_MAX, "a chart has some series, and a colour for each"
    top = scale_end(max(bar.high or bar.value for group in chart.groups for bar in group.bars))
    body = "".join([*_head(chart, series), *_scale(top), *_bars(chart.groups, series, top)])
    told = escape(f"{chart.title}. {_in_words(chart)}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{told}"><style>{_STYLE}</style>'
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="8"/>\n{body}</svg>\n'
    )


def scale_end(most: float) -> float:
    """The end of a scale for values up to this: a round number that parts into five ticks."""
    if most <= 0:
        return 1.0
    step = math.pow(10, math.floor(math.log10(most)))
    for factor in count(1):
        if (end := factor * step / 2) >= most * 1.02:
            return end
    raise AssertionError("a factor is large enough at last")


def shown(value: float) -> str:
    """A figure as people read it, three digits of it: 25,800 or 1.05."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def short(value: float) -> str:
    """The same where there is little room: 25.8k."""
    return f"{value / 1000:.3g}k" if 1000 <= value < 1e6 else shown(value)  # noqa: PLR2004 - kilo


def _head(chart: Chart, series: Sequence[str]) -> list[str]:
    parts = [_text(LEFT, 26, chart.title, "ink title"), _text(LEFT, HEIGHT - 8, chart.note, "soft")]
    x = float(LEFT)
    for number, name in enumerate(series):
        parts.append(f'<rect class="s{number}" x="{x:.0f}" y="40" width="12" height="12" rx="2"/>')
        parts.append(_text(x + 18, 50, name, "ink"))
        x += 18 + CHARACTER * len(name) + 18
    parts.append(_text(WIDTH - RIGHT, 50, chart.unit, "soft", "end"))
    return parts


def _scale(top: float) -> list[str]:
    parts = []
    for tick in range(TICKS + 1):
        value = top * tick / TICKS
        y = _y(value, top)
        parts.append(
            f'<line class="line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>\n'
        )
        parts.append(_text(LEFT - 8, y + 4, shown(value) if tick else "0", "soft", "end"))
    return parts


def _bars(groups: Sequence[Group], series: Sequence[str], top: float) -> list[str]:
    parts = []
    room = (WIDTH - LEFT - RIGHT) / len(groups)
    for place, group in enumerate(groups):
        middle = LEFT + room * (place + 0.5)
        width = min(WIDEST_BAR, room * (1 - GAP) / len(group.bars))
        x = middle - width * len(group.bars) / 2
        for bar in group.bars:
            parts.append(_bar(bar, series.index(bar.series), x, width, top))
            x += width
        for number, line in enumerate(group.name.splitlines(), 1):
            y = HEIGHT - BOTTOM + 1 + LINE * number
            parts.append(_text(middle, y, line, "ink", "middle"))
    return parts


def _bar(bar: Bar, number: int, x: float, width: float, top: float) -> str:
    y, middle = _y(bar.value, top), x + width / 2
    height = HEIGHT - BOTTOM - y
    drawn = (
        f'<rect class="s{number}" x="{x + 1:.1f}" y="{y:.1f}" width="{width - 2:.1f}"'
        f' height="{height:.1f}" rx="2"/>'
    )
    label = y
    if bar.low is not None and bar.high is not None and bar.high > bar.low:
        label = _y(bar.high, top)
        drawn += (
            f'<line class="range" x1="{middle:.1f}" x2="{middle:.1f}" y1="{label:.1f}"'
            f' y2="{_y(bar.low, top):.1f}"/>'
        )
    return drawn + _text(middle, label - 5, short(bar.value), "ink small", "middle")


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>\n"
    )


def _in_words(chart: Chart) -> str:
    """The figures for those who do not see the chart."""
    told = (
        f"{' '.join(group.name.splitlines())}: "
        + ", ".join(f"{bar.series} {shown(bar.value)}" for bar in group.bars)
        for group in chart.groups
    )
    return f"{chart.unit}. {'; '.join(told)}"
