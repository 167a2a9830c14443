"""What the migrations make is what `schemas.tables` says, and it defends itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, pool, text
from sqlalchemy.exc import DBAPIError, IntegrityError

import schemas
from producers import databases
from schemas import tables_people  # noqa: F401 - adds its tables to those of the ledger
from schemas.settings import Settings
from schemas.tables import metadata
from wallet.migrate import configuration, upgrade

pytestmark = pytest.mark.integration

WALLET = "01930f6e-3c00-7000-8000-00000000000a"
OTHER = "01930f6e-3c00-7000-8000-00000000000b"
APPEND_ONLY = ("commands", "entries", "refunds", "http_audit", "dead_letter_decisions")

ROWS: dict[str, dict[str, Any]] = {
    "partitions": {"topic": "t", "partition": 0},
    "wallets": {
        "wallet_id": WALLET, "balance_minor": 5, "sequence": 1, "updated_at": "2026-11-20",
        "partition": 0, "status": 0, "currency": "IRR",
    },
    "commands": {
        "command_key": WALLET, "fingerprint": OTHER, "transaction_id": OTHER, "offset": 7,
        "partition": 0, "result": "{}",
    },
    "entries": {
        "account_id": WALLET, "transaction_id": OTHER, "sequence": 1, "amount_minor": -5,
        "balance_minor": 5, "currency": "IRR",
    },
    "refunds": {"transaction_id": WALLET, "refund_id": OTHER, "amount_minor": 5},
    "arrivals": {"wallet_id": WALLET, "sequence": 1, "partition": 0, "event": "{}"},
    "dead_letters": {"offset": 7, "partition": 0, "reason": "r", "record": "{}"},
    "dead_letter_decisions": {
        "decision": "dropped", "offset": 7, "partition": 0, "number": 1, "by": "b",
    },
    "users": {
        "created_at": "2026-11-20", "updated_at": "2026-11-20", "opens": WALLET, "role": "user",
        "username": "u",
    },
    "kyc_moves": {
        "wallet_id": WALLET, "day": "2026-11-20", "command_key": WALLET, "fingerprint": OTHER,
        "amount": 5,
    },
    "http_audit": {
        "id": WALLET, "asked_at": "2026-11-20", "status": 201, "principal": "user:1",
        "role": "admin", "address": "::1", "method": "POST", "path": "/", "request_id": "r",
        "command_ids": [],
    },
}  # fmt: skip
"""One good row of every table with a rule."""

SHAPE = {
    "columns": """
        SELECT table_name || '.' || column_name, udt_name, is_nullable, column_default,
               numeric_precision, numeric_scale, character_maximum_length, ordinal_position
        FROM information_schema.columns WHERE table_schema = :schema""",
    "constraints": """
        SELECT c.conname, replace(pg_get_constraintdef(c.oid), :schema || '.', '')
        FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid
        WHERE c.connamespace = CAST(:schema AS regnamespace)""",
    "indexes": """
        SELECT indexname, replace(indexdef, schemaname || '.', '')
        FROM pg_indexes WHERE schemaname = :schema""",
    "options": """
        SELECT c.relname, CAST(c.reloptions AS text) FROM pg_class AS c
        WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relkind = 'r'""",
}


def engine_of(settings: Settings) -> Engine:
    """Its connections are closed when they are given back."""
    return databases.engine(settings.database_url, {}, poolclass=pool.NullPool)


@pytest.fixture
def connection(fresh_ledger: Settings) -> Iterator[Connection]:
    """A connection whose work is undone."""
    with engine_of(fresh_ledger).connect() as opened:
        transaction = opened.begin()
        yield opened
        transaction.rollback()


def insert(connection: Connection, table: str, **changed: object) -> None:
    """Write the table's good row with these columns changed."""
    connection.execute(metadata.tables[table].insert().values({**ROWS[table], **changed}))


def shape(connection: Connection, schema: str) -> dict[str, set[tuple[Any, ...]]]:
    """What the catalogue knows of the ledger's tables in a schema."""
    found = {
        part: {tuple(row) for row in connection.execute(text(query), {"schema": schema})}
        for part, query in SHAPE.items()
    }
    return {
        part: {row for row in rows if not str(row[0]).startswith("alembic_version")}
        for part, rows in found.items()
    }


def test_alembic_finds_no_difference(connection: Connection) -> None:
    """`alembic revision --autogenerate` would be empty."""
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("part", list(SHAPE))
def test_the_catalogue_finds_no_difference(connection: Connection, part: str) -> None:
    """Tables made from the metadata are the migrated ones, checks, indexes and options included."""
    connection.execute(text("CREATE SCHEMA model"))
    connection.execute(text("SET LOCAL search_path = model"))
    metadata.create_all(connection)
    connection.execute(text("SET LOCAL search_path = public"))
    model, migrated = shape(connection, "model")[part], shape(connection, "public")[part]
    assert model - migrated == set()
    assert migrated - model == set()


def test_migrating_again_changes_nothing(fresh_ledger: Settings, connection: Connection) -> None:
    """Every worker's start may do it."""
    before = shape(connection, "public")
    upgrade(fresh_ledger.database_url)
    assert shape(connection, "public") == before


def test_there_is_one_line_of_migrations(connection: Connection) -> None:
    """One head, and the database stands at it."""
    config = configuration()
    heads = ScriptDirectory.from_config(config).get_heads()
    assert heads == list(MigrationContext.configure(connection).get_current_heads())
    assert len(heads) == 1


def test_migrations_are_found_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build server checks out into `job%2Fbranch`, and % means something to alembic."""
    place = tmp_path / "job%2Fbranch"
    place.symlink_to(schemas.__path__[0])
    monkeypatch.setattr(schemas, "__path__", [str(place)])
    config = configuration()
    assert str(ScriptDirectory.from_config(config).dir) == str(place / "migrations")


def test_the_ledger_is_not_unmade(fresh_ledger: Settings) -> None:
    """There is no way down that would drop what was booked."""
    config = configuration()
    config.attributes["engine"] = engine_of(fresh_ledger)
    with pytest.raises(NotImplementedError, match="drop the database"):
        command.downgrade(config, "base")


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_was_written_stays_written(connection: Connection, table: str, change: str) -> None:
    """The superuser too is refused; also when no row would be hit."""
    column = next(iter(ROWS[table]))
    insert(connection, table)
    with pytest.raises(DBAPIError, match=f"{table} is append-only") as refused:
        connection.execute(text(change.format(table, column, column)))
    assert getattr(refused.value.orig, "pgcode", None) == "WS003"


REFUSED: dict[str, tuple[str, dict[str, object]]] = {
    # the constraint: (table, the columns that break it)
    "wallets_never_negative": ("wallets", {"balance_minor": -1}),
    "wallets_sequence_counts": ("wallets", {"sequence": 0}),
    "wallets_status_known": ("wallets", {"status": 3}),
    "entries_never_negative": ("entries", {"balance_minor": -1}),
    "entries_world_has_no_balance": ("entries", {"sequence": None}),
    "refunds_positive": ("refunds", {"amount_minor": 0}),
    "partitions_forward": ("partitions", {"batch_offset": 1}),
    "dead_letter_decisions_decision_known": ("dead_letter_decisions", {"decision": "lost"}),
    "users_role_known": ("users", {"role": "root"}),
    "kyc_moves_positive": ("kyc_moves", {"amount": 0}),
    "users_kyc_level_known": ("users", {"kyc_level": 10}),
}


def test_every_check_is_tried(connection: Connection) -> None:
    """A new CHECK gets its line in REFUSED."""
    checks = connection.execute(text("SELECT conname FROM pg_constraint WHERE contype = 'c'"))
    ours = {name for (name,) in checks if any(name.startswith(f"{table}_") for table in ROWS)}
    assert ours == set(REFUSED)


@pytest.mark.parametrize("constraint", list(REFUSED))
def test_the_database_refuses_what_must_not_be(connection: Connection, constraint: str) -> None:
    """Each invariant twice: whatever a program forgets, the CHECK holds."""
    table, changed = REFUSED[constraint]
    with pytest.raises(IntegrityError, match=constraint):
        insert(connection, table, **changed)


def test_events_to_come_are_not_passed_by(connection: Connection) -> None:
    """Nor may the events of a batch start behind the next."""
    with pytest.raises(IntegrityError, match="partitions_forward"):
        insert(connection, "partitions", batch_event=1)


@pytest.mark.parametrize("table", list(ROWS))
def test_a_good_row_is_taken_once(connection: Connection, table: str) -> None:
    """The rows that the other tests break are good, and the keys are keys."""
    insert(connection, table)
    with pytest.raises(IntegrityError, match="duplicate key"):
        insert(connection, table)


def test_a_sequence_is_used_once_for_a_wallet(connection: Connection) -> None:
    """Two transactions cannot both be a wallet's first."""
    insert(connection, "entries")
    with pytest.raises(IntegrityError, match="entries_of_wallet"):
        insert(connection, "entries", transaction_id=WALLET)


def test_the_world_is_only_appended_to(connection: Connection) -> None:
    """Its entries have no sequence, so that no two commands meet there."""
    for _ in range(2):
        insert(connection, "entries", sequence=None, balance_minor=None)


def test_a_transaction_has_one_command(connection: Connection) -> None:
    """Rejected commands have none, and any number of them does."""
    insert(connection, "commands")
    for key in ("01930f6e-3c00-7000-8000-00000000000c", "01930f6e-3c00-7000-8000-00000000000d"):
        insert(connection, "commands", command_key=key, transaction_id=None)
    with pytest.raises(IntegrityError, match="commands_transaction_id_key"):
        insert(connection, "commands", command_key=OTHER)


@pytest.mark.parametrize("minor", [10**38 - 1, 0])
def test_balances_hold_38_digits(connection: Connection, minor: int) -> None:
    """And not one more."""
    insert(connection, "wallets", balance_minor=minor)
    with pytest.raises(DBAPIError, match="numeric field overflow"):
        insert(connection, "wallets", wallet_id=OTHER, balance_minor=10**38)
