"""A database that takes a question and never answers: nobody waits for ever."""

from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
from sqlalchemy import select

from consumers.failure import LookingError
from consumers.looking import Looking
from producers import answering
from producers.answering import LimitedConnection
from schemas.settings import Settings
from wallet.torture.proxy import Proxy
from wallet.torture.proxy_links import Side

pytestmark = pytest.mark.integration


@pytest.fixture
def proxy(fresh_ledger: Settings) -> Iterator[Proxy]:
    """Before the session's PostgreSQL."""
    made = Proxy(urlsplit(fresh_ledger.database_url).port or 0, is_kafka=False).start()
    yield made
    made.stop()


@pytest.fixture
def behind(fresh_ledger: Settings, proxy: Proxy) -> dict[str, Any]:
    """What a client is given that goes through the proxy, with little patience."""
    url = urlsplit(fresh_ledger.database_url)
    through = url._replace(netloc=f"{url.username}@{proxy.address}").geturl()
    return fresh_ledger.model_copy(update={"database_url": through}).database_client("test")


@pytest.mark.parametrize("ask", ["execute", "commit", "rollback"])
def test_an_answer_that_stays_away_is_an_error(
    proxy: Proxy, behind: dict[str, Any], monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    """In time, as if the server were gone; the next connection is well, and quick ones stay."""
    monkeypatch.setattr(answering, "SPARE_SECONDS", 0.5)
    with closing(answering.connect(500, **behind)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        proxy.deafen()
        with pytest.raises((psycopg2.OperationalError, psycopg2.InterfaceError)):
            cursor.execute("SELECT 1") if ask == "execute" else getattr(connection, ask)()
        with closing(answering.connect(500, **behind)) as other, other.cursor() as again:
            again.execute("SELECT %s", (7,))
            assert again.fetchone() == (7,)
    proxy.heal()


def test_the_servers_own_limit_comes_first(
    proxy: Proxy, behind: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that takes too long is told by the server, and the connection goes on."""
    monkeypatch.setattr(answering, "SPARE_SECONDS", 30.0)
    with closing(answering.connect(0, **behind)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("SET statement_timeout = '100ms'")
        with pytest.raises(psycopg2.errors.QueryCanceled):
            cursor.execute("SELECT pg_sleep(20)")
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
        assert proxy.counts[Side.TO_CLIENT] > 0


def test_a_server_side_cursor_has_its_limit(
    proxy: Proxy, behind: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows come with later questions, and those may stay unanswered too."""
    monkeypatch.setattr(answering, "SPARE_SECONDS", 0.5)
    with closing(answering.connect(500, **behind)) as connection:
        cursor = connection.cursor(name="many")
        cursor.execute("SELECT generate_series(1, 10)")
        assert cursor.fetchmany(2) == [(1,), (2,)]
        proxy.deafen()
        with pytest.raises((psycopg2.OperationalError, psycopg2.InterfaceError)):
            cursor.fetchmany(2)
    proxy.heal()


def test_a_copy_has_its_limit(
    proxy: Proxy, behind: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it ends, it ends."""
    monkeypatch.setattr(answering, "SPARE_SECONDS", 0.5)
    with closing(answering.connect(500, **behind)) as connection, connection.cursor() as cursor:
        proxy.deafen()
        with pytest.raises((psycopg2.OperationalError, psycopg2.InterfaceError)):
            cursor.copy_expert("COPY (SELECT 1) TO STDOUT", BytesIO())
    proxy.heal()


def test_who_looks_does_not_wait_for_ever(
    proxy: Proxy, behind: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A way that went deaf meanwhile is replaced; one that does so in the middle is an error."""
    monkeypatch.setattr(LimitedConnection, "limit", 1.0)
    nobody = "0193a0e4-0000-7000-8000-000000000000"
    with Looking(behind["dsn"]) as looking:
        assert looking.wallet(nobody) is None
        assert proxy.deafen() == 1
        assert looking.wallet(nobody) is None
        with pytest.raises(LookingError, match="does not answer"):
            _ask_twice(looking, proxy)
    proxy.heal()


def _ask_twice(looking: Looking, proxy: Proxy) -> None:
    """On one connection, which goes deaf in between."""
    with looking.connected() as asking:
        asking.execute(select(1))
        proxy.deafen()
        asking.execute(select(1))
