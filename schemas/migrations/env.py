"""Alembic's entry: runs the migrations by the engine in config.attributes["engine"]."""

from alembic import context
from sqlalchemy import text

from schemas import tables_people  # noqa: F401 - adds its tables to those of the ledger
from schemas.tables import metadata

MIGRATION_LOCK = 7_236_114
"""Advisory lock, so that two processes starting at once migrate one after the other."""


def run() -> None:
    """Bring the database to the newest revision in one transaction."""
    with context.config.attributes["engine"].connect() as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.configure(connection=connection, target_metadata=metadata)
        context.run_migrations()


run()
