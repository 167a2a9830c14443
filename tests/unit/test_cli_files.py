"""Files named on the command line: what cannot be used is named, with why; exit code 2."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wallet.bench.charts import Bar, Chart, Group
from wallet.cli import app, main
from wallet.cli.bench_options import Shown, writable
from wallet.failure import UsageFailure


@pytest.mark.parametrize(
    "words",
    [
        ("send", "FILE"),
        ("check", "FILE"),
        ("verify", "--seals", "FILE"),
        ("seal", "seals", "--key", "FILE"),
        ("statement", "check", "FILE"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not there, and a folder; exit code 1 would say that something was found."""
    monkeypatch.setenv("WALLET_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    for file, why in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        asked = [str(file) if word == "FILE" else word for word in words]
        failure = CliRunner().invoke(app, asked).exception
        assert isinstance(failure, UsageFailure), failure
        assert str(failure).startswith(f"cannot read {file}: {why}")


@pytest.mark.parametrize("words", [(), ("vectors",), ("asyncapi",)])
def test_a_place_that_cannot_be_written_is_named(words: tuple[str, ...], tmp_path: Path) -> None:
    """Here a file stands where a folder would have to be."""
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "below"
    failure = CliRunner().invoke(app, ["schemas", *words, "--out", str(place)]).exception
    assert isinstance(failure, UsageFailure), failure
    assert str(failure) == f"cannot write {place}: Not a directory"


@pytest.mark.parametrize("bench", ["drain", "history", "scale"])
def test_a_chart_that_cannot_be_written_is_named_before_measuring(
    bench: str, tmp_path: Path
) -> None:
    """A quarter of an hour later would be late; a folder stands where the chart should."""
    failure = CliRunner().invoke(app, ["bench", bench, "--chart", str(tmp_path)]).exception
    assert isinstance(failure, UsageFailure), failure
    assert str(failure) == f"cannot write {tmp_path}: Is a directory"


def test_figures_are_printed_before_their_chart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever has become of its place meanwhile; the trial leaves no file."""
    chart_of_one = Chart("title", "unit", "note", [Group("group", [Bar("series", 7)])])
    chart = tmp_path / "folder" / "chart.svg"
    shown = Shown(writable(chart), json=True)
    assert list(chart.parent.iterdir()) == []
    chart.mkdir()
    with pytest.raises(UsageFailure, match=r"chart\.svg: Is a directory"):
        shown.print({"commands_per_second": 7}, lambda _: chart_of_one)
    assert json.loads(capsys.readouterr().out) == {"commands_per_second": 7}


def test_output_that_nothing_takes_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk behind `wallet schemas > FILE` is no fault of the program's."""
    monkeypatch.setattr(sys, "argv", ["wallet", "schemas", "vectors"])
    # Newer Pythons say it once more where the file is closed: it still has what it could not write.
    with suppress(OSError), Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            main()
        monkeypatch.undo()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "wallet: cannot write: No space left on device\n"


NAMED = """
import sys
from wallet import cli
from wallet.cli import printing

cli.app = lambda: (printing.print_pairs([("owner's name", "\u0633\u0627\u0631\u0627")]),
                   printing.print_json("\u0633"))
cli.main()
"""


def test_a_terminal_without_the_letters_of_a_name_is_no_failure() -> None:
    """What it cannot show is escaped; JSON is UTF-8, for programs read it."""
    odd = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", NAMED], capture_output=True, env=odd, check=True, timeout=60
    )
    shown, document = done.stdout.splitlines()
    assert rb"\u0633\u0627\u0631\u0627" in shown
    assert document.decode() == '"\u0633"'
