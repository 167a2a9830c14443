"""All checks, one after the other; where a server does not answer, those that need it are left."""

import os
from collections.abc import Iterable, Iterator

from schemas.settings import Settings
from wallet.doctor import around, database, topics, work
from wallet.doctor.findings import Finding, told
from wallet.failure import Failure


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, as they are found; half a minute at most, whatever does not answer."""
    yield from around.environment(os.environ)
    kafka = list(_contract(settings))
    yield from kafka
    stored = list(told("postgresql", database.looked_at(settings)))
    yield from stored
    if not _has_harm(kafka, topics.KAFKA, topics.MISSING, topics.COUNTS):
        yield from told("partitioner", topics.producers(settings))
        is_stored = not _has_harm(stored, "postgresql", "migrations")
        yield from told("work", work.work(settings, is_stored=is_stored))
    yield around.bank(settings)
    yield around.receipts(settings)


def _contract(settings: Settings) -> Iterator[Finding]:
    try:
        yield from topics.contract(settings)
    except Failure as error:
        yield topics.unanswered(error)


def _has_harm(findings: Iterable[Finding], *checks: str) -> bool:
    return any(each.level == "harm" for each in findings if each.check in checks)
