"""The ledger: partitions, wallets, commands, entries, and the two halves of a batch."""

from contextlib import closing
from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make everything. The SQL stands beside this file, as it was on that day."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # The driver's own cursor: it takes many statements, and leaves the percent signs alone.
    with closing(op.get_bind().connection.cursor()) as cursor:
        cursor.execute(sql)


def downgrade() -> None:
    """A ledger is not unmade by a command."""
    raise NotImplementedError("The first migration cannot be taken back; drop the database.")
