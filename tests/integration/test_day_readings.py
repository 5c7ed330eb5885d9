"""Days read one behind the other show what each shows alone, and what two of them share is read once."""

from datetime import date, timedelta

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.day_loads import DayReadings
from consumers.office import Office
from detectors.judge import margin_slots
from detectors.readings import ReadingColumns
from detectors.registry import Meter, Plant, Registry
from detectors.slots import Grid, local_day
from detectors.vocab import Kind
from detectors.world import compile_world
from service.db.judgement import has_readings
from service.db.registry_load import load_registry
from tests.integration.streamed import Stream
from tests.oracles.rows import Reading

#: 2017-11-15T00:00 Shanghai.
BEGIN, DAY, DAY_S = 1510675200, date(2017, 11, 15), 86_400
ZONE, SLOT_S, DAYS, PLANTS = "Asia/Shanghai", 900, 4, ("A", "B", "C")
REGISTRY = Registry(
    plants=tuple(Plant(p, p, "登封市") for p in PLANTS),
    meters=tuple(Meter(f"M-{p}", p, kind=Kind.ENERGY_REG if p == "C" else Kind.POWER_INST) for p in PLANTS),
)


async def stored(engine: AsyncEngine) -> Office:
    """Every slot of four days has a reading of every meter; C's are of a register, which spreads over slots."""
    stream = Stream(engine, SLOT_S, BEGIN)
    await stream.start(REGISTRY)
    ends = range(BEGIN + SLOT_S, BEGIN + DAYS * DAY_S + 1, SLOT_S)
    kinds = {"A": Kind.POWER_INST, "B": Kind.POWER_INST, "C": Kind.ENERGY_REG}
    all_of_them = [Reading(f"M-{p}", kinds[p], ts, float(ts - BEGIN), coll_ms=ts * 1000) for p in PLANTS for ts in ends]
    await stream.take_in(REGISTRY, all_of_them)
    async with engine.connect() as connection:
        loaded = await load_registry(connection)
    return Office.of(loaded, compile_world(loaded.registry), BEGIN // SLOT_S)


def grid(day: int) -> Grid:
    return Grid(ZONE, SLOT_S, local_day(ZONE, DAY + timedelta(days=day), SLOT_S), margin_slots(SLOT_S))


def rows(office: Office, plants: str) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array(sorted(office.world.scope_row[p] for p in plants), np.int64)


def told(readings: ReadingColumns) -> list[tuple[int, int, float]]:
    return sorted(zip(readings.meter.tolist(), readings.ts.tolist(), readings.value.tolist(), strict=True))


@pytest.mark.parametrize(
    "asked",
    [
        [(0, "AB"), (1, "AB"), (2, "AB"), (3, "AB")],
        [(0, "A"), (1, "AB"), (2, "B"), (3, "B")],
        [(0, "ABC"), (1, "ABC"), (2, "AB"), (3, "AB")],
        [(0, "AB"), (1, "AB"), (3, "AB"), (1, "AB"), (2, "AB")],
    ],
    ids=["alike", "others each day", "a register and then none", "with a gap and back"],
)
async def test_a_day_behind_another_has_the_readings_that_it_has_alone(
    engine: AsyncEngine, asked: list[tuple[int, str]]
) -> None:
    office, reads = await stored(engine), DayReadings()
    async with engine.begin() as connection:
        for day, plants in asked:
            along = await reads.on(connection, office, grid(day), rows(office, plants), None)
            alone = await DayReadings().on(connection, office, grid(day), rows(office, plants), None)
            assert told(along) == told(alone)
            reaches = DAY_S if "C" in plants else 0
            assert alone.ts.max() == min(grid(day).ends_s[-1] + reaches, BEGIN + DAYS * DAY_S)


async def test_what_two_days_share_is_read_once(engine: AsyncEngine) -> None:
    office, reads = await stored(engine), DayReadings()
    async with engine.begin() as connection:
        await reads.on(connection, office, grid(0), rows(office, "AB"), None)
        await connection.execute(text("DELETE FROM readings WHERE ts <= '2017-11-16T02:00+08:00'"))
        along = await reads.on(connection, office, grid(1), rows(office, "AB"), None)
        alone = await DayReadings().on(connection, office, grid(1), rows(office, "AB"), None)
    assert len(along) == 2 * grid(1).n
    assert len(alone) == len(along) - 2 * 2 * margin_slots(SLOT_S)


async def test_whether_there_are_readings_up_to_a_time(engine: AsyncEngine) -> None:
    office = await stored(engine)
    mine, nobody = office.meter_no[:1], office.meter_no[:0]
    async with engine.begin() as connection:
        assert await has_readings(connection, mine, BEGIN + SLOT_S)
        assert not await has_readings(connection, mine, BEGIN + SLOT_S - 1)
        assert not await has_readings(connection, nobody, BEGIN + DAY_S)
