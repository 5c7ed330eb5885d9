"""Readings to the energy of each meter and slot (SEMANTICS §2.7, §2.8, §2.12).

Intervals that end on slot boundaries and last a slot are scattered; shorter ones are summed and must tile the slot;
registers and longer intervals are points of a cumulative curve, judged by spans tiled from local midnight.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from detectors.readings import ReadingColumns, evidence_class
from detectors.slots import DAY_S, Grid, local_days
from detectors.threshold_table import NO_SCOPE
from detectors.vocab import Kind, Rule, Scale
from detectors.world import World

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Kinds that give energy, best last, so that a better one overwrites (SEMANTICS §2.7).
ENERGY_KINDS = (Kind.POWER_INST, Kind.ENERGY_REG, Kind.POWER_AVG, Kind.ENERGY_INT)

_HAS_SPAN = np.isin(np.arange(len(Kind)), (int(Kind.ENERGY_INT), int(Kind.POWER_AVG), int(Kind.POWER_INST)))


@dataclass(frozen=True, slots=True)
class MeterSlots:
    """What M meters show on T slots."""

    meters: I64  # [M] rows of world.registry.meters, sorted
    wh: I64  # [M, T] energy, or a lower bound of it; 0 where nothing is known
    measured: Bool  # [M, T] evidence tiles the slot
    spanned: Bool  # [M, T] measured by the mean of a longer span
    partial: Bool  # [M, T] evidence covers part of the slot: wh is a lower bound
    negative: Bool  # [M, T] an energy below 0 is in it
    coarse: Bool  # [M, T] a register covers the slot, but is too coarse for the threshold
    over_capacity: Bool  # [M, T] a value was set aside (SEMANTICS §2.12)
    evidence_lost: Bool  # [M, T] a winner turned evidence into none (SEMANTICS §2.6)
    not_evidence: Bool  # [M, T] a value is there that is no evidence
    no_multiplier: Bool  # [M, T]
    live: Bool  # [M, T] voltage above 0
    dead: Bool  # [M, T] voltage 0
    register_extra_wh: I64  # [M] what the day's register proves beyond the slots (SEMANTICS §2.8)


def meter_slots(world: World, meters: I64, grid: Grid, readings: ReadingColumns, threshold_kw: F64) -> MeterSlots:
    """Energy of ``meters`` on the grid.

    readings: winners only, ``meter`` = rows of the registry, any order; those of other meters or times are ignored.
    threshold_kw: [M, T], the lowest load that an order tests at the slot for the meter's scopes; inf where none does.
    """
    out = _nothing_known(meters, (len(meters), grid.n))
    place = np.full(len(world.registry.meters), -1, np.int64)
    place[meters] = np.arange(len(meters))
    row = place[readings.meter]
    first_s, last_s = int(grid.starts_s[0]), int(grid.ends_s[-1])
    mine = (row >= 0) & (readings.ts > first_s - DAY_S) & (readings.ts <= last_s + DAY_S)
    if not mine.all():
        readings, row = readings.take(mine), row[mine]
    counts = np.bincount(readings.kind, minlength=len(Kind))
    if counts[Kind.VOLTAGE]:
        _voltages(out, row, readings, grid)
    if readings.had_evidence.any():
        lost = readings.had_evidence & (evidence_class(readings.q) != 0)
        _mark(out.evidence_lost, row[lost], readings.ts[lost], _reach_s(readings)[lost], grid)
    if counts.sum() > counts[list(ENERGY_KINDS)].sum():
        energy = np.isin(readings.kind, [int(k) for k in ENERGY_KINDS])
        readings, row = readings.take(energy), row[energy]
    is_register = readings.kind == Kind.ENERGY_REG
    period = np.where(is_register, grid.slot_s, readings.period_s)
    value, usable = _usable_values(world, out, readings, row, grid)
    for kind in ENERGY_KINDS:
        if not counts[kind]:
            continue
        of_kind = usable & (readings.kind == kind)
        if kind == Kind.ENERGY_REG:
            _registers(world, out, row[of_kind], readings.take(of_kind), value[of_kind], grid, threshold_kw)
        else:
            of_kind &= period <= grid.slot_s
            chosen = slice(None) if of_kind.all() else of_kind
            _intervals(out, row[chosen], readings.ts[chosen], period[chosen], value[chosen], grid)
    day_threshold_kw = threshold_kw[:, grid.day].min(axis=1, initial=np.inf)
    for kind in reversed(ENERGY_KINDS):
        if kind == Kind.ENERGY_REG and counts[kind]:
            of_kind = usable & is_register
            _register_spans(world, out, row[of_kind], readings.take(of_kind), value[of_kind], grid, day_threshold_kw)
        elif counts[kind]:
            of_kind = usable & (readings.kind == kind)
            longer = of_kind & (period > grid.slot_s)
            if longer.any():
                of_kind &= np.isin(row, np.unique(row[longer]))
                _long_intervals(out, row[of_kind], readings.ts[of_kind], period[of_kind], value[of_kind], grid)
    if out.coarse.any():
        out.coarse[out.measured] = False
    if counts[Kind.ENERGY_REG]:
        _register_days(world, out, row, readings, value, usable & is_register, grid)
    return out


def _nothing_known(meters: I64, shape: tuple[int, int]) -> MeterSlots:
    def no() -> Bool:
        return np.zeros(shape, np.bool_)

    return MeterSlots(
        meters=meters,
        wh=np.zeros(shape, np.int64),
        measured=no(),
        spanned=no(),
        partial=no(),
        negative=no(),
        coarse=no(),
        over_capacity=no(),
        evidence_lost=no(),
        not_evidence=no(),
        no_multiplier=no(),
        live=no(),
        dead=no(),
        register_extra_wh=np.zeros(len(meters), np.int64),
    )


def _slot_of(ts: I64, grid: Grid) -> I64:
    """Column of the slot that holds each instant; outside the grid: below 0 or not below ``grid.n``."""
    return -(-ts // grid.slot_s) - 1 - grid.first_slot


def _mark(target: Bool, row: I64, ts: I64, period: I64, grid: Grid) -> None:
    """Set ``target`` on the slots that each interval (ts - period, ts] touches."""
    last = _slot_of(ts, grid)
    first = np.minimum((ts - period) // grid.slot_s - grid.first_slot, last)
    for back in range(int((last - first).max(initial=-1)) + 1):
        column = last - back
        inside = (column >= first) & (column >= 0) & (column < grid.n)
        target[row[inside], column[inside]] = True


def _reach_s(readings: ReadingColumns) -> I64:
    """Seconds before its time that each reading speaks of; 1 for what is read at an instant."""
    return np.where(_HAS_SPAN[readings.kind], readings.period_s, 1).astype(np.int64)


def _voltages(out: MeterSlots, row: I64, readings: ReadingColumns, grid: Grid) -> None:
    """A voltage above 0 in a slot shows a live meter, one of 0 (and none above) a dead one (SEMANTICS §2.11)."""
    proof = (readings.kind == Kind.VOLTAGE) & (evidence_class(readings.q) == 0)
    column = _slot_of(readings.ts, grid)
    proof &= (column >= 0) & (column < grid.n)
    for target, holds in ((out.live, proof & (readings.value > 0)), (out.dead, proof & (readings.value <= 0))):
        target[row[holds], column[holds]] = True
    out.dead[out.live] = False


def _usable_values(world: World, out: MeterSlots, readings: ReadingColumns, row: I64, grid: Grid) -> tuple[F64, Bool]:
    """Primary values, and which are evidence at evaluation; the others leave their mark in ``out``."""
    secondary = readings.scale == Scale.SECONDARY
    factor = np.ones(len(readings))
    factor[secondary] = world.factors(readings.meter[secondary].astype(np.int64), readings.ts[secondary])
    value = readings.value * factor if secondary.any() else readings.value
    power = (readings.kind == Kind.POWER_INST) | (readings.kind == Kind.POWER_AVG)
    register = readings.kind == Kind.ENERGY_REG
    period = _reach_s(readings)
    load_kw = value if power.all() else np.where(power, value, value * 3600 / np.maximum(period, 1))
    with np.errstate(invalid="ignore"):
        over = ~register & (load_kw > _capacity_factor(world, readings.ts) * world.meter_capacity_kw[readings.meter])
        negative = ~register & (value < 0) & ~world.meter_may_export[readings.meter]
    evidence = (evidence_class(readings.q) == 0) & ~np.isnan(readings.value)
    unknown = np.isnan(factor)
    for target, holds in (
        (out.over_capacity, evidence & over),
        (out.not_evidence, ~evidence | negative),
        (out.no_multiplier, unknown),
    ):
        if holds.any():
            _mark(target, row[holds], readings.ts[holds], period[holds], grid)
    usable = evidence & ~over & ~negative & ~unknown
    return np.where(power, value * period / 3600, value), usable  # kWh


def _capacity_factor(world: World, ts: I64) -> F64:
    """Above this multiple of the contract capacity a value is suspect (SEMANTICS §2.12): by the local day that the
    value's time ends."""
    return world.thresholds.at(Rule.BAD_DATA, "capacity_factor", NO_SCOPE, ts - 1)


def _intervals(out: MeterSlots, row: I64, ts: I64, period: I64, kwh: F64, grid: Grid) -> None:
    """Intervals of at most a slot: whole ones win, shorter ones must tile."""
    column = _slot_of(ts, grid)
    is_whole = (column + (grid.first_slot + 1)) * grid.slot_s == ts
    inside = (column >= 0) & (column < grid.n)
    whole = inside & is_whole & (period == grid.slot_s)
    wh = np.rint(kwh * 1000).astype(np.int64)
    part = inside & ~whole & (period < grid.slot_s)
    if part.any():
        sums, seconds = np.zeros(out.wh.shape), np.zeros(out.wh.shape, np.int64)
        below = np.zeros(out.wh.shape, np.bool_)
        np.add.at(sums, (row[part], column[part]), kwh[part] * 1000)
        np.add.at(seconds, (row[part], column[part]), period[part])
        minus = part & (wh < 0)
        below[row[minus], column[minus]] = True
        tiled = seconds == grid.slot_s
        bound = (seconds > 0) & ~tiled & ~out.measured
        for where, is_measured in ((tiled, True), (bound, False)):
            out.wh[where] = np.rint(sums[where]).astype(np.int64)
            out.negative[where] = below[where]
            out.measured[where] = is_measured
            out.partial[where] = not is_measured
    cell = row * grid.n + column
    if not whole.all():
        cell, wh = cell[whole], wh[whole]
    out.wh.reshape(-1)[cell] = wh
    out.measured.reshape(-1)[cell] = True
    for flags, value in ((out.negative, wh < 0), (out.partial, np.zeros(len(wh), np.bool_))):
        if flags.any() or value.any():
            flags.reshape(-1)[cell] = value


def _long_intervals(out: MeterSlots, row: I64, ts: I64, period: I64, kwh: F64, grid: Grid) -> None:
    """Meters with intervals longer than a slot, judged by spans (SEMANTICS §2.8)."""
    for meter in np.unique(row):
        mine = np.flatnonzero(row == meter)
        mine = mine[np.argsort(ts[mine])]
        ends, begins = ts[mine], ts[mine] - period[mine]
        chain = np.cumsum(np.r_[True, begins[1:] != ends[:-1]])
        curve = np.cumsum(kwh[mine]) * 1000
        points = {}
        for i in range(len(mine)):
            points[int(begins[i])] = (int(chain[i]), float(curve[i] - kwh[mine[i]] * 1000))
            points[int(ends[i])] = (int(chain[i]), float(curve[i]))
        _spans(out, int(meter), points, list(zip(begins.tolist(), ends.tolist(), strict=True)), 1, grid)


def _registers(
    world: World, out: MeterSlots, row: I64, readings: ReadingColumns, kwh: F64, grid: Grid, threshold_kw: F64
) -> None:
    """Registers read at both ends of a slot, where 2 u_kw is below the threshold; else the slot is marked coarse."""
    for meter in np.unique(row):
        mine = row == meter
        points, factor = _register_points(world, out, int(meter), readings.take(mine), kwh[mine], grid)
        resolution_kwh = world.meter_resolution_kwh[out.meters[meter]] * factor
        fine = 2 * resolution_kwh / grid.hours < threshold_kw[meter]  # [T]
        for column in range(grid.n):
            begin = points.get(int(grid.starts_s[column]))
            end = points.get(int(grid.ends_s[column]))
            if begin is None or end is None or begin[0] != end[0]:
                continue
            out.coarse[meter, column] = not fine[column]
            if fine[column]:
                out.wh[meter, column] = round(end[1] - begin[1])
                out.negative[meter, column] = False
                out.measured[meter, column] = True
                out.partial[meter, column] = False


def _register_spans(
    world: World, out: MeterSlots, row: I64, readings: ReadingColumns, kwh: F64, grid: Grid, day_threshold_kw: F64
) -> None:
    """Coarse registers, and gaps in fine ones: spans whose 2 u_kw is below the threshold (SEMANTICS §2.8)."""
    for meter in np.unique(row):
        mine = row == meter
        points, factor = _register_points(world, out, int(meter), readings.take(mine), kwh[mine], grid)
        step_kwh = 2 * world.meter_resolution_kwh[out.meters[meter]] * factor
        lengths = range(1, grid.today.n_slots + 1)
        enough = next((n for n in lengths if step_kwh / (n * grid.hours) < day_threshold_kw[meter]), 0)
        instants = sorted(points)
        pieces = [(a, b) for a, b in pairwise(instants) if points[a][0] == points[b][0]]
        _spans(out, int(meter), points, pieces, enough or grid.today.n_slots + 1, grid)


def _register_points(
    world: World, out: MeterSlots, meter: int, readings: ReadingColumns, kwh: F64, grid: Grid
) -> tuple[dict[int, tuple[int, float]], float]:
    """The curve of one meter's register: instant -> (chain, Wh), and its highest multiplier.

    A chain ends where the register went back, its multiplier changed, or the load between two points is above 1.5 x
    contract capacity (SEMANTICS §2.12): no energy is derived across.
    """
    order = np.argsort(readings.ts)
    ts, raw, primary = readings.ts[order], readings.value[order], kwh[order]
    secondary = readings.scale[order] == Scale.SECONDARY
    factor = np.where(secondary, world.factors(readings.meter[order].astype(np.int64), ts), 1.0)
    ceiling_kw = _capacity_factor(world, ts[1:]) * world.meter_capacity_kw[out.meters[meter]]
    hours = np.diff(ts) / 3600
    joined = (factor[1:] == factor[:-1]) & (raw[1:] >= raw[:-1])
    with np.errstate(invalid="ignore"):
        over = joined & (np.diff(primary) > ceiling_kw * hours)
    for i in np.flatnonzero(over):
        _mark(out.over_capacity, np.array([meter]), ts[i + 1 : i + 2], ts[i + 1 : i + 2] - ts[i : i + 1], grid)
    chain = np.cumsum(np.r_[True, ~joined | over])
    points = {int(t): (int(c), float(v) * 1000) for t, c, v in zip(ts, chain, primary, strict=True)}
    return points, float(np.nanmax(factor, initial=1.0))


def _spans(
    out: MeterSlots,
    meter: int,
    points: dict[int, tuple[int, float]],
    pieces: list[tuple[int, int]],
    enough: int,
    grid: Grid,
) -> None:
    """Give each slot that nothing measured the mean of its span, tiled from local midnight.

    points: the curve, instant -> (chain, Wh). pieces: its intervals, in order. enough: slots of a span whose 2 u_kw is
    below the threshold. A span is never shorter than the intervals over the slot; where it is not complete, or none of
    the day suffices, nothing is known.
    """
    slot_s = grid.slot_s
    ends = [end for _, end in pieces]
    for day in local_days(grid.zone, int(grid.starts_s[0]), int(grid.starts_s[-1]), slot_s):
        for slot in range(max(day.first_slot, grid.first_slot), min(day.end_slot, grid.first_slot + grid.n)):
            column = slot - grid.first_slot
            if out.measured[meter, column]:
                continue
            longest = 0
            at = bisect_right(ends, slot * slot_s)
            while at < len(pieces) and pieces[at][0] < (slot + 1) * slot_s:
                longest = max(longest, pieces[at][1] - pieces[at][0])
                at += 1
            n = max(enough, -(-longest // slot_s))
            if longest == 0 or n == 1:
                continue
            first = 0 if n > day.n_slots else (slot - day.first_slot) // n * n
            last = min(first + n, day.n_slots)
            low = points.get((day.first_slot + first) * slot_s)
            high = points.get((day.first_slot + last) * slot_s)
            if low is None or high is None or low[0] != high[0]:
                continue
            if n > day.n_slots:
                out.coarse[meter, column] = True
            elif last - first == n:
                out.wh[meter, column] = round((high[1] - low[1]) / n)
                out.negative[meter, column] = _falls(points, pieces, (day.first_slot + first) * slot_s, n * slot_s)
                out.partial[meter, column] = False
                out.spanned[meter, column] = True
    out.measured[meter] |= out.spanned[meter]


def _falls(points: dict[int, tuple[int, float]], pieces: list[tuple[int, int]], begin: int, length_s: int) -> bool:
    """Whether the curve goes down in one of its intervals within a span."""
    return any(points[b][1] < points[a][1] for a, b in pieces if begin <= a and b <= begin + length_s)


def _register_days(
    world: World, out: MeterSlots, row: I64, readings: ReadingColumns, kwh: F64, usable: Bool, grid: Grid
) -> None:
    """Where a register covers the day: what it proves beyond the sum of the slots, less its uncertainty."""
    begin = grid.today.first_slot * grid.slot_s
    end = grid.today.end_slot * grid.slot_s
    for meter in np.unique(row[usable]):
        mine = usable & (row == meter)
        points, factor = _register_points(world, out, int(meter), readings.take(mine), kwh[mine], grid)
        if begin in points and end in points and points[begin][0] == points[end][0]:
            uncertainty_wh = 2 * world.meter_resolution_kwh[out.meters[meter]] * factor * 1000
            proven = points[end][1] - points[begin][1] - uncertainty_wh
            known = int(out.wh[meter, grid.day].sum())
            out.register_extra_wh[meter] = max(0, round(proven) - known)
