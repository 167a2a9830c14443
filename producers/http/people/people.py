"""People as the gateway knows them: who shows which credentials, mostly from memory."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert

from producers.http.people import bearers, reading
from producers.http.people.audit import Audit
from producers.http.people.kyc import PEOPLE, Kyc
from producers.http.people.kyc_days import KycDays, Taken
from producers.http.people.memory import Memory
from producers.http.people.passwords import Passwords
from producers.http.people.principal import Principal
from producers.http.people.reading import Login, UserRow
from producers.http.people.users import Users
from producers.http.reading import Reading
from producers.message import Message
from schemas import decoding
from schemas.commands import Command
from schemas.settings import Settings
from schemas.tables_people import tokens

THREADS: Final = 2
KNOWN_SECONDS: Final = 5.0
"""How long a login, a key or a token is known: a key that is revoked works so long at most."""
KNOWN_MAX: Final = 20_000


class People:
    """Users, and what they show to say who they are."""

    def __init__(self, settings: Settings, reading: Reading) -> None:
        self.passwords = Passwords()
        self.writing = Reading(settings, threads=THREADS, read_only=False)
        self.users = Users(self.writing)
        self.audit = Audit(self.writing)
        self._kyc = Kyc(settings.kyc_limits)
        self._kyc_days = KycDays(settings.kyc_day_limits, self.writing)
        self._reading = reading
        self._token_life = timedelta(seconds=settings.http_token_seconds)
        self._logins: Memory[str, Login] = Memory(KNOWN_SECONDS, KNOWN_MAX)
        self._bearers: Memory[bytes, Principal] = Memory(KNOWN_SECONDS, KNOWN_MAX)

    async def by_password(self, username: str, password: str) -> Principal | None:
        """Who has this name and password; the same work is done for names that nobody has."""
        login = self._logins.get(username, time.monotonic())
        if login is None:
            login = await self._reading.read(reading.login, username)
            if login:
                self._logins.put(username, login, time.monotonic())
        known = login.password_hash if login else None
        if not await self.passwords.check(password, known) or login is None:
            return None
        return login.user.principal

    async def by_bearer(self, bearer: str) -> Principal | None:
        """Whose a key or a token is."""
        digest = bearers.hash_of(bearer)
        found = self._bearers.get(digest, time.monotonic())
        if found is None:
            is_key = bearer.startswith(bearers.KEY_PREFIX)
            query = reading.principal_of_key if is_key else reading.principal_of_token
            found = await self._reading.read(query, digest)
            if found:
                self._bearers.put(digest, found, time.monotonic())
        return found

    async def new_token(self, user_id: int) -> tuple[str, datetime]:
        """A token of a user, and when it ends; those of everybody that have ended are deleted."""
        token, now = bearers.new_token(), datetime.now(UTC)
        ends = now + self._token_life
        await self.writing.read(_keep_token, bearers.hash_of(token), user_id, now, ends)
        return token, ends

    async def end_token(self, token: str) -> bool:
        """Let a token end now; whether there was one."""
        digest = bearers.hash_of(token)
        self._bearers.forget(digest)
        return await self.writing.read(_end_token, digest)

    async def user(self, number: int) -> UserRow | None:
        """The user with an id."""
        return await self._reading.read(reading.user, number)

    async def user_by_name(self, username: str) -> UserRow | None:
        """The user with a username."""
        return await self._reading.read(reading.user_by_name, username)

    async def user_by_phone(self, phone_number: str) -> UserRow | None:
        """The user with a phone number."""
        return await self._reading.read(reading.user_by_phone, phone_number)

    async def user_by_wallet(self, wallet_id: str) -> UserRow | None:
        """The user whose wallet it is."""
        return await self._reading.read(reading.user_by_wallet, wallet_id)

    async def admit(
        self, who: Principal, message: Message, *, is_dry: bool = False
    ) -> Taken | None:
        """Let a command through that moves no more than who asks may, at once and in a day.

        Gives what it has taken from the day. What the ledger could not read it refuses itself.
        Raises EarlyError 403, or 503 where the database does not say what was moved today.
        """
        if who.role not in PEOPLE:
            return None
        decoded = decoding.decode(message.key, message.value, message.headers)
        if not isinstance(decoded, Command):
            return None
        self._kyc.refuse(who, decoded.type, {"amount": getattr(decoded.data, "amount", None)})
        return await self._kyc_days.admit(who, decoded, is_dry=is_dry)

    async def give_back(self, taken: Taken) -> None:
        """Give back what admit() has taken for a command that was certainly not sent."""
        await self._kyc_days.give_back(taken)

    async def close(self) -> None:
        """Write what is to be logged, then let threads and connections go."""
        await self.audit.close()
        self.passwords.close()
        self.writing.close()


def _keep_token(
    connection: Connection, digest: bytes, user_id: int, now: datetime, ends: datetime
) -> None:
    connection.execute(delete(tokens).where(tokens.c.expires_at < now))
    row = {"hash": digest, "user_id": user_id, "created_at": now, "expires_at": ends}
    connection.execute(insert(tokens).values(row))


def _end_token(connection: Connection, digest: bytes) -> bool:
    return connection.execute(delete(tokens).where(tokens.c.hash == digest)).rowcount == 1
