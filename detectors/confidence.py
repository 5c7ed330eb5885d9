"""Which verdicts rest on a baseline that fits its own reference period badly (DOMAIN §4).

A baseline learned from days that scatter widely may still be the best there is; whoever reads a verdict that follows
from it should know. Baselines set by hand have no fit, and are never marked.
"""

import numpy as np
import numpy.typing as npt

from detectors.caps import Caps
from detectors.slots import Grid
from detectors.vocab import Control, Reason, Verdict
from detectors.world import World

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

#: The threshold's place in ``detectors.thresholds.KINDS``.
THRESHOLD = ("baseline", "low_confidence")


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


def _rests_on_baseline(world: World, caps: Caps) -> Bool:
    """[O] whether an order's cap follows from a level of its scope's baseline: limits, and stops without an approved
    residual load (of one with it only the margin does). Absolute caps and units have their own loads."""
    order = world.order
    bare_stop = order.is_control(caps.order, Control.STOP) & np.isnan(order.residual_kw[caps.order])
    return np.asarray(caps.has_day_energy | bare_stop, np.bool_)
