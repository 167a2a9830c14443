"""Passwords: hashed with argon2id in a few threads, never in the loop.

A hash takes some tenths of a second and 64 MiB. So few are made at once, few wait, and a password
that was right is remembered for a minute: under an HMAC whose key only this process has.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from producers.http.errors import busy
from producers.http.people.memory import Memory

THREADS: Final = 2
WAITING_MAX: Final = 64
"""Passwords that may wait for a thread: some ten seconds of work."""
REMEMBERED_SECONDS: Final = 60.0
REMEMBERED_MAX: Final = 20_000
LONGEST: Final = 128

Found = TypeVar("Found")

_hasher: Final = PasswordHasher()


def hash_of(password: str) -> str:
    """The argon2id hash of a password, with its salt and parameters. Takes its time."""
    return _hasher.hash(password)


def is_right(password: str, password_hash: str | None) -> bool:
    """Whether a password has this hash; where there is none, the same work is done for nothing."""
    try:
        return _hasher.verify(password_hash or _any_hash(), password) and password_hash is not None
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False


@cache
def _any_hash() -> str:
    """A hash that no password has, for names that nobody has."""
    return _hasher.hash(secrets.token_urlsafe())


class Passwords:
    """The threads that hash, and what they have found right."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._key = secrets.token_bytes(32)
        self._right: Memory[bytes, bool] = Memory(REMEMBERED_SECONDS, REMEMBERED_MAX)
        self._checks: dict[bytes, asyncio.Future[bool]] = {}
        self._waiting = 0

    async def hashed(self, password: str) -> str:
        """The hash of a new password. Raises EarlyError 503 where too many wait."""
        return await self._run(hash_of, password)

    async def check(self, password: str, password_hash: str | None) -> bool:
        """Whether a password is right; all who ask the same at once wait for one answer.

        Raises EarlyError 503 where too many wait.
        """
        mark = self._mark(password, password_hash)
        if self._right.get(mark, time.monotonic()):
            return True
        check = self._checks.get(mark)
        if check is None:
            check = self._run(is_right, password, password_hash)
            self._checks[mark] = check
            check.add_done_callback(lambda _: self._checks.pop(mark, None))
        right = await asyncio.shield(check)
        if right:
            self._right.put(mark, value=True, now=time.monotonic())
        return right

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _mark(self, password: str, password_hash: str | None) -> bytes:
        # The hash has a salt of its own, so that it names the user, and this very password of his.
        text = f"{password_hash}\0{password}".encode(errors="surrogatepass")
        return hmac.digest(self._key, text, "sha256")

    def _run(self, work: Callable[..., Found], *given: str | None) -> asyncio.Future[Found]:
        if self._waiting >= WAITING_MAX:
            raise busy("Too many passwords are being looked at.")
        self._waiting += 1
        running = asyncio.get_running_loop().run_in_executor(self._threads, work, *given)
        running.add_done_callback(self._has_run)
        return running

    def _has_run(self, _: object) -> None:
        self._waiting -= 1
