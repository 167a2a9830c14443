"""The database: its migrations and clock, and what in it waits for a person."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import psycopg2
from psycopg2.extensions import connection

from producers import answering, databases
from producers.addresses import why_refused, without_password
from schemas.settings import Settings
from schemas.statuses import WITHDRAWAL_STATUSES
from streams.reaching import other_count
from wallet.doctor.clocks import judge_skew
from wallet.doctor.findings import Finding, fine, harm, told, warning
from wallet.migrate import configuration

OVERDUE_SECONDS: Final = 60
"""A withdrawal that is due for so long should have been executed."""

_OVERDUE: Final = """
SELECT count(*) FROM withdrawals WHERE status = 0 AND due_at < now() - make_interval(secs => %s)
"""
_STATUS: Final = "SELECT count(*) FROM withdrawals WHERE status = %s"
_LETTERS: Final = """
SELECT count(*) FROM dead_letters AS l WHERE NOT EXISTS (
    SELECT FROM dead_letter_decisions AS d
    WHERE d.partition = l.partition AND d."offset" = l."offset")
"""
_STRAYS: Final = "SELECT coalesce(sum(mispartitioned), 0) FROM partitions WHERE topic = %s"


def looked_at(settings: Settings) -> Iterator[Finding]:
    """All findings of the database; only one where it does not answer or is not the ledger's."""
    shown = without_password(settings.database_url)
    try:
        given = settings.database_client("doctor")
        opened = answering.connect(settings.statement_timeout_ms, **given)
    except psycopg2.Error as error:
        fix = "start a local one with `wallet up`, or name yours in WALLET_DATABASE_URL"
        yield harm("postgresql", f"{shown} does not answer: {why_refused(error)}", fix)
        return
    with closing(opened):
        databases.only_read(opened)
        yield fine("postgresql", f"{opened.server_version // 10000} answers at {shown}")
        migrations = list(told("migrations", _migrations(opened)))
        yield from migrations
        yield from told("database's clock", _clock(opened))
        if all(each.level == "fine" for each in migrations):
            yield from _waiting(opened, settings)


def _migrations(opened: connection) -> Iterator[Finding]:
    # Half a second of imports that the other commands need not wait for.
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    script = ScriptDirectory.from_config(configuration())
    head = script.get_current_head()
    try:
        has = _one(opened, "SELECT version_num FROM alembic_version")
    except psycopg2.errors.UndefinedTable:
        has = None
    if has == head:
        yield fine("migrations", f"at the newest, {head}")
    elif has is None:
        yield harm("migrations", "there are no tables of the ledger", "wallet migrate")
    elif has not in {each.revision for each in script.walk_revisions()}:
        what = f"at {has}, which this version does not know; its newest is {head}"
        yield harm("migrations", what, "run the version that has migrated it, or a newer one")
    else:
        yield harm("migrations", f"at {has}, the newest is {head}", "wallet migrate")


def _clock(opened: connection) -> Iterator[Finding]:
    before = time.time()
    theirs = float(_one(opened, "SELECT extract(epoch FROM clock_timestamp())"))
    yield judge_skew("database's clock", theirs - (before + time.time()) / 2)


def _waiting(opened: connection, settings: Settings) -> Iterator[Finding]:
    """Each check by itself: a right that is missing of one table hides no other finding."""
    checks = {
        "ledger's clock": _ahead(opened),
        "dead letters": _letters(opened),
        "reviews": _reviews(opened),
        "overdue": _overdue(opened),
        "strays": _strays(opened, settings),
        "wallets": _homes(opened, settings),
    }
    for check, findings in checks.items():
        if not opened.closed:
            yield from told(check, findings)


def _homes(opened: connection, settings: Settings) -> Iterator[Finding]:
    with opened.cursor() as cursor:
        wrong = other_count(cursor, settings.partitions)
    if wrong:
        yield harm("wallets", wrong, "set WALLET_PARTITIONS to the number it was made with")


def _ahead(opened: connection) -> Iterator[Finding]:
    ahead_ms = _one(opened, "SELECT coalesce(max(ahead_ms), 0) FROM clock")
    if ahead_ms:
        what = f"was moved {ahead_ms / 1000:,.0f} s ahead: this is a development copy"
        yield warning("ledger's clock", what, "never `wallet clock advance` where money is real")


def _letters(opened: connection) -> Iterator[Finding]:
    yield _counted(
        "dead letters", int(_one(opened, _LETTERS)), "wait for somebody to decide about them",
        "wallet dlq list, then retry or drop each",
    )  # fmt: skip


def _reviews(opened: connection) -> Iterator[Finding]:
    status = WITHDRAWAL_STATUSES.index("needs_review")
    yield _counted(
        "reviews", int(_one(opened, _STATUS, status)), "withdrawals wait for a person to look",
        "wallet withdrawals list --status needs_review, then wallet withdrawals resolve",
    )  # fmt: skip


def _overdue(opened: connection) -> Iterator[Finding]:
    overdue = int(_one(opened, _OVERDUE, OVERDUE_SECONDS))
    if overdue:
        what = f"{overdue:,} withdrawals are due for more than {OVERDUE_SECONDS} s"
        yield harm("overdue", what, "is `wallet delayed` running, and are the workers?")
    else:
        yield fine("overdue", "no withdrawal is late")


def _strays(opened: connection, settings: Settings) -> Iterator[Finding]:
    strays = int(_one(opened, _STRAYS, settings.topics.commands.name))
    if strays:
        yield fine("strays", f"{strays:,} commands in all were on a wrong partition; all were done")


def _counted(check: str, count: int, what: str, fix: str) -> Finding:
    return warning(check, f"{count:,} {what}", fix) if count else fine(check, "none waits")


def _one(opened: connection, query: str, *arguments: object) -> Any:  # noqa: ANN401 - a value
    with opened.cursor() as cursor:
        cursor.execute(query, arguments or None)
        row = cursor.fetchone()
    return None if row is None else row[0]
