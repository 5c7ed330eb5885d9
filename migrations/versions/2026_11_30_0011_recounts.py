"""Slots of sources that passes ask to be counted again, and marks that ask for none."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: an older version knows neither, and counts again by itself whatever its own passes touch."""
    op.execute("ALTER TABLE dirty_scopes ADD COLUMN recounts boolean NOT NULL DEFAULT true")
    op.execute(
        "CREATE TABLE recounts (source text NOT NULL, first_slot bigint NOT NULL, last_slot bigint NOT NULL,"
        " asked_at timestamptz NOT NULL DEFAULT now())"
    )


def downgrade() -> None:
    """Back: what is asked for just now is not counted again; end the evaluating processes when nothing waits."""
    op.execute("DROP TABLE recounts")
    op.execute("ALTER TABLE dirty_scopes DROP COLUMN recounts")
