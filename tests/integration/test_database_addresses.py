"""Everybody reaches a database by an address of several hosts, or of keys and values."""

from contextlib import closing

import pytest
from psycopg2 import errors
from psycopg2.extensions import make_dsn, parse_dsn
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from consumers.looking import Looking
from consumers.reader import Reader
from producers import databases
from producers.http.reading import Reading
from schemas.settings import Settings
from streams.journal import connect
from tests.shell import Shell
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
