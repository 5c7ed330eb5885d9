"""What the meters of each scope show on a pass, under the thresholds of the scope's own orders (SEMANTICS §2.7, §2.8).

A register speaks only where 2 u_kw is below the threshold, so a meter in two scopes may speak in one and be too coarse
in the other. What a scope is told must not depend on which other scopes are judged beside it.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from detectors.caps import Caps
from detectors.intervals import MeterSlots, meter_slots
from detectors.readings import ReadingColumns
from detectors.slots import Grid
from detectors.vocab import Kind
from detectors.world import World, rows_of, turns

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Members:
    """The membership rows of S scopes, and what the meter of each shows."""

    rows: I64  # [K] rows of world.member_*
    owner: I64  # [K] row among the S scopes, sorted
    meters: MeterSlots
    at: I64  # [K] row of ``meters``


def members_on(world: World, scopes: I64, grid: Grid, readings: ReadingColumns, lowest: F64) -> Members:
    """Energy of the scopes' meters. readings: as ``meter_slots`` takes them; lowest: as ``thresholds_kw`` gives it."""
    rows, owner = rows_of(world.member_scope, scopes)
    by_meter = np.lexsort((owner, world.member_meter[rows]))
    meter, scope = world.member_meter[rows][by_meter], owner[by_meter]
    first = np.r_[True, meter[1:] != meter[:-1]] if len(meter) else np.zeros(0, np.bool_)
    unit = np.cumsum(first) - 1
    parts = [meter_slots(world, meter[first], grid, readings, lowest[scope[first]])]
    if not first.all() and (readings.kind == Kind.ENERGY_REG).any():
        registers = np.unique(readings.meter[readings.kind == Kind.ENERGY_REG])
        apart = ~first & np.isin(meter, registers)
        apart[apart] = (lowest[scope[apart]] != lowest[scope[first][unit[apart]]]).any(axis=1)
        for turn in turns(meter[apart]):
            again = np.flatnonzero(apart)[turn]
            unit[again] = sum(len(p.meters) for p in parts) + np.arange(len(again))
            parts.append(meter_slots(world, meter[again], grid, readings, lowest[scope[again]]))
    at = np.empty_like(unit)
    at[by_meter] = unit
    return Members(rows, owner, _joined(parts), at)


def thresholds_kw(caps: Caps) -> F64:
    """Lowest load that an order of each scope tests at each slot, kW, [S, T]; inf where none does."""
    lowest = np.full(caps.take.shape, np.inf)
    tested = np.where(caps.is_energy[:, None], caps.cap_kw, caps.over_kw)
    active = caps.ordered & ~caps.exempt & ~np.isnan(tested)
    np.minimum.at(lowest, caps.scope, np.where(active, tested, np.inf))
    return caps.spans.wide(lowest)


def _joined(parts: list[MeterSlots]) -> MeterSlots:
    if len(parts) == 1:
        return parts[0]
    return MeterSlots(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(MeterSlots)))
