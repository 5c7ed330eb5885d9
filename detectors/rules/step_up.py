"""`step_up` (grade 1): the load jumps by more than 30 % of R within a quarter-hour and stays up for an hour, under a
stop beyond what is approved, or from under a power cap to over it (every working morning jumps). A machine was switched
on.

It closes on positive evidence: half an hour back at or under the load before the jump + 15 % of R. Slots that are not
measured neither open, extend nor close it (SEMANTICS §5.26).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert
from detectors.vocab import CloseReason

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def flags(before_wh: F64, held_wh: F64, rise_wh: F64, *, n: int) -> Bool:
    """Slots that complete a jump, [..., T]: they and the n - 1 before them lie more than ``rise_wh`` above the slot
    before these.

    before_wh: load of slots that may be the one before a jump; held_wh: of slots that a jump may hold; both NaN
    elsewhere. rise_wh: [..., T], looked at in the slot that completes the jump, NaN unknown. n: slots of the jump.
    """
    found = np.zeros(held_wh.shape, np.bool_)
    width = held_wh.shape[-1] - n
    if width <= 0:
        return found
    lowest = held_wh[..., n:].copy()
    for back in range(1, n):
        np.minimum(lowest, held_wh[..., n - back : n - back + width], out=lowest)  # NaN stays NaN
    with np.errstate(invalid="ignore"):
        found[..., n:] = lowest - before_wh[..., :width] > rise_wh[..., n:]
    return found


@dataclass(frozen=True, slots=True)
class StepTrack:
    """One order's day; sequences over the grid's T columns."""

    first_slot: int
    begin: int
    end: int
    jumps: Sequence[bool]  # as ``flags`` gives them
    measured_wh: Sequence[int | None]  # load of fully measured slots
    rise_wh: Sequence[float]  # jump in Wh of a slot
    back_wh: Sequence[float]  # how far above the load before the jump it counts as gone
    edge: Sequence[bool]  # the window ends with this slot
    order_ends: Sequence[bool]  # ... and the order with it
    exempt: Sequence[bool]
    load_wh: Sequence[int | None]  # known, if only as a lower bound
    cap_kw: Sequence[float]
    coverage: Sequence[float]


def walk(
    track: StepTrack, blank: Alert, carried: Alert | None, last_close: int | None, *, n: int, back_n: int, slot_s: int
) -> tuple[list[Alert], int | None]:
    """The alerts that lived in the day, and the last close. blank: to copy; carried: the one open when it began.
    back_n: slots back that close it."""
    hours = slot_s / 3600
    alerts: list[Alert] = [carried] if carried else []
    current = carried
    free_from = 0 if last_close is None else last_close - track.first_slot + 1
    low = _low_before(track, carried) if carried else 0
    for t in range(track.begin, track.end):
        load = track.measured_wh[t]
        if current is None:
            first = t - n + 1
            if not track.jumps[t] or first < free_from:
                continue
            before = track.measured_wh[first - 1] or 0
            levels = {"from_wh": before, "hold_wh": before + track.rise_wh[t], "back_wh": before + track.back_wh[t]}
            slot = track.first_slot + t
            current = replace(
                blank,
                first_slot=track.first_slot + first,
                opened_slot=slot,
                last_slot=slot,
                facts=blank.facts | levels,
            )
            alerts.append(current)
            low = 0
            for c in range(first, t + 1):
                current.measure(track.load_wh[c], track.cap_kw[c], track.coverage[c], hours, grows=c == t)
        else:
            holds = load is not None and load > current.facts["hold_wh"]
            low = low + 1 if load is not None and load <= current.facts["back_wh"] else 0
            current.measure(track.load_wh[t], track.cap_kw[t], track.coverage[t], hours, grows=holds)
            if holds:
                current.last_slot = track.first_slot + t
        current.is_recovering = low > 0
        reason = _close_reason(track, t, is_back=low >= back_n)
        if reason is not None:
            last_close = current.closed_slot = track.first_slot + t
            current.close_reason, current.is_recovering = reason, False
            free_from, current = t + 1, None
    return alerts, last_close


def _low_before(track: StepTrack, carried: Alert) -> int:
    """Adjacent slots before the day in which the load was back, since the alert opened."""
    low, t = 0, track.begin - 1
    while t >= 0 and track.first_slot + t > carried.opened_slot:
        load = track.measured_wh[t]
        if load is None or load > carried.facts["back_wh"]:
            break
        low, t = low + 1, t - 1
    return low


def _close_reason(track: StepTrack, t: int, *, is_back: bool) -> CloseReason | None:
    if is_back:
        return CloseReason.STEPPED_DOWN
    if track.edge[t]:
        return CloseReason.ORDER_END if track.order_ends[t] else CloseReason.WINDOW_END
    if t + 1 < len(track.exempt) and track.exempt[t + 1]:
        return CloseReason.EXEMPTION
    return None
