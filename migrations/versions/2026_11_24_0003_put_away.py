"""Months may be put away: up to which time nothing is taken in or judged any more."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.execute("ALTER TABLE registry_state ADD COLUMN frozen_before timestamptz")


def downgrade() -> None:
    """Back."""
    op.execute("ALTER TABLE registry_state DROP COLUMN frozen_before")
