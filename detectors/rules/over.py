"""n over slots among m: what `stop_run`, `limit_slot` and `cap_abs` share (SEMANTICS §5.24, §5.25).

A slot rule opens at the n-th over slot among at most m consecutive slots of one order, and closes on positive
evidence only: half an hour at or under 0.95 x cap, or m adjacent compliant slots, or the end of the order, its window,
or the start of an exemption. Unknown slots take a place and never count; they neither open, extend nor close.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert
from detectors.vocab import CloseReason, Rule

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class OverRule:
    """n and m in minutes, so that slots of any width mean the same."""

    rule: Rule
    n_min: int
    m_min: int

    def n(self, slot_s: int) -> int:
        """Over slots that open the alert."""
        return max(1, self.n_min * 60 // slot_s)

    def m(self, slot_s: int) -> int:
        """Slots among which they must lie."""
        return max(1, self.m_min * 60 // slot_s)


def segment_starts(ordered: Bool, edge: Bool) -> I64:
    """First column of the run of ordered slots that each column belongs to, [..., T]; a window's edge ends a run."""
    before = np.zeros_like(ordered)
    before[..., 1:] = ordered[..., :-1] & ~edge[..., :-1]
    if before[..., 1:].all():
        return np.broadcast_to(np.int64(0), ordered.shape)
    column = np.broadcast_to(np.arange(ordered.shape[-1], dtype=np.int64), ordered.shape)
    return np.asarray(np.maximum.accumulate(np.where(before, 0, column), axis=-1), np.int64)


def opens(over: Bool, starts: I64, *, n: int, m: int) -> Bool:
    """Flags of the slots at which n over slots lie among at most m, [..., T], without regard to closes.

    over, starts: [..., T]; starts as ``segment_starts`` gives them. n = 0 flags nothing over: a threshold of 0 is met
    by every over slot.
    """
    inside = over_among(over, m)
    if starts.any():  # several segments: no more than since the first slot of the own one
        count = np.zeros((*over.shape[:-1], over.shape[-1] + 1), np.int32)
        np.cumsum(over, axis=-1, out=count[..., 1:])
        begins = starts == np.arange(over.shape[-1])
        before = np.maximum.accumulate(np.where(begins, count[..., :-1], 0), axis=-1)
        inside = np.minimum(inside, count[..., 1:] - before)
    return np.asarray(over & (inside >= n), np.bool_)


def over_among(over: Bool, m: int) -> npt.NDArray[np.unsignedinteger]:
    """Over slots among the m that end with each, [..., T]; sums of doubled width instead of one over all columns."""
    narrow = min(m, over.shape[-1]) <= np.iinfo(np.uint8).max
    width, sums = 1, over.view(np.uint8) if narrow else over.astype(np.uint16)
    total, done = np.zeros_like(sums), 0
    while True:
        if m & width:  # the ``width`` columns before the last ``done`` ones
            total[..., done:] += sums[..., : sums.shape[-1] - done]
            done += width
        if done == m or done >= sums.shape[-1]:
            return total
        wider = sums.copy()
        wider[..., width:] += sums[..., :-width]
        sums, width = wider, width * 2


@dataclass(frozen=True, slots=True)
class OrderTrack:
    """One order's day as the episode machine walks it; sequences over the grid's T columns."""

    first_slot: int  # slot of column 0
    begin: int  # first column of the day
    end: int  # column after the last one to walk (as_of, or the end of the day)
    over: Sequence[bool]
    below: Sequence[bool]  # load known, verdict not unknown, at or under the closing share of the cap
    compliant: Sequence[bool]
    starts: Sequence[int]
    edge: Sequence[bool]  # the window ends with this slot
    order_ends: Sequence[bool]  # ... and the order with it
    exempt: Sequence[bool]
    load_wh: Sequence[int | None]
    cap_kw: Sequence[float]
    coverage: Sequence[float]


def walk(
    track: OrderTrack,
    blank: Alert,
    carried: Alert | None,
    last_close: int | None,
    *,
    n: int,
    m: int,
    below_n: int,
    slot_s: int,
) -> tuple[list[Alert], list[bool], int | None]:
    """Walk the columns and return the alerts that lived in them, whether one was open at each, and the last close.

    blank: an alert of this scope, rule and order to copy; carried: the one open when the day began. below_n: slots low
    enough (``OrderTrack.below``) that close it.
    """
    hours = slot_s / 3600
    alerts: list[Alert] = [carried] if carried else []
    current = carried
    is_open = [False] * len(track.over)
    free_from = 0 if last_close is None else last_close - track.first_slot + 1
    below = _run_length(track.below, track.begin)
    compliant = _run_length(track.compliant, track.begin)
    window: list[int] = [t for t in range(max(0, free_from), track.begin) if track.over[t]]
    for t in range(track.begin, track.end):
        below = below + 1 if track.below[t] else 0
        compliant = compliant + 1 if track.compliant[t] else 0
        over = track.over[t]
        if current is None:
            if not over:
                continue
            window.append(t)
            low = max(track.starts[t], t - m + 1, free_from)
            window = [c for c in window if c >= low]
            if len(window) < n:
                continue
            first = window[0]
            current = replace(
                blank,
                first_slot=track.first_slot + first,
                opened_slot=track.first_slot + t,
                last_slot=track.first_slot + t,
                facts=dict(blank.facts),
            )
            alerts.append(current)
            for c in range(first, t + 1):
                current.measure(track.load_wh[c], track.cap_kw[c], track.coverage[c], hours, grows=c == t)
        else:
            current.measure(track.load_wh[t], track.cap_kw[t], track.coverage[t], hours, grows=over)
            if over:
                current.last_slot = track.first_slot + t
        is_open[t] = True
        current.is_recovering = bool(track.below[t] or track.compliant[t])
        reason = _close_reason(track, t, below >= below_n, compliant >= m)
        if reason is not None:
            current.closed_slot, current.close_reason = track.first_slot + t, reason
            current.is_recovering = False
            last_close, free_from, window, current = current.closed_slot, t + 1, [], None
    return alerts, is_open, last_close


def _run_length(flags: Sequence[bool], end: int) -> int:
    length = 0
    while length < end and flags[end - 1 - length]:
        length += 1
    return length


def _close_reason(track: OrderTrack, t: int, is_below: bool, is_compliant: bool) -> CloseReason | None:
    if is_below:
        return CloseReason.BELOW_CAP
    if is_compliant:
        return CloseReason.COMPLIANT
    if track.edge[t]:
        return CloseReason.ORDER_END if track.order_ends[t] else CloseReason.WINDOW_END
    if t + 1 < len(track.exempt) and track.exempt[t + 1]:
        return CloseReason.EXEMPTION
    return None
