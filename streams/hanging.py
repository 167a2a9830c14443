"""Transactions that Kafka has decided and not ended: found, and ended.

When a broker comes back, or was stopped so long that its controller has given it up, partitions
have no leader for a moment. A coordinator that has markers to write just then takes those
partitions for deleted, skips them, and calls the transaction complete (Kafka 4.3.1, all versions
before: `TransactionMarkerChannelManager`, "likely deleted already and hence can be skipped").
What stood in it is then neither committed nor aborted to any reader, and the next marker of the
same producer decides it: a claim that read the log before that would say everything twice.

So nothing is said before readers see what was said last (streams.publisher), and a claim ends what
hangs before it reads. It commits: all that a ledger's transaction holds is stored, and the claim
says what is missing behind it.
"""

from collections.abc import Collection
from typing import Final

from producers.hanging import end
from schemas.settings import Settings
from streams.ends import Ends
from streams.rows import Place

TRANSACTION_TIMEOUT_MS: Final = 15_000
"""A dead owner's open transaction hides results no longer than this; a claim ends it sooner.

No record waits longer for its leader either. A cluster needs 9 s to miss a broker that was killed
and one or two until another leads: whoever has waited for that goes on without a claim.
"""


def transactional_id(settings: Settings, place: Place) -> str:
    """The name that all owners of a partition have in common, so that the last one counts."""
    return f"{settings.application}-{place.topic}-{place.partition}"


def topics_of(settings: Settings) -> list[str]:
    """The topics that only the owner of a partition writes to, in transactions."""
    topics = settings.topics
    said = (topics.results, topics.events, topics.scheduled, topics.dead_letters)
    return [topic.name for topic in said]


def hanging(ends: Ends, settings: Settings, place: Place) -> list[str]:
    """The topics in which something stands undecided on a partition, none of it in progress.

    To be asked once the last owner is shut out: then no transaction is open that may still end.
    """
    names = topics_of(settings)
    # Both at once; nobody else writes there.
    written = ends.ask(names, place.partition, decided=False)
    seen = ends.ask(names, place.partition, decided=True).answer()
    return [name for name, end in written.answer().items() if seen[name] < end]


def commit(settings: Settings, place: Place, topics: Collection[str]) -> None:
    """Commit what hangs in these topics (producers.hanging)."""
    partitions = [(topic, place.partition) for topic in topics]
    end(settings, transactional_id(settings, place), partitions, commits=True)
