"""Root's PostgreSQL has an account of its own; copies that start at once make it together."""

import os
import subprocess

import pytest

from wallet.failure import Failure
from wallet.local import postgres


class Useradd:
    """Refuses as often as it is told to, as useradd does while another one runs."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.asked: list[str] = []

    def __call__(self, name: str) -> None:
        """Take the name of an account."""
        self.asked.append(name)
        if len(self.asked) <= self.refusals:
            raise subprocess.CalledProcessError(1, ["useradd", name])


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let it think that it is root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return monkeypatch


def test_who_comes_second_asks_again(as_root: pytest.MonkeyPatch) -> None:
    """The other copy has the list of accounts locked for a moment: that is no failure."""
    useradd = Useradd(1)
    as_root.setattr(postgres, "ensure_user_exists", useradd)
    assert postgres._account() == useradd.asked[0]  # noqa: SLF001 - the way in runs initdb
    assert len(useradd.asked) == 2


def test_where_no_account_can_be_made_it_is_said(as_root: pytest.MonkeyPatch) -> None:
    """After some tries; what helps is in the message."""
    useradd = Useradd(100)
    as_root.setattr(postgres, "ensure_user_exists", useradd)
    with pytest.raises(Failure, match="run wallet as an ordinary user"):
        postgres._account()  # noqa: SLF001 - as above
    assert len(useradd.asked) == postgres.ACCOUNT_ATTEMPTS
