"""The core: registry, readings, cursors, dirty scopes, scope days, alerts and their events, keys."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

REGISTRY = """
CREATE TABLE sources (
  source_no integer GENERATED ALWAYS AS IDENTITY, source text NOT NULL, delay_min integer NOT NULL DEFAULT 5,
  cadence text NOT NULL DEFAULT 'slot', profile text,
  CONSTRAINT pk_sources PRIMARY KEY (source), CONSTRAINT uq_sources_source_no UNIQUE (source_no));
CREATE TABLE plants (
  plant_no integer GENERATED ALWAYS AS IDENTITY, plant_id text NOT NULL, name text NOT NULL, county text NOT NULL,
  uscc text, industry text, industry_edition text, contract_kw double precision, address text,
  lon double precision, lat double precision, contact_phone text, attributes jsonb NOT NULL DEFAULT '{}',
  CONSTRAINT pk_plants PRIMARY KEY (plant_id), CONSTRAINT uq_plants_plant_no UNIQUE (plant_no));
CREATE TABLE lines (
  line_id text NOT NULL, plant_id text NOT NULL, name text NOT NULL, kind text, units integer,
  unit_kw double precision, attributes jsonb NOT NULL DEFAULT '{}',
  CONSTRAINT pk_lines PRIMARY KEY (line_id),
  CONSTRAINT fk_lines_plant_id_plants FOREIGN KEY (plant_id) REFERENCES plants (plant_id));
CREATE TABLE meters (
  meter_no integer GENERATED ALWAYS AS IDENTITY, meter_id text NOT NULL, plant_id text NOT NULL, line_id text,
  account text, source text NOT NULL, role text NOT NULL, kind smallint NOT NULL, unit text NOT NULL,
  scale smallint NOT NULL, period_s integer NOT NULL, contract_kw double precision,
  resolution_kwh double precision NOT NULL DEFAULT 0.01,
  valid_from timestamptz, valid_to timestamptz,
  CONSTRAINT pk_meters PRIMARY KEY (meter_id), CONSTRAINT uq_meters_meter_no UNIQUE (meter_no),
  CONSTRAINT fk_meters_plant_id_plants FOREIGN KEY (plant_id) REFERENCES plants (plant_id),
  CONSTRAINT fk_meters_source_sources FOREIGN KEY (source) REFERENCES sources (source));
CREATE TABLE multipliers (
  meter_id text NOT NULL, valid_from timestamptz NOT NULL, valid_to timestamptz, factor double precision NOT NULL,
  asset_no text,
  CONSTRAINT pk_multipliers PRIMARY KEY (meter_id, valid_from),
  CONSTRAINT fk_multipliers_meter_id_meters FOREIGN KEY (meter_id) REFERENCES meters (meter_id));
CREATE TABLE scopes (
  scope_no integer GENERATED ALWAYS AS IDENTITY, scope_id text NOT NULL, plant_id text NOT NULL, name text NOT NULL,
  kind text NOT NULL DEFAULT 'plant',
  CONSTRAINT pk_scopes PRIMARY KEY (scope_id), CONSTRAINT uq_scopes_scope_no UNIQUE (scope_no),
  CONSTRAINT fk_scopes_plant_id_plants FOREIGN KEY (plant_id) REFERENCES plants (plant_id));
CREATE TABLE scope_meters (
  member_no integer GENERATED ALWAYS AS IDENTITY, scope_id text NOT NULL, meter_id text NOT NULL,
  sign smallint NOT NULL DEFAULT 1, valid_from timestamptz, valid_to timestamptz,
  CONSTRAINT pk_scope_meters PRIMARY KEY (member_no),
  CONSTRAINT fk_scope_meters_scope_id_scopes FOREIGN KEY (scope_id) REFERENCES scopes (scope_id),
  CONSTRAINT fk_scope_meters_meter_id_meters FOREIGN KEY (meter_id) REFERENCES meters (meter_id));
CREATE INDEX ix_scope_meters_scope_id ON scope_meters (scope_id);
CREATE INDEX ix_scope_meters_meter_id ON scope_meters (meter_id);
CREATE TABLE orders (
  order_id text NOT NULL, revision integer NOT NULL DEFAULT 1, scope_id text NOT NULL, control text NOT NULL,
  valid_from timestamptz NOT NULL, valid_to timestamptz, daily_from_s integer, daily_to_s integer,
  reduction double precision, cap_kw double precision, units_allowed integer, residual_kw double precision,
  ramp_down_h double precision, measure text NOT NULL, document text, clause text, level text,
  CONSTRAINT pk_orders PRIMARY KEY (order_id, revision),
  CONSTRAINT fk_orders_scope_id_scopes FOREIGN KEY (scope_id) REFERENCES scopes (scope_id));
CREATE INDEX ix_orders_scope_id ON orders (scope_id);
CREATE TABLE baselines (
  baseline_no integer GENERATED ALWAYS AS IDENTITY, scope_id text NOT NULL, version text NOT NULL,
  day_type text NOT NULL DEFAULT 'all', valid_from timestamptz NOT NULL, valid_to timestamptz,
  running_kw double precision NOT NULL, max_kw double precision, idle_kw double precision, day_kwh double precision,
  profile_kw double precision[] NOT NULL DEFAULT '{}', method text, origin text, approved_by text,
  CONSTRAINT pk_baselines PRIMARY KEY (baseline_no),
  CONSTRAINT fk_baselines_scope_id_scopes FOREIGN KEY (scope_id) REFERENCES scopes (scope_id));
CREATE INDEX ix_baselines_scope_id ON baselines (scope_id);
CREATE TABLE exemptions (
  exemption_no integer GENERATED ALWAYS AS IDENTITY, scope_id text NOT NULL, order_id text,
  valid_from timestamptz NOT NULL, valid_to timestamptz, max_kw double precision, reason text NOT NULL,
  approved_by text NOT NULL, document text,
  CONSTRAINT pk_exemptions PRIMARY KEY (exemption_no),
  CONSTRAINT fk_exemptions_scope_id_scopes FOREIGN KEY (scope_id) REFERENCES scopes (scope_id));
CREATE INDEX ix_exemptions_scope_id ON exemptions (scope_id);
CREATE TABLE outages (
  outage_no integer GENERATED ALWAYS AS IDENTITY, plant_id text, meter_id text, valid_from timestamptz NOT NULL,
  valid_to timestamptz, kind text NOT NULL DEFAULT 'outage', origin text NOT NULL,
  CONSTRAINT pk_outages PRIMARY KEY (outage_no),
  CONSTRAINT ck_outages_subject CHECK ((plant_id IS NULL) <> (meter_id IS NULL)),
  CONSTRAINT fk_outages_plant_id_plants FOREIGN KEY (plant_id) REFERENCES plants (plant_id),
  CONSTRAINT fk_outages_meter_id_meters FOREIGN KEY (meter_id) REFERENCES meters (meter_id));
CREATE TABLE calendar (
  day date NOT NULL, kind text NOT NULL, name text, CONSTRAINT pk_calendar PRIMARY KEY (day));
-- One row. Every import adds 1 to version in its transaction; processes reload their copy when it changed.
CREATE TABLE registry_state (
  only_row boolean NOT NULL DEFAULT true, version bigint NOT NULL DEFAULT 0, zone text NOT NULL DEFAULT 'Asia/Shanghai',
  CONSTRAINT pk_registry_state PRIMARY KEY (only_row), CONSTRAINT ck_registry_state_one CHECK (only_row));
INSERT INTO registry_state DEFAULT VALUES;
"""

INGEST = """
-- As received. value is NaN where there is none. coll and src_ts are never null: absent coll = record timestamp.
CREATE TABLE readings (
  ts timestamptz NOT NULL, value double precision NOT NULL, coll timestamptz NOT NULL,
  src_offset bigint NOT NULL, meter_no integer NOT NULL, period_s integer NOT NULL, rev integer NOT NULL,
  src_partition integer NOT NULL, kind smallint NOT NULL, q smallint NOT NULL, scale smallint NOT NULL,
  had_evidence boolean NOT NULL DEFAULT false,
  CONSTRAINT pk_readings PRIMARY KEY (meter_no, kind, ts)) PARTITION BY RANGE (ts);
CREATE TABLE reading_conflicts (
  ts timestamptz NOT NULL, value double precision NOT NULL, coll timestamptz NOT NULL,
  src_offset bigint NOT NULL, meter_no integer NOT NULL, period_s integer NOT NULL, rev integer NOT NULL,
  src_partition integer NOT NULL, kind smallint NOT NULL, q smallint NOT NULL, scale smallint NOT NULL);
-- One row for each other value that a key ever had; together with the standing one they do not depend on arrival.
CREATE UNIQUE INDEX uq_reading_conflicts_value
  ON reading_conflicts (meter_no, kind, ts, value, q, rev, scale, period_s);
-- One row a record and code. positions: the record's rows it holds, empty = the record is one row or refused whole.
-- due_at: when the clock alone may have removed the cause (future_ts).
-- state: held, replayed, rejected (a dead letter that the topic has not got yet), dead (it has).
CREATE TABLE quarantine (
  quarantine_no bigint GENERATED ALWAYS AS IDENTITY, source text NOT NULL, topic text NOT NULL,
  src_partition integer NOT NULL, src_offset bigint NOT NULL, err_row text NOT NULL DEFAULT '',
  code text NOT NULL, detail text NOT NULL, meter_id text, record_ts timestamptz NOT NULL,
  positions integer[] NOT NULL DEFAULT '{}', row_count integer NOT NULL DEFAULT 1,
  record_key bytea, record_value bytea, record_headers jsonb NOT NULL DEFAULT '[]',
  held_at timestamptz NOT NULL, due_at timestamptz, state text NOT NULL DEFAULT 'held',
  CONSTRAINT pk_quarantine PRIMARY KEY (quarantine_no));
CREATE INDEX ix_quarantine_origin ON quarantine (topic, src_partition, src_offset);
CREATE INDEX ix_quarantine_meter_id ON quarantine (meter_id) WHERE state = 'held';
CREATE INDEX ix_quarantine_source ON quarantine (source) WHERE state = 'held';
CREATE INDEX ix_quarantine_rejected ON quarantine (quarantine_no) WHERE state = 'rejected';
-- next_offset = n <=> the effects of all records < n are in the database, and of none >= n (I1).
-- watermark: everything sent before it was read (record time of the last record, or the clock when caught up).
CREATE TABLE cursors (
  topic text NOT NULL, part integer NOT NULL, next_offset bigint NOT NULL, epoch bigint NOT NULL DEFAULT 0,
  owner text, end_offset bigint, watermark timestamptz, committed_at timestamptz, stopped_reason text,
  CONSTRAINT pk_cursors PRIMARY KEY (topic, part));
-- The account (I3): rows by outcome per source and hour of the record. code is '' for accepted rows.
CREATE TABLE ingest_account (
  source text NOT NULL, hour timestamptz NOT NULL, outcome text NOT NULL, code text NOT NULL DEFAULT '',
  row_count bigint NOT NULL,
  CONSTRAINT pk_ingest_account PRIMARY KEY (source, hour, outcome, code));
"""

JUDGE = """
-- Append-only marks: slots [first_slot, last_slot] of a scope must be judged again. due_slot: the tick that wrote it.
CREATE TABLE dirty_scopes (
  mark_no bigint GENERATED ALWAYS AS IDENTITY, scope_no integer NOT NULL, first_slot bigint NOT NULL,
  last_slot bigint NOT NULL, due_slot bigint, marked_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_dirty_scopes PRIMARY KEY (mark_no));
CREATE INDEX ix_dirty_scopes_scope_no ON dirty_scopes (scope_no);
-- Silence made visible: up to which slot every scope of a source was marked for judgement.
CREATE TABLE ticks (
  source text NOT NULL, next_slot bigint NOT NULL, CONSTRAINT pk_ticks PRIMARY KEY (source));
-- A source's evidence at a slot, for feed_down; written when its deadline has passed and when late data changes it.
CREATE TABLE source_slots (
  source text NOT NULL, slot bigint NOT NULL, meters integer NOT NULL, evidence integer NOT NULL,
  plants integer NOT NULL, is_down boolean NOT NULL,
  CONSTRAINT pk_source_slots PRIMARY KEY (source, slot));
-- One row a scope and local day. slots: packed little-endian array over the day's slots (detectors.days.SLOT).
CREATE TABLE scope_days (
  scope_no integer NOT NULL, day date NOT NULL, first_slot bigint NOT NULL, slot_s integer NOT NULL,
  as_of timestamptz NOT NULL, verdict smallint NOT NULL, reasons bigint NOT NULL,
  order_id text, order_ids text[] NOT NULL,
  baseline_versions text[] NOT NULL, energy_wh bigint, cap_wh double precision, coverage double precision NOT NULL,
  violating_slots integer NOT NULL, slots bytea NOT NULL, carry bytea, revision bigint NOT NULL DEFAULT 1,
  CONSTRAINT pk_scope_days PRIMARY KEY (scope_no, day)) PARTITION BY RANGE (day);
-- The current fold of alert_events, by alert. live: the alert as judged now, before the next `updated` is due.
CREATE TABLE alerts (
  alert_id text NOT NULL, scope_id text NOT NULL, plant_id text, county text,
  rule text NOT NULL, grade smallint NOT NULL,
  order_id text, order_revision integer, baseline_version text, condition text NOT NULL, evidence text NOT NULL,
  work text NOT NULL DEFAULT 'new', first_slot_end timestamptz NOT NULL, opened_at_slot_end timestamptz NOT NULL,
  last_slot_end timestamptz NOT NULL, closed_slot_end timestamptz, close_reason text, peak_kw double precision,
  cap_kw double precision, energy_over_kwh double precision, coverage double precision,
  thresholds jsonb NOT NULL DEFAULT '{}', summary jsonb NOT NULL DEFAULT '{}', backfill boolean NOT NULL DEFAULT false,
  replaced_by text, last_seq bigint NOT NULL, revision bigint NOT NULL DEFAULT 1, live jsonb NOT NULL DEFAULT '{}',
  CONSTRAINT pk_alerts PRIMARY KEY (alert_id));
CREATE INDEX ix_alerts_scope_id_opened ON alerts (scope_id, opened_at_slot_end);
CREATE INDEX ix_alerts_opened ON alerts (opened_at_slot_end, alert_id);
CREATE INDEX ix_alerts_provisional ON alerts (last_slot_end)
  WHERE evidence = 'provisional' AND condition <> 'retracted';
-- What pollers saw: never updated, never deleted (I6). alert: the whole alert as of this event.
CREATE TABLE alert_events (
  seq bigint NOT NULL, alert_id text NOT NULL, type text NOT NULL, occurred_at timestamptz NOT NULL,
  published_at timestamptz NOT NULL, backfill boolean NOT NULL, county text, actor text, reason text,
  alert jsonb NOT NULL,
  CONSTRAINT pk_alert_events PRIMARY KEY (seq));
CREATE INDEX ix_alert_events_alert_id ON alert_events (alert_id, seq);
-- The counter row: locked last in every transaction that writes events, so seq is contiguous in commit order.
CREATE TABLE feed_head (
  only_row boolean NOT NULL DEFAULT true, seq bigint NOT NULL DEFAULT 0,
  store_epoch uuid NOT NULL DEFAULT gen_random_uuid(),
  CONSTRAINT pk_feed_head PRIMARY KEY (only_row), CONSTRAINT ck_feed_head_one CHECK (only_row));
INSERT INTO feed_head DEFAULT VALUES;
CREATE FUNCTION alert_events_are_immutable() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'alert_events is append-only'; END $$;
CREATE TRIGGER alert_events_immutable BEFORE UPDATE OR DELETE ON alert_events
  FOR EACH ROW EXECUTE FUNCTION alert_events_are_immutable();
"""

ACCESS = """
CREATE TABLE api_keys (
  key_id text NOT NULL, name text NOT NULL, role text NOT NULL, county text, digest bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz, revoked_at timestamptz,
  CONSTRAINT pk_api_keys PRIMARY KEY (key_id), CONSTRAINT uq_api_keys_digest UNIQUE (digest));
CREATE TABLE idempotency_keys (
  key_id text NOT NULL, idempotency_key text NOT NULL, request_digest bytea NOT NULL, status smallint NOT NULL,
  body jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_idempotency_keys PRIMARY KEY (key_id, idempotency_key));
CREATE TABLE audit_log (
  audit_no bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, actor text NOT NULL, action text NOT NULL,
  subject text NOT NULL, detail jsonb NOT NULL DEFAULT '{}',
  CONSTRAINT pk_audit_log PRIMARY KEY (audit_no));
"""

TABLES = [
    "audit_log",
    "idempotency_keys",
    "api_keys",
    "feed_head",
    "alert_events",
    "alerts",
    "scope_days",
    "source_slots",
    "ticks",
    "dirty_scopes",
    "ingest_account",
    "cursors",
    "quarantine",
    "reading_conflicts",
    "readings",
    "registry_state",
    "calendar",
    "outages",
    "exemptions",
    "baselines",
    "orders",
    "scope_meters",
    "scopes",
    "multipliers",
    "meters",
    "lines",
    "plants",
    "sources",
]


def upgrade() -> None:
    """Expand."""
    for part in (REGISTRY, INGEST, JUDGE, ACCESS):
        for statement in _statements(part):
            op.execute(statement)


def downgrade() -> None:
    """Back."""
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION alert_events_are_immutable")


def _statements(sql: str) -> list[str]:
    """Single statements of a script: a semicolon at the end of a line ends one (a function's body is one line)."""
    lines = [line for line in sql.splitlines() if not line.startswith("--")]
    parts, current = [], []
    for line in lines:
        current.append(line)
        if line.endswith(";"):
            parts.append("\n".join(current).strip().rstrip(";"))
            current = []
    return [p for p in parts if p]
