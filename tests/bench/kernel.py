"""The detector kernel: every array rule over S x T slots, as scope-slots per second of one core."""

from time import perf_counter

import numpy as np

from detectors.rules import hours_over, limit_day, limit_pace, over, stop_day
from detectors.rules.cap_abs import CAP_ABS
from detectors.rules.limit_slot import LIMIT_SLOT
from detectors.rules.stop_run import STOP_RUN

SLOT_S = 900


def kernel_rate(scopes: int = 5_000, slots: int = 96, seconds: float = 3.0) -> float:
    """Scope-slots/s with over thresholds, n-of-m of three rules and the four day rules on every slot."""
    chance = np.random.default_rng(210)
    wh = chance.integers(0, 300_000, (scopes, slots))
    limit_wh = np.full((scopes, slots), 180_000.0)
    ordered = np.ones((scopes, slots), np.bool_)
    edge = np.zeros((scopes, slots), np.bool_)
    day_cap_wh = np.full(scopes, 12_000_000.0)
    hour_wh = (4 * wh).astype(np.float64)
    left = np.broadcast_to(np.arange(slots - 1, -1, -1, dtype=np.int64), (scopes, slots))
    rounds, begun = 0, perf_counter()
    while perf_counter() - begun < seconds:
        is_over = wh > limit_wh
        starts = over.segment_starts(ordered, edge)
        for rule in (STOP_RUN, LIMIT_SLOT, CAP_ABS):
            over.opens(is_over, starts, n=rule.n(SLOT_S), m=rule.m(SLOT_S))
        used = np.cumsum(wh, axis=1)
        limit_day.flags(used, day_cap_wh)
        stop_day.flags(used, day_cap_wh)
        hours_over.flags(is_over)
        limit_pace.flags(used, hour_wh, left, day_cap_wh)
        rounds += 1
    return rounds * scopes * slots / (perf_counter() - begun)
