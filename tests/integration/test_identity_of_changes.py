"""A changed registry judges again what it touches: the stream then equals a back-test with the new registry."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.registry import (
    Baseline,
    Exemption,
    Line,
    Meter,
    Multiplier,
    Order,
    Outage,
    Plant,
    Registry,
    Scope,
    ScopeMeter,
    Source,
    with_default_scopes,
)
from detectors.vocab import Control, Kind, Measure, Role, Rule, Scale
from tests.cases.fast import fast
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.rows import Reading, World

HOUR, DAY = 3600, 86_400
#: 2017-11-15 00:00 in Zhengzhou.
START = 1510675200
AS_OF = START + 4 * DAY

STOP = Order("S", "P", Control.STOP, START, residual_kw=100.0)
LIMIT = Order("L", "Q", Control.LIMIT, START, reduction=0.3, measure=Measure.ENERGY)
V1 = Baseline("P", "v1", 0, 1000.0, idle_kw=20.0, day_kwh=16_000.0)
BASE = Registry(
    sources=(Source("grid"),),
    plants=(Plant("P", "甲厂", "county"), Plant("Q", "乙厂", "county")),
    meters=(
        Meter("p", "P", source="grid", scale=Scale.SECONDARY),
        Meter("q", "Q", source="grid"),
    ),
    multipliers=(Multiplier("p", 0, START + 30 * DAY, 10.0),),
    orders=(STOP, LIMIT),
    baselines=(V1, Baseline("Q", "v1", 0, 1000.0, idle_kw=20.0, day_kwh=16_000.0)),
)


def _readings() -> tuple[Reading, ...]:
    """P: a night run from 22:00 to 02:00 every day, 300 kW, and three hours of silence on the third day; Q: 600 kW by
    day, 450 by night, over its cap in the evening."""
    found = []
    for i in range(4 * 96):
        ts = START + (i + 1) * 900
        hour = (i % 96) // 4
        p_kw = 300.0 if hour >= 22 or (hour < 2 and i >= 96) else 50.0
        q_kw = 600.0 if 8 <= hour < 20 else 450.0
        if not 220 <= i < 232:
            found.append(Reading("p", Kind.POWER_INST, ts, p_kw / 10, coll_ms=ts * 1000, scale=Scale.SECONDARY))
        found.append(Reading("q", Kind.POWER_INST, ts, q_kw, coll_ms=ts * 1000))
    return tuple(found)


def _with(**rows: tuple[Any, ...]) -> Registry:
    """The office with more rows in some of its tables."""
    tables: dict[str, Any] = {name: (*getattr(BASE, name), *more) for name, more in rows.items()}
    return replace(BASE, **tables)


NIGHT = (START + 22 * HOUR, START + 27 * HOUR)
CHANGES: dict[str, Registry] = {
    "an exemption of one night": _with(exemptions=(Exemption("P", *NIGHT, "heat", "office"),)),
    "an exemption that raises the cap": _with(
        exemptions=(Exemption("P", START, AS_OF, "heat", "office", max_kw=310.0),)
    ),
    "a revision with a higher residual": _with(orders=(replace(STOP, residual_kw=400.0, revision=2),)),
    "a revision that ends earlier": _with(orders=(replace(STOP, valid_to=START + 23 * HOUR, revision=2),)),
    "a revision that cuts more": _with(orders=(replace(LIMIT, reduction=0.6, revision=2),)),
    "a corrected multiplier": replace(BASE, multipliers=(Multiplier("p", 0, START + 30 * DAY, 3.0),)),
    "a newer baseline from the third day": replace(
        BASE,
        baselines=(
            replace(V1, valid_to=START + 2 * DAY),
            replace(V1, version="v2", valid_from=START + 2 * DAY, running_kw=4000.0),
            BASE.baselines[1],
        ),
    ),
    "a declared outage": _with(outages=(Outage(START + 54 * HOUR, START + 60 * HOUR, "grid", plant_id="P"),)),
    "a stricter order on top": _with(
        orders=(Order("T", "Q", Control.CAP, START + DAY, START + 2 * DAY, cap_kw=500.0),)
    ),
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES.keys())
async def test_stream_equals_a_backtest_with_the_new_registry(
    engine: AsyncEngine, changed: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.rejudge.COMPARED", 1)
    readings = _readings()
    stream = Stream(engine, 900, START - DAY)
    await stream.start(BASE)
    await stream.take_in(with_default_scopes(BASE), readings)
    await stream.judge_until(AS_OF)
    before, told_before = await stream.judgement(), await _events(engine)
    await stream.change(changed)
    await stream.judge_until(AS_OF)
    after, told_after = await stream.judgement(), await _events(engine)
    new = with_default_scopes(changed)
    assert disagreements(after, fast(new, readings, AS_OF), World(new, readings, AS_OF)) == []
    assert after != before
    assert sum(told_after.values()) == await _head(engine)
    same = {a.alert_id for a in before.alerts} & {a.alert_id for a in after.alerts if a in before.alerts}
    assert {i: told_after[i] for i in same} == {i: told_before[i] for i in same}, (
        "what did not change is not told again"
    )


async def _events(engine: AsyncEngine) -> Counter[str]:
    """How many events each alert has on the feed."""
    async with engine.connect() as connection:
        return Counter((await connection.execute(text("SELECT alert_id FROM alert_events"))).scalars())


async def _head(engine: AsyncEngine) -> int:
    """The highest seq: as many as there are events where none is missing."""
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT max(seq) FROM alert_events")) or 0)


LINES = tuple(Line(f"A{i}", "A", f"线{i}", units=1, unit_kw=300.0) for i in (1, 2, 3))
CELLS = Line("A4", "A", "电解槽", units=10, unit_kw=50.0)
UNITS = Order("U", "A", Control.UNITS, START + 6 * HOUR, START + 4 * DAY, units_allowed=8)
BY_LINES = Registry(
    sources=(Source("grid"),),
    plants=(Plant("A", "丙厂", "county"),),
    lines=(*LINES, CELLS),
    meters=(
        Meter("a", "A", source="grid"),
        *(Meter(f"a{i}", "A", line_id=f"A{i}", role=Role.LINE, source="grid") for i in (1, 2, 3, 4)),
    ),
    scopes=(Scope("A1", "A", "线1", "line"),),
    scope_meters=(ScopeMeter("A1", "a1"),),
    orders=(UNITS,),
    baselines=(Baseline("A1", "v1", 0, 300.0, idle_kw=10.0),),
)


def _line_readings() -> tuple[Reading, ...]:
    """Line 1 always at 120 kW, line 2 at 280 by day, line 3 at 5, eight cells by night and five by day; on the third
    day line 2 is silent for seven hours."""
    found = []
    for i in range(4 * 96):
        ts, hour = START + (i + 1) * 900, i % 96 // 4
        loads = {
            "a1": 120.0,
            "a2": 280.0 if 8 <= hour < 20 else 9.0,
            "a3": 5.0,
            "a4": 252.0 if 8 <= hour < 20 else 401.0,
        }
        loads["a"] = sum(loads.values()) + 20.0
        if 230 <= i < 258:
            del loads["a2"]
        found += [Reading(meter, Kind.POWER_INST, ts, kw, coll_ms=ts * 1000) for meter, kw in loads.items()]
    return tuple(found)


def _by_lines(**tables: Any) -> Registry:
    return replace(BY_LINES, **tables)


LINE_CHANGES: dict[str, Registry] = {
    "fewer may run": _by_lines(orders=(replace(UNITS, units_allowed=6, revision=2),)),
    "a share instead of a number": _by_lines(orders=(replace(UNITS, units_allowed=None, reduction=0.5, revision=2),)),
    "cells draw less": _by_lines(lines=(*LINES, replace(CELLS, unit_kw=30.0))),
    "fewer cells": _by_lines(lines=(*LINES, replace(CELLS, units=5))),
    "a line without a meter": _by_lines(lines=(*LINES, CELLS, Line("A5", "A", "线5", unit_kw=300.0))),
    "line 1 rests at 120 kW": _by_lines(
        orders=(replace(UNITS, units_allowed=7, revision=2),),
        baselines=(
            replace(BY_LINES.baselines[0], valid_to=START + DAY),
            Baseline("A1", "v2", START + DAY, 300.0, idle_kw=110.0),
        ),
    ),
    "the penalty of another day": _by_lines(orders=(replace(UNITS, valid_to=START + 5 * DAY, revision=2),)),
    "only by night": _by_lines(
        orders=(replace(UNITS, units_allowed=7, daily_from_s=20 * HOUR, daily_to_s=8 * HOUR, revision=2),)
    ),
    "an exemption granted late": _by_lines(
        orders=(replace(UNITS, units_allowed=5, revision=2),),
        exemptions=(Exemption("A", START + DAY, START + 2 * DAY, "heat", "office", max_kw=560.0),),
    ),
    "the plant's scope sums the lines": _by_lines(
        scope_meters=(ScopeMeter("A1", "a1"), *(ScopeMeter("A", f"a{i}") for i in (1, 2, 3, 4)))
    ),
    "line 2 was out": _by_lines(outages=(Outage(START + 57 * HOUR, START + 65 * HOUR, "grid", meter_id="a2"),)),
    "a higher level on top": _by_lines(
        orders=(UNITS, Order("V", "A", Control.UNITS, START + DAY, START + 2 * DAY, units_allowed=3, level="red"))
    ),
}


@pytest.mark.parametrize("changed", LINE_CHANGES.values(), ids=LINE_CHANGES.keys())
async def test_units_are_judged_again_where_lines_orders_or_baselines_change(
    engine: AsyncEngine, changed: Registry
) -> None:
    readings = _line_readings()
    late = [r for i, r in enumerate(readings) if i % 17 == 0 or 900 < i < 1100]
    stream = Stream(engine, 900, START - DAY)
    await stream.start(BY_LINES)
    for number, clock in enumerate((START + DAY, START + 2 * DAY + 5 * HOUR, AS_OF)):
        known = [
            r for r in readings if r not in late and (number - 1) * 2 * DAY < r.ts - START - DAY <= number * 2 * DAY
        ]
        await stream.take_in(with_default_scopes(BY_LINES), known)
        await stream.judge_until(clock)
    await stream.take_in(with_default_scopes(BY_LINES), late)
    await stream.judge_until(AS_OF)
    before = await stream.judgement()
    old = with_default_scopes(BY_LINES)
    assert disagreements(before, fast(old, readings, AS_OF), World(old, readings, AS_OF)) == []
    await stream.change(changed)
    await stream.judge_until(AS_OF)
    after, new = await stream.judgement(), with_default_scopes(changed)
    assert disagreements(after, fast(new, readings, AS_OF), World(new, readings, AS_OF)) == []
    assert after != before
    assert {Rule.UNITS_OVER, Rule.OFFLINE} <= {a.rule for a in before.alerts}
