"""Charts of the benches: true to their figures, readable by light and in the dark."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from wallet.bench.charts import HEIGHT, WIDTH, Bar, Chart, Group, scale_end, short, svg, write

SVG = "{http://www.w3.org/2000/svg}"
CHART = Chart(
    "Drain & more",
    "commands/s",
    "2 processors",
    [
        Group("sale", [Bar("ours", 30_000, 28_000, 31_000), Bar("<bare>", 15_000)]),
        Group("transfer", [Bar("ours", 7_500), Bar("<bare>", 15_000)]),
    ],
)


def drawn(chart: Chart) -> ET.Element:
    """The chart as a reader's program parses it."""
    return ET.fromstring(svg(chart))  # noqa: S314 - our own text


def bars(root: ET.Element) -> list[tuple[str, float]]:
    """Class and height of every bar; the key's squares are left out."""
    rects = [each for each in root.iter(f"{SVG}rect") if each.get("class") != "paper"]
    return [(str(r.get("class")), float(str(r.get("height")))) for r in rects if r.get("y") != "40"]


def test_bars_are_as_high_as_their_figures() -> None:
    """Twice the figure, twice the height; a series keeps its colour."""
    first, second, third, fourth = bars(drawn(CHART))
    assert [first[0], second[0], third[0], fourth[0]] == ["s0", "s1", "s0", "s1"]
    assert abs(first[1] - 2 * second[1]) < 0.2
    assert abs(second[1] - 2 * third[1]) < 0.2
    assert second[1] == fourth[1]


def test_all_that_is_said_is_text() -> None:
    """Title, unit, note, names and figures stand there, whatever characters they have."""
    root = drawn(CHART)
    texts = {each.text for each in root.iter(f"{SVG}text")}
    assert {"Drain & more", "commands/s", "2 processors", "sale", "transfer"} <= texts
    assert {"ours", "<bare>", "30k", "15k", "7.5k"} <= texts
    told = root.get("aria-label") or ""
    assert "sale: ours 30,000, <bare> 15,000" in told


def test_every_colour_has_a_dark_one() -> None:
    """What has a colour by light has another one in the dark, its own paper included."""
    light, _, dark = svg(CHART).partition("@media (prefers-color-scheme: dark)")
    names = set(re.findall(r"\.(\w+) \{ fill", light))
    assert names >= {"paper", "ink", "soft", "s0", "s1", "s2", "s3"}
    assert names <= set(re.findall(r"\.(\w+) \{ fill", dark))


@given(st.lists(st.floats(0.001, 1e9), min_size=1, max_size=12))
def test_nothing_leaves_the_paper(values: list[float]) -> None:
    """Whatever the figures, every bar and the end of every range is within the picture."""
    groups = [Group(str(n), [Bar("one", v, v / 2, v * 1.5)]) for n, v in enumerate(values)]
    root = drawn(Chart("t", "u", "n", groups))
    for rect in root.iter(f"{SVG}rect"):
        x, y = float(rect.get("x", 0)), float(rect.get("y", 0))
        assert 0 <= x <= x + float(rect.attrib["width"]) <= WIDTH
        assert 0 <= y <= y + float(rect.attrib["height"]) <= HEIGHT + 0.1
    assert all(float(line.attrib["y1"]) > 60 for line in root.iter(f"{SVG}line"))


@given(st.floats(1e-6, 1e12))
def test_a_scale_has_room_and_wastes_little(most: float) -> None:
    """The scale's end is above the highest bar, but not by more than half of it."""
    assert most < scale_end(most) <= 1.6 * most


def test_short_figures_keep_three_digits() -> None:
    """Where there is little room a thousand is a k."""
    assert [short(v) for v in (0.8125, 12.34, 999, 25_812, 1_000_000)] == [
        "0.812", "12.3", "999", "25.8k", "1,000,000",
    ]  # fmt: skip


def test_the_same_figures_give_the_same_file(tmp_path: Path) -> None:
    """A chart made again changes nothing in the repository; its folder is made."""
    one, two = tmp_path / "charts" / "one.svg", tmp_path / "two.svg"
    write(CHART, one)
    write(CHART, two)
    assert one.read_bytes() == two.read_bytes() == svg(CHART).encode()
