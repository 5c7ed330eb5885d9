"""Tables of what the office holds (CONTRACTS §1), as ``alembic check`` compares them; see ``service.db.tables``."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Date,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from service.db.metadata import METADATA, Instant, may, must

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
