"""Connections to PostgreSQL that are open and pass nothing on, and that nobody comes to heal."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from schemas.settings import Settings
from tests.consumers import delayed_consumer
from tests.gateways import served
from tests.ledgers import Ledger, opening
from tests.workers import Workers, rows, wait_until
from wallet.torture.proxy import Proxy

pytestmark = [pytest.mark.fault, pytest.mark.integration]

PATIENCE = 60.0
_DONE = "SELECT count(*) FROM withdrawals WHERE status = 1"


@pytest.fixture(scope="module")
def impatient(new_ledger: Callable[..., Settings]) -> Settings:
    """A ledger whose clients lose patience soon."""
    return new_ledger(statement_timeout_ms=1000)


@pytest.fixture
def proxy(impatient: Settings) -> Iterator[Proxy]:
    """Before the session's PostgreSQL; never healed."""
    made = Proxy(urlsplit(impatient.database_url).port or 0, is_kafka=False).start()
    yield made
    made.stop()


def behind(settings: Settings, proxy: Proxy) -> Settings:
    """For whoever goes through it."""
    url = urlsplit(settings.database_url)
    through = url._replace(netloc=f"{url.username}@{proxy.address}").geturl()
    return settings.model_copy(update={"database_url": through})


def test_a_delayed_consumer_finds_out(impatient: Settings, proxy: Proxy, tmp_path: Path) -> None:
    """What is due later is executed all the same: it asks anew, without being started anew."""
    settings, through = impatient, behind(impatient, proxy)
    ledger = Ledger(settings, 3)
    wallet = ledger.wallet_on(0)
    with Workers(settings, tmp_path) as workers, delayed_consumer(through, tmp_path) as delayed:
        workers.start_and_hold()
        ledger.ask(*opening(ledger, [wallet]))
        assert proxy.deafen() > 0
        ledger.ask(
            ledger.command(
                "withdrawal.schedule", wallet, amount="1.00", delay="PT1S", target="IR-1"
            )
        )

        def executed() -> bool:
            with rows(settings, _DONE) as found:
                return bool(found[0][0] == 1)

        wait_until(executed, PATIENCE, "execution", delayed)
        assert "PostgreSQL does not answer" in delayed.said
        assert delayed.deaths == []
    ledger.verify()


def test_a_gateway_finds_out(impatient: Settings, proxy: Proxy, tmp_path: Path) -> None:
    """All of its connections are lost at once: it answers again without being started anew."""
    with served(behind(impatient, proxy), tmp_path) as gateway:
        wallet = gateway.new_wallet()
        assert proxy.deafen() > 0
        replies = [gateway("GET", f"/wallets/{wallet}/").status for _ in range(2)]
        assert set(replies) <= {200, 503}
        wait_until(
            lambda: gateway("GET", f"/wallets/{wallet}/").status == 200, PATIENCE, "an answer"
        )
