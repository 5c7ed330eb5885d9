"""What meters outside a scope's sum tell is the same in stream and back-test, also where they come late or change."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.marks import marks_of
from detectors.registry import (
    Baseline,
    Line,
    Meter,
    Multiplier,
    Order,
    Plant,
    Registry,
    Scope,
    ScopeMeter,
    Source,
    with_default_scopes,
)
from detectors.vocab import Control, Kind, Role, Rule, Scale
from service.db.meter_index import load_meter_index
from service.db.registry import apply_registry
from tests.cases.fast import columns_of, fast
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.rows import Reading, World

HOUR, DAY = 3600, 86_400
#: 2017-11-15 00:00 in Zhengzhou.
START = 1510675200
AS_OF = START + 4 * DAY
STOP = Order("S", "P", Control.STOP, START, ramp_down_h=0)
OF_LINE = Order("T", "P1", Control.STOP, START, ramp_down_h=0)
BASE = Registry(
    sources=(Source("grid"),),
    plants=(
        Plant("P", "甲厂", "county", uscc="X"),
        Plant("Q", "乙厂", "county", uscc="X"),
        Plant("R", "丙厂", "county"),
    ),
    lines=(Line("P1", "P", "一线"), Line("R1", "R", "一线")),
    meters=(
        Meter("p", "P", source="grid"),
        Meter("p1", "P", source="grid", role=Role.LINE, line_id="P1"),
        Meter("q", "Q", source="grid", scale=Scale.SECONDARY),
        Meter("r", "R", source="grid"),
        Meter("made", "R", source="grid", role=Role.LINE, line_id="R1", contract_kw=1000.0),
        Meter("cleaned", "R", source="grid", role=Role.TREATMENT, line_id="R1", contract_kw=100.0),
    ),
    multipliers=(Multiplier("q", 0, START + 30 * DAY, 10.0),),
    scopes=(Scope("P1", "P", "一线", "line"),),
    scope_meters=(ScopeMeter("P1", "p1"),),
    orders=(STOP, OF_LINE),
    baselines=(
        Baseline("P", "v1", 0, 1000.0, idle_kw=30.0, day_kwh=16_000.0),
        Baseline("P1", "v1", 0, 400.0, idle_kw=30.0, day_kwh=6_000.0),
        Baseline("Q", "v1", 0, 600.0, idle_kw=20.0, day_kwh=8_000.0),
    ),
)


def _readings() -> tuple[Reading, ...]:
    """P stands still, and Q makes on two days of four what P made. R's filters stand still by night, and for two hours
    of the second day its line is silent."""
    found = []
    for i in range(4 * 96):
        ts, hour = START + (i + 1) * 900, i % 96 // 4
        moved = i // 96 in (1, 3)
        loads = {"p": 30.0, "p1": 10.0, "q": (900.0 if moved else 330.0) / 10, "r": 600.0, "made": 500.0}
        loads["cleaned"] = 3.0 if hour >= 22 or hour < 5 else 60.0
        if 96 + 8 <= i < 96 + 16:
            del loads["made"]
        for meter, kw in loads.items():
            scale = Scale.SECONDARY if meter == "q" else Scale.PRIMARY
            found.append(Reading(meter, Kind.POWER_INST, ts, kw, coll_ms=ts * 1000, scale=scale))
    return tuple(found)


async def _streamed(engine: AsyncEngine, readings: tuple[Reading, ...], late: set[str]) -> Stream:
    """Judged day by day; the meters in ``late`` speak only when all is over, in two pieces."""
    stream, known = Stream(engine, 900, START - DAY), with_default_scopes(BASE)
    await stream.start(BASE)
    for day in range(4):
        of_day = [r for r in readings if day * DAY < r.ts - START <= (day + 1) * DAY and r.meter_id not in late]
        await stream.take_in(known, of_day)
        await stream.judge_until(START + day * DAY + 7 * HOUR)
        await stream.judge_until(START + (day + 1) * DAY)
    for odd in (0, 1):
        await stream.take_in(known, [r for r in readings if r.meter_id in late and r.ts // 900 % 2 == odd])
        await stream.judge_until(AS_OF)
    return stream


@pytest.mark.parametrize("late", [(), ("q",), ("cleaned",), ("made", "q"), ("p", "p1")], ids="-".join)
async def test_late_readings_of_other_meters_change_what_they_tell(engine: AsyncEngine, late: tuple[str, ...]) -> None:
    readings, office = _readings(), with_default_scopes(BASE)
    stream = await _streamed(engine, readings, set(late))
    found = await stream.judgement()
    assert disagreements(found, fast(office, readings, AS_OF), World(office, readings, AS_OF)) == []
    told = [(a.scope_id, a.order_id) for a in found.alerts if a.rule is Rule.SHIFT]
    assert told == [("P", "S"), ("P", "S"), ("P1", "T"), ("P1", "T")]
    assert len([a for a in found.alerts if a.rule is Rule.TREATMENT_OFF]) == 5


async def test_a_corrected_value_of_a_sibling_takes_an_alert_back(engine: AsyncEngine) -> None:
    """One slot of Q that becomes doubtful: nothing is known of that day's total any more."""
    readings, office = _readings(), with_default_scopes(BASE)
    stream = await _streamed(engine, readings, set())
    noon = START + DAY + 12 * HOUR
    first = next(r for r in readings if r.meter_id == "q" and r.ts == noon)
    worse = replace(first, value=None, q=type(first.q).N, rev=1, coll_ms=AS_OF * 1000)
    await stream.take_in(office, [worse])
    await stream.judge_until(AS_OF)
    found, all_of_it = await stream.judgement(), (*readings, worse)
    assert disagreements(found, fast(office, all_of_it, AS_OF), World(office, all_of_it, AS_OF)) == []
    assert [a.scope_id for a in found.alerts if a.rule is Rule.SHIFT] == ["P", "P1"]


def _with(**tables: Any) -> Registry:
    return replace(BASE, **tables)


def _meters(**changed: Meter) -> tuple[Meter, ...]:
    return tuple(changed.get(m.meter_id, m) for m in BASE.meters)


OF_Q = BASE.baselines[2]
CHANGES: dict[str, Registry] = {
    "Q is another enterprise": _with(plants=(BASE.plants[0], replace(BASE.plants[1], uscc="Y"), BASE.plants[2])),
    "Q makes more as a rule, from the third day on": _with(
        baselines=(
            *BASE.baselines[:2],
            replace(OF_Q, valid_to=START + 2 * DAY),
            replace(OF_Q, version="v2", valid_from=START + 2 * DAY, day_kwh=15_000.0),
        )
    ),
    "the multiplier of Q": _with(multipliers=(Multiplier("q", 0, START + 30 * DAY, 5.0),)),
    "the plant's order ends after two days": _with(
        orders=(replace(STOP, valid_to=START + 2 * DAY, revision=2), OF_LINE)
    ),
    "a limit instead": _with(orders=(replace(STOP, control=Control.LIMIT, reduction=0.5, revision=2), OF_LINE)),
    "smaller filters": _with(meters=_meters(cleaned=replace(BASE.meters[5], contract_kw=30.0))),
    "the filters belong to no line": _with(meters=_meters(cleaned=replace(BASE.meters[5], line_id=None))),
    "production is another meter": _with(
        meters=(*BASE.meters, Meter("more", "R", role=Role.PRODUCTION, line_id="R1", contract_kw=500.0))
    ),
    "Q has one more account": _with(meters=(*BASE.meters, Meter("q2", "Q", source="grid"))),
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES.keys())
async def test_a_changed_registry_judges_again_what_it_touches(engine: AsyncEngine, changed: Registry) -> None:
    readings = _readings()
    stream = await _streamed(engine, readings, {"q"})
    before = await stream.judgement()
    await stream.change(changed)
    await stream.judge_until(AS_OF)
    after, new = await stream.judgement(), with_default_scopes(changed)
    assert disagreements(after, fast(new, readings, AS_OF), World(new, readings, AS_OF)) == []
    assert after != before


@pytest.mark.parametrize(
    ("meter_id", "scopes"),
    [
        ("q", {"P", "P1", "Q"}),
        ("p", {"P", "P1"}),
        ("p1", {"P1"}),
        ("r", {"R"}),
        ("made", {"R"}),
        ("cleaned", {"R"}),
    ],
)
async def test_a_reading_marks_who_hears_it(engine: AsyncEngine, meter_id: str, scopes: set[str]) -> None:
    """Scopes that sum the meter, ordered ones of its enterprise, and the plant whose treatment it tells of."""
    office = with_default_scopes(BASE)
    async with engine.begin() as connection:
        await apply_registry(connection, BASE, START, slot_s=900)
        index = await load_meter_index(connection)
        rows = await connection.execute(text("SELECT scope_no, scope_id FROM scopes"))
        numbers = {row.scope_no: row.scope_id for row in rows}
    changed = columns_of(office, [Reading(meter_id, Kind.POWER_INST, START + 900, 1.0)])
    changed.meter[:] = index.meter_no[index.rows[meter_id]]
    scope_no, first, last = marks_of(changed, index, 900)
    assert {numbers[no] for no in scope_no.tolist()} == scopes
    assert len(scope_no) == len(scopes)
    assert np.unique(np.r_[first, last]).tolist() == [START // 900]
