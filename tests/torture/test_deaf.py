"""Connections that are open and pass nothing on, and that nobody comes to heal."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection, text

from producers.answering import LimitedConnection
from producers.http.errors import EarlyError
from producers.http.reading import Reading
from schemas.settings import Settings
from tests.consumers import delayed_consumer
from tests.ledgers import Ledger, opening
from tests.workers import Workers, rows, wait_until
from wallet.torture.proxy import Proxy

pytestmark = [pytest.mark.fault, pytest.mark.integration]

PATIENCE = 55.0
"""Less than the 60 s after which librdkafka would find out of itself."""
_DONE = "SELECT count(*) FROM withdrawals WHERE status = 1"


@pytest.fixture(scope="module")
def impatient(new_ledger: Callable[..., Settings]) -> Settings:
    """A ledger whose clients lose patience soon."""
    return new_ledger(statement_timeout_ms=1000)


@pytest.fixture
def proxies(impatient: Settings) -> Iterator[tuple[Proxy, Proxy]]:
    """Before the session's PostgreSQL and Kafka; never healed."""
    database = Proxy(urlsplit(impatient.database_url).port or 0, is_kafka=False).start()
    kafka = Proxy(int(impatient.kafka_bootstrap.rpartition(":")[2]), is_kafka=True).start()
    yield database, kafka
    database.stop()
    kafka.stop()


@pytest.fixture
def behind(impatient: Settings, proxies: tuple[Proxy, Proxy]) -> Settings:
    """For whoever goes through them."""
    database, kafka = proxies
    url = urlsplit(impatient.database_url)
    through = url._replace(netloc=f"{url.username}@{database.address}").geturl()
    return impatient.model_copy(update={"database_url": through, "kafka_bootstrap": kafka.address})


def test_a_delayed_consumer_finds_out(
    impatient: Settings, behind: Settings, proxies: tuple[Proxy, Proxy], tmp_path: Path
) -> None:
    """What is due later is executed all the same: it asks anew, without being started anew."""
    ledger = Ledger(impatient, 3)
    wallet = ledger.wallet_on(0)
    with Workers(impatient, tmp_path) as workers, delayed_consumer(behind, tmp_path) as delayed:
        workers.start_and_hold()
        ledger.ask(*opening(ledger, [wallet]))
        assert all(proxy.deafen() for proxy in proxies)
        ledger.ask(
            ledger.command(
                "withdrawal.schedule", wallet, amount="1.00", delay="PT1S", target="IR-1"
            )
        )

        def executed() -> bool:
            with rows(impatient, _DONE) as found:
                return bool(found[0][0] == 1)

        wait_until(executed, PATIENCE, "execution", delayed)
        assert "PostgreSQL does not answer" in delayed.said
        assert delayed.deaths == []
    ledger.verify()


def one(connection: Connection) -> int:
    """The shortest question."""
    return int(connection.execute(text("SELECT 1")).scalar_one())


async def test_a_gateway_finds_out(
    behind: Settings, proxies: tuple[Proxy, Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its only connection is lost: one read is a 503, and its thread is free for the next."""
    monkeypatch.setattr(LimitedConnection, "limit", 1.0)
    reading = Reading(behind, threads=1)
    try:
        assert await reading.read(one) == 1
        assert proxies[0].deafen() > 0
        with pytest.raises(EarlyError):
            await reading.read(one)
        assert await reading.read(one) == 1
    finally:
        reading.close()
