"""Readings held by day: the same winners as of all readings at once, and what is narrow stays so."""

import numpy as np
import pytest

from detectors.reading_days import ReadingDays
from detectors.readings import ReadingColumns, is_narrow, narrow, winners
from detectors.registry import Meter, Plant, Registry
from detectors.slots import DAY_S
from detectors.vocab import Kind
from detectors.world import World, compile_world
from tests.cases.worlds import DAY0

METERS = 3


@pytest.fixture(scope="module")
def world() -> World:
    meters = tuple(Meter(f"M{i}", "P") for i in range(METERS))
    return compile_world(Registry(plants=(Plant("P", "P", "county"),), meters=meters))


def drawn(seed: int, kinds: tuple[Kind, ...] = (Kind.POWER_AVG,)) -> ReadingColumns:
    """Readings of four days in any order, a part of them rivals for one time."""
    rng, n = np.random.default_rng(seed), 600
    ts = DAY0 + rng.integers(1, 4 * 96, n) * 900
    return ReadingColumns(
        meter=rng.integers(0, METERS, n).astype(np.int32),
        kind=rng.choice([int(k) for k in kinds], n).astype(np.int8),
        ts=ts,
        value=rng.integers(0, 900, n).astype(np.float64),
        q=rng.integers(0, 2, n).astype(np.int8),
        rev=np.zeros(n, np.int32),
        coll=ts * 1000 + rng.integers(0, 90 * DAY_S * 1000, n),  # further from ts than 32 bits reach
        scale=np.zeros(n, np.int8),
        period_s=np.full(n, 900, np.int32),
        had_evidence=np.zeros(n, np.bool_),
    )


def rows(readings: ReadingColumns) -> list[tuple[float, ...]]:
    told = (readings.meter, readings.kind, readings.ts, readings.value, readings.q, readings.period_s)
    return sorted(zip(*(c.tolist() for c in told), strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_winners_of_days_are_the_winners_of_all(world: World, seed: int) -> None:
    readings = drawn(seed)
    days = ReadingDays(world)
    for at in range(0, len(readings), 100):
        days.add(readings.take(slice(at, at + 100)))
    parts = list(days.resolved())
    expected, lost = winners(readings, np.ones(len(readings)))
    assert lost == days.lost > 0
    assert rows(ReadingColumns.concat(parts)) == rows(expected)
    assert (days.first_ts, days.last_ts) == (readings.ts.min(), readings.ts.max())


def test_near_gives_the_grid_and_a_slot_behind_of_the_meters_asked_for(world: World) -> None:
    days = ReadingDays.of(world, drawn(1))
    won = ReadingColumns.concat(list(days.resolved()))
    begin, end = DAY0 + DAY_S - 7200, DAY0 + 2 * DAY_S + 7200
    near = days.near(begin, end, np.array([0, 2]))
    mine = (won.ts > begin) & (won.ts <= end + 900) & (won.meter != 1)
    assert rows(near) == rows(won.take(mine))


def test_near_reaches_a_day_further_for_a_meter_with_a_register(world: World) -> None:
    readings = drawn(2, (Kind.POWER_AVG,))
    readings.kind[readings.meter == 1] = Kind.ENERGY_REG
    days = ReadingDays.of(world, readings)
    list(days.resolved())
    near = days.near(DAY0 + 2 * DAY_S, DAY0 + 3 * DAY_S, np.arange(METERS))
    early = near.meter[near.ts <= DAY0 + 2 * DAY_S]
    assert len(early) > 0
    assert set(early.tolist()) == {1}


def test_no_readings(world: World) -> None:
    days = ReadingDays(world)
    assert list(days.resolved()) == []
    assert days.first_ts is None
    assert len(days.near(DAY0, DAY0 + DAY_S, np.arange(METERS))) == 0


def test_what_is_narrow_stays_narrow_and_means_the_same() -> None:
    column = np.full(5, 7, np.int8)
    small = narrow(column)
    assert is_narrow(small)
    assert not is_narrow(column)
    assert not is_narrow(narrow(np.arange(5)))
    readings = drawn(0)
    held = ReadingColumns.concat([readings.take(slice(0, 300)), readings.take(slice(300, 600))])
    assert rows(held) == rows(readings)
    whole = ReadingColumns(*(narrow(getattr(readings, f)) for f in ReadingColumns.__dataclass_fields__))
    picked = whole.take(np.arange(600) % 3 == 0)
    assert is_narrow(picked.kind)
    assert is_narrow(ReadingColumns.concat([picked, picked]).kind)
    assert rows(picked) == rows(readings.take(slice(0, 600, 3)))
