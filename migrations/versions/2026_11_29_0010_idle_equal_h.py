"""How long the idling of a scope has shown one value in its reference period."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: an older version leaves the column as it is, and believes a value that is stuck at idle."""
    op.execute("ALTER TABLE baselines ADD COLUMN idle_equal_h double precision")


def downgrade() -> None:
    """Back: a value that is stuck at idle is believed again."""
    op.execute("ALTER TABLE baselines DROP COLUMN idle_equal_h")
