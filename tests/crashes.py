"""The session's servers broken as a crash breaks them."""

import os
import signal

from schemas.settings import Settings
from tests.stacks import Stack
from tests.workers import wait_until
from wallet import migrate, topics

BROKEN_BY = {"kafka": signal.SIGKILL, "postgres": signal.SIGQUIT}
"""kill -9, and the immediate shutdown: no goodbye to anybody, recovery from the log."""


def crash(stack: Stack, server: str, settings: Settings) -> None:
    """Break `kafka` or `postgres`; returns when its supervisor has one that answers again."""
    old = stack.pid(server)
    os.kill(old, BROKEN_BY[server])
    wait_until(lambda: _is_new(stack, server, old), 30, f"a new {server}")
    if server == "kafka":
        admin = topics.client(settings)
        wait_until(lambda: topics.answers(admin), 60, "an answer of the broker")
    else:
        wait_until(lambda: migrate.refusal(settings.database_url) is None, 30, "PostgreSQL")


def _is_new(stack: Stack, server: str, old: int) -> bool:
    try:
        return stack.pid(server) != old
    except (StopIteration, AssertionError):
        return False
