"""Readings to the energy of each meter and slot (SEMANTICS §2.7, §2.8, §2.12).

Intervals that end on slot boundaries and last a slot are scattered; shorter ones are summed and must tile the slot;
registers and longer intervals are points of a cumulative curve, judged by spans tiled from local midnight.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.curves import Curves, Pieces, span_means
from detectors.readings import ReadingColumns, evidence_class
from detectors.slots import DAY_S, Grid
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
    registers = None
    for kind in ENERGY_KINDS:
        if not counts[kind]:
            continue
        of_kind = usable & (readings.kind == kind)
        if kind == Kind.ENERGY_REG:
            registers = _register_curves(world, out, row[of_kind], readings.take(of_kind), value[of_kind], grid)
            _registers(out, registers, grid, threshold_kw)
        else:
            of_kind &= period <= grid.slot_s
            chosen = slice(None) if of_kind.all() else of_kind
            _intervals(out, row[chosen], readings.ts[chosen], period[chosen], value[chosen], grid)
    day_threshold_kw = threshold_kw[:, grid.day].min(axis=1, initial=np.inf)
    for kind in reversed(ENERGY_KINDS):
        if kind == Kind.ENERGY_REG and registers is not None:
            _register_spans(out, registers, grid, day_threshold_kw)
        elif counts[kind]:
            of_kind = usable & (readings.kind == kind)
            longer = of_kind & (period > grid.slot_s)
            if longer.any():
                of_kind &= np.isin(row, np.unique(row[longer]))
                _long_intervals(out, row[of_kind], readings.ts[of_kind], period[of_kind], value[of_kind], grid)
    if out.coarse.any():
        out.coarse[out.measured] = False
    if registers is not None:
        _register_days(out, registers, grid)
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
    order = np.lexsort((ts, row))
    row, ends, kwh = row[order], ts[order], kwh[order]
    begins = ends - period[order]
    is_new = np.r_[True, row[1:] != row[:-1]]
    joined = ~is_new & (begins == np.r_[0, ends[:-1]])
    curve = np.concatenate([np.cumsum(part) for part in np.split(kwh, np.flatnonzero(is_new)[1:])]) * 1000
    falls = np.cumsum(kwh < 0, dtype=np.int64)
    curves = Curves.of(
        np.repeat(row, 2),
        _in_turn(begins, ends),
        np.repeat(np.cumsum(~joined), 2),
        _in_turn(curve - kwh * 1000, curve),
        _in_turn(falls - (kwh < 0), falls),
        Pieces(row, begins, ends),
        grid,
    )
    _spans(out, curves, np.ones(len(curves.row), np.int64), grid)


def _in_turn(of_begins: npt.NDArray[Any], of_ends: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Of each interval the value at its begin, then that at its end."""
    return np.stack([of_begins, of_ends], axis=1).reshape(-1)


@dataclass(frozen=True, slots=True)
class _Registers:
    """Registers of R meters. step_kwh: [R] one step of each, at its highest multiplier."""

    curves: Curves
    step_kwh: F64


def _register_curves(
    world: World, out: MeterSlots, row: I64, readings: ReadingColumns, kwh: F64, grid: Grid
) -> _Registers:
    """The curves of registers.

    A curve breaks where the register went back, its multiplier changed, or the load between two points is above 1.5 x
    contract capacity (SEMANTICS §2.12): no energy is derived across.
    """
    order = np.lexsort((readings.ts, row))
    row, ts, raw, primary = row[order], readings.ts[order], readings.value[order], kwh[order]
    secondary, meter = readings.scale[order] == Scale.SECONDARY, readings.meter[order].astype(np.int64)
    factor = np.where(secondary, world.factors(meter, ts), 1.0)
    ceiling_kw = _capacity_factor(world, ts[1:]) * world.meter_capacity_kw[out.meters[row[1:]]]
    joined = (row[1:] == row[:-1]) & (factor[1:] == factor[:-1]) & (raw[1:] >= raw[:-1])
    with np.errstate(invalid="ignore"):
        over = joined & (np.diff(primary) > ceiling_kw * (np.diff(ts) / 3600))
    if over.any():
        _mark(out.over_capacity, row[1:][over], ts[1:][over], np.diff(ts)[over], grid)
    joined &= ~over
    chain = np.cumsum(np.r_[True, ~joined]) if len(row) else np.zeros(0, np.int64)
    pieces = Pieces(row[1:][joined], ts[:-1][joined], ts[1:][joined])
    curves = Curves.of(row, ts, chain, primary * 1000, np.zeros(len(row), np.int64), pieces, grid)
    most = np.ones(len(curves.row))
    np.fmax.at(most, np.searchsorted(curves.row, row), factor)
    return _Registers(curves, world.meter_resolution_kwh[out.meters[curves.row]] * most)


def _registers(out: MeterSlots, registers: _Registers, grid: Grid, threshold_kw: F64) -> None:
    """Registers read at both ends of a slot, where 2 u_kw is below the threshold; else the slot is marked coarse."""
    curves = registers.curves
    place, column = (a.reshape(-1) for a in np.indices((len(curves.row), grid.n)))
    known, low, high = curves.between(place, grid.first_slot + column, grid.first_slot + column + 1)
    place, column, low, high = place[known], column[known], low[known], high[known]
    row = curves.row[place]
    fine = 2 * registers.step_kwh[place] / grid.hours < threshold_kw[row, column]
    out.coarse[row, column] = ~fine
    row, column, energy = row[fine], column[fine], curves.wh[high[fine]] - curves.wh[low[fine]]
    out.wh[row, column] = np.rint(energy).astype(np.int64)
    for flags, value in ((out.negative, False), (out.measured, True), (out.partial, False)):
        flags[row, column] = value


def _register_spans(out: MeterSlots, registers: _Registers, grid: Grid, day_threshold_kw: F64) -> None:
    """Coarse registers, and gaps in fine ones: spans whose 2 u_kw is below the threshold (SEMANTICS §2.8)."""
    row = registers.curves.row
    lengths = np.arange(1, grid.today.n_slots + 1)
    with np.errstate(invalid="ignore"):
        fine = (2 * registers.step_kwh)[:, None] / (lengths * grid.hours) < day_threshold_kw[row, None]
    enough = np.where(fine.any(axis=1), fine.argmax(axis=1) + 1, grid.today.n_slots + 1)
    _spans(out, registers.curves, enough, grid)


def _spans(out: MeterSlots, curves: Curves, enough: I64, grid: Grid) -> None:
    """Give each slot that nothing measured the mean of its span; where it is not complete, or none of the day suffices,
    nothing is known. enough: [R], slots of a span whose 2 u_kw is below the threshold."""
    still_open = ~out.measured[curves.row]
    if still_open.any():
        means, coarse_row, coarse_column = span_means(curves, still_open, enough, grid)
        out.coarse[coarse_row, coarse_column] = True
        at = means.row, means.column
        out.wh[at], out.negative[at], out.partial[at], out.spanned[at] = means.wh, means.falls, False, True
    out.measured[curves.row] |= out.spanned[curves.row]


def _register_days(out: MeterSlots, registers: _Registers, grid: Grid) -> None:
    """Where a register covers the day: what it proves beyond the sum of the slots, less its uncertainty."""
    curves, today = registers.curves, grid.today
    place = np.arange(len(curves.row))
    edges = (np.full(len(place), slot, np.int64) for slot in (today.first_slot, today.end_slot))
    known, low, high = curves.between(place, *edges)
    place, low, high = place[known], low[known], high[known]
    row = curves.row[place]
    proven = curves.wh[high] - curves.wh[low] - 2 * registers.step_kwh[place] * 1000
    sums = out.wh[row][:, grid.day].sum(axis=1)
    out.register_extra_wh[row] = np.maximum(0, np.rint(proven).astype(np.int64) - sums)
