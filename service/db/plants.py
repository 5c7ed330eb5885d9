"""Reading plants, their scopes, the running load of their baselines, and what is open at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.vocab import Rule
from service.db.alerts import OPEN_CONDITIONS

_MERGE_ORDER = [rule.value for rule in Rule]


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """A monitored scope of a plant."""

    scope_id: str
    plant_id: str
    name: str
    kind: str
    county: str


@dataclass(frozen=True, slots=True)
class PlantRow:
    """A plant of the office's list. ``open_alerts``: ids of its open alerts, the latest opened first;
    ``leading_alert``: the one of them whose rule comes first in merge order (``detectors.vocab.Rule``)."""

    plant_id: str
    name: str
    county: str
    industry: str | None
    contract_kw: float | None
    lon: float | None
    lat: float | None
    scopes: Sequence[ScopeRow]
    open_alerts: Sequence[str]
    leading_alert: str | None


@dataclass(frozen=True, slots=True)
class RunningLoad:
    """R of a baseline version over its validity, half-open; ``valid_to`` None = open."""

    version: str
    day_type: str
    valid_from: datetime
    valid_to: datetime | None
    running_kw: float


async def read_plants(
    connection: AsyncConnection,
    *,
    county: str | None,
    limit: int,
    after: str | None = None,
    plant_id: str | None = None,
) -> Sequence[PlantRow]:
    """Plants by plant_id; ``after``: the last plant_id seen. With ``plant_id``: that plant, if the county holds it."""
    plants = (
        await connection.execute(
            text(
                "SELECT plant_id, name, county, industry, contract_kw, lon, lat FROM plants"
                " WHERE (CAST(:county AS text) IS NULL OR county = :county)"
                " AND (CAST(:after AS text) IS NULL OR plant_id > :after)"
                " AND (CAST(:plant_id AS text) IS NULL OR plant_id = :plant_id) ORDER BY plant_id LIMIT :n"
            ),
            {"county": county, "after": after, "plant_id": plant_id, "n": limit},
        )
    ).all()
    ids = [p.plant_id for p in plants]
    scopes: dict[str, list[ScopeRow]] = {plant: [] for plant in ids}
    counties = {p.plant_id: p.county for p in plants}
    for row in await connection.execute(
        text("SELECT scope_id, plant_id, name, kind FROM scopes WHERE plant_id = ANY(:ids) ORDER BY scope_id"),
        {"ids": ids},
    ):
        scopes[row.plant_id].append(ScopeRow(row.scope_id, row.plant_id, row.name, row.kind, counties[row.plant_id]))
    open_alerts: dict[str, list[str]] = {plant: [] for plant in ids}
    leading: dict[str, tuple[int, str]] = {}
    for row in await connection.execute(
        text(
            "SELECT plant_id, alert_id, rule FROM alerts WHERE plant_id = ANY(:ids)"
            " AND condition = ANY(:open_conditions) ORDER BY opened_at_slot_end DESC, alert_id DESC"
        ),
        {"ids": ids, "open_conditions": list(OPEN_CONDITIONS)},
    ):
        open_alerts[row.plant_id].append(row.alert_id)
        rank = _MERGE_ORDER.index(row.rule)
        if rank < leading.get(row.plant_id, (len(_MERGE_ORDER), ""))[0]:
            leading[row.plant_id] = rank, row.alert_id
    return [
        PlantRow(
            p.plant_id,
            p.name,
            p.county,
            p.industry,
            p.contract_kw,
            p.lon,
            p.lat,
            scopes[p.plant_id],
            open_alerts[p.plant_id],
            leading[p.plant_id][1] if p.plant_id in leading else None,
        )
        for p in plants
    ]


async def read_scope(connection: AsyncConnection, scope_id: str, *, county: str | None) -> ScopeRow | None:
    """One scope, or None when there is none in the reader's county."""
    row = (
        await connection.execute(
            text(
                "SELECT s.scope_id, s.plant_id, s.name, s.kind, p.county FROM scopes s JOIN plants p USING (plant_id)"
                " WHERE s.scope_id = :id AND (CAST(:county AS text) IS NULL OR p.county = :county)"
            ),
            {"id": scope_id, "county": county},
        )
    ).one_or_none()
    return None if row is None else ScopeRow(*row)


async def read_running_loads(connection: AsyncConnection, scope_id: str) -> Sequence[RunningLoad]:
    """All baselines of a scope, the oldest first."""
    rows = await connection.execute(
        text(
            "SELECT version, day_type, valid_from, valid_to, running_kw FROM baselines WHERE scope_id = :id"
            " ORDER BY valid_from, day_type"
        ),
        {"id": scope_id},
    )
    return [RunningLoad(*row) for row in rows]
