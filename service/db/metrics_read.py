"""What `/metrics` shows of the database, in one look."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.db.alerts import OPEN_CONDITIONS
from service.db.health import Health, read_health
from service.db.scope_days_read import SlotView, read_slot


@dataclass(frozen=True, slots=True)
class PlantLook:
    """A plant and its scopes' ids."""

    plant_id: str
    name: str
    county: str
    industry: str
    scope_ids: Sequence[str]
    open_alerts: int


@dataclass(frozen=True, slots=True)
class SourceLook:
    """A source's evidence in the last slot that was looked at."""

    source: str
    meters: int
    evidence: int
    is_down: bool


@dataclass(frozen=True, slots=True)
class Look:
    """Everything. ``slots``: the last judged slot by scope_id. ``account``: (source, outcome, code, rows)."""

    health: Health
    plants: Sequence[PlantLook]
    slots: dict[str, SlotView]
    sources: Sequence[SourceLook]
    account: Sequence[tuple[str, str, str, int]]
    open_alerts: Sequence[tuple[str, int, int]]
    head_seq: int
    dirty_marks: int
    dead_letters: int = 0
    held_rows: Sequence[tuple[str, int]] = ()


async def look(connection: AsyncConnection, slot_s: int) -> Look:
    """Read it all; the plants' values are those of the slot that ends at ``data_as_of``."""
    health = await read_health(connection, slot_s)
    slots = {} if health.judged_slots is None else await read_slot(connection, health.judged_slots - 1, slot_s)
    plants = await connection.execute(
        text(
            "SELECT p.plant_id, p.name, p.county, coalesce(p.industry, '') AS industry,"
            " array_remove(array_agg(s.scope_id ORDER BY s.scope_id), NULL) AS scope_ids, coalesce(max(a.n), 0) AS n"
            " FROM plants p LEFT JOIN scopes s USING (plant_id) LEFT JOIN (SELECT plant_id, count(*) AS n FROM alerts"
            " WHERE condition = ANY(:open_conditions) GROUP BY plant_id) a USING (plant_id)"
            " GROUP BY p.plant_id ORDER BY p.plant_id"
        ),
        {"open_conditions": list(OPEN_CONDITIONS)},
    )
    sources = await connection.execute(
        text(
            "SELECT s.source, l.meters, l.evidence, l.is_down FROM sources s CROSS JOIN LATERAL ("
            "SELECT meters, evidence, is_down FROM source_slots WHERE source = s.source ORDER BY slot DESC LIMIT 1) l"
            " ORDER BY s.source"
        )
    )
    account = await connection.execute(
        text(
            "SELECT source, outcome, code, CAST(sum(row_count) AS bigint) FROM ingest_account"
            " GROUP BY source, outcome, code ORDER BY source, outcome, code"
        )
    )
    open_alerts = await connection.execute(
        text(
            "SELECT rule, grade, count(*) FROM alerts WHERE condition = ANY(:open_conditions)"
            " GROUP BY rule, grade ORDER BY rule, grade"
        ),
        {"open_conditions": list(OPEN_CONDITIONS)},
    )
    held = await connection.execute(
        text(
            "SELECT s.source, coalesce(q.held, 0) FROM sources s LEFT JOIN"
            " (SELECT source, sum(row_count)::bigint AS held FROM quarantine WHERE state = 'held' GROUP BY source) q"
            " USING (source) ORDER BY s.source"
        )
    )
    rejected = await connection.scalar(text("SELECT count(*) FROM quarantine WHERE state = 'rejected'"))
    return Look(
        health=health,
        plants=[PlantLook(*row) for row in plants],
        slots=slots,
        sources=[SourceLook(*row) for row in sources],
        account=[(r[0], r[1], r[2], int(r[3])) for r in account],
        open_alerts=[(r[0], int(r[1]), int(r[2])) for r in open_alerts],
        head_seq=int(await connection.scalar(text("SELECT seq FROM feed_head")) or 0),
        dirty_marks=int(await connection.scalar(text("SELECT count(*) FROM dirty_scopes")) or 0),
        dead_letters=int(rejected or 0),
        held_rows=[(r[0], int(r[1])) for r in held],
    )
