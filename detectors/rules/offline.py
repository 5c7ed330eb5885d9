"""`offline`: a meter is silent where an order needs it (SEMANTICS §5.28).

Opens after 2 h of adjacent slots that are ordered, or within 6 h before the order's start, and have a missing meter.
Grade 2 at 24 h, at once when the gap began within 6 h of the order's start, or when missing ordered slots of one local
day sum to 4 h. Closes at the first slot of full coverage or at the order's end. A source that is down accuses nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from detectors.alerts import Alert
from detectors.vocab import CloseReason


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a meter may be silent: slots, seconds, and seconds from the order's start."""

    open_n: int
    day_missing_n: int
    escalate_s: float
    near_s: float


@dataclass(frozen=True, slots=True)
class SilenceTrack:
    """One order's day; sequences over the grid's T columns."""

    first_slot: int
    begin: int
    end: int
    counts: Sequence[bool]  # ordered or shortly before the order, and a meter is missing
    ordered: Sequence[bool]
    covered: Sequence[bool]
    ends: Sequence[bool]  # the order ends with this slot
    coverage: Sequence[float]
    order_from_s: int


def walk(track: SilenceTrack, blank: Alert, carried: Alert | None, *, limits: Limits, slot_s: int) -> list[Alert]:
    """The alerts that lived in the day; ``carried`` is the one open when it began."""
    alerts = [carried] if carried else []
    current = carried
    run = 0
    while run < track.begin and track.counts[track.begin - 1 - run] and current is None:
        run += 1
    missing_today = 0
    for t in range(track.begin, track.end):
        slot, counts = track.first_slot + t, track.counts[t]
        run = run + 1 if counts else 0
        missing_today += counts and track.ordered[t]
        if current is None:
            if run < limits.open_n:
                continue
            first = t - run + 1
            current = replace(
                blank, first_slot=track.first_slot + first, opened_slot=slot, last_slot=slot, facts=dict(blank.facts)
            )
            alerts.append(current)
            for c in range(first, t):
                _count(current, track.coverage[c], slot_s, grows=True)
        if track.covered[t] and not counts:
            current.closed_slot, current.close_reason, current, run = slot, CloseReason.COVERAGE, None, 0
            continue
        _count(current, track.coverage[t], slot_s, grows=counts)
        if counts:
            current.last_slot = slot
            near = abs(current.first_slot * slot_s - track.order_from_s) <= limits.near_s
            is_long = (slot - current.first_slot + 1) * slot_s >= limits.escalate_s
            if current.grade == 1 and (near or is_long or missing_today >= limits.day_missing_n):
                current.grade = 2
                current.facts["grade2_slot"] = slot
        if track.ends[t]:
            current.closed_slot, current.close_reason, current, run = slot, CloseReason.ORDER_END, None, 0
    return alerts


def _count(alert: Alert, coverage: float, slot_s: int, *, grows: bool) -> None:
    alert.measure(None, 0.0, coverage, slot_s / 3600, grows=grows)
    alert.over_wh = None
