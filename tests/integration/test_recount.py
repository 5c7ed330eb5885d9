"""A source that is down is counted again with late data; who finds nothing new keeps nobody waiting."""

import asyncio
from dataclasses import replace

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.registry import Baseline, Meter, Order, Plant, Registry, Source
from detectors.vocab import Control, Kind, Rule
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
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM ticks%'")
OPEN = text("SELECT count(*) FROM dirty_scopes WHERE due_slot IS NULL")


async def test_who_finds_nothing_new_of_a_source_keeps_nobody_waiting(engine: AsyncEngine) -> None:
    ends = range(BEGIN + 900, AS_OF + 1, 900)
    first = [
        Reading(f"M-{p}", Kind.POWER_INST, ts, 10.0, coll_ms=ts * 1000)
        for p in PLANTS
        for ts in ends
        if p == "P0" or ts not in SILENT
    ]
    corrected = [replace(r, value=12.0, rev=1) for r in first if r.meter_id == "M-P0" and r.ts in SILENT]
    late = [replace(r, meter_id=f"M-{p}") for p in PLANTS[1:4] for r in corrected[:4]]
    stream = Stream(engine, 900, BEGIN)
    await stream.start(REGISTRY)
    await stream.take_in(REGISTRY, first)
    await stream.judge_until(AS_OF)
    async with engine.connect() as other, asyncio.timeout(30):
        await other.execute(text("SELECT FROM ticks FOR SHARE"))
        await stream.take_in(REGISTRY, corrected)
        await _judge_what_is_marked(stream)
        assert await _now(engine, OPEN) == 0, "judged beside another that counts"
        await stream.take_in(REGISTRY, late)
        judging = asyncio.create_task(_judge_what_is_marked(stream))
        while not await _now(engine, WAITING):
            assert not judging.done(), "what is new of the source is written alone"
            await asyncio.sleep(0.02)
        await other.rollback()
        await judging
    await stream.judge_until(AS_OF)
    sent = (*first, *corrected, *late)
    expected = fast(REGISTRY, [*sent], AS_OF, 900)
    downs = [alert.first_slot_end for alert in expected.alerts if alert.rule is Rule.FEED_DOWN]
    assert downs == [SILENT[4]]
    assert disagreements(await stream.judgement(), expected, World(REGISTRY, sent, AS_OF)) == []


async def _now(engine: AsyncEngine, query: TextClause) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(query) or 0)


async def _judge_what_is_marked(stream: Stream) -> None:
    await stream.step()
    await stream.end()
