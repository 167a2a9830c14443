"""A ledger whose ways to Kafka and PostgreSQL break under load: nothing is lost or doubled."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest

from schemas.settings import Settings
from tests.ledgers import Ledger, tell
from tests.loads import Load, pause
from tests.workers import Workers, wait_until
from wallet.torture.proxy import Proxy
from wallet.torture.proxy_faults import ANY, OF_KAFKA, OF_POSTGRES, Blow

pytestmark = [pytest.mark.fault, pytest.mark.integration]

SEED = 20261125
PATIENCE = 60.0
SHORT_SECONDS = 1.5
"""The full run has longer ones."""


@contextmanager
def ways(settings: Settings) -> Iterator[tuple[dict[str, Proxy], Settings]]:
    """A proxy before each server, and the settings of whoever goes through them."""
    url = urlsplit(settings.database_url)
    ports = {"kafka": int(settings.kafka_bootstrap.rpartition(":")[2]), "postgres": url.port or 0}
    proxies = {name: Proxy(port, is_kafka=name == "kafka").start() for name, port in ports.items()}
    through = url._replace(netloc=f"{url.username}@{proxies['postgres'].address}").geturl()
    kafka = proxies["kafka"].address
    try:
        yield (
            proxies,
            settings.model_copy(update={"kafka_bootstrap": kafka, "database_url": through}),
        )
    finally:
        for proxy in proxies.values():
            proxy.stop()


def strike(proxy: Proxy, blow: Blow, dice: Random) -> None:
    """As wallet.torture.proxy_faults does, in a hurry."""
    seconds = min(blow.begin(proxy, dice), SHORT_SECONDS)
    if blow.is_held:
        wait_until(lambda: not proxy.waits, PATIENCE, "commits to hold back")
    pause(seconds)
    if blow.is_cut_after:
        proxy.cut_all()
    proxy.heal()


def test_the_ways_to_both_servers_break(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """One after the other, in some of all manners; in the end everything is done once."""
    ledger = Ledger(new_ledger(batch_max=100), SEED)
    dice = Random(SEED)  # noqa: S311 - chance that repeats
    blows = [
        (server, blow)
        for server, own in (("kafka", OF_KAFKA), ("postgres", OF_POSTGRES))
        for blow in (dice.choice(own), dice.choice(ANY))
    ]
    tell(f"seed {SEED}: {[(server, blow.what) for server, blow in blows]}")
    with ways(ledger.settings) as (proxies, behind), Workers(behind, tmp_path) as workers:
        both = workers.start_and_hold("1", "2")
        with Load(ledger, per_second=300):
            for server, blow in blows:
                pause(0.5)
                strike(proxies[server], blow, dice)
        findings = ledger.verify(90)
        tell(f"{ledger.sent} commands; deaths {[worker.deaths for worker in both]}")
        assert findings.counts["results"] + findings.counts["repeated"] == ledger.sent
        assert all(proxy.counts["held"] for proxy in proxies.values())
