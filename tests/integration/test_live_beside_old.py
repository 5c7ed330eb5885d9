"""What is slow to judge holds up no other plant: late days have a pass that the live ones do not wait for, and of the
live ones none waits for another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.evaluate import Evaluator
from consumers.evaluate import run as evaluate
from consumers.pulse import StalledError
from detectors.registry import Baseline, Meter, Order, Plant, Registry, Source
from detectors.vocab import Control, Kind
from service.clock import VirtualClock
from service.settings import Settings
from tests.cases.fast import fast
from tests.integration.ingest_world import until
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.rows import Reading, World

#: 2017-11-15T00:00 Shanghai.
BEGIN = 1510675200
DAY_S = 86_400
NOW = BEGIN + 9 * DAY_S + 3600
LATE_FROM = BEGIN + 2 * DAY_S
OF_LATE_DAY = "JOIN scopes USING (scope_no) WHERE scope_id = 'LATE' AND day = '2017-11-17'"
SETTINGS = Settings(slot_s=900, coalesce_s=0.0)


def registry(*plants: str) -> Registry:
    """Plants that must stand still, each with a meter."""
    return Registry(
        sources=(Source("yc"),),
        plants=tuple(Plant(p, p, "登封市") for p in plants),
        meters=tuple(Meter(f"M-{p}", p, source="yc") for p in plants),
        orders=tuple(Order(f"O-{p}", p, Control.STOP, BEGIN, BEGIN + 20 * DAY_S, residual_kw=50.0) for p in plants),
        baselines=tuple(Baseline(p, "v1", 0, 1000.0, idle_kw=20.0, day_kwh=20_000.0) for p in plants),
    )


REGISTRY = registry("LATE", "LIVE")


def readings(plant: str, begin: int, end: int, kw: float = 10.0) -> list[Reading]:
    """Every slot of [begin, end)."""
    return [
        Reading(f"M-{plant}", Kind.POWER_INST, ts, kw, coll_ms=ts * 1000) for ts in range(begin + 900, end + 1, 900)
    ]


@asynccontextmanager
async def late_data(engine: AsyncEngine) -> AsyncIterator[tuple[Stream, list[Reading]]]:
    """Both plants stood still; a day of one comes late, and a foreign session sits on the row of that day."""
    stream = Stream(engine, 900, BEGIN)
    await stream.start(REGISTRY)
    early = [*readings("LATE", BEGIN, LATE_FROM), *readings("LIVE", BEGIN, NOW)]
    await stream.take_in(REGISTRY, early)
    await stream.judge_until(NOW)
    late = readings("LATE", LATE_FROM, LATE_FROM + DAY_S)
    async with engine.connect() as foreign:
        held = await foreign.execute(text(f"SELECT 1 FROM scope_days {OF_LATE_DAY} FOR UPDATE OF scope_days"))
        assert held.all()
        await stream.take_in(REGISTRY, late)
        yield stream, [*early, *late]
        await foreign.rollback()


async def opened(engine: AsyncEngine) -> list[str]:
    """Scopes with a `stop_run`."""
    async with engine.connect() as connection:
        found = await connection.scalars(
            text("SELECT live ->> 'scope_id' FROM alerts WHERE live ->> 'rule' = 'stop_run'")
        )
        return list(found)


async def test_a_plant_that_runs_is_told_while_old_days_of_another_are_judged(engine: AsyncEngine) -> None:
    async with late_data(engine) as (stream, taken):
        for _ in range(3):
            await stream.step()  # the pass over the old days has begun, and waits
        live = readings("LIVE", NOW, NOW + 3 * 900, kw=900.0)
        await stream.take_in(REGISTRY, live)
        await stream.advance_to(NOW + 3 * 900)

        async def told() -> bool:
            await stream.step()
            return await opened(engine) == ["LIVE"]

        await until(told)
    await stream.judge_until(NOW + 3600)
    everything = [*taken, *live]
    expected = fast(REGISTRY, everything, NOW + 3600, 900)
    assert disagreements(await stream.judgement(), expected, World(REGISTRY, tuple(everything), NOW + 3600)) == []


async def test_a_plant_that_runs_is_told_while_a_live_day_of_another_is_judged(engine: AsyncEngine) -> None:
    stream, since = Stream(engine, 900, BEGIN), NOW - 3 * 900
    await stream.start(REGISTRY)
    taken = [*readings("LATE", BEGIN, since), *readings("LIVE", BEGIN, since)]
    await stream.take_in(REGISTRY, taken)
    await stream.judge_until(NOW)
    async with engine.connect() as foreign:
        today = await foreign.execute(
            text(f"SELECT 1 FROM scope_days {OF_LATE_DAY.replace('-17', '-24')} FOR UPDATE OF scope_days")
        )
        assert today.all()
        still, runs = readings("LATE", since, NOW), readings("LIVE", since, NOW, kw=900.0)
        await stream.take_in(REGISTRY, still)
        await stream.step()  # the pass over the plant that stands still has begun, and waits
        await stream.take_in(REGISTRY, runs)

        async def told() -> bool:
            await stream.step()
            return await opened(engine) == ["LIVE"]

        await until(told)
        await foreign.rollback()
    await stream.judge_until(NOW)
    everything = [*taken, *still, *runs]
    expected = fast(REGISTRY, everything, NOW, 900)
    assert disagreements(await stream.judgement(), expected, World(REGISTRY, tuple(everything), NOW)) == []


async def test_old_days_give_way_one_by_one_and_live_ones_do_not(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def give_way(_: Evaluator, worked_s: float) -> None:
        waits.append(worked_s)

    monkeypatch.setattr(Evaluator, "_let_live_go_first", give_way)
    stream = Stream(engine, 900, BEGIN)
    await stream.start(REGISTRY)
    await stream.take_in(REGISTRY, [*readings("LATE", BEGIN, LATE_FROM), *readings("LIVE", BEGIN, NOW)])
    await stream.judge_until(NOW)
    waits.clear()
    await stream.take_in(REGISTRY, readings("LIVE", NOW, NOW + 900))
    await stream.judge_until(NOW + 900)
    assert waits == []
    await stream.take_in(REGISTRY, readings("LATE", LATE_FROM, LATE_FROM + DAY_S))
    await stream.judge_until(NOW + 900)
    assert len(waits) >= 7  # the day itself, and what its silence had handed on to the days behind it
    assert min(waits) > 0


async def test_old_days_are_judged_although_live_passes_always_find_some(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.evaluate.CLAIM_SCOPES", 1)
    monkeypatch.setattr("consumers.evaluate.LEAST_SCOPES", 1)
    monkeypatch.setattr("consumers.evaluate.OLD_WAITS_S", 0.2)
    stream, three = Stream(engine, 900, BEGIN), registry("LATE", "LIVE", "ALSO")
    await stream.start(three)
    live = [*readings("LIVE", BEGIN, NOW), *readings("ALSO", BEGIN, NOW)]
    await stream.take_in(three, [*readings("LATE", BEGIN, LATE_FROM), *live])
    await stream.judge_until(NOW)
    await stream.take_in(three, readings("LATE", LATE_FROM, LATE_FROM + DAY_S))
    marks = "INSERT INTO dirty_scopes (scope_no, first_slot, last_slot)"
    marks += " SELECT scope_no, :slot, :slot FROM scopes WHERE scope_id <> 'LATE'"

    async def judged() -> bool:
        async with engine.begin() as connection:
            await connection.execute(text(marks), {"slot": NOW // 900 - 1})  # as many as there are passes
        await stream.step()
        async with engine.connect() as connection:
            covered = await connection.scalar(text(f"SELECT coverage FROM scope_days {OF_LATE_DAY}"))
        return float(covered or 0.0) == 1.0

    await until(judged)
    await stream.end()


async def test_a_pass_over_old_days_that_takes_for_ever_ends_the_process(engine: AsyncEngine) -> None:
    async with late_data(engine):
        with pytest.raises(StalledError):
            await asyncio.wait_for(evaluate(engine, SETTINGS, VirtualClock(NOW), asyncio.Event(), stall_s=1.0), 10)


async def test_who_is_told_to_stop_ends_with_the_day_judged(engine: AsyncEngine) -> None:
    stop = asyncio.Event()

    async def late_coverage() -> float:
        async with engine.connect() as connection:
            return float(await connection.scalar(text(f"SELECT coverage FROM scope_days {OF_LATE_DAY}")) or 0.0)

    async with late_data(engine):
        work = asyncio.create_task(evaluate(engine, SETTINGS, VirtualClock(NOW), stop))
        await asyncio.sleep(1.0)
        stop.set()
        _, at_work = await asyncio.wait([work], timeout=0.5)
        assert at_work
        assert await late_coverage() == 0.0
    await asyncio.wait_for(work, 10)
    assert await late_coverage() == 1.0
