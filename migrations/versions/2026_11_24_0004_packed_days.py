"""A day's slots, packed: a fifth of the bytes, so that a row stays on its page and is written without compression."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: an older version goes on to write and read ``slots``; rows written from now on have none for it."""
    op.execute("ALTER TABLE scope_days ADD COLUMN packed bytea")
    op.execute("ALTER TABLE scope_days ALTER COLUMN packed SET STORAGE MAIN")


def downgrade() -> None:
    """Back: days written since then are to be judged again."""
    op.execute("ALTER TABLE scope_days DROP COLUMN packed")
