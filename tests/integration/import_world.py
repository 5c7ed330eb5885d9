"""A small stored office, for the tests of imports."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from detectors.registry import (
    ALWAYS,
    FOREVER,
    Baseline,
    Meter,
    Multiplier,
    Order,
    Plant,
    Registry,
    Scope,
    ScopeMeter,
    Source,
)
from detectors.vocab import Control, Measure, Role
from service.db.partitions import ensure_partitions
from service.db.registry import apply_registry

HOUR = 3600
DAY = 24 * HOUR
#: 2017-11-15 00:00 in Shanghai, a slot boundary.
START = int(datetime(2017, 11, 14, 16, tzinfo=UTC).timestamp())
#: Ten days into the season.
NOW = START + 10 * DAY
FIRST_READING = START - 2 * DAY

BASE = Registry(
    sources=(Source("yc", 5),),
    plants=(Plant("P1", "甲厂", "登封市"), Plant("P2", "乙厂", "新密市")),
    meters=(
        Meter("M1", "P1", source="yc"),
        Meter("M2", "P1", source="yc", role=Role.CHECK),
        Meter("M3", "P2", source="other"),
    ),
    multipliers=(Multiplier("M1", ALWAYS + DAY, START + DAY, 100.0), Multiplier("M1", START + DAY, FOREVER, 120.0)),
    scopes=(Scope("P1-A", "P1", "涂装", "process"),),
    scope_meters=(ScopeMeter("P1-A", "M2"),),
    orders=(
        Order("O1", "P1", Control.LIMIT, START, START + 20 * DAY, reduction=0.3, measure=Measure.ENERGY),
        Order("O2", "P1-A", Control.STOP, START + 2 * DAY, START + 4 * DAY, residual_kw=10.0),
    ),
    baselines=(
        Baseline("P1", "V1", START - 300 * DAY, 1000.0, day_kwh=20000.0),
        Baseline("P1-A", "V1", START - 300 * DAY, 100.0, day_type="workday"),
    ),
)
V1 = BASE.baselines[0]


def slots(first_s: int, last_s: int) -> tuple[int, int]:
    """First and last slot of [first_s, last_s)."""
    return first_s // 900, -(-last_s // 900) - 1


async def marks(connection: AsyncConnection) -> set[tuple[str, int, int]]:
    """All dirty marks by scope_id."""
    rows = await connection.execute(
        text("SELECT scope_id, first_slot, last_slot FROM dirty_scopes JOIN scopes USING (scope_no)")
    )
    return {(scope_id, first, last) for scope_id, first, last in rows}


async def stored_base(engine: AsyncEngine) -> None:
    """The base registry, and one reading of M1 two days before the season; no mark left."""
    async with engine.begin() as connection:
        await ensure_partitions(connection, date(2017, 11, 1), date(2017, 11, 30))
        await apply_registry(connection, BASE, NOW)
        await connection.execute(
            text(
                "INSERT INTO readings SELECT to_timestamp(:ts), 1, to_timestamp(:ts), 0, meter_no, 900, 0, 0, 3, 0, 0"
                " FROM meters WHERE meter_id = 'M1'"
            ),
            {"ts": FIRST_READING},
        )
        await connection.execute(text("DELETE FROM dirty_scopes"))


def order_revision(order_id: str, **changed: Any) -> Registry:
    """A registry of one order of the office, changed."""
    order = next(o for o in BASE.orders if o.order_id == order_id)
    return Registry(orders=(replace(order, **changed),))
