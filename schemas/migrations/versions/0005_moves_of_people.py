"""What people with a limit have asked to move in a day; refunds are found by their own id."""

from contextlib import closing
from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table. The SQL stands beside this file, as it was on that day."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # The driver's own cursor: it takes many statements, and leaves the percent signs alone.
    with closing(op.get_bind().connection.cursor()) as cursor:
        cursor.execute(sql)


def downgrade() -> None:
    """What was decided is not forgotten by a command."""
    raise NotImplementedError("This migration cannot be taken back; drop the database.")
