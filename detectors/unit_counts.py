"""Running lines and cells counted from the meters of the lines, slot by slot, and what the counts say of an order.

A unit is surely running, surely not, or unknown. Both sure counts are kept, so that nothing kept is nothing known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detectors.intervals import MeterSlots, meter_slots
from detectors.readings import ReadingColumns
from detectors.slots import Grid
from detectors.spans import cut
from detectors.units import own_baselines, unit_levels_kw
from detectors.vocab import Rule
from detectors.world import World, rows_of

if TYPE_CHECKING:
    from detectors.caps import Caps
    from detectors.loads import Loads
    from detectors.verdict import Evidence

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U16 = npt.NDArray[np.uint16]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Units:
    """Counts of S scopes on T slots; 0 where a scope is not counted by meters or nothing is known."""

    running: U16  # surely running
    idle: U16  # surely not
    zero: U16  # of the idle ones: every line meter reads 0, which only the scope's own load can prove (SEMANTICS §2.11)

    def take(self, rows: I64) -> "Units":
        """Some of the scopes."""
        return Units(self.running[rows], self.idle[rows], self.zero[rows])


#: The thresholds of `stop_run` by which a single line runs, rests or neither is known.
_OF_STOPS = ("margin", "unknown_low", "unknown_high")
#: The fields of ``Units``, and those of a stored slot that keep them.
UNIT_FIELDS = {"running": "units_running", "idle": "units_idle", "zero": "units_zero"}


def no_units(n_scopes: int, n_slots: int) -> Units:
    """Counts to be filled in."""
    return Units(*(np.zeros((n_scopes, n_slots), np.uint16) for _ in UNIT_FIELDS))


def count_units(world: World, scopes: I64, grid: Grid, readings: ReadingColumns) -> Units | None:
    """Count the scopes that have line meters; None where none has. readings: winners, as ``meter_slots`` takes them."""
    lines = world.lines
    if not lines.is_metered[scopes].any():
        return None
    rows, owner = rows_of(lines.scope, scopes)
    metered = lines.is_metered[scopes][owner]
    rows, owner = rows[metered], owner[metered]
    told, of_line = rows_of(lines.meter_line, rows)
    over_kw, low_kw, level_kw = _thresholds_kw(world, rows, grid)
    units, is_group = lines.units[rows, None], lines.units[rows, None] != 1
    meters, at = np.unique(lines.meter[told], return_inverse=True)
    tested = np.full((len(meters), grid.n), np.inf)
    tested[at] = np.nan_to_num(np.where(is_group, level_kw, over_kw), nan=np.inf)[of_line]
    shown = meter_slots(world, meters, grid, readings, tested)
    valid = (grid.starts_s >= lines.meter_from[told, None]) & (grid.starts_s < lines.meter_to[told, None])
    told_of = _Told(shown, at, valid, of_line, len(rows))
    load_kw = told_of.wh / (1000 * grid.hours)
    with np.errstate(invalid="ignore"):
        group = np.clip(np.nan_to_num(np.floor(load_kw / level_kw + 0.5)), 0, units).astype(np.int64)
        rests = np.where(low_kw == over_kw, load_kw <= over_kw, load_kw < low_kw)
        running = np.where(is_group, group, load_kw > over_kw) * told_of.bound
    idle = np.where(is_group, (units - group) * ~np.isnan(level_kw), rests) * told_of.full
    found = no_units(len(scopes), grid.n)
    np.add.at(found.running, owner, running.astype(np.uint16))
    np.add.at(found.idle, owner, idle.astype(np.uint16))
    alive = np.zeros(found.idle.shape, np.bool_)
    np.logical_or.at(alive, owner[of_line], valid & (shown.live[at] | (shown.wh[at] != 0)))
    found.zero[:] = np.where(alive, 0, found.idle)
    return found


def _thresholds_kw(world: World, rows: I64, grid: Grid) -> tuple[F64, F64, F64]:
    """Of each line: loads above and below which it runs and rests (SEMANTICS §3.14), and the load of a unit, [L, T].

    Thresholds are those of the line's own scope, as its baseline is; of a line without one, those for all.
    """
    lines = world.lines
    spans = cut(grid, _changes(world, lines.own_scope[rows]))
    own = own_baselines(world, rows, spans)
    level = unit_levels_kw(lines, rows, own.running_kw)
    running = np.where(np.isnan(own.running_kw), lines.unit_kw[rows, None], own.running_kw)
    margin, low_share, high_share = (
        world.thresholds.at(Rule.STOP_RUN, name, lines.own_scope[rows, None], spans.starts_s) for name in _OF_STOPS
    )
    stopped = own.idle_kw + margin * own.running_kw
    over = np.where(np.isnan(stopped), high_share * running, stopped)
    low = np.where(np.isnan(stopped), low_share * running, stopped)
    return spans.wide(over), spans.wide(low), spans.wide(level)


def _changes(world: World, own_scopes: I64) -> Iterator[I64]:
    """Where a baseline of these scopes, or a threshold, begins or ends."""
    rows, _ = rows_of(world.baseline_scope, np.unique(own_scopes))
    yield world.baseline.valid_from[rows]
    yield world.baseline.valid_to[rows]
    yield world.thresholds.edges(*((Rule.STOP_RUN, name) for name in _OF_STOPS))


class _Told:
    """What the meters of each line tell together, [L, T]: all of it, or a lower bound of it."""

    def __init__(self, shown: MeterSlots, at: I64, valid: Bool, of_line: I64, n_lines: int) -> None:
        def per_line(flags: Bool) -> I64:
            total = np.zeros((n_lines, valid.shape[1]), np.int64)
            np.add.at(total, of_line, flags)
            return total

        speaks = valid & (shown.measured | shown.partial)[at]
        silent = per_line(valid & ~shown.measured[at])
        self.wh = per_line(np.where(speaks, shown.wh[at], 0))
        self.full: Bool = (per_line(valid) > 0) & (silent == 0)
        self.bound: Bool = self.full | ((per_line(speaks) > 0) & (per_line(valid & shown.negative[at]) == 0))


@dataclass(frozen=True, slots=True)
class Counted:
    """What counts say of orders by units, [R, T]."""

    over: Bool  # more units run than allowed
    kept: Bool  # surely no more do
    unknown: I64  # units of which neither is known
    could_be_over: Bool  # more would run if every unknown unit did


def counted_slots(
    world: World, caps: "Caps", loads: "Loads", evidence: "Evidence", past: Bool, hours: float, scope: I64, row: I64
) -> Counted:
    """Compare counts with what orders allow; under an exemption with a cap, a load up to it is allowed as well (§3.18).

    scope: [R] rows of the pass. row: [R, T] the order row asked at each slot, of an order that is counted by meters.
    """
    order, units = caps.order[row], loads.units
    total, allowed = world.lines.total[world.order_scope[order]], world.lines.allowed[order]
    running, idle = np.zeros(row.shape, np.int64), np.zeros(row.shape, np.int64)
    covered, bound = evidence.covered[scope] & past, evidence.bound[scope] & past
    if units is not None:
        unproven = np.where(covered, 0, units.zero[scope].astype(np.int64))
        running = np.where(past, units.running[scope], 0).astype(np.int64)
        idle = np.where(past, units.idle[scope] - unproven, 0)
    if evidence.suspect is not None:  # then its lines are not believed either
        running[evidence.suspect[scope]] = idle[evidence.suspect[scope]] = 0
    relaxed_wh = np.rint(caps.relaxed_kw[row, caps.spans.of_slot] * (1000 * hours))
    wh, is_strict = loads.wh[scope], np.isnan(relaxed_wh)
    with np.errstate(invalid="ignore"):
        within, beyond = covered & (wh <= relaxed_wh), is_strict | (bound & (wh > relaxed_wh))
    kept = (total - idle <= allowed) & (running + idle > 0)
    return Counted((running > allowed) & beyond, kept | within, total - running - idle, total - idle > allowed)
