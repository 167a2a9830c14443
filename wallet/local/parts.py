"""The servers of a copy: started here, or somebody else's where an address is set."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from producers.addresses import without_password
from schemas.settings import Settings
from wallet import migrate, topics
from wallet.failure import Failure
from wallet.local import bank, jars, kafka, leftovers, ports, postgres
from wallet.local.asking import until_yes
from wallet.local.lag import LagReader
from wallet.local.process import Process, ProcessSpec
from wallet.local.supervisor import Supervisor
from wallet.local.telling import Telling
from wallet.wrong_settings import told_by_name

READY_SECONDS: Final = 60.0
# So often dead before it was ever ready, a server will not get ready.
RESTARTS_BEFORE_READY: Final = 3
# For a server that has answered already.
SETTLED_SECONDS: Final = 10.0

KAFKA_VARIABLE: Final = "WALLET_KAFKA_BOOTSTRAP"
DATABASE_VARIABLE: Final = "WALLET_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Parts:
    """Which servers are ours to start, on which ports (None: a real one is used instead)."""

    kafka_port: int | None
    postgres_port: int | None
    bank_port: int | None

    @property
    def are_ours(self) -> bool:
        """Whether nobody else works on this ledger."""
        return self.kafka_port is not None and self.postgres_port is not None

    def settings(self) -> Settings:
        """Give the settings of all processes of this copy.

        Raises:
            UsageFailure: one that the environment says is wrong.

        """
        given: dict[str, Any] = {}
        if self.kafka_port is not None:
            given["kafka_bootstrap"] = f"{ports.HOST}:{self.kafka_port}"
        if self.postgres_port is not None:
            given["database_url"] = postgres.url(self.postgres_port)
        if self.bank_port is not None:
            given |= bank.settings(self.bank_port)
        with told_by_name(Settings):
            return Settings(**given)  # the rest is read from the environment


@dataclass(frozen=True, slots=True)
class Starter:
    """Brings the parts to where workers can start, side by side."""

    parts: Parts
    settings: Settings
    supervisor: Supervisor
    telling: Telling
    lag: LagReader

    @property
    def environment(self) -> dict[str, str]:
        """Give what the processes that work on the parts need in their environment."""
        bank_port = self.parts.bank_port
        of_bank = {} if bank_port is None else bank.settings(bank_port)
        return {
            KAFKA_VARIABLE: self.settings.kafka_bootstrap,
            DATABASE_VARIABLE: self.settings.database_url,
            "WALLET_DATA": str(self.supervisor.folder.root),
            **{f"WALLET_{name.upper()}": str(value) for name, value in of_bank.items()},
        }

    async def start(self) -> None:
        """Start them, apply migrations and topics.

        Raises:
            Failure: one of them does not get ready.

        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._start_kafka())
                group.create_task(self._start_postgres())
                group.create_task(self._start_bank())
        except* Failure as failures:
            raise failures.exceptions[0] from None

    async def _start_kafka(self) -> None:
        admin = topics.client(self.settings)
        if self.parts.kafka_port is None:
            await self._await_other(
                f"Kafka at {self.settings.kafka_bootstrap}",
                lambda: topics.answers(admin),
                KAFKA_VARIABLE,
            )
        else:
            await self._run_kafka(self.parts.kafka_port, lambda: topics.answers(admin))
        made = await asyncio.to_thread(topics.apply, self.settings, SETTLED_SECONDS)
        self.telling.line(f"topics: {len(made)} made" if made else "topics: nothing to do")

    async def _run_kafka(self, port: int, answers: Callable[[], bool]) -> None:
        folder = self.supervisor.folder.kafka
        await self._fetch_jars()
        await asyncio.to_thread(kafka.prepare, folder, port, ports.free())
        process = await self.supervisor.start_server(self._marked(kafka.spec(folder)))
        await until_ready(process, answers)
        self.telling.line(f"Kafka answers at {self.settings.kafka_bootstrap}")

    async def _fetch_jars(self) -> None:
        folder = jars.cache_folder()
        missing = jars.missing(jars.locked(), folder)
        if missing:
            total = sum(jar.size_bytes for jar in missing)
            with self.telling.fetching("Apache Kafka", total) as progress:
                await jars.fetch(missing, folder, progress)

    async def _start_postgres(self) -> None:
        url = self.settings.database_url
        if self.parts.postgres_port is None:
            await self._await_other(
                f"PostgreSQL at {without_password(url)}",
                lambda: migrate.refusal(url) is None,
                DATABASE_VARIABLE,
            )
        else:
            await self._run_postgres(self.parts.postgres_port)
        await asyncio.to_thread(migrate.upgrade, url, SETTLED_SECONDS)
        self.telling.line("migrations applied")

    async def _run_postgres(self, port: int) -> None:
        folder = self.supervisor.folder.postgres
        await asyncio.to_thread(postgres.prepare, folder)
        process = await self.supervisor.start_server(self._marked(postgres.spec(folder, port)))
        admin_url = postgres.url(port, postgres.SUPERUSER)
        await until_ready(process, lambda: migrate.refusal(admin_url) is None)
        await asyncio.to_thread(postgres.make_database, port)
        self.telling.line(f"PostgreSQL answers at {ports.HOST}:{port}")

    async def _start_bank(self) -> None:
        if self.parts.bank_port is not None:
            folder, address = self.supervisor.folder, self.settings.bank_url
            spec = bank.spec(folder, self.parts.bank_port)
            process = await self.supervisor.start_server(self._marked(spec))
            await until_ready(process, lambda: bank.answers(address))
            self.telling.line(f"the pretend bank answers at {address}")

    async def _await_other(self, what: str, answers: Callable[[], bool], variable: str) -> None:
        """Wait for a server that is not ours; Ctrl-C ends the wait within one probe."""
        self.telling.line(f"waiting for {what} ({variable})")
        try:
            await until_yes(answers, READY_SECONDS)
        except TimeoutError:
            raise Failure(
                f"{what} does not answer ({READY_SECONDS:.0f} s); start it,"
                f" or unset {variable} to have a local one started"
            ) from None

    def _marked(self, spec: ProcessSpec) -> ProcessSpec:
        return leftovers.marked(spec, self.supervisor.folder)


async def until_ready(process: Process, answers: Callable[[], bool]) -> None:
    """Ask until it answers.

    Raises:
        Failure: the process dies again and again, or the time is over.

    """

    def ask() -> bool:
        if process.restarts >= RESTARTS_BEFORE_READY:
            raise Failure(f"{process.name} does not start: {process.last_words()}")
        return answers()

    try:
        await until_yes(ask, READY_SECONDS)
    except TimeoutError:
        raise Failure(
            f"{process.name} does not answer after {READY_SECONDS:.0f} s: {process.last_words()}"
        ) from None
