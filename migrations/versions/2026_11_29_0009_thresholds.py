"""Values that the office sets in place of the rules' defaults."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand: an older version does not know the table, and judges by the defaults."""
    op.execute(
        """
CREATE TABLE thresholds (
  threshold_no integer GENERATED ALWAYS AS IDENTITY, scope_id text, rule text NOT NULL, name text NOT NULL,
  value double precision NOT NULL, valid_from timestamptz, valid_to timestamptz, origin text NOT NULL, approved_by text,
  CONSTRAINT pk_thresholds PRIMARY KEY (threshold_no),
  CONSTRAINT fk_thresholds_scope_id_scopes FOREIGN KEY (scope_id) REFERENCES scopes (scope_id))"""
    )
    op.execute("CREATE INDEX ix_thresholds_scope_id ON thresholds (scope_id)")


def downgrade() -> None:
    """Back: every rule is judged by its default again; the office's files hold the rows."""
    op.execute("DROP TABLE thresholds")
