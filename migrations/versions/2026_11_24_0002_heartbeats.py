"""Heartbeats: what every consuming process says of itself, so that silence is seen."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: a table that an older version neither reads nor writes."""
    op.execute(
        # All times are the database's. moved_at: the last round of work that succeeded; worked_at: the last one that
        # found something to do. clock_ahead_s: the process's clock less the database's, null where the clock is a
        # story's.
        "CREATE TABLE heartbeats ("
        " role text NOT NULL, process text NOT NULL, beat_at timestamptz NOT NULL, moved_at timestamptz NOT NULL,"
        " worked_at timestamptz, clock_ahead_s double precision,"
        " CONSTRAINT pk_heartbeats PRIMARY KEY (role, process))"
    )


def downgrade() -> None:
    """Back."""
    op.execute("DROP TABLE heartbeats")
