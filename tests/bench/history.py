"""History laid into the store through its own functions, without a broker: what was received long before the clock."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.readings import I32, ReadingColumns
from detectors.vocab import Kind, Quality, Scale
from service.db.marks import add_marks
from service.db.partitions import ensure_partitions
from service.db.readings import Arrived, Optimism, store
from service.db.registry_load import StoredRegistry, load_registry
from tests.bench.messages import SENT_AFTER_S
from tests.bench.world import SLOT_S, World

ROWS = 400_000


async def lay_readings(engine: AsyncEngine, world: World, meters: range, slots: Sequence[int]) -> None:
    """The loads of some meters in some slots of the world, as if they had come in time; nothing is marked."""
    async with engine.begin() as connection:
        stored = await load_registry(connection)
        first, last = (utc_date(world, slot) for slot in (min(slots), max(slots) + 1))
        await ensure_partitions(connection, first, last)
    numbers = np.array([stored.meter_no[meter] for meter in world.meter_ids()[meters.start : meters.stop]], np.int32)
    step = max(1, ROWS // len(meters))
    for begin in range(0, len(slots), step):
        columns = [_slot(world, slot, meters, numbers) for slot in slots[begin : begin + step]]
        readings = ReadingColumns.concat(columns)
        rows = len(readings.ts)
        arrived = Arrived(readings, np.ones(rows), np.zeros(rows, np.int32), np.zeros(rows, np.int64))
        async with engine.begin() as connection:
            await store(connection, arrived, lambda meter, ts: np.ones(len(meter)), Optimism())


async def mark(engine: AsyncEngine, world: World, stored: StoredRegistry, plants: range, slots: range) -> None:
    """Mark slots of the world to be judged, as ingest does for readings that came late."""
    scopes = np.array([stored.scope_no[f"P{i}"] for i in plants], np.int64)
    begin = world.begin_s // SLOT_S
    async with engine.begin() as connection:
        await connection.exec_driver_sql("SELECT 1")  # COPY takes part in a transaction only behind a statement
        first, last = (np.full(len(scopes), begin + slot) for slot in (slots.start, slots.stop - 1))
        await add_marks(connection, scopes, first, last)


def utc_date(world: World, slot: int) -> date:
    """The day that a slot of the world begins in."""
    return datetime.fromtimestamp(world.begin_s + slot * SLOT_S, UTC).date()


def _slot(world: World, slot: int, meters: range, numbers: I32) -> ReadingColumns:
    end_s, rows = world.begin_s + (slot + 1) * SLOT_S, len(numbers)
    return ReadingColumns(
        meter=numbers,
        kind=np.full(rows, Kind.POWER_INST, np.int8),
        ts=np.full(rows, end_s, np.int64),
        value=world.loads_dkw(slot)[meters.start : meters.stop] / 10,
        q=np.full(rows, Quality.M, np.int8),
        rev=np.zeros(rows, np.int32),
        coll=np.full(rows, (end_s + SENT_AFTER_S) * 1000, np.int64),
        scale=np.full(rows, Scale.PRIMARY, np.int8),
        period_s=np.full(rows, SLOT_S, np.int32),
        had_evidence=np.zeros(rows, np.bool_),
    )
