"""Limits by lines and cells in kW: the load of a unit, and what the load of all tells of how many run (DOMAIN §2)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.baseline_at import Baselines, baselines_on
from detectors.lines import CountedLines
from detectors.spans import Spans
from detectors.world import World, rows_of

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

#: A unit more than allowed is not told apart where running units are estimated from the load of all.
SLACK_ESTIMATED = 1


@dataclass(frozen=True, slots=True)
class UnitCaps:
    """Loads of orders by units, [O', K]; NaN where a unit's load is not known."""

    cap_kw: F64  # the allowed largest units run
    over_kw: F64  # above it more units run than allowed, and one more; inf where all may run
    low_kw: F64  # at or below it no more units run than allowed; inf where all may run


def own_baselines(world: World, lines: I64, spans: Spans) -> Baselines:
    """Baseline of the scope of each line, [lines, K]; none for a line without such a scope."""
    own = world.lines.own_scope[lines]
    found = baselines_on(world, np.maximum(own, 0), spans)
    has_own = own[:, None] >= 0
    return Baselines(
        np.where(has_own, found.row, -1).astype(np.int32),
        *(np.where(has_own, v, np.nan) for v in (found.running_kw, found.idle_kw, found.max_kw, found.day_kwh)),
    )


def unit_levels_kw(lines: CountedLines, rows: I64, running_kw: F64) -> F64:
    """Load of one unit of each line, [lines, K]: as given, else R of the line's own baseline by its units."""
    given, units = lines.unit_kw[rows, None], np.maximum(lines.units[rows, None], 1)
    return np.asarray(np.where(np.isnan(given), running_kw / units, given), np.float64)


def unit_caps(world: World, orders: I64, idle_kw: F64, spans: Spans) -> UnitCaps:
    """What orders by units allow in kW. orders: rows of the world; idle_kw: of their scopes, [O', K], NaN unknown."""
    shape = (len(orders), spans.n)
    caps = UnitCaps(*(np.full(shape, np.nan) for _ in range(3)))
    for i, order in enumerate(orders.tolist()):
        allowed = int(world.lines.allowed[order])
        if allowed < 0:
            continue
        rows, _ = rows_of(world.lines.scope, world.order_scope[order : order + 1])
        levels = unit_levels_kw(world.lines, rows, own_baselines(world, rows, spans).running_kw)
        rising = np.sort(np.repeat(levels, world.lines.units[rows], axis=0), axis=0)
        count = len(rising)
        idle = np.nan_to_num(idle_kw[i]) + 0 * rising.sum(axis=0)  # NaN where the load of any unit is not known
        caps.cap_kw[i] = idle + rising[max(0, count - allowed) :].sum(axis=0)
        if allowed < count:
            caps.low_kw[i] = idle + rising[:allowed].sum(axis=0)
            caps.over_kw[i] = idle + rising[max(0, count - allowed - SLACK_ESTIMATED) :].sum(axis=0)
        else:
            caps.low_kw[i] = caps.over_kw[i] = idle + np.inf
    return caps
