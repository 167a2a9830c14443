"""A cluster of three brokers, one of which dies under load: others lead, and nothing is said twice.

While a leader is away nobody can tell how far its logs go. Whoever guesses takes a log for an empty
one, or for a shorter one than the database knows.
"""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from schemas.settings import Settings
from schemas.topics import Topics
from streams.claim import claim
from streams.rows import Place
from tests.clusters import Cluster, running_cluster
from tests.hands import Hand
from tests.ledgers import Ledger, tell
from tests.loads import Load, pause
from tests.workers import Workers, wait_until

pytestmark = [
    pytest.mark.fault,
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.timeout(400),  # three brokers to start, on what a machine has left
]

SEED = 20261123
PARTITIONS = 6
VERDICT_SECONDS = 120


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of this file."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def ledger(cluster: Cluster, new_ledger: Callable[..., Settings]) -> Ledger:
    """A ledger on it, where no broker leads both the commands and the results of a partition."""
    topics = Topics(f"apart-{uuid.uuid4().hex[:10]}.", PARTITIONS)
    cluster.make(topics.commands, first=1)
    cluster.make(topics.results, first=2)
    made = new_ledger(
        kafka_bootstrap=cluster.bootstrap, partitions=PARTITIONS, topic_prefix=topics.prefix
    )
    cluster.await_whole()
    return Ledger(made, SEED)


def test_each_broker_dies_under_load(cluster: Cluster, ledger: Ledger, tmp_path: Path) -> None:
    """Two workers go on as soon as others lead; none takes silence for a log that was cut."""
    topic = ledger.settings.topics.results.name
    with Workers(ledger.settings, tmp_path) as workers:
        both = workers.start_and_hold("1", "2")
        with Load(ledger, per_second=60):
            for number, node in cluster.nodes.items():
                pause(1.0)
                node.kill()
                led = partial(cluster.is_led_without, topic, number)
                wait_until(led, 60, "other leaders")
                cluster.restart(number)
        findings = ledger.verify(VERDICT_SECONDS)
        counts = findings.counts
        assert counts["results"] + counts["repeated"] == ledger.sent
        tell(f"{ledger.sent} commands; deaths {[worker.deaths for worker in both]}")
        for worker in both:
            assert "the commands log was cut" not in worker.said
            assert "InconsistentError" not in worker.said


def test_a_claim_waits_for_who_leads_the_results(cluster: Cluster, ledger: Ledger) -> None:
    """The leader of its results is dead, that of its commands is not: nothing is said again."""
    settings, topics = ledger.settings, ledger.settings.topics
    for partition in range(PARTITIONS):
        hand, wallet = Hand(settings, partition), ledger.wallet_on(partition)
        ledger.send(ledger.command("wallet.create", wallet))
        ledger.send(ledger.command("deposit", wallet, amount="5.00"))
        hand.batch()
    asked, told = cluster.leaders(topics.commands.name), cluster.leaders(topics.results.name)
    dying = max(cluster.nodes, key=lambda n: sum(told[p] == n != asked[p] for p in told))
    apart = [p for p in told if told[p] == dying != asked[p]]
    assert apart
    cluster.nodes[dying].kill()
    with ThreadPoolExecutor(len(apart)) as pool:
        places = [Place(topics.commands.name, p, settings.partitions) for p in apart]
        claims = [pool.submit(claim, settings, place, "test", lambda: True) for place in places]
    tell(f"partitions {apart}: {[each.exception() for each in claims]}")
    cluster.restart(dying)
    ledger.verify(VERDICT_SECONDS)
    assert len(ledger.results()) == 2 * PARTITIONS
