"""What an earlier judgement of a day worked out of the scopes' loads, so that only touched slots are worked out again.

A stored slot keeps what its meters said (``detectors.days.SLOT``), and whatever changes that marks the slot. Registers
and intervals longer than a slot spread evidence over a day: their scopes are judged from all their readings.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.heard import HEARD_FIELDS, hear, nothing_heard
from detectors.intervals import ENERGY_KINDS
from detectors.loads import Loads, scope_loads
from detectors.members import members_on
from detectors.readings import ReadingColumns
from detectors.slots import Grid, LocalDay
from detectors.unit_counts import UNIT_FIELDS, count_units, no_units
from detectors.vocab import Kind
from detectors.world import World, rows_of

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Known:
    """Loads of S scopes on the T slots of a grid.

    loads: zeros mean that nothing is known; the fresh slots are filled in. fresh: [S, T], work these out from readings.
    """

    loads: Loads
    fresh: Bool

    def take(self, rows: I64) -> "Known":
        """Some of the scopes."""
        return Known(self.loads.take(rows), self.fresh[rows])


def spreads(readings: ReadingColumns, slot_s: int) -> Bool:
    """Which readings may tell of more than one slot."""
    is_energy = np.isin(readings.kind, [int(k) for k in ENERGY_KINDS])
    return np.asarray(is_energy & ((readings.kind == Kind.ENERGY_REG) | (readings.period_s > slot_s)), np.bool_)


def spread_scopes(world: World, scopes: I64, readings: ReadingColumns, grid: Grid) -> Bool:
    """Scopes with a reading in the grid that may tell of more than one slot, [S]."""
    found = np.zeros(len(scopes), np.bool_)
    if not ((readings.kind == Kind.ENERGY_REG) | (readings.period_s > grid.slot_s)).any():
        return found
    inside = (readings.ts > grid.starts_s[0]) & (readings.ts <= grid.ends_s[-1])
    meters = np.unique(readings.meter[inside & spreads(readings, grid.slot_s)])
    mine, owner = world.meters_of(scopes)
    found[owner[np.isin(mine, meters)]] = True
    return found


def spread_loads(world: World, scopes: I64, readings: ReadingColumns, grid: Grid, spread: Bool) -> Bool:
    """Scopes whose own load in the day rests on a reading that may tell of more than one slot, [S]. spread: those that
    have such a reading at all, heard ones and margins included."""
    some = np.flatnonzero(spread)
    found = np.zeros(len(scopes), np.bool_)
    if len(some) == 0:
        return found
    begin, end = int(grid.starts_s[grid.day.start]), int(grid.ends_s[grid.day.stop - 1])
    inside = (readings.ts > begin) & (readings.ts <= end)
    meters = np.unique(readings.meter[inside & spreads(readings, grid.slot_s)])
    rows, owner = rows_of(world.member_scope, scopes[some])
    counted = np.isin(world.member_meter[rows], meters) & (world.member_sign[rows] != 0)
    found[some[owner[counted]]] = True
    return found


#: What of a stored slot tells its load.
LOAD_FIELDS = ("wh", "evidence", "meters", "missing", "facts")


def nothing_known(n_scopes: int, n_slots: int, *, with_units: bool = False, with_heard: bool = False) -> Loads:
    """Loads to be filled in. with_units: running units are counted in some of the scopes; with_heard: some hear meters
    outside their sum."""
    wh = np.zeros((n_scopes, n_slots), np.int64)
    evidence, meters, missing, facts = (np.zeros(wh.shape, np.uint16) for _ in range(4))
    units = no_units(n_scopes, n_slots) if with_units else None
    heard = nothing_heard(n_scopes, n_slots) if with_heard else None
    return Loads(wh, evidence, meters, missing, facts, np.zeros(n_scopes, np.int64), units, heard)


def loads_with_known(
    world: World,
    scopes: I64,
    grid: Grid,
    readings: ReadingColumns,
    as_of: int,
    known: Known,
    source_down: Bool | None = None,
    begin_slot: int = 0,
) -> Loads:
    """Known loads, and the fresh slots worked out from ``readings``; arguments as ``judge_day`` takes them."""
    loads = known.loads
    columns = np.flatnonzero(known.fresh.any(axis=0))
    if len(columns) == 0:
        return loads
    span = slice(int(columns[0]), int(columns[-1]) + 1)
    window = LocalDay(grid.today.day, grid.first_slot + span.start, span.stop - span.start)
    part = Grid(grid.zone, grid.slot_s, window, 0)
    no_threshold = np.broadcast_to(np.inf, (len(scopes), part.n))
    members = members_on(world, scopes, part, readings, no_threshold)
    down = None if source_down is None else source_down[:, span]
    worked_out = scope_loads(world, members, len(scopes), part, as_of, down, begin_slot)
    fresh = known.fresh[:, span]
    for name in LOAD_FIELDS:
        stored = getattr(loads, name)[:, span]
        np.copyto(stored, getattr(worked_out, name), where=fresh)
    counted = count_units(world, scopes, part, readings)
    if loads.units is not None and counted is not None:
        for name in UNIT_FIELDS:
            np.copyto(getattr(loads.units, name)[:, span], getattr(counted, name), where=fresh)
    heard = hear(world, scopes, part, readings)
    if loads.heard is not None and heard is not None:
        for name in HEARD_FIELDS:
            np.copyto(getattr(loads.heard, name)[:, span], getattr(heard, name), where=fresh)
    return loads
