"""What a judged day hands on reaches every later day before a newer slot of the scope is judged (docs/adr/0013)."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers import evaluate
from detectors.registry import Baseline, Meter, Order, Plant, Registry, Source
from detectors.vocab import Control, Kind, Rule
from tests.cases.fast import fast
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.rows import Reading, World

#: 2017-11-15T00:00 Shanghai.
BEGIN = 1510675200
DAY_S = 86_400
REGISTRY = Registry(
    sources=(Source("yc"),),
    plants=(Plant("P", "P", "登封市"),),
    meters=(Meter("M", "P", source="yc"),),
    orders=(Order("O", "P", Control.STOP, BEGIN, BEGIN + 20 * DAY_S, residual_kw=50.0),),
    baselines=(Baseline("P", "v1", 0, 1000.0, idle_kw=20.0, day_kwh=20_000.0),),
)


def readings(begin: int, end: int) -> list[Reading]:
    """A plant that stands still, every slot of [begin, end)."""
    return [Reading("M", Kind.POWER_INST, ts, 10.0, coll_ms=ts * 1000) for ts in range(begin + 900, end + 1, 900)]


async def test_an_alert_taken_back_by_late_data_does_not_come_back_with_the_next_slot(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent_from, now = BEGIN + 2 * DAY_S, BEGIN + 9 * DAY_S + 3600
    early, late = readings(BEGIN, silent_from), readings(silent_from, silent_from + DAY_S)
    stream = Stream(engine, 900, BEGIN)
    await stream.start(REGISTRY)
    await stream.take_in(REGISTRY, early)
    await stream.judge_until(now)
    monkeypatch.setattr(evaluate, "OLD_PASS_S", -1.0)  # a pass ends with each day
    await stream.take_in(REGISTRY, late)
    live = readings(now - 1800, now - 900)
    for _ in range(3):
        await stream.step()  # some of the old days, and no more
    await stream.take_in(REGISTRY, live)
    await stream.judge_until(now + 900)
    everything = [*early, *late, *live]
    expected = fast(REGISTRY, everything, now + 900, 900)
    assert [a.first_slot_end for a in expected.alerts if a.rule is Rule.OFFLINE] == [silent_from + DAY_S + 900]
    assert disagreements(await stream.judgement(), expected, World(REGISTRY, tuple(everything), now + 900)) == []
