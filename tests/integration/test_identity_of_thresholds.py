"""Thresholds that an office sets while everything runs: stored, told of, and the stream then equals a back-test."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.registry import (
    ALWAYS,
    FOREVER,
    Baseline,
    Meter,
    Order,
    Plant,
    Registry,
    Source,
    Threshold,
    with_default_scopes,
)
from detectors.vocab import Control, Kind, Measure
from service.db.registry import apply_registry, load_registry
from tests.cases.fast import fast
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.rows import Reading, World

HOUR, DAY = 3600, 86_400
#: 2017-11-15 00:00 in Zhengzhou.
START = 1510675200
AS_OF = START + 4 * DAY
BASE = Registry(
    sources=(Source("grid"), Source("other")),
    plants=tuple(Plant(p, p, "county") for p in "PQRS"),
    meters=(
        Meter("p", "P", source="grid", contract_kw=250.0),
        Meter("q", "Q", source="grid", contract_kw=900.0),
        Meter("r", "R", source="other"),
        Meter("s", "S", source="other"),
    ),
    orders=(
        Order("P1", "P", Control.STOP, START, residual_kw=100.0),
        Order("Q1", "Q", Control.LIMIT, START, reduction=0.3, measure=Measure.ENERGY),
        Order("R1", "R", Control.CAP, START + 6 * HOUR, START + 3 * DAY, cap_kw=500.0),
        Order("S1", "S", Control.STOP, START + DAY),
    ),
    baselines=(
        Baseline("P", "v1", ALWAYS, 1000.0, idle_kw=20.0, day_kwh=16_000.0),
        Baseline("Q", "v1", ALWAYS, 1000.0, idle_kw=20.0, day_kwh=16_000.0),
        Baseline("S", "v1", ALWAYS, 600.0, max_kw=650.0),
    ),
    thresholds=(Threshold("hours_over", "over_min", 300, "as imported first"),),
)


def _readings() -> tuple[Reading, ...]:
    """P: 300 kW from 22:00 to 02:00, 50 else, and three silent hours on the third day. Q: over its day cap in the
    evening. R: 530 kW by day with short rests. S: before its order above its maximum, later half of R by night."""
    found = []
    for i in range(4 * 96):
        ts, hour = START + (i + 1) * 900, i % 96 // 4
        loads = {
            "p": 300.0 if hour >= 22 or (hour < 2 and i >= 96) else 50.0,
            "q": 600.0 if 8 <= hour < 20 else 450.0,
            "r": (530.0 if i % 3 else 480.0) if 8 <= hour < 20 else 90.0,
            "s": 730.0 if i < 60 else (310.0 if hour < 5 else 80.0),
        }
        if 220 <= i < 232:
            del loads["p"]
        if 300 <= i < 309:
            del loads["r"]
        found += [Reading(meter, Kind.POWER_INST, ts, kw, coll_ms=ts * 1000) for meter, kw in loads.items()]
    return tuple(found)


def _set(
    rule: str, name: str, value: float, whose: str | None = None, since: int = ALWAYS, until: int = FOREVER
) -> Any:
    return Threshold(rule, name, value, "郑环攻坚办〔2017〕9号", whose, since, until, "局长")


CHANGES: dict[str, tuple[Threshold, ...]] = {
    "a wider margin": (_set("stop_run", "margin", 0.25, "P"),),
    "a wider margin of two days": (_set("stop_run", "margin", 0.25, "P", START + DAY, START + 3 * DAY),),
    "one slot suffices": (_set("stop_run", "n_min", 15, "P"), _set("stop_run", "m_min", 15, "P")),
    "a longer window for all": (_set("stop_run", "n_min", 120), _set("stop_run", "m_min", 120)),
    "a longer grace": (_set("stop_run", "grace_h", 30),),
    "an unknown idle load": (_set("stop_run", "unknown_high", 0.55, "S"), _set("stop_run", "unknown_low", 0.1, "S")),
    "a low day": (_set("stop_day", "factor", 1.01), _set("hours_over", "over_min", 90)),
    "a tolerant day": (_set("limit_day", "tolerance", 0.2, "Q", START + DAY),),
    "a strict day": (_set("limit_day", "tolerance", 0, None, START + DAY),),
    "an early pace": (_set("limit_pace", "used_share", 0.2),),
    "a tolerant cap": (_set("cap_abs", "tolerance", 0.1, "R"),),
    "a cap that asks for more": (_set("cap_abs", "n_min", 60, "R"), _set("cap_abs", "m_min", 75, "R")),
    "a slow close": (_set("closing", "below_min", 120), _set("closing", "below_share", 0.6)),
    "an early silence": (_set("offline", "open_min", 30), _set("offline", "day_missing_min", 60)),
    "a long silence": (_set("offline", "escalate_min", 120, "P"), _set("offline", "near_start_h", 0)),
    "a low capacity": (_set("bad_data", "capacity_factor", 1.1, None, START + DAY),),
    "a source of two plants": (_set("feed_down", "plants", 2), _set("feed_down", "evidence_share", 0.6)),
    "a plant that grew": (_set("over_capacity", "factor", 1.3),),
    "steps": (_set("step_up", "jump", 0.2), _set("step_up", "hold_min", 30)),
}


@pytest.mark.parametrize("rows", CHANGES.values(), ids=CHANGES.keys())
async def test_stream_equals_a_backtest_with_the_new_thresholds(
    engine: AsyncEngine, rows: tuple[Threshold, ...]
) -> None:
    readings, old = _readings(), with_default_scopes(BASE)
    stream = Stream(engine, 900, START - DAY)
    await stream.start(BASE)
    await stream.take_in(old, readings)
    await stream.judge_until(AS_OF)
    before = await stream.judgement()
    assert disagreements(before, fast(old, readings, AS_OF), World(old, readings, AS_OF)) == []
    changed = replace(BASE, thresholds=tuple({_key(t): t for t in (*BASE.thresholds, *rows)}.values()))
    await stream.change(replace(BASE, thresholds=rows))
    await stream.judge_until(AS_OF)
    after, new = await stream.judgement(), with_default_scopes(changed)
    assert disagreements(after, fast(new, readings, AS_OF), World(new, readings, AS_OF)) == []
    assert after != before


def _key(row: Threshold) -> tuple[object, ...]:
    return row.scope_id, row.rule, row.name, row.valid_from


async def test_thresholds_come_back_as_they_went_in_and_a_row_replaces_the_one_of_its_key(engine: AsyncEngine) -> None:
    rows = (*CHANGES["a low day"], *CHANGES["a wider margin of two days"], _set("stop_run", "margin", 0.3))
    later = replace(rows[-1], value=0.4, origin="later")
    async with engine.begin() as connection:
        await apply_registry(connection, replace(BASE, thresholds=rows), AS_OF)
        assert (await apply_registry(connection, Registry(thresholds=rows), AS_OF)).is_empty
        assert set((await load_registry(connection)).registry.thresholds) == set(rows)
        changes = await apply_registry(connection, Registry(thresholds=(later,)), AS_OF)
        assert changes.tables["thresholds"].changed == [(rows[-1], later)]
        assert set((await load_registry(connection)).registry.thresholds) == {*rows[:-1], later}


async def test_a_changed_threshold_marks_the_scopes_and_days_it_touches(engine: AsyncEngine) -> None:
    row = _set("stop_run", "margin", 0.25, "P", START + DAY + 5 * HOUR, START + 2 * DAY + 5 * HOUR)
    async with engine.begin() as connection:
        await apply_registry(connection, BASE, AS_OF)
        changes = await apply_registry(connection, Registry(thresholds=(row,)), AS_OF)
    third = (START + 2 * DAY) // 900  # 05:00 is past the second day's beginning
    assert [(m.scope_id, m.first_slot, m.last_slot) for m in changes.marks] == [("P", third, third + 95)]


async def test_an_import_says_which_violating_slots_a_threshold_may_take_away(engine: AsyncEngine) -> None:
    stream = Stream(engine, 900, START - DAY)
    await stream.start(BASE)
    await stream.take_in(with_default_scopes(BASE), _readings())
    await stream.judge_until(AS_OF)

    async def told(*rows: Threshold) -> list[str]:
        async with engine.connect() as connection:
            changes = await apply_registry(connection, Registry(thresholds=rows), AS_OF)
            return [w.en for w in changes.warnings]

    (second,) = await told(_set("stop_run", "margin", 0.25, "P", START + DAY, START + 2 * DAY))
    assert second.startswith("may take 16 violating slot(s) away: scope P, 2017-11-16T00:00+08:00 to 2017-11-17")
    (everywhere,) = await told(_set("stop_run", "margin", 0.25))
    assert "all scopes" in everywhere
    assert await told(_set("stop_run", "margin", 0.01, "P"), _set("stop_run", "n_min", 60, "P")) == []
