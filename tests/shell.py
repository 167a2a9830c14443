"""The `wallet` command line as a test calls it: in this process, with a ledger's settings."""

import json
from typing import Any, NamedTuple

from typer.testing import CliRunner

from schemas.settings import Settings
from tests.workers import environment
from wallet.cli import app
from wallet.failure import Failure


class Done(NamedTuple):
    """What a command came to: exit code, standard output, what went to stderr or its failure."""

    code: int
    said: str
    complained: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The one document it printed."""
        return json.loads(self.said)

    @property
    def lines(self) -> list[Any]:
        """The documents it printed, one a line."""
        return [json.loads(line) for line in self.said.splitlines()]


class Shell:
    """Runs commands on one ledger."""

    def __init__(self, settings: Settings) -> None:
        self._environment = environment(settings)

    def __call__(self, *words: object, given: bytes | None = None) -> Done:
        """Run `wallet WORDS`, with `given` on its standard input."""
        asked = [str(word) for word in words]
        done = CliRunner().invoke(app, asked, input=given, env=self._environment)
        if isinstance(done.exception, Failure):
            return Done(done.exception.exit_code, done.stdout, str(done.exception))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Done(done.exit_code, done.stdout, done.stderr)
