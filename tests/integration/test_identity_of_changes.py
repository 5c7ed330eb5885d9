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
    Meter,
    Multiplier,
    Order,
    Outage,
    Plant,
    Registry,
    Source,
    with_default_scopes,
)
from detectors.vocab import Control, Kind, Measure, Scale
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
async def test_stream_equals_a_backtest_with_the_new_registry(engine: AsyncEngine, changed: Registry) -> None:
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
