"""A small `wallet torture` from end to end, and what makes a verdict unclean."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from consumers.audit.findings import Findings
from tests.stacks import without_settings
from wallet.cli import app
from wallet.failure import Failure
from wallet.torture.account import Tally
from wallet.torture.verdict import Verdict

TORTURE = ("--minutes", "0.4", "--seed", "4", "--faults", "kill,postgres,duplicates", "--json")
SECONDS = 280


@pytest.mark.fault
@pytest.mark.integration
def test_a_small_torture_ends_clean() -> None:
    """A copy of its own, strikes by the seed, rest, audit; and nothing is left of it."""
    done = subprocess.run(
        (sys.executable, "-m", "wallet.cli", "torture", *TORTURE),
        env=without_settings(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stderr.startswith("seed 4; again with: wallet torture --minutes 0.4 --seed 4 ")
    told = json.loads(done.stdout)
    off = {name: told[name] for name in ("missing", "doubled", "out_of_order", "differing")}
    assert off == dict.fromkeys(off, 0), told
    # A limit that was passed says something about this machine; the rest is about the ledger.
    assert told["wrong"] == [], told
    assert (done.returncode == 0) == told["clean"] == (told["over_limit"] == []), told
    assert (told["folder"] is None) == told["clean"]
    assert told["strikes"] >= 1
    assert sum(told["counts"].values()) >= 1
    assert set(told["sent"]) >= {"commands", "repeats", "reused"}
    assert told["commands"] == sum(told["sent"].values()) > 1000
    assert told["audit"]["ok"]
    assert told["audit"]["commands"] >= told["commands"]
    assert told["drained_seconds"] is not None


@pytest.fixture
def verdict() -> Verdict:
    """One with which nothing is wrong."""
    return Verdict(seed=1, faults=("kill",), again="", findings=Findings())


def _no_audit(verdict: Verdict) -> None:
    verdict.findings = None


def _violation(verdict: Verdict) -> None:
    assert verdict.findings is not None
    verdict.findings.violation("I5", "a sum that is none", "here")


@pytest.mark.parametrize(
    "break_it",
    [
        _no_audit,
        _violation,
        lambda verdict: verdict.over.append("too late"),
        lambda verdict: verdict.wrong.append("not drained"),
        lambda verdict: setattr(verdict, "tally", Tally(missing=1)),
        lambda verdict: setattr(verdict, "tally", Tally(doubled=1)),
        lambda verdict: setattr(verdict, "tally", Tally(out_of_order=1)),
        lambda verdict: setattr(verdict, "tally", Tally(differing=1)),
    ],
)
def test_anything_off_makes_it_unclean(
    verdict: Verdict, break_it: Callable[[Verdict], object]
) -> None:
    """Whoever noticed it."""
    assert verdict.clean
    break_it(verdict)
    assert not verdict.clean


def test_the_auditor_s_violations_are_counted_by_what_they_mean(verdict: Verdict) -> None:
    """Besides the sender's own count."""
    assert verdict.findings is not None
    for name in ("I1", "I2", "I3", "I4", "I7"):
        verdict.findings.violation(name, "off", "here")
    verdict.tally = Tally(missing=1)
    told = verdict.as_json()
    off = [told[name] for name in ("missing", "doubled", "out_of_order", "differing")]
    assert off == [3, 1, 1, 1]


def test_what_was_not_judged_is_told_and_fails_nothing(verdict: Verdict) -> None:
    """A machine that others had."""
    verdict.excused.append("kill: silence 9 s; others had 60% of the machine")
    assert verdict.clean
    assert verdict.as_json()["not_judged"] == verdict.excused


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--faults", "kil"), "no fault is called kil"),
        (("--simulate", "--commands", "201"), "at most 200 commands"),
    ],
)
def test_what_cannot_be_done_is_said(words: tuple[str, ...], complaint: str) -> None:
    """Before anything is started."""
    done = CliRunner().invoke(app, ["torture", *words])
    assert isinstance(done.exception, Failure)
    assert done.exception.exit_code == 2
    assert complaint in str(done.exception)
