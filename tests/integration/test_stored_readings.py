"""What is stored of readings comes back as it went in, whole or counted, however much it is."""

from datetime import date

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from detectors.feed import SourceSlots
from detectors.intervals import ENERGY_KINDS
from detectors.readings import ReadingColumns, is_narrow
from detectors.registry import Meter, Plant, Registry
from detectors.vocab import Kind, Quality, Scale
from detectors.world import compile_world
from service.db.judgement import count_readings, load_evidence, load_readings
from service.db.partitions import ensure_partitions
from service.db.readings import Arrived, store

BEGIN_S = 1_510_675_200
SLOT_S, SLOTS, METERS = 900, 12, 20
FIRST_SLOT = BEGIN_S // SLOT_S


def some_readings(seed: int, *, is_mixed: bool) -> ReadingColumns:
    """Readings of meters 0 to 19, some of them missing; mixed: of every kind, quality, scale and many periods."""
    rng = np.random.default_rng(seed)
    keys = [(m, k, t) for m in range(METERS) for k in (Kind if is_mixed else [Kind.POWER_INST]) for t in range(SLOTS)]
    meter, kind, slot = np.array(keys).T[:, rng.random(len(keys)) < 0.7]
    n = len(meter)

    def any_of(values: list[int], alike: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return rng.choice(np.array(values, np.int64), n) if is_mixed else np.full(n, alike, np.int64)

    return ReadingColumns(
        meter=meter.astype(np.int32),
        kind=kind.astype(np.int8),
        ts=BEGIN_S + (slot + 1) * SLOT_S - any_of([0, 0, 60, 840], 0),
        value=rng.normal(100, 50, n),
        q=any_of([int(q) for q in Quality], 0).astype(np.int8),
        rev=np.zeros(n, np.int32),
        coll=np.full(n, BEGIN_S * 1000),
        scale=any_of([int(s) for s in Scale], 1).astype(np.int8),
        period_s=any_of([0, 900, 1_800, 86_400, 2_678_400, 2**31 - 1], 900).astype(np.int32),
        had_evidence=np.zeros(n, np.bool_),
    )


async def stored(engine: AsyncEngine, readings: ReadingColumns, offset: int = 0) -> None:
    n = len(readings)
    offsets = np.arange(offset, offset + n, dtype=np.int64)
    async with engine.begin() as connection:
        await ensure_partitions(connection, date(2017, 11, 1), date(2017, 12, 1))
        arrived = Arrived(readings, np.ones(n), np.zeros(n, np.int32), offsets)
        await store(connection, arrived, lambda meter, ts: np.ones(len(meter)))


def in_order(readings: ReadingColumns) -> ReadingColumns:
    return readings.take(np.lexsort((readings.ts, readings.kind, readings.meter)))


async def load(connection: AsyncConnection, meters: range, after_s: int, until_s: int) -> ReadingColumns:
    n = len(meters)
    return in_order(await load_readings(connection, np.array(meters), np.full(n, after_s), np.full(n, until_s)))


@pytest.mark.parametrize("is_mixed", [True, False])
async def test_every_column_comes_back(engine: AsyncEngine, is_mixed: bool) -> None:
    sent = in_order(some_readings(1, is_mixed=is_mixed))
    await stored(engine, sent)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE readings SET had_evidence = (meter_no % 2 = 0)"))
        come = await load(connection, range(METERS), 0, BEGIN_S + 86_400)
        even = await load(connection, range(0, METERS, 2), 0, BEGIN_S + 86_400)
    for name in ("meter", "kind", "ts", "value", "q", "scale", "period_s"):
        np.testing.assert_array_equal(getattr(come, name), getattr(sent, name), name)
    np.testing.assert_array_equal(come.had_evidence, sent.meter % 2 == 0)
    assert even.had_evidence.all()
    assert is_narrow(even.kind) is not is_mixed


async def test_more_than_one_piece_goes_in_and_comes_out(engine: AsyncEngine) -> None:
    """Some megabytes: asyncpg is given them, and gives them back, in pieces."""
    n_slots, n = 96, 300
    meter, slot = np.divmod(np.arange(n * n_slots), n_slots)
    one = some_readings(1, is_mixed=False).take(np.zeros(len(meter), np.int64))
    sent = ReadingColumns(
        **{name: getattr(one, name) for name in ReadingColumns.__dataclass_fields__}
        | {
            "meter": meter.astype(np.int32),
            "ts": BEGIN_S + (slot + 1) * SLOT_S,
            "value": np.random.default_rng(2).normal(size=len(meter)),
        }
    )
    await stored(engine, sent)
    async with engine.begin() as connection:
        come = await load(connection, range(n), BEGIN_S, BEGIN_S + 86_400)
    np.testing.assert_array_equal(come.value, in_order(sent).value)
    np.testing.assert_array_equal(come.meter, meter)


@pytest.mark.parametrize("seed", range(4))
async def test_a_count_proves_no_more_than_the_readings_do(engine: AsyncEngine, seed: int) -> None:
    """Meter 3 is valid longer than the others, so it is not asked for; no slot has fewer than these are proven to be,
    also where they are not valid yet and have readings all the same."""
    sent = some_readings(seed, is_mixed=seed > 0)
    await stored(engine, sent)
    late = BEGIN_S + 2 * SLOT_S
    registry = Registry(
        plants=(Plant("P", "P", "c"),),
        meters=tuple(Meter(f"M{i:02}", "P", valid_from=0 if i == 3 else late) for i in range(METERS)),
    )
    counted = SourceSlots(compile_world(registry), FIRST_SLOT, SLOTS)
    alike, valid = counted.alike(0)
    assert (alike.tolist(), valid) == ([i for i in range(METERS) if i != 3], slice(2, SLOTS))
    async with engine.begin() as connection:
        groups = await count_readings(connection, alike, ENERGY_KINDS, BEGIN_S, BEGIN_S + SLOTS * SLOT_S)
    least = counted.at_least(*groups, valid)
    counted.add(sent)
    speaks = counted.totals()[1][0]
    assert (least <= speaks).all()
    assert least[valid].min() > 0
    if seed == 0:  # all of one kind and period: nothing is left to find
        alone = SourceSlots(compile_world(registry), FIRST_SLOT, SLOTS)
        alone.add(sent.take(np.isin(sent.meter, alike)))
        np.testing.assert_array_equal(least, alone.totals()[1][0])


@pytest.mark.parametrize("seed", range(1, 5))
async def test_evidence_of_some_slots_is_that_of_all_readings(engine: AsyncEngine, seed: int) -> None:
    """Of the slots, and of the day behind them what reaches back into them; counted together they are all there is."""
    sent = some_readings(seed, is_mixed=True)
    await stored(engine, sent)
    registry = Registry(plants=(Plant("P", "P", "c"),), meters=tuple(Meter(f"M{i:02}", "P") for i in range(METERS)))
    world, meters, n = compile_world(registry), np.arange(METERS), 3
    begin_s, end_s = BEGIN_S + 2 * SLOT_S, BEGIN_S + (2 + n) * SLOT_S
    found, wanted = (SourceSlots(world, FIRST_SLOT + 2, n) for _ in range(2))
    wanted.add(sent)
    async with engine.begin() as connection:
        for after_s, until_s in ((begin_s, end_s), (end_s, end_s + 86_400)):
            meter, ts, period_s = await load_evidence(connection, meters, ENERGY_KINDS, after_s, until_s, end_s)
            assert len(ts) > 0
            assert (ts - period_s < end_s).all()
            found.add_evidence(meter, ts, period_s)
    np.testing.assert_array_equal(found.totals()[1], wanted.totals()[1])


def test_most_meters_that_are_gone_do_not_hide_the_others() -> None:
    gone = tuple(Meter(f"G{i}", "P", valid_to=BEGIN_S) for i in range(3))
    registry = Registry(plants=(Plant("P", "P", "c"),), meters=(*gone, Meter("M", "P")))
    counted = SourceSlots(compile_world(registry), FIRST_SLOT, SLOTS)
    assert [registry.meters[row].meter_id for row in counted.alike(0)[0]] == ["M"]
    assert counted.alike(0)[1] == slice(0, SLOTS)
    only_gone = Registry(plants=registry.plants, meters=gone)
    assert len(SourceSlots(compile_world(only_gone), FIRST_SLOT, SLOTS).alike(0)[0]) == 0
