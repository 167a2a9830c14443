"""Addresses as libpq takes them: what follows from one, and the engines of SQLAlchemy."""

from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import parse_dsn
from sqlalchemy.exc import OperationalError

from producers import databases

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
