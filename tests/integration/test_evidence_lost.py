"""A correction that takes evidence away from most meters of a source: the source was down then, and no plant silent."""

from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.registry import Baseline, Meter, Order, Plant, Registry, ScopeMeter, Source
from detectors.vocab import Control, Kind, Quality, Role, Rule
from tests.cases.fast import fast
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.rows import Reading, World

#: 2017-11-15T00:00 Shanghai.
BEGIN = 1510675200
HOUR_S, DAY_S = 3_600, 86_400
PLANTS = [f"P{i}" for i in range(6)]
REGISTRY = Registry(
    sources=(Source("yc"),),
    plants=tuple(Plant(p, p, "登封市") for p in PLANTS),
    meters=tuple(Meter(f"M-{p}", p, source="yc") for p in PLANTS),
    orders=tuple(Order(f"O-{p}", p, Control.STOP, BEGIN, BEGIN + 5 * DAY_S, residual_kw=50.0) for p in PLANTS),
    baselines=tuple(Baseline(p, "v1", 0, 1000.0, idle_kw=20.0, day_kwh=20_000.0) for p in PLANTS),
)


@pytest.mark.parametrize("role", [Role.SUPPLY, Role.CHECK, Role.LINE])
async def test_a_source_that_was_up_is_down_when_its_values_are_taken_back(engine: AsyncEngine, role: Role) -> None:
    """Also where no scope sums the meters: of check and line meters no load tells."""
    await _taken_back(engine, replace(REGISTRY, meters=tuple(replace(m, role=role) for m in REGISTRY.meters)))


@pytest.mark.parametrize("since", [BEGIN - 9 * DAY_S, BEGIN + 12 * HOUR_S, BEGIN + DAY_S])
async def test_so_it_is_of_meters_that_a_scope_sums_from_some_time_on(engine: AsyncEngine, since: int) -> None:
    sums = tuple(ScopeMeter(p, f"M-{p}", valid_from=since) for p in PLANTS)
    await _taken_back(engine, replace(REGISTRY, scope_meters=sums))


async def _taken_back(engine: AsyncEngine, registry: Registry) -> None:
    ends = range(BEGIN + 900, BEGIN + DAY_S + 1, 900)
    first = [Reading(f"M-{p}", Kind.POWER_INST, ts, 10.0, coll_ms=ts * 1000) for p in PLANTS for ts in ends]
    bad = range(BEGIN + 10 * HOUR_S, BEGIN + 13 * HOUR_S + 1, 900)
    taken_back = [replace(r, q=Quality.Q, rev=1) for r in first if r.ts in bad and r.meter_id != "M-P0"]
    as_of = BEGIN + DAY_S + 2 * HOUR_S
    stream = Stream(engine, 900, BEGIN)
    await stream.start(registry)
    await stream.take_in(registry, first)
    await stream.judge_until(BEGIN + DAY_S + HOUR_S)
    await stream.take_in(registry, taken_back)
    await stream.judge_until(as_of)
    expected = fast(registry, [*first, *taken_back], as_of, 900)
    downs = [alert.first_slot_end for alert in expected.alerts if alert.rule is Rule.FEED_DOWN]
    assert downs[0] == bad[0]
    world = World(registry, (*first, *taken_back), as_of)
    assert disagreements(await stream.judgement(), expected, world) == []
