"""Addresses as libpq takes them: what follows from one, and the engines of SQLAlchemy."""

from typing import Any

import psycopg2
import pytest
from psycopg2 import errors
from psycopg2.extensions import parse_dsn
from sqlalchemy.exc import DBAPIError, OperationalError
from structlog.testing import capture_logs

from producers import databases
from producers.http.errors import EarlyError
from producers.http.reading import Reading, answers
from schemas.settings import Settings

TWO_HOSTS = "postgresql://ann:se%20cret@db1:5433,db2:5434/wallet?target_session_attrs=read-write"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (TWO_HOSTS, "wallet"),
        ("host=db dbname='my wallet'", "my wallet"),
        ("postgresql://db1", None),
        ("", None),
    ],
)
def test_its_name(address: str, name: str | None) -> None:
    """However it is written; libpq has its own idea where it is left out."""
    assert databases.name_of(address) == name


@pytest.mark.parametrize("address", [TWO_HOSTS, "host=db password='se cret'", "postgresql://db1"])
def test_another_one_beside_it(address: str) -> None:
    """The same server, by the same rights; only the database is another."""
    assert parse_dsn(databases.beside(address, "other")) == {
        **parse_dsn(address),
        "dbname": "other",
    }


def test_an_engine_connects_as_libpq_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy would refuse two hosts; here the address is not even looked at."""
    asked: list[tuple[Any, ...]] = []

    def connect(address: str, **given: object) -> None:
        asked.append((address, given))
        raise psycopg2.OperationalError("nobody there")

    monkeypatch.setattr(psycopg2, "connect", connect)
    engine = databases.engine(TWO_HOSTS, {"connect_timeout": 3}, pool_size=2)
    with pytest.raises(OperationalError, match="nobody there"):
        engine.connect()
    assert asked == [(TWO_HOSTS, {"connect_timeout": 3})]


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        ("25006", True),  # a server that is read-only
        ("42501", True),  # a right that is missing
        ("42P01", True),  # a table that is missing
        ("57P01", True),  # a server that is stopped
        ("53100", True),  # a disk that is full
        ("42703", False),  # a column that is none
        ("42601", False),  # a statement that is none
        ("22003", False),  # a number that is too large
        ("23505", False),  # a row that is there already
    ],
)
def test_what_is_wrong_itself_stays_wrong(code: str, *, passes: bool) -> None:
    """A server that takes nothing may later; a row or a statement that is wrong is so for ever."""
    kind = errors.lookup(code)
    refused = type(kind.__name__, (kind,), {"pgcode": code})()  # else only a server can set it
    raised = DBAPIError.instance("SELECT 1", {}, refused, psycopg2.Error)
    assert isinstance(raised, DBAPIError)
    assert databases.may_pass(raised) is passes


@pytest.mark.parametrize("words", ["no results to fetch", "can't adapt type 'Wallet'"])
def test_what_psycopg2_itself_refuses_is_a_bug_of_ours(words: str) -> None:
    """It asks no server for it, as for an address that it cannot read."""
    wrong = psycopg2.ProgrammingError(words)
    raised = DBAPIError.instance("SELECT 1", {}, wrong, psycopg2.Error)
    assert isinstance(raised, DBAPIError)
    assert not databases.may_pass(raised)


async def test_a_gateway_with_an_address_that_cannot_be_read_shows_no_password() -> None:
    """Its database is away; the log tells why, and nothing that libpq quotes."""
    reading = Reading(Settings(database_url="host=db password=my secret dbname=d"), threads=1)
    with capture_logs() as lines, pytest.raises(EarlyError) as refused:
        await reading.read(answers)
    reading.close()
    assert refused.value.answer.status == 503
    assert [line["why"] for line in lines] == [
        "an address that cannot be read: libpq cannot read it"
    ]
