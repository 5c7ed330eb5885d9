"""Laws of counting lines and cells: what is not measured counts for nothing, and no scope or slot looks at another."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.readings import ReadingColumns
from detectors.registry import Baseline, Line, Meter, Order, Plant, Registry, Scope, ScopeMeter
from detectors.slots import Grid, LocalDay
from detectors.unit_counts import Units, count_units
from detectors.vocab import Control, Kind, Role
from detectors.world import World, compile_world
from tests.cases.worlds import DATE0, DAY0

LAW = settings(max_examples=80, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32 - 1)
SLOT_S = 900
COLUMNS = 24
PLANTS = 3
I64 = npt.NDArray[np.int64]


def office(rng: np.random.Generator) -> Registry:
    """Plants with one to three lines or groups of cells, each with one or two meters; some lines have a baseline."""
    plants, lines, meters, scopes, members, orders, baselines = [], [], [], [], [], [], []
    for p in range(PLANTS):
        plants.append(Plant(f"P{p}", f"P{p}", "county"))
        orders.append(Order(f"U{p}", f"P{p}", Control.UNITS, 0, units_allowed=1))
        for i in range(rng.integers(1, 4)):
            name = f"P{p}L{i}"
            units = int(rng.choice([1, 1, 2, 7]))
            lines.append(Line(name, f"P{p}", name, units=units, unit_kw=float(rng.choice([90.3, 301.7]))))
            ids = [f"{name}m{k}" for k in range(rng.integers(1, 3))]
            meters += [Meter(meter_id, f"P{p}", line_id=name, role=Role.LINE) for meter_id in ids]
            if rng.random() < 0.4:
                scopes.append(Scope(name, f"P{p}", name, "line"))
                members.append(ScopeMeter(name, f"{name}m0"))
                baselines.append(Baseline(name, "v1", 0, 307.9, idle_kw=float(rng.choice([3.1, 20.9]))))
    return Registry(
        plants=tuple(plants),
        lines=tuple(lines),
        meters=tuple(meters),
        scopes=tuple(scopes),
        scope_meters=tuple(members),
        orders=tuple(orders),
        baselines=tuple(baselines),
    )


def grid_of(world: World, first: int = 0, columns: int = COLUMNS) -> Grid:
    return Grid(world.zone, SLOT_S, LocalDay(DATE0, DAY0 // SLOT_S + first, columns), 0)


def readings_of(world: World, rng: np.random.Generator) -> ReadingColumns:
    """A load of each meter and slot, some negative, some missing."""
    n = len(world.registry.meters)
    meter, column = (x.reshape(-1) for x in np.meshgrid(np.arange(n), np.arange(COLUMNS), indexing="ij"))
    value = rng.choice([0.0, 12.0, 24.0, 60.0, 96.0, 240.0, 312.0, -12.0], n * COLUMNS)
    zeros = np.zeros(n * COLUMNS, np.int64)
    found = ReadingColumns(
        meter=meter.astype(np.int32),
        kind=np.full(n * COLUMNS, Kind.POWER_AVG, np.int8),
        ts=DAY0 + (column + 1) * SLOT_S,
        value=value,
        q=zeros.astype(np.int8),
        rev=zeros.astype(np.int32),
        coll=zeros,
        scale=zeros.astype(np.int8),
        period_s=np.full(n * COLUMNS, SLOT_S, np.int32),
        had_evidence=zeros.astype(np.bool_),
    )
    return found.take(rng.random(n * COLUMNS) < 0.9)


def drawn(seed: int) -> tuple[World, I64, ReadingColumns]:
    rng = np.random.default_rng(seed)
    world = compile_world(office(rng), SLOT_S)
    scopes = np.array([world.scope_row[f"P{p}"] for p in range(PLANTS)], np.int64)
    return world, scopes, readings_of(world, rng)


def counted(world: World, scopes: I64, readings: ReadingColumns, first: int = 0, columns: int = COLUMNS) -> Units:
    found = count_units(world, scopes, grid_of(world, first, columns), readings)
    assert found is not None
    return found


def assert_same(one: Units, other: Units) -> None:
    for name in ("running", "idle", "zero"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_the_worlds_of_the_laws_are_not_empty() -> None:
    found = counted(*drawn(3))
    assert found.running.any()
    assert found.idle.any()


@LAW
@given(seed=SEEDS)
def test_no_more_than_all_units_are_known_and_zeros_are_among_the_idle(seed: int) -> None:
    world, scopes, readings = drawn(seed)
    found = counted(world, scopes, readings)
    assert found.running.shape == (PLANTS, COLUMNS)
    assert (found.running.astype(np.int64) + found.idle <= world.lines.total[scopes][:, None]).all()
    assert (found.zero <= found.idle).all()


@LAW
@given(seed=SEEDS)
def test_measuring_less_never_adds_a_unit_that_surely_rests(seed: int) -> None:
    world, scopes, readings = drawn(seed)
    fewer = readings.take(np.random.default_rng(seed + 1).random(len(readings)) < 0.7)
    assert (counted(world, scopes, fewer).idle <= counted(world, scopes, readings).idle).all()
    assert not counted(world, scopes, readings.take(slice(0, 0))).running.any()
    assert not counted(world, scopes, readings.take(slice(0, 0))).idle.any()


@LAW
@given(seed=SEEDS)
def test_measuring_less_never_adds_a_running_unit_where_nothing_flows_back(seed: int) -> None:
    world, scopes, readings = drawn(seed)
    forth = replace(readings, value=np.abs(readings.value))
    fewer = forth.take(np.random.default_rng(seed + 1).random(len(forth)) < 0.7)
    assert (counted(world, scopes, fewer).running <= counted(world, scopes, forth).running).all()


@LAW
@given(seed=SEEDS)
def test_a_scope_is_counted_alone_as_beside_others(seed: int) -> None:
    world, scopes, readings = drawn(seed)
    whole = counted(world, scopes, readings)
    for place in range(PLANTS):
        rows = np.array([place])
        assert_same(counted(world, scopes[rows], readings), whole.take(rows))
    order = np.random.default_rng(seed).permutation(len(readings))
    assert_same(counted(world, scopes, readings.take(order)), whole)


@LAW
@given(seed=SEEDS, cut=st.integers(1, COLUMNS - 1))
def test_a_span_is_counted_alone_as_within_a_longer_one(seed: int, cut: int) -> None:
    world, scopes, readings = drawn(seed)
    whole = counted(world, scopes, readings)
    late = counted(world, scopes, readings, cut, COLUMNS - cut)
    for name in ("running", "idle", "zero"):
        np.testing.assert_array_equal(getattr(late, name), getattr(whole, name)[:, cut:])


@LAW
@given(seed=SEEDS)
def test_drawing_more_never_rests_a_unit(seed: int) -> None:
    world, scopes, readings = drawn(seed)
    less = replace(readings, value=np.abs(readings.value))  # a meter that may not export shows nothing below 0
    more = replace(less, value=less.value + 36.0)
    assert (counted(world, scopes, more).idle <= counted(world, scopes, less).idle).all()
    assert (counted(world, scopes, more).running >= counted(world, scopes, less).running).all()


def test_scopes_without_line_meters_are_not_counted() -> None:
    registry = replace(office(np.random.default_rng(1)), meters=(), scope_meters=())
    world = compile_world(registry, SLOT_S)
    assert count_units(world, np.arange(len(world.scope_ids)), grid_of(world), ReadingColumns.empty()) is None
