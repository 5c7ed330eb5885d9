"""Tables as ``alembic check`` compares them with the migrated database: columns, types, keys, indexes. Defaults,
checks, identities and triggers are the migrations' alone; queries are text and use the database's own names."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)
Instant = DateTime(timezone=True)
Kind = TypeEngine[Any] | type[TypeEngine[Any]]


def must(kind: Kind, names: str) -> list[Column[Any]]:
    """Columns of one type that are never null."""
    return [Column(name, kind, nullable=False) for name in names.split()]


def may(kind: Kind, names: str) -> list[Column[Any]]:
    """Columns of one type that may be null."""
    return [Column(name, kind) for name in names.split()]


Table(
    "sources",
    METADATA,
    *must(Integer, "source_no delay_min"),
    *must(Text, "source cadence"),
    *may(Text, "profile"),
    PrimaryKeyConstraint("source"),
    UniqueConstraint("source_no", name="uq_sources_source_no"),
)
Table(
    "plants",
    METADATA,
    *must(Integer, "plant_no"),
    *must(Text, "plant_id name county"),
    *must(JSONB, "attributes"),
    *may(Text, "uscc industry industry_edition address contact_phone"),
    *may(Double, "contract_kw lon lat"),
    PrimaryKeyConstraint("plant_id"),
    UniqueConstraint("plant_no", name="uq_plants_plant_no"),
)
Table(
    "lines",
    METADATA,
    *must(Text, "line_id plant_id name"),
    *must(JSONB, "attributes"),
    *may(Text, "kind"),
    *may(Integer, "units"),
    *may(Double, "unit_kw"),
    PrimaryKeyConstraint("line_id"),
    ForeignKeyConstraint(["plant_id"], ["plants.plant_id"]),
)
Table(
    "meters",
    METADATA,
    *must(Integer, "meter_no period_s"),
    *must(Text, "meter_id plant_id source role unit"),
    *must(SmallInteger, "kind scale"),
    *must(Double, "resolution_kwh"),
    *may(Text, "line_id account"),
    *may(Double, "contract_kw"),
    *may(Instant, "valid_from valid_to"),
    PrimaryKeyConstraint("meter_id"),
    ForeignKeyConstraint(["plant_id"], ["plants.plant_id"]),
    ForeignKeyConstraint(["source"], ["sources.source"]),
    UniqueConstraint("meter_no", name="uq_meters_meter_no"),
)
Table(
    "multipliers",
    METADATA,
    *must(Text, "meter_id"),
    *must(Instant, "valid_from"),
    *must(Double, "factor"),
    *may(Instant, "valid_to"),
    *may(Text, "asset_no"),
    PrimaryKeyConstraint("meter_id", "valid_from"),
    ForeignKeyConstraint(["meter_id"], ["meters.meter_id"]),
)
Table(
    "scopes",
    METADATA,
    *must(Integer, "scope_no"),
    *must(Text, "scope_id plant_id name kind"),
    *may(Text, "rulebook"),
    PrimaryKeyConstraint("scope_id"),
    ForeignKeyConstraint(["plant_id"], ["plants.plant_id"]),
    UniqueConstraint("scope_no", name="uq_scopes_scope_no"),
)
Table(
    "scope_meters",
    METADATA,
    *must(Integer, "member_no"),
    *must(Text, "scope_id meter_id"),
    *must(SmallInteger, "sign"),
    *may(Instant, "valid_from valid_to"),
    PrimaryKeyConstraint("member_no"),
    ForeignKeyConstraint(["meter_id"], ["meters.meter_id"]),
    ForeignKeyConstraint(["scope_id"], ["scopes.scope_id"]),
    Index("ix_scope_meters_meter_id", "meter_id"),
    Index("ix_scope_meters_scope_id", "scope_id"),
)
Table(
    "orders",
    METADATA,
    *must(Text, "order_id scope_id control measure"),
    *must(Integer, "revision"),
    *must(Instant, "valid_from"),
    *may(Instant, "valid_to"),
    *may(Integer, "daily_from_s daily_to_s units_allowed"),
    *may(Double, "reduction cap_kw residual_kw ramp_down_h"),
    *may(Text, "document clause level rulebook"),
    PrimaryKeyConstraint("order_id", "revision"),
    ForeignKeyConstraint(["scope_id"], ["scopes.scope_id"]),
    Index("ix_orders_scope_id", "scope_id"),
)
Table(
    "baselines",
    METADATA,
    *must(Integer, "baseline_no"),
    *must(Text, "scope_id version day_type"),
    *must(Instant, "valid_from"),
    *must(Double, "running_kw"),
    *must(ARRAY(Double), "profile_kw"),
    *may(Instant, "valid_to"),
    *may(Double, "max_kw idle_kw day_kwh"),
    *may(Text, "method origin approved_by"),
    PrimaryKeyConstraint("baseline_no"),
    ForeignKeyConstraint(["scope_id"], ["scopes.scope_id"]),
    Index("ix_baselines_scope_id", "scope_id"),
)
Table(
    "exemptions",
    METADATA,
    *must(Integer, "exemption_no"),
    *must(Text, "scope_id reason approved_by"),
    *must(Instant, "valid_from"),
    *may(Text, "order_id document"),
    *may(Instant, "valid_to"),
    *may(Double, "max_kw"),
    PrimaryKeyConstraint("exemption_no"),
    ForeignKeyConstraint(["scope_id"], ["scopes.scope_id"]),
    Index("ix_exemptions_scope_id", "scope_id"),
)
Table(
    "outages",
    METADATA,
    *must(Integer, "outage_no"),
    *must(Instant, "valid_from"),
    *must(Text, "kind origin"),
    *may(Text, "plant_id meter_id"),
    *may(Instant, "valid_to"),
    PrimaryKeyConstraint("outage_no"),
    ForeignKeyConstraint(["meter_id"], ["meters.meter_id"]),
    ForeignKeyConstraint(["plant_id"], ["plants.plant_id"]),
)
Table(
    "rulebooks",
    METADATA,
    *must(Text, "rulebook_id version document title_zh title_en body"),
    *must(Instant, "first_applied_at applied_at"),
    PrimaryKeyConstraint("rulebook_id", "version"),
)
Table(
    "listings",
    METADATA,
    *must(Integer, "listing_no"),
    *must(Text, "document plant_id"),
    *may(Text, "line_id clause measure office office_phone office_person"),
    PrimaryKeyConstraint("listing_no"),
    ForeignKeyConstraint(["plant_id"], ["plants.plant_id"]),
    ForeignKeyConstraint(["line_id"], ["lines.line_id"]),
    Index("ix_listings_plant_id", "plant_id"),
)
Table(
    "plant_plans",
    METADATA,
    *must(Integer, "plant_plan_no"),
    *must(Text, "plant_id document"),
    *must(ARRAY(Text), "lines_stopped"),
    *may(Text, "line_id level control measure office office_phone office_person"),
    *may(Integer, "units_allowed"),
    *may(Double, "reduction cap_kw residual_kw ramp_down_h"),
    *may(Instant, "valid_from valid_to"),
    PrimaryKeyConstraint("plant_plan_no"),
    ForeignKeyConstraint(["plant_id"], ["plants.plant_id"]),
    ForeignKeyConstraint(["line_id"], ["lines.line_id"]),
    Index("ix_plant_plans_plant_id", "plant_id"),
)
Table(
    "approvals",
    METADATA,
    *must(Text, "scope_id task approved_by document"),
    *must(Instant, "valid_from"),
    *must(Double, "max_kw"),
    *may(Instant, "valid_to"),
    *may(Text, "filed_with"),
    PrimaryKeyConstraint("scope_id", "valid_from"),
    ForeignKeyConstraint(["scope_id"], ["scopes.scope_id"]),
)
Table(
    "episodes",
    METADATA,
    *must(Text, "episode_id level document"),
    *must(Instant, "valid_from"),
    *may(Instant, "valid_to"),
    *may(Text, "county"),
    PrimaryKeyConstraint("episode_id", "valid_from"),
)
Table(
    "rotations",
    METADATA,
    *must(Text, "scope_id group document approved_by"),
    *must(Instant, "valid_from"),
    *may(Instant, "valid_to"),
    PrimaryKeyConstraint("scope_id", "valid_from"),
    ForeignKeyConstraint(["scope_id"], ["scopes.scope_id"]),
)
Table("calendar", METADATA, *must(Date, "day"), *must(Text, "kind"), *may(Text, "name"), PrimaryKeyConstraint("day"))
Table(
    "registry_state",
    METADATA,
    *must(Boolean, "only_row"),
    *must(BigInteger, "version"),
    *must(Text, "zone"),
    *may(Instant, "frozen_before"),
    PrimaryKeyConstraint("only_row"),
)
Table(
    "readings",
    METADATA,
    *must(Instant, "ts coll"),
    *must(Double, "value"),
    *must(BigInteger, "src_offset"),
    *must(Integer, "meter_no period_s rev src_partition"),
    *must(SmallInteger, "kind q scale"),
    *must(Boolean, "had_evidence"),
    PrimaryKeyConstraint("meter_no", "kind", "ts"),
)
Table(
    "reading_conflicts",
    METADATA,
    *must(Instant, "ts coll"),
    *must(Double, "value"),
    *must(BigInteger, "src_offset"),
    *must(Integer, "meter_no period_s rev src_partition"),
    *must(SmallInteger, "kind q scale"),
    Index(
        "uq_reading_conflicts_value", "meter_no", "kind", "ts", "value", "q", "rev", "scale", "period_s", unique=True
    ),
)
Table(
    "quarantine",
    METADATA,
    *must(BigInteger, "quarantine_no src_offset"),
    *must(Text, "source topic err_row code detail state"),
    *must(Integer, "src_partition row_count"),
    *must(Instant, "record_ts held_at"),
    *may(Instant, "due_at"),
    *must(ARRAY(Integer), "positions"),
    *must(JSONB, "record_headers"),
    *may(Text, "meter_id"),
    *may(LargeBinary, "record_key record_value"),
    PrimaryKeyConstraint("quarantine_no"),
    Index("ix_quarantine_meter_id", "meter_id", postgresql_where=text("(state = 'held'::text)")),
    Index("ix_quarantine_origin", "topic", "src_partition", "src_offset"),
    Index("ix_quarantine_rejected", "quarantine_no", postgresql_where=text("(state = 'rejected'::text)")),
    Index("ix_quarantine_source", "source", postgresql_where=text("(state = 'held'::text)")),
)
Table(
    "cursors",
    METADATA,
    *must(Text, "topic"),
    *must(Integer, "part"),
    *must(BigInteger, "next_offset epoch"),
    *may(Text, "owner stopped_reason"),
    *may(BigInteger, "end_offset"),
    *may(Instant, "watermark committed_at"),
    PrimaryKeyConstraint("topic", "part"),
)
Table(
    "heartbeats",
    METADATA,
    *must(Text, "role process"),
    *must(Instant, "beat_at moved_at"),
    *may(Instant, "worked_at"),
    *may(Double, "clock_ahead_s"),
    PrimaryKeyConstraint("role", "process"),
)
Table(
    "ingest_account",
    METADATA,
    *must(Text, "source outcome code"),
    *must(Instant, "hour"),
    *must(BigInteger, "row_count"),
    PrimaryKeyConstraint("source", "hour", "outcome", "code"),
)
Table(
    "dirty_scopes",
    METADATA,
    *must(BigInteger, "first_slot last_slot"),
    *must(Integer, "scope_no"),
    *must(Instant, "marked_at"),
    *may(BigInteger, "due_slot"),
    Index("ix_dirty_scopes_scope_no", "scope_no"),
)
Table("ticks", METADATA, *must(Text, "source"), *must(BigInteger, "next_slot"), PrimaryKeyConstraint("source"))
Table(
    "source_slots",
    METADATA,
    *must(Text, "source"),
    *must(BigInteger, "slot"),
    *must(Integer, "meters evidence plants"),
    *must(Boolean, "is_down"),
    PrimaryKeyConstraint("source", "slot"),
)
Table(
    "scope_days",
    METADATA,
    *must(Integer, "scope_no slot_s violating_slots"),
    *must(Date, "day"),
    *must(BigInteger, "first_slot reasons revision"),
    *must(Instant, "as_of"),
    *must(SmallInteger, "verdict"),
    *must(ARRAY(Text), "order_ids baseline_versions"),
    *must(Double, "coverage"),
    *must(LargeBinary, "slots"),
    *may(Text, "order_id"),
    *may(BigInteger, "energy_wh"),
    *may(Double, "cap_wh"),
    *may(LargeBinary, "packed carry"),
    PrimaryKeyConstraint("scope_no", "day"),
)
Table(
    "alerts",
    METADATA,
    *must(Text, "alert_id scope_id rule condition evidence work"),
    *must(SmallInteger, "grade"),
    *must(Instant, "first_slot_end opened_at_slot_end last_slot_end"),
    *must(JSONB, "thresholds summary live"),
    *must(Boolean, "backfill"),
    *must(BigInteger, "last_seq revision"),
    *may(Text, "plant_id county order_id baseline_version close_reason replaced_by"),
    *may(Integer, "order_revision"),
    *may(Instant, "closed_slot_end"),
    *may(Double, "peak_kw cap_kw energy_over_kwh coverage"),
    PrimaryKeyConstraint("alert_id"),
    Index("ix_alerts_opened", "opened_at_slot_end", "alert_id"),
    Index(
        "ix_alerts_provisional",
        "last_slot_end",
        postgresql_where=text("((evidence = 'provisional'::text) AND (condition <> 'retracted'::text))"),
    ),
    Index("ix_alerts_scope_id_opened", "scope_id", "opened_at_slot_end"),
)
Table(
    "alert_events",
    METADATA,
    *must(BigInteger, "seq"),
    *must(Text, "alert_id type"),
    *must(Instant, "occurred_at published_at"),
    *must(Boolean, "backfill"),
    *must(JSONB, "alert"),
    *may(Text, "county actor reason"),
    PrimaryKeyConstraint("seq"),
    Index("ix_alert_events_alert_id", "alert_id", "seq"),
)
Table(
    "feed_head",
    METADATA,
    *must(Boolean, "only_row"),
    *must(BigInteger, "seq"),
    *must(Uuid, "store_epoch"),
    PrimaryKeyConstraint("only_row"),
)
Table(
    "api_keys",
    METADATA,
    *must(Text, "key_id name role"),
    *must(LargeBinary, "digest"),
    *must(Instant, "created_at"),
    *may(Text, "county"),
    *may(Instant, "expires_at revoked_at"),
    PrimaryKeyConstraint("key_id"),
    UniqueConstraint("digest", name="uq_api_keys_digest"),
)
Table(
    "idempotency_keys",
    METADATA,
    *must(Text, "key_id idempotency_key"),
    *must(LargeBinary, "request_digest"),
    *must(SmallInteger, "status"),
    *must(JSONB, "body"),
    *must(Instant, "created_at"),
    PrimaryKeyConstraint("key_id", "idempotency_key"),
)
Table(
    "audit_log",
    METADATA,
    *must(BigInteger, "audit_no"),
    *must(Instant, "at"),
    *must(Text, "actor action subject"),
    *must(JSONB, "detail"),
    PrimaryKeyConstraint("audit_no"),
)
