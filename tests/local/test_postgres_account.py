"""Root's PostgreSQL has an account of its own; copies that start at once make it together."""

import os
import pwd
import stat
import subprocess
from pathlib import Path

import pytest

from wallet.failure import Failure
from wallet.local import account


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
    as_root.setattr(account, "ensure_user_exists", useradd)
    assert account.name() == useradd.asked[0]
    assert len(useradd.asked) == 2


def test_where_no_account_can_be_made_it_is_said(as_root: pytest.MonkeyPatch) -> None:
    """After some tries; what helps is in the message."""
    useradd = Useradd(100)
    as_root.setattr(account, "ensure_user_exists", useradd)
    with pytest.raises(Failure, match="run wallet as an ordinary user"):
        account.name()
    assert len(useradd.asked) == account.ATTEMPTS


def modes(*folders: Path) -> list[str]:
    """Their permissions, as ls shows them."""
    return [stat.filemode(each.stat().st_mode) for each in folders]


def test_folders_on_the_way_can_be_passed_and_no_more(tmp_path: Path) -> None:
    """What lies in root's home can no more be listed or read than before."""
    home, open_one, data = (tmp_path / way for way in ("home", "home/open", "home/open/data"))
    data.mkdir(parents=True)
    home.chmod(0o700)
    open_one.chmod(0o2775)
    data.chmod(0o700)
    account.give(pwd.getpwuid(os.geteuid()).pw_name, data)
    assert modes(home, open_one, data) == ["drwx-----x", "drwxrwsr-x", "drwx------"]


def test_both_ends_of_a_link_can_be_passed(tmp_path: Path) -> None:
    """The server is given the way as it was written, and goes it."""
    home, disk = tmp_path / "home", tmp_path / "disk"
    for each in (home, disk / "data"):
        each.mkdir(parents=True)
        each.chmod(0o700)
    disk.chmod(0o700)
    (home / "link").symlink_to(disk)
    account.give(pwd.getpwuid(os.geteuid()).pw_name, home / "link" / "data")
    assert modes(home, disk, disk / "data") == ["drwx-----x", "drwx-----x", "drwx------"]


def test_a_folder_that_cannot_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that is read only, say; the way out is in the message."""
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)

    def refuse(_: Path, __: int) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(Failure, match=f"cannot pass {closed}: Read-only.*chmod o.x {closed}"):
        account.give(pwd.getpwuid(os.geteuid()).pw_name, closed / "data")
