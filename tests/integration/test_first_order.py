"""The history begins earlier than sources were counted: a first order, an order of days before, a source that is new.

Where nobody spoke there, it is the source that is told, not each of its plants.
"""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.registry import Baseline, Meter, Order, Plant, Registry, Source, with_default_scopes
from detectors.vocab import Control, Kind, Rule
from tests.cases.fast import fast
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.rows import Reading, World

MINUTE, HOUR = 60, 3600
#: 2017-11-16, 00:00 in Zhengzhou.
MIDNIGHT = 1510761600
NINE = MIDNIGHT + 9 * HOUR
#: When the registry changes, and to when all is judged: no slot is awaited then.
CHANGE, AS_OF = NINE + 150 * MINUTE, MIDNIGHT + 14 * HOUR + 10 * MINUTE
EARLIER = MIDNIGHT - 30 * HOUR
PLANTS = 6


def office(*sources: str, orders_from: int | None = None, revision: int = 1) -> Registry:
    """Of every source six plants with one meter each, all ordered to stop or none."""
    plants = [f"{s}{i}" for s in sources for i in range(PLANTS)]
    registry = Registry(
        sources=tuple(map(Source, sources)),
        plants=tuple(Plant(p, p, "新密市") for p in plants),
        meters=tuple(Meter(f"M-{p}", p, source=p[:-1]) for p in plants),
        baselines=tuple(Baseline(p, "v1", 0, 1000.0, idle_kw=20.0) for p in plants),
    )
    if orders_from is not None:
        first = Order("", "", Control.STOP, orders_from, residual_kw=50.0, revision=revision)
        registry = replace(registry, orders=tuple(replace(first, order_id=f"O-{p}", scope_id=p) for p in plants))
    return with_default_scopes(registry)


def spoken(registry: Registry, begin: int) -> list[Reading]:
    """Of every meter from ``begin`` to the change."""
    ends = range(begin + 900, CHANGE + 1, 900)
    return [Reading(m.meter_id, Kind.POWER_INST, ts, 20.0, coll_ms=ts * 1000) for ts in ends for m in registry.meters]


FIRST = [(office("north", "south"), office("north", "south", orders_from=MIDNIGHT + h * HOUR), 0) for h in (0, 6, 11)]


@pytest.mark.parametrize(
    ("before", "after", "spoken_from"),
    [
        *FIRST,
        (office("north", orders_from=NINE), office("north", orders_from=EARLIER, revision=2), NINE),
        (office("north", orders_from=NINE), office("north", "south", orders_from=NINE), NINE),
        (office("north", orders_from=NINE), office("north", "south", orders_from=EARLIER, revision=2), NINE),
    ],
)
async def test_what_nobody_spoke_of_before_is_judged_as_a_backtest_does(
    engine: AsyncEngine, before: Registry, after: Registry, spoken_from: int
) -> None:
    readings = spoken(before, spoken_from) if spoken_from else []
    stream = Stream(engine, 900, NINE)
    await stream.start(before)
    for now in range(NINE, CHANGE + 1, 5 * MINUTE):
        await stream.take_in(before, [r for r in readings if now - 5 * MINUTE < r.ts <= now])
        await stream.judge_until(now)
    await stream.change(after)
    for now in range(CHANGE, AS_OF, 5 * MINUTE):
        await stream.judge_until(now)
    await stream.judge_until(AS_OF)
    expected = fast(after, readings, AS_OF)
    assert disagreements(await stream.judgement(), expected, World(after, tuple(readings), AS_OF)) == []
    assert Rule.FEED_DOWN in {alert.rule for alert in expected.alerts}
    async with engine.connect() as connection:
        taken_back = text("SELECT count(*) FROM alerts WHERE condition = 'retracted' AND rule = 'offline'")
        assert await connection.scalar(taken_back) == 0, "told, though nobody had looked whether the source is down"
