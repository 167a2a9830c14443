"""A gateway process for tests, and who calls it: with plain HTTP, and with curl."""

import http.client
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from schemas.settings import Settings
from tests import lives
from tests.ledgers import Ledger
from tests.workers import Workers, environment, wait_until

WORDS = ("gateway", "--port", "0")
COMMAND = (*lives.COMMAND, *WORDS)
JSON = {"Content-Type": "application/json"}
START_SECONDS = 60.0
STOP_SECONDS = 30.0
ANSWER_SECONDS = 40.0

with_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
"""For tests that call `GatewayProcess.shell`, or a shell of their own."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The document in it."""
        return json.loads(self.body)


class GatewayProcess:
    """A `wallet gateway` of a ledger, on a free port; a context that leaves none behind."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings = settings
        self._log = log
        with log.open("ab") as out:
            self.process = lives.start(WORDS, environment(settings), out)

    def __enter__(self) -> Self:
        wait_until(lambda: self.base or self.process.poll() is not None, START_SECONDS, "gateway")
        assert self.base, self.said
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS)

    @property
    def said(self) -> str:
        """Everything it has logged."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def base(self) -> str:
        """Its address, as "http://127.0.0.1:41234"; empty until it listens."""
        first = next(
            (line for line in self.said.splitlines() if line.startswith("gateway at ")), ""
        )
        return first.removeprefix("gateway at ")

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Call it once. A body of bytes goes as it is, any other as JSON."""
        said = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        kind = JSON if body is not None else {}
        connection = http.client.HTTPConnection(urlsplit(self.base).netloc, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, said, {**kind, **(headers or {})})
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:  # noqa: ANN401 - as above
        """The document at a path that is there."""
        reply = self("GET", path)
        assert reply.status == 200, reply
        return reply.json

    def new_wallet(self, money: str | None = None) -> str:
        """Open a wallet, with some money in it, and give its id."""
        wallet = str(self("POST", "/wallets/").json["uuid"])
        if money is not None:
            reply = self("PATCH", f"/api/wallets/{wallet}/deposit/", {"amount": money})
            assert reply.status == 200, reply
        return wallet

    def shell(self, script: str, **variables: str) -> Any:  # noqa: ANN401 - as above
        """Run a line of shell with curl in it, as a README has it; the document it prints.

        http://localhost and its port 8000 mean this gateway.
        """
        own = script.replace("http://localhost:8000", self.base)
        own = own.replace("http://localhost", self.base)
        for name, value in variables.items():
            own = own.replace(f"<{name}>", value)
        done = subprocess.run(
            ["/bin/bash", "-c", f"curl() {{ command curl -sS --noproxy '*' \"$@\"; }}\n{own}"],
            capture_output=True,
            check=True,
            timeout=ANSWER_SECONDS,
        )
        return json.loads(done.stdout)


@contextmanager
def served(ledger: Settings, folder: Path) -> Iterator[GatewayProcess]:
    """A gateway of a ledger with one worker.

    In the end the ledger must be clean, and nothing that was asked an error of ours.
    """
    with Workers(ledger, folder) as workers:
        workers.start_and_hold()
        with GatewayProcess(ledger, folder / "gateway.log") as made:
            yield made
        assert "Traceback" not in made.said
        assert "request failed" not in made.said
        Ledger(ledger).verify()
