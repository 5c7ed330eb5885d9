"""Tables as ``alembic check`` compares them with the migrated database: columns, types, keys, indexes. Defaults,
checks, identities and triggers are the migrations' alone; queries are text and use the database's own names."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Date,
    Double,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from service.db import office_tables  # the registry's tables join the same collection
from service.db.metadata import METADATA, Instant, may, must

__all__ = ["METADATA", "office_tables"]

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
    *must(Boolean, "recounts"),
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
    "recounts",
    METADATA,
    *must(Text, "source"),
    *must(BigInteger, "first_slot last_slot"),
    *must(Instant, "asked_at"),
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
