"""Rulebooks that were applied, and which orders and scopes they made."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: an older version neither reads nor writes any of it."""
    op.execute(
        """
CREATE TABLE rulebooks (
  rulebook_id text NOT NULL, version text NOT NULL, document text NOT NULL, title_zh text NOT NULL,
  title_en text NOT NULL, body text NOT NULL, first_applied_at timestamptz NOT NULL, applied_at timestamptz NOT NULL,
  CONSTRAINT pk_rulebooks PRIMARY KEY (rulebook_id, version))"""
    )
    op.execute("ALTER TABLE orders ADD COLUMN rulebook text")
    op.execute("ALTER TABLE scopes ADD COLUMN rulebook text")


def downgrade() -> None:
    """Back: orders stay, as if the office had made them by hand."""
    op.execute("ALTER TABLE scopes DROP COLUMN rulebook")
    op.execute("ALTER TABLE orders DROP COLUMN rulebook")
    op.execute("DROP TABLE rulebooks")
