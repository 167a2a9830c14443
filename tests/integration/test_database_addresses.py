"""Everybody reaches a database by an address of several hosts, or of keys and values."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Self

import pytest
from psycopg2 import errors
from psycopg2.extensions import make_dsn, parse_dsn
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from structlog.testing import capture_logs

from consumers.looking import Looking
from consumers.reader import Reader
from producers import databases
from producers.http import reading as http_reading
from producers.http.errors import EarlyError
from producers.http.reading import Reading
from schemas.settings import Settings
from streams.journal import connect
from tests.shell import Shell
from tests.workers import demoted, execute
from wallet import migrate

pytestmark = pytest.mark.integration

NOBODY = "01930f6e-0000-7000-8000-00000000dead"


@pytest.fixture(params=["two hosts, the first of them dead", "keys and values"])
def address(request: pytest.FixtureRequest, fresh_ledger: Settings) -> str:
    """Of the same ledger, as those who run PostgreSQL with a standby write it."""
    place = parse_dsn(fresh_ledger.database_url)
    name, port = place["dbname"], place["port"]
    return {
        "keys and values": str(make_dsn(**place)),
        "two hosts, the first of them dead": f"postgresql://postgres@127.0.0.1:1,127.0.0.1:{port}"
        f"/{name}?target_session_attrs=read-write",
    }[str(request.param)]


def test_all_ways_to_the_database(address: str, fresh_ledger: Settings) -> None:
    """A lane's, the gateway's, those of consumers and of the command line."""
    settings = fresh_ledger.model_copy(update={"database_url": address})
    migrate.upgrade(address)
    with closing(connect(settings, "lane")) as lane, lane.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM wallets")
    with Looking(address) as looking:
        assert looking.wallet(NOBODY) is None
    with closing(Reader(settings, "reader")) as reader:
        assert reader.rows("SELECT count(*) FROM wallets") == [(0,)]
        with pytest.raises(errors.ReadOnlySqlTransaction):
            reader.rows("CREATE TABLE written (at int)")
    shell = Shell(settings)
    assert f"there is no wallet {NOBODY}" in shell("balance", NOBODY).complained
    assert shell("users", "list", "--json").code == 0


async def test_the_gateway_reads_and_writes_nothing(address: str, fresh_ledger: Settings) -> None:
    """Its reading sessions; those of people and sellers write."""
    settings = fresh_ledger.model_copy(update={"database_url": address})
    for read_only in (True, False):
        reading = Reading(settings, threads=1, read_only=read_only)
        found = await reading.read(
            lambda connection: connection.execute(text("SHOW transaction_read_only")).scalar_one()
        )
        assert found == ("on" if read_only else "off")
        reading.close()


def test_an_engine_that_only_reads(address: str) -> None:
    """Also within a transaction, which SQLAlchemy begins by itself."""
    engine = databases.engine(address, {}, read_only=True)
    with (
        engine.connect() as connection,
        pytest.raises(DBAPIError, match="in a read-only transaction"),
    ):
        connection.execute(text("CREATE TABLE written (at int)"))


def _asked(connection: Connection, statement: str) -> object:
    """What a statement finds; it has a parameter that nobody should read of."""
    return connection.execute(text(statement), {"secret": "scrypt$"}).scalar_one()


async def test_a_gateway_stays_with_no_server_that_is_demoted(fresh_ledger: Settings) -> None:
    """Whoever writes is told to come again; then the address leads to the one that is promoted."""
    writing = Reading(fresh_ledger, threads=1, read_only=False)
    statement = "INSERT INTO kyc_moves VALUES {} RETURNING :secret"
    values = f"('{NOBODY}', now(), '{NOBODY}', '{NOBODY}', 1)"
    with demoted(fresh_ledger):
        for _ in range(2):
            with pytest.raises(EarlyError) as refused:
                await writing.read(_asked, statement.format(values))
            assert refused.value.answer.status == 503
    assert await writing.read(_asked, statement.format(values)) == "scrypt$"
    writing.close()


class Server:
    """What new sessions of a database take for their server: it answers what a test says."""

    def __init__(self, ledger: Settings) -> None:
        self._ledger = ledger
        self._name = databases.name_of(ledger.database_url)

    def __enter__(self) -> Self:
        execute(self._ledger, "CREATE SCHEMA doubles")
        self.says("false")
        path = "doubles, pg_catalog, public"
        execute(self._ledger, f"ALTER DATABASE {self._name} SET search_path = {path}")
        return self

    def __exit__(self, *_: object) -> None:
        execute(self._ledger, f"ALTER DATABASE {self._name} RESET search_path")
        execute(self._ledger, "DROP SCHEMA doubles CASCADE")

    def says(self, is_standby: str) -> None:
        """Answer so from now on."""
        execute(
            self._ledger,
            "CREATE OR REPLACE FUNCTION doubles.pg_is_in_recovery() RETURNS boolean"
            f" LANGUAGE sql AS 'SELECT {is_standby}'",
        )


@pytest.fixture
def server(fresh_ledger: Settings) -> Iterator[Server]:
    """A primary, as long as nothing else is said."""
    with Server(fresh_ledger) as made:
        yield made


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection asks its server whenever it is lent."""
    monkeypatch.setattr(http_reading, "ASK_SECONDS", 0)


async def _session(reading: Reading) -> object:
    return await reading.read(_asked, "SELECT pg_backend_pid()")


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize("read_only", [True, False])
async def test_a_gateway_reads_from_no_server_that_was_demoted(
    fresh_ledger: Settings, server: Server, *, read_only: bool
) -> None:
    """Nothing tells a connection that only reads; a standby that one was given is kept."""
    with closing(Reading(fresh_ledger, threads=1, read_only=read_only)) as reading:
        sessions = []
        for is_standby in ("false", "false", "true", "true", "false", "true"):
            server.says(is_standby)
            sessions.append(await _session(reading))
    first, other, last = sessions[0], sessions[2], sessions[5]
    assert sessions == [first, first, other, other, other, last]
    assert len({first, other, last}) == 3


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize(
    "said",
    ["false", "true", "1 / 0 = 0", "pg_sleep(60) IS NULL"],
    ids=["a primary", "a standby from the beginning", "an error", "nothing in time"],
)
async def test_connections_that_are_well_are_not_made_anew(
    fresh_ledger: Settings, server: Server, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs seconds where a host is dead, and none can be had where no more are taken."""
    monkeypatch.setattr(http_reading, "STATEMENT_MS", 200)
    server.says("true" if said == "true" else "false")
    all_are_lent = threading.Barrier(3)
    with closing(Reading(fresh_ledger, threads=3)) as reading:
        await asyncio.gather(*(reading.read(lambda _: all_are_lent.wait(30)) for _ in range(3)))
        before = await _sessions(reading)
        server.says(said)
        await asyncio.gather(*(_session(reading) for _ in range(9)))
        assert await _sessions(reading) == before
    assert len(before) == 3


async def _sessions(reading: Reading) -> list[int]:
    """Those of a gateway."""
    return await reading.read(
        lambda connection: list(connection.execute(text(_SESSIONS)).scalars())
    )


_SESSIONS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'wallet-gateway' ORDER BY pid
"""


async def test_a_server_is_asked_no_more_than_every_so_often(
    fresh_ledger: Settings, server: Server
) -> None:
    """Once a minute, and not for each read."""
    with closing(Reading(fresh_ledger, threads=1)) as reading:
        first = await _session(reading)
        server.says("true")
        assert [await _session(reading) for _ in range(3)] == [first] * 3


@pytest.mark.usefixtures("asking")
async def test_a_connection_that_broke_is_made_anew_where_it_asks(fresh_ledger: Settings) -> None:
    """Nobody is told that the database is away, for it is not."""
    with closing(Reading(fresh_ledger, threads=1)) as reading:
        first = await _session(reading)
        execute(fresh_ledger, f"SELECT pg_terminate_backend({first}, 5000)")
        assert await _session(reading) != first


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT :secret FROM nothing_there",
        "SET LOCAL ROLE pg_monitor; SELECT :secret FROM users",
    ],
)
async def test_what_the_database_refuses_whatever_it_is_may_do_later(
    statement: str, fresh_ledger: Settings
) -> None:
    """A right or a table is missing until somebody gives it; the log tells which."""
    reading = Reading(fresh_ledger, threads=1)
    with capture_logs() as lines, pytest.raises(EarlyError) as refused:
        await reading.read(_asked, statement)
    reading.close()
    assert refused.value.answer.status == 503
    assert [line["event"] for line in lines] == ["the database refuses a statement"]
    assert "scrypt$" not in str(lines)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT 1 / 0, :secret", DataError),
        ("INSERT INTO kyc_moves (wallet_id) VALUES (NULL) RETURNING :secret", IntegrityError),
    ],
)
async def test_what_is_wrong_stays_wrong(
    statement: str, kind: type[DBAPIError], fresh_ledger: Settings
) -> None:
    """It is an error of ours, and says nothing of what it was given."""
    writing = Reading(fresh_ledger, threads=1, read_only=False)
    with pytest.raises(kind) as wrong:
        await writing.read(_asked, statement)
    writing.close()
    assert "scrypt$" not in str(wrong.value)
