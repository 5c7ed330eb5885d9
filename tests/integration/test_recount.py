"""A source that is down, or nearly, is counted again with late data, beside the passes that judge, and beside ticks."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from consumers.office import Office
from consumers.ticking import tick
from detectors.registry import Baseline, Meter, Order, Plant, Registry, Source
from detectors.vocab import Control, Kind, Rule
from detectors.world import compile_world
from service.calendar import office_day_type
from service.db.registry_load import load_registry
from tests.cases.fast import fast
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.rows import Reading, World

#: 2017-11-15T00:00 Shanghai.
BEGIN = 1510675200
HOUR_S = 3_600
AS_OF = BEGIN + 20 * HOUR_S
PLANTS = [f"P{i}" for i in range(6)]
REGISTRY = Registry(
    sources=(Source("yc"),),
    plants=tuple(Plant(p, p, "登封市") for p in PLANTS),
    meters=tuple(Meter(f"M-{p}", p, source="yc") for p in PLANTS),
    orders=tuple(Order(f"O-{p}", p, Control.STOP, BEGIN, BEGIN + 24 * HOUR_S, residual_kw=50.0) for p in PLANTS),
    baselines=tuple(Baseline(p, "v1", 0, 1000.0, idle_kw=20.0) for p in PLANTS),
)
SILENT = range(BEGIN + 10 * HOUR_S, BEGIN + 13 * HOUR_S + 1, 900)
OPEN = text("SELECT count(*) FROM dirty_scopes WHERE due_slot IS NULL")
ASKED = text("SELECT count(*) FROM recounts")


async def test_passes_judge_while_a_source_is_locked_and_it_is_counted_again_behind_them(engine: AsyncEngine) -> None:
    ends = range(BEGIN + 900, AS_OF + 1, 900)
    first = [reading(p, ts) for p in PLANTS for ts in ends if p == "P0" or ts not in SILENT]
    corrected = [replace(r, value=12.0, rev=1) for r in first if r.meter_id == "M-P0" and r.ts in SILENT]
    late = [replace(r, meter_id=f"M-{p}") for p in PLANTS[1:4] for r in corrected[:4]]
    stream = Stream(engine, 900, BEGIN)
    await stream.start(REGISTRY)
    await stream.take_in(REGISTRY, first)
    await stream.judge_until(AS_OF)
    async with engine.connect() as other, asyncio.timeout(30):
        await other.execute(text("SELECT FROM ticks FOR UPDATE"))
        await stream.take_in(REGISTRY, [*corrected, *late])
        await stream.step()
        await stream.end()
        assert await _now(engine, OPEN) == 0, "judged beside another that counts"
        assert await _now(engine, ASKED) > 0
    await stream.judge_until(AS_OF)
    assert await _now(engine, ASKED) == 0
    sent = (*first, *corrected, *late)
    expected = fast(REGISTRY, [*sent], AS_OF, 900)
    downs = [alert.first_slot_end for alert in expected.alerts if alert.rule is Rule.FEED_DOWN]
    assert downs == [SILENT[4]]
    assert disagreements(await stream.judgement(), expected, World(REGISTRY, sent, AS_OF)) == []


async def test_what_comes_while_another_ticks_is_counted_all_the_same(engine: AsyncEngine) -> None:
    """That one has counted without it, and has not committed when the mark is judged."""
    due = AS_OF + 900 + REGISTRY.sources[0].delay_min * 60
    first = [reading(p, ts) for p in PLANTS for ts in range(BEGIN + 900, AS_OF + 1, 900)]
    last = [reading(p, AS_OF + 900) for p in PLANTS]
    stream = Stream(engine, 900, BEGIN)
    await stream.start(REGISTRY)
    await stream.take_in(REGISTRY, first)
    await stream.judge_until(due - 5)
    async with engine.begin() as other, asyncio.timeout(30):
        assert await tick(other, await _office(other), due, datetime.fromtimestamp(due, UTC))
        await stream.take_in(REGISTRY, last)
        await stream.step()
        await stream.end()
        assert await _now(engine, OPEN) == 0
    await stream.judge_until(due)
    sent = (*first, *last)
    expected = fast(REGISTRY, [*sent], due, 900)
    assert not [alert for alert in expected.alerts if alert.rule is Rule.FEED_DOWN]
    assert disagreements(await stream.judgement(), expected, World(REGISTRY, sent, due)) == []


async def test_an_order_changes_nothing_of_who_speaks_and_a_meter_does(engine: AsyncEngine) -> None:
    first = [reading(p, ts) for p in PLANTS for ts in range(BEGIN + 900, AS_OF + 1, 900) if ts not in SILENT]
    ordered = replace(REGISTRY, orders=tuple(replace(o, revision=2, residual_kw=5.0) for o in REGISTRY.orders))
    metered = replace(ordered, meters=(*REGISTRY.meters, Meter("M-more", "P0", source="yc")))
    stream = Stream(engine, 900, BEGIN)
    await stream.start(REGISTRY)
    await stream.take_in(REGISTRY, first)
    await stream.judge_until(AS_OF)
    for registry, asks in ((ordered, False), (metered, True)):
        await stream.change(registry)
        assert await _now(engine, OPEN) > 0
        await stream.step()
        await stream.end()
        assert (await _now(engine, ASKED) > 0) is asks
    await stream.judge_until(AS_OF)
    expected = fast(metered, [*first], AS_OF, 900)
    assert [alert for alert in expected.alerts if alert.rule is Rule.FEED_DOWN]
    assert disagreements(await stream.judgement(), expected, World(metered, tuple(first), AS_OF)) == []


async def test_by_a_registry_that_was_replaced_no_tick_decides_anything(engine: AsyncEngine) -> None:
    later = AS_OF + HOUR_S
    stream = Stream(engine, 900, BEGIN)
    await stream.start(REGISTRY)
    await stream.judge_until(AS_OF)
    async with engine.connect() as connection:
        before = await _office(connection)
    await stream.change(replace(REGISTRY, orders=tuple(replace(o, revision=2) for o in REGISTRY.orders)))
    async with engine.begin() as connection:
        assert await tick(connection, before, later, datetime.fromtimestamp(later, UTC)) == 0
    decided = text("SELECT min(next_slot) FROM ticks")
    delay_s = REGISTRY.sources[0].delay_min * 60
    assert await _now(engine, decided) == (AS_OF - delay_s) // 900
    await stream.judge_until(later)
    assert await _now(engine, decided) == (later - delay_s) // 900


async def _office(connection: AsyncConnection) -> Office:
    stored = await load_registry(connection)
    world = compile_world(stored.registry, 900, office_day_type(stored.registry))
    return Office.of(stored, world, BEGIN // 900)


def reading(plant: str, ts: int) -> Reading:
    return Reading(f"M-{plant}", Kind.POWER_INST, ts, 10.0, coll_ms=ts * 1000)


async def _now(engine: AsyncEngine, query: TextClause) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(query) or 0)
