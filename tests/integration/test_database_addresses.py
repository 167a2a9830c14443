"""Everybody reaches a database by an address of several hosts, or of keys and values."""

from contextlib import closing

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
from tests.workers import demoted
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


@pytest.mark.parametrize(("age", "sessions"), [(60, 1), (0, 3)])
async def test_a_gateway_reads_from_no_server_for_ever(
    fresh_ledger: Settings, monkeypatch: pytest.MonkeyPatch, age: int, sessions: int
) -> None:
    """Nothing tells a connection that only reads that its server was demoted: it is made anew."""
    monkeypatch.setattr(http_reading, "RECYCLE_SECONDS", age)
    with closing(Reading(fresh_ledger, threads=1)) as reading:
        asked = [await reading.read(_asked, "SELECT pg_backend_pid()") for _ in range(3)]
    assert len(set(asked)) == sessions


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
