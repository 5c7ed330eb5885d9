"""Laws of registers and long intervals: spans carry the energy of the curve, no meter looks at another, and a coarse
register tells of longer spans what it cannot tell of a slot (SEMANTICS §2.7, §2.8)."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.intervals import MeterSlots, meter_slots
from detectors.readings import ReadingColumns
from detectors.registry import FOREVER, Meter, Multiplier, Plant, Registry
from detectors.slots import Grid, local_day
from detectors.vocab import Kind, Scale
from detectors.world import World, compile_world
from tests.cases.worlds import DATE0, DAY0

LAW = settings(max_examples=60, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32 - 1)
SLOT_S, METERS, DAY_SLOTS = 900, 4, 96
#: T = 1,200 and steps of 0.01 kWh: 12 kWh a step, 2 u_kw = 96 kW in a quarter of an hour.
FACTOR, STEP_KWH = 1200.0, 12.0
WORLD = compile_world(
    Registry(
        plants=tuple(Plant(f"P{i}", f"P{i}", "county") for i in range(METERS)),
        meters=tuple(Meter(f"m{i}", f"P{i}", kind=Kind.ENERGY_REG, scale=Scale.SECONDARY) for i in range(METERS)),
        multipliers=tuple(Multiplier(f"m{i}", 0, FOREVER, FACTOR) for i in range(METERS)),
    )
)
GRID = Grid(WORLD.zone, SLOT_S, local_day(WORLD.zone, DATE0, SLOT_S), 8)


def read(kind: Kind, meter: int, ts: list[int], values: list[float], period_s: int = SLOT_S) -> ReadingColumns:
    """Readings of one meter, secondary side."""
    n = len(ts)
    zeros = np.zeros(n, np.int64)
    return ReadingColumns(
        meter=np.full(n, meter, np.int32),
        kind=np.full(n, kind, np.int8),
        ts=np.array(ts, np.int64),
        value=np.array(values, np.float64),
        q=zeros.astype(np.int8),
        rev=zeros.astype(np.int32),
        coll=zeros,
        scale=np.full(n, Scale.SECONDARY, np.int8),
        period_s=np.full(n, period_s, np.int32),
        had_evidence=zeros.astype(np.bool_),
    )


def register(meter: int, kw: list[float]) -> ReadingColumns:
    """A register read at every slot of the day, its last digit cut off."""
    kwh = np.r_[0.0, np.cumsum(kw)] * (SLOT_S / 3600 / FACTOR)
    values = np.floor(kwh * 100 + 1e-9) / 100
    return read(Kind.ENERGY_REG, meter, [DAY0 + i * SLOT_S for i in range(len(values))], values.tolist())


def shown(readings: ReadingColumns, threshold_kw: float, world: World = WORLD) -> MeterSlots:
    return meter_slots(world, np.arange(METERS), GRID, readings, np.full((METERS, GRID.n), threshold_kw))


def drawn(seed: int) -> ReadingColumns:
    """A day of four registers with gaps, one of which goes back."""
    rng = np.random.default_rng(seed)
    parts = [register(m, rng.integers(0, 400, DAY_SLOTS).tolist()) for m in range(METERS)]
    parts[0].value[rng.integers(1, DAY_SLOTS) :] -= 0.3
    found = ReadingColumns.concat(parts)
    return found.take(rng.random(len(found)) < 0.97)


@pytest.mark.parametrize(
    ("threshold_kw", "span"),
    [(97.0, 1), (96.0, 2), (70.0, 2), (48.0, 3), (24.0, 5), (12.0, 9), (4.0, 25)],
)
def test_a_coarse_register_is_judged_over_the_shortest_span_that_tells(threshold_kw: float, span: int) -> None:
    """At a threshold of 70 kW a quarter of an hour proves nothing of 96 kW, half an hour of 48 does."""
    kw = np.repeat(np.arange(DAY_SLOTS // 4), 4) * 24.0
    found = shown(register(1, kw.tolist()), threshold_kw)
    day = found.wh[1, GRID.day]
    n_whole = DAY_SLOTS // span * span
    assert found.measured[1, GRID.day][:n_whole].all()
    assert found.spanned[1, GRID.day][:n_whole].all() == (span > 1)
    assert not found.measured[1, GRID.day][n_whole:].any()
    spans = day[:n_whole].reshape(-1, span)
    assert (spans == spans[:, :1]).all()
    exact = (kw * (SLOT_S / 3.6))[:n_whole].reshape(-1, span).sum(axis=1)
    assert (np.abs(spans.sum(axis=1) - exact) <= STEP_KWH * 1000 + span).all()


def test_where_no_span_of_the_day_tells_the_register_is_too_coarse() -> None:
    found = shown(register(1, [200.0] * DAY_SLOTS), 0.9)
    assert not found.measured.any()
    assert found.coarse[1, GRID.day].all()
    # over the day it proves what is beyond its uncertainty all the same
    assert found.register_extra_wh[1] == pytest.approx(200 * 24_000 - 2 * STEP_KWH * 1000, abs=STEP_KWH * 1000)


def test_a_daily_register_adds_what_the_curve_does_not_show() -> None:
    """The curve says 20 kW, 480 kWh; the register of the day 1,200 kWh less 2 x 12: 696 more."""
    curve = read(Kind.POWER_AVG, 1, [DAY0 + (i + 1) * SLOT_S for i in range(96)], [20.0 / FACTOR] * 96)
    daily = read(Kind.ENERGY_REG, 1, [DAY0, DAY0 + 86_400], [5.0, 6.0])
    found = shown(ReadingColumns.concat([curve, daily]), 70.0)
    assert found.wh[1, GRID.day].sum() == 480_000
    assert found.register_extra_wh.tolist() == [0, 696_000, 0, 0]


@LAW
@given(seed=SEEDS)
def test_no_meter_looks_at_another(seed: int) -> None:
    readings = drawn(seed)
    together = shown(readings, 70.0)
    for meter in range(METERS):
        alone = shown(readings.take(readings.meter == meter), 70.0)
        for f in fields(MeterSlots):
            np.testing.assert_array_equal(getattr(alone, f.name)[meter], getattr(together, f.name)[meter])


@LAW
@given(seed=SEEDS)
def test_order_means_nothing(seed: int) -> None:
    readings = drawn(seed)
    shuffled = readings.take(np.random.default_rng(seed).permutation(len(readings)))
    for f in fields(MeterSlots):
        np.testing.assert_array_equal(getattr(shown(readings, 70.0), f.name), getattr(shown(shuffled, 70.0), f.name))


@LAW
@given(seed=SEEDS)
def test_half_an_hour_never_tells_of_a_slot_that_quarters_do_not(seed: int) -> None:
    """Under 70 kW spans of two slots are needed, under 200 kW none; and without readings nothing is known."""
    readings = drawn(seed)
    assert not (shown(readings, 70.0).measured & ~shown(readings, 200.0).measured).any()
    nothing = shown(readings.take(slice(0, 0)), 70.0)
    assert not (nothing.measured | nothing.partial | nothing.coarse).any()


@LAW
@given(seed=SEEDS, hours=st.sampled_from([1, 2, 3, 6, 24]))
def test_long_intervals_keep_their_energy(seed: int, hours: int) -> None:
    """An hour's energy lies on its four slots, whatever the number of hours that an interval lasts."""
    rng = np.random.default_rng(seed)
    kwh = rng.integers(0, 900, 24 // hours).astype(np.float64)
    ends = [DAY0 + (i + 1) * hours * 3600 for i in range(len(kwh))]
    found = shown(read(Kind.ENERGY_INT, 2, ends, (kwh / FACTOR).tolist(), hours * 3600), 70.0)
    assert found.spanned[2, GRID.day].all()
    sums = found.wh[2, GRID.day].reshape(len(kwh), -1).sum(axis=1)
    assert (np.abs(sums - kwh * 1000) <= hours * 4).all()
