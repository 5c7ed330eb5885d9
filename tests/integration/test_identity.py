"""Streaming and back-test of the same readings, in any order, give the same days, slots and alerts (§6.32)."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.files import read_readings
from detectors.registry import with_default_scopes
from detectors.vocab import Evidence, Kind, Quality, Scale, Verdict
from service.demo.story import LAST_COLL_S, build
from service.registry import read_registry
from tests.cases.fast import fast
from tests.integration.streamed import Stream
from tests.oracles.compare import differences
from tests.oracles.rows import DayRow, Judgement, Reading, SlotRow, World
from tests.oracles.strategies import worlds

WORLDS = 16
DAY_S = 86_400


@lru_cache(maxsize=1)
def generated() -> list[World]:
    """A fixed list of small random worlds; day types are the office's own."""
    found: list[World] = []

    @settings(
        max_examples=WORLDS,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(world=worlds())
    def collect(world: World) -> None:
        found.append(as_taken_in(world))

    collect()
    return found


def as_taken_in(world: World) -> World:
    """A random world as a database can hold it; day types are the office's own."""
    scope_of = {o.order_id: o.scope_id for o in world.registry.orders}
    named = {(e.scope_id, e.order_id, e.valid_from): e for e in world.registry.exemptions}  # once, as import wants
    fits = tuple(e for e in named.values() if scope_of.get(e.order_id or "", e.scope_id) == e.scope_id)
    readings = tuple(r for r in world.readings if _has_multiplier(world, r))
    registry = replace(world.registry, exemptions=fits)
    return replace(world, registry=registry, readings=readings, day_types=None)


def _has_multiplier(world: World, reading: Reading) -> bool:
    """A secondary value without a multiplier waits in quarantine: neither side judges it."""
    mine = (m for m in world.registry.multipliers if m.meter_id == reading.meter_id)
    return reading.scale == Scale.PRIMARY or any(m.valid_from <= reading.ts < m.valid_to for m in mine)


@pytest.mark.parametrize("number", range(WORLDS))
async def test_any_order_and_any_pieces(engine: AsyncEngine, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings come shuffled or as they were collected, in pieces, while the clock goes on between them."""
    monkeypatch.setattr("consumers.rejudge.COMPARED", 1 + 2 * (number % 3))
    world = generated()[number % len(generated())]
    chance = random.Random(number)
    readings = [r for r in world.readings if r.ts <= world.as_of]
    chance.shuffle(readings)
    if number % 2:
        readings.sort(key=lambda r: r.coll_ms)
    readings += chance.sample(readings, len(readings) // 10)
    starts = [o.valid_from for o in world.registry.orders] + [r.ts for r in readings] + [world.as_of]
    begin = min(starts) - DAY_S
    stream = Stream(engine, world.slot_s, begin)
    await stream.start(world.registry)
    pieces = chance.randint(1, 6)
    cuts = sorted(chance.randint(0, len(readings)) for _ in range(pieces - 1))
    times = sorted(chance.randint(begin, world.as_of) for _ in range(pieces - 1))
    for low, high, time in zip([0, *cuts], [*cuts, len(readings)], [*times, world.as_of], strict=True):
        await stream.take_in(world.registry, readings[low:high])
        await stream.judge_until(time)
    expected = fast(world.registry, world.readings, world.as_of, world.slot_s)
    assert disagreements(await stream.judgement(), expected, world) == []


@pytest.mark.parametrize("order", ["collected", "shuffled", "late"])
async def test_demo_story(engine: AsyncEngine, tmp_path: Path, order: str) -> None:
    """The demo's readings: as collected; shuffled and with duplicates; a third of them three days late."""
    folder, file = build().write(tmp_path)
    registry = with_default_scopes(read_registry(folder))
    columns = read_readings([file], registry, clock_now_s=LAST_COLL_S).columns
    readings = [
        Reading(
            registry.meters[columns.meter[i]].meter_id,
            Kind(columns.kind[i]),
            int(columns.ts[i]),
            None if np.isnan(columns.value[i]) else float(columns.value[i]),
            Quality(columns.q[i]),
            int(columns.rev[i]),
            int(columns.coll[i]),
            Scale(columns.scale[i]),
            int(columns.period_s[i]),
        )
        for i in range(len(columns))
    ]
    as_of = max(r.ts for r in readings)
    chance = random.Random(order)
    arrival = sorted(readings, key=lambda r: r.coll_ms)
    if order == "shuffled":
        arrival += chance.sample(arrival, len(arrival) // 20)
        chance.shuffle(arrival)
    if order == "late":
        late = set(chance.sample(range(len(arrival)), len(arrival) // 3))
        arrival = [r for i, r in enumerate(arrival) if i not in late] + [arrival[i] for i in sorted(late)]
    begin = min(r.ts for r in readings) - DAY_S
    stream = Stream(engine, 900, begin)
    await stream.start(registry)
    pieces = 8
    for p in range(pieces):
        await stream.take_in(registry, arrival[len(arrival) * p // pieces : len(arrival) * (p + 1) // pieces])
        await stream.judge_until(begin + (as_of - begin) * (p + 1) // pieces)
    world = World(registry, tuple(readings), as_of)
    assert disagreements(await stream.judgement(), fast(registry, readings, as_of), world) == []


def disagreements(streamed: Judgement, tested: Judgement, world: World) -> list[str]:
    """Differences, apart from rows that only one side keeps: days before the history, and days, whole or in part, that
    no order needs and nobody read, or whose every slot the source may still deliver."""
    zone = ZoneInfo(world.registry.zone)
    delay_s = max((s.delay_min * 60 for s in world.registry.sources), default=300)

    def key(row: DayRow | SlotRow) -> tuple[str, object]:
        if isinstance(row, DayRow):
            return row.scope_id, row.day
        return row.scope_id, datetime.fromtimestamp(row.slot_end - world.slot_s, zone).date()

    kept = {key(d) for d in streamed.days}
    both = kept & {key(d) for d in tested.days}
    lost = [
        f"no row of {d}"
        for d in tested.days
        if key(d) not in kept
        and not (d.verdict == Verdict.NO_ORDER and d.energy_kwh is None)
        and datetime.fromtimestamp(world.as_of - max(delay_s, 300), zone).date() > d.day
    ]
    idle = {key(d) for d in tested.days if d.verdict == Verdict.NO_ORDER and d.energy_kwh is None}
    judged = {(s.scope_id, s.slot_end) for s in streamed.slots}
    slots = tuple(s for s in tested.slots if key(s) not in idle or (s.scope_id, s.slot_end) in judged)
    return lost + differences(_cut(streamed, both, key), _cut(replace(tested, slots=slots), both, key))


def _cut(
    judged: Judgement, days: set[tuple[str, object]], key: Callable[[DayRow | SlotRow], tuple[str, object]]
) -> Judgement:
    return replace(
        judged,
        slots=tuple(replace(s, baseline_version=None) for s in judged.slots if key(s) in days),
        days=tuple(d for d in judged.days if key(d) in days),
        alerts=tuple(replace(a, evidence=Evidence.PROVISIONAL) for a in judged.alerts),
    )
