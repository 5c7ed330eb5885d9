"""Marks lose the number that nobody read: its sequence and its index were half of what a mark cost."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
#: No release has ever named it.
contracts = "0001"


def upgrade() -> None:
    """An older version goes on: it names the columns that it writes, and not this one."""
    op.execute("ALTER TABLE dirty_scopes DROP COLUMN mark_no")


def downgrade() -> None:
    """Back: marks are numbered in any order."""
    op.execute("ALTER TABLE dirty_scopes ADD COLUMN mark_no bigint GENERATED ALWAYS AS IDENTITY")
    op.execute("ALTER TABLE dirty_scopes ADD CONSTRAINT pk_dirty_scopes PRIMARY KEY (mark_no)")
