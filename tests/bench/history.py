"""History laid into the store through its own functions, without a broker: what was received long before the clock."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.days import PLAIN_SLOT
from detectors.readings import I32
from detectors.vocab import Kind, Quality, Scale
from service.db.copying import as_rows, copy_in, pg_microseconds, row_dtype
from service.db.marks import add_marks
from service.db.partitions import ensure_partitions
from service.db.registry_load import StoredRegistry, load_registry
from service.db.ticks import advance
from tests.bench.messages import SENT_AFTER_S
from tests.bench.world import DAY_SLOTS, SLOT_S, SOURCE, World

ROWS = 400_000
COLUMNS = [("meter_no", ">i4"), ("kind", ">i2"), ("ts", ">i8"), ("value", ">f8"), ("q", ">i2"), ("rev", ">i4")]
COLUMNS += [("coll", ">i8"), ("scale", ">i2"), ("period_s", ">i4"), ("had_evidence", "u1"), ("src_partition", ">i4")]
COLUMNS += [("src_offset", ">i8")]
ROW = row_dtype(COLUMNS)
#: Rows of each table that a long history is thinned to.
MOST = 4_000_000
MOST_DAYS = 400_000
#: Slots before the orders begin that are never thinned: `offline` looks back six hours.
WHOLE_SLOTS = 32


async def lay_readings(engine: AsyncEngine, world: World, meters: range, slots: Sequence[int]) -> None:
    """The loads of some meters in some slots of the world, as if they had come in time; nothing is marked."""
    async with engine.begin() as connection:
        stored = await load_registry(connection)
        first, last = (utc_date(world, slot) for slot in (min(slots), max(slots) + 1))
        await ensure_partitions(connection, first, last)
    numbers = np.array([stored.meter_no[meter] for meter in world.meter_ids()[meters.start : meters.stop]], np.int32)
    step = max(1, ROWS // len(meters))
    for begin in range(0, len(slots), step):
        some = slots[begin : begin + step]
        rows = np.empty(len(some) * len(meters), ROW)  # joining arrays would turn their bytes
        for place, slot in enumerate(some):
            rows[place * len(meters) : (place + 1) * len(meters)] = _rows(world, slot, meters, numbers)
        async with engine.begin() as connection:
            await connection.execute(text("SELECT 1"))  # COPY takes part in a transaction only behind a statement
            await copy_in(connection, "readings", [name for name, _ in COLUMNS], rows)


async def lay_days(engine: AsyncEngine, world: World) -> None:
    """``days_before`` days before the world: the last hours whole, earlier readings and the judged days as much as
    ``MOST`` and ``MOST_DAYS`` rows allow. The clock's part is done up to the world's begin, as in an office that has
    run for so long."""
    slots = world.days_before * DAY_SLOTS
    step = max(1, -(-slots * world.meters // MOST))
    laid = [*range(-slots, -WHOLE_SLOTS, step), *range(-WHOLE_SLOTS, 0)]
    await lay_readings(engine, world, range(world.meters), laid)
    day_step = max(1, -(-world.days_before * world.meters // MOST_DAYS))
    async with engine.begin() as connection:
        await ensure_partitions(connection, utc_date(world, -slots), utc_date(world, 0))
        await advance(connection, {SOURCE: world.begin_s // SLOT_S})
        await connection.execute(
            text(
                "INSERT INTO scope_days (scope_no, day, first_slot, slot_s, as_of, verdict, reasons, order_ids,"
                " baseline_versions, coverage, violating_slots, energy_wh, slots, revision)"
                " SELECT s.scope_no, d.day, extract(epoch FROM d.day)::bigint / 900 - 32, 900, now(), 0, 0, '{}', '{}',"
                " 1, 0, 0, CAST(:slots AS bytea), 1 FROM scopes s,"
                " (SELECT generate_series(CAST(:first AS date), CAST(:last AS date), CAST(:step AS integer)"
                " * interval '1 day')::date AS day) d"
            ),
            {
                "slots": bytes(DAY_SLOTS * PLAIN_SLOT.itemsize),
                "first": utc_date(world, -slots),
                "last": utc_date(world, -DAY_SLOTS),
                "step": day_step,
            },
        )
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("ANALYZE"))


async def mark(engine: AsyncEngine, world: World, stored: StoredRegistry, plants: range, slots: range) -> None:
    """Mark slots of the world to be judged, as ingest does for readings that came late."""
    scopes = np.array([stored.scope_no[f"P{i}"] for i in plants], np.int64)
    begin = world.begin_s // SLOT_S
    async with engine.begin() as connection:
        await connection.execute(text("SELECT 1"))
        first, last = (np.full(len(scopes), begin + slot) for slot in (slots.start, slots.stop - 1))
        await add_marks(connection, scopes, first, last)


def utc_date(world: World, slot: int) -> date:
    """The day that a slot of the world begins in."""
    return datetime.fromtimestamp(world.begin_s + slot * SLOT_S, UTC).date()


def _rows(world: World, slot: int, meters: range, numbers: I32) -> npt.NDArray[np.void]:
    """COPY rows of one slot."""
    end_s = world.begin_s + (slot + 1) * SLOT_S
    end_us, coll_us = pg_microseconds(np.array([end_s, end_s + SENT_AFTER_S], np.int64) * 1000)
    count = len(numbers)
    alike = {"kind": Kind.POWER_INST, "ts": end_us, "coll": coll_us, "q": Quality.M, "scale": Scale.PRIMARY}
    alike |= {"rev": 0, "period_s": SLOT_S, "had_evidence": 0, "src_partition": 0, "src_offset": 0}
    value = world.loads_dkw(slot)[meters.start : meters.stop] / 10
    columns = {name: np.full(count, given) for name, given in alike.items()} | {"meter_no": numbers, "value": value}
    return as_rows(ROW, columns)
