"""A database that takes a question and never answers: nobody waits for ever."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from producers import answering
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
