"""Which verdicts rest on a baseline that fits its own reference period badly (DOMAIN §4).

A baseline learned from days that scatter widely may still be the best there is; whoever reads a verdict that follows
from it should know, and nobody is accused of a day's energy that lies within the baseline's own error. Baselines set by
hand have no fit: they are never marked, and their caps are taken at their word.
"""

import numpy as np
import numpy.typing as npt

from detectors.caps import Caps
from detectors.order_rules import on_day
from detectors.slots import Grid
from detectors.vocab import Control, Reason, Verdict
from detectors.world import World

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: The thresholds' places in ``detectors.thresholds.KINDS``: what low confidence is, and how many of its own errors a
#: day must lie above the cap of such a baseline.
THRESHOLD = ("baseline", "low_confidence")
ERRORS = ("baseline", "errors")


def mark_low_confidence(
    world: World,
    scopes: I64,
    caps: Caps,
    grid: Grid,
    verdict: npt.NDArray[np.uint8],
    reasons: npt.NDArray[np.uint32],
) -> None:
    """Add ``low_confidence`` to the reasons, [S, T], of compliant and violating slots whose cap rests on R, idle or
    day_kwh of a baseline with an RRMSE above the threshold. verdict: [S, T]. Changes ``reasons``."""
    rrmse = world.baseline.rrmse
    if not len(caps.order) or np.isnan(rrmse).all():
        return
    limit = world.thresholds.at(*THRESHOLD, scopes, int(grid.starts_s[grid.margin]))
    with np.errstate(invalid="ignore"):
        is_poor = rrmse[caps.baselines.row] > limit[:, None]
    poor = np.flatnonzero(is_poor.any(axis=1))
    if len(poor) == 0:
        return
    taken = caps.take[poor]
    rests = is_poor[poor] & (taken >= 0) & _rests_on_baseline(world, caps)[np.maximum(taken, 0)]
    where = caps.spans.wide(rests)
    where &= (verdict[poor] == Verdict.VIOLATING) | (verdict[poor] == Verdict.COMPLIANT)
    reasons[poor] |= where * np.uint32(Reason.LOW_CONFIDENCE)


def error_shares(world: World, caps: Caps, grid: Grid) -> F64 | None:
    """[O] by which share beyond the tolerance a day may exceed its energy cap and prove nothing; None: nowhere by any.

    The error of the worst fitted baseline of low confidence behind the judged slots of the day, times the threshold
    ``baseline.errors``; 0 where every baseline is believed, or set by hand.
    """
    rrmse = world.baseline.rrmse
    if not len(caps.order) or np.isnan(rrmse).all():
        return None
    day = caps.spans.day
    error = np.where(caps.judged[:, day] & caps.has_day_energy[:, None], rrmse[caps.baselines.row[caps.scope, day]], 0)
    worst = np.nan_to_num(error).max(axis=1, initial=0)
    limit, factor = (on_day(world, caps.order, grid, *name) for name in (THRESHOLD, ERRORS))
    return np.where(worst > limit, worst * factor, 0.0) if (worst > limit).any() else None


def _rests_on_baseline(world: World, caps: Caps) -> Bool:
    """[O] whether an order's cap follows from a level of its scope's baseline: limits, and stops without an approved
    residual load (of one with it only the margin does). Absolute caps and units have their own loads."""
    order = world.order
    bare_stop = order.is_control(caps.order, Control.STOP) & np.isnan(order.residual_kw[caps.order])
    return np.asarray(caps.has_day_energy | bare_stop, np.bool_)
