"""What offices hold beside meters and orders: lists, plans of plants, approvals, warning levels, turns."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = (
    """
CREATE TABLE listings (
  listing_no integer GENERATED ALWAYS AS IDENTITY, document text NOT NULL, plant_id text NOT NULL, line_id text,
  clause text, measure text, office text, office_phone text, office_person text,
  CONSTRAINT pk_listings PRIMARY KEY (listing_no),
  CONSTRAINT fk_listings_plant_id_plants FOREIGN KEY (plant_id) REFERENCES plants (plant_id),
  CONSTRAINT fk_listings_line_id_lines FOREIGN KEY (line_id) REFERENCES lines (line_id))""",
    """
CREATE TABLE plant_plans (
  plant_plan_no integer GENERATED ALWAYS AS IDENTITY, plant_id text NOT NULL, document text NOT NULL, line_id text,
  level text, lines_stopped text[] NOT NULL DEFAULT '{}', control text, reduction double precision,
  units_allowed integer, cap_kw double precision, residual_kw double precision, ramp_down_h double precision,
  valid_from timestamptz, valid_to timestamptz, measure text, office text, office_phone text, office_person text,
  CONSTRAINT pk_plant_plans PRIMARY KEY (plant_plan_no),
  CONSTRAINT fk_plant_plans_plant_id_plants FOREIGN KEY (plant_id) REFERENCES plants (plant_id),
  CONSTRAINT fk_plant_plans_line_id_lines FOREIGN KEY (line_id) REFERENCES lines (line_id))""",
    """
CREATE TABLE approvals (
  scope_id text NOT NULL, valid_from timestamptz NOT NULL, valid_to timestamptz, task text NOT NULL,
  max_kw double precision NOT NULL, approved_by text NOT NULL, document text NOT NULL, filed_with text,
  CONSTRAINT pk_approvals PRIMARY KEY (scope_id, valid_from),
  CONSTRAINT fk_approvals_scope_id_scopes FOREIGN KEY (scope_id) REFERENCES scopes (scope_id))""",
    """
CREATE TABLE episodes (
  episode_id text NOT NULL, valid_from timestamptz NOT NULL, valid_to timestamptz, level text NOT NULL,
  document text NOT NULL, county text,
  CONSTRAINT pk_episodes PRIMARY KEY (episode_id, valid_from))""",
    """
CREATE TABLE rotations (
  scope_id text NOT NULL, valid_from timestamptz NOT NULL, valid_to timestamptz, "group" text NOT NULL,
  document text NOT NULL, approved_by text NOT NULL,
  CONSTRAINT pk_rotations PRIMARY KEY (scope_id, valid_from),
  CONSTRAINT fk_rotations_scope_id_scopes FOREIGN KEY (scope_id) REFERENCES scopes (scope_id))""",
    "CREATE INDEX ix_listings_plant_id ON listings (plant_id)",
    "CREATE INDEX ix_plant_plans_plant_id ON plant_plans (plant_id)",
)


def upgrade() -> None:
    """Expand: an older version neither reads nor writes these tables."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Back: the rows are lost; the office's files hold them."""
    for table in ("rotations", "episodes", "approvals", "plant_plans", "listings"):
        op.execute(f"DROP TABLE {table}")
