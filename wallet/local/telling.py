"""What `wallet up` shows while it starts: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from wallet.local import jars
from wallet.local.supervisor import Addresses


class Telling:
    """Lines for the person who waits. Once nobody listens any more, the work goes on unheard."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._since = time.monotonic()

    def line(self, text: str) -> None:
        """Say one line, with the seconds since the start."""
        self._print(f"{time.monotonic() - self._since:5.1f} s  {text}")

    def _print(self, text: str) -> None:
        # rich ends the program when nobody reads its output any more; but this one runs servers.
        with suppress(OSError, SystemExit):
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)
            sys.stdout.flush()

    @contextmanager
    def fetching(self, what: str, total_bytes: int) -> Iterator[jars.Progress]:
        """Show how many bytes have come."""
        self.line(f"fetching {what}: {total_bytes / 1e6:.0f} MB, this once")
        if not self._console.is_terminal:
            yield lambda _bytes: None
            return
        columns = (TextColumn("{task.description}"), BarColumn())
        progress = Progress(
            *columns,
            DownloadColumn(),
            TransferSpeedColumn(),
            console=self._console,
            transient=True,
        )
        with progress:
            task = progress.add_task(what, total=total_bytes)
            yield lambda received: progress.advance(task, received)

    def banner(self, addresses: Addresses, data: str, logins: str) -> None:
        """Say that all is up, where, and what to try next. `logins`: the gateway's, open or not."""
        rows = {"status": addresses.http, **addresses.shown(), "data": data}
        self._print("\nready\n")
        for name, value in rows.items():
            self._print(f"  {name:<11} {value}")
        passwords = "no passwords" if logins == "open" else "no passwords but for HTTP"
        self._print(
            f"\nThis is a development setup: loopback only, {passwords}."
            f"\nTry  {_meaning(data)}.venv/bin/wallet demo  in another terminal;"
            " Ctrl-C stops everything.\n"
        )


def _meaning(data: str) -> str:
    """What a command needs before it to mean the copy in this folder; nothing for `.wallet`."""
    return "" if data == str(Path(".wallet").absolute()) else f"WALLET_DATA={quote(data)} "
