"""Migrations of the ledger database, run by alembic."""
