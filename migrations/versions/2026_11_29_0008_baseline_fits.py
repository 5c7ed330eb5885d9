"""What a baseline has learned of its reference period, and the fits that wait for, or have had, their approval."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

LEARNED = ("night_kwh", "night_sd_kwh", "floor_kw", "equal_h", "rrmse", "bias")
FITS = """
CREATE TABLE baseline_fits (
  scope_id text NOT NULL, version text NOT NULL, state text NOT NULL, period_from date NOT NULL,
  period_to date NOT NULL, method text NOT NULL, valid_from timestamptz NOT NULL, data_hash text NOT NULL,
  confidence text NOT NULL, rrmse double precision, bias double precision, fit jsonb NOT NULL,
  made_at timestamptz NOT NULL, decided_by text, decided_at timestamptz, document text,
  CONSTRAINT pk_baseline_fits PRIMARY KEY (scope_id, version),
  CONSTRAINT fk_baseline_fits_scope_id_scopes FOREIGN KEY (scope_id) REFERENCES scopes (scope_id),
  CONSTRAINT ck_baseline_fits_state CHECK (state IN ('proposed', 'approved', 'refused')),
  CONSTRAINT ck_baseline_fits_approved CHECK (state <> 'approved'
    OR (decided_by IS NOT NULL AND decided_at IS NOT NULL)))
"""
FROZEN = """
CREATE FUNCTION approved_fits_are_frozen() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'baseline fit % of % is approved: it is frozen', OLD.version, OLD.scope_id; END $$
"""


def upgrade() -> None:
    """Expand: an older version leaves the new columns as they are and does not know the table."""
    columns = ", ".join(f"ADD COLUMN {name} double precision" for name in LEARNED)
    op.execute(f"ALTER TABLE baselines {columns}")
    op.execute(FITS)
    op.execute(FROZEN)
    op.execute(
        "CREATE TRIGGER baseline_fits_frozen BEFORE UPDATE OR DELETE ON baseline_fits"
        " FOR EACH ROW WHEN (OLD.state = 'approved') EXECUTE FUNCTION approved_fits_are_frozen()"
    )


def downgrade() -> None:
    """Back: approved baselines stay, without what was learned; how they were found is lost."""
    op.execute("DROP TABLE baseline_fits")
    op.execute("DROP FUNCTION approved_fits_are_frozen")
    columns = ", ".join(f"DROP COLUMN {name}" for name in LEARNED)
    op.execute(f"ALTER TABLE baselines {columns}")
