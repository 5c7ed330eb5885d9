"""Alerts that are a run of flagged slots: `outage`, `bad_data`, `feed_down` (SEMANTICS §2.6, §2.11, §2.12, §5.29).

Each opens at the first flagged slot and closes at the first slot that is clear; slots that are neither leave it open.
They say something of the data, never of the plant: grade 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from detectors.alerts import Alert
from detectors.vocab import CloseReason


@dataclass(frozen=True, slots=True)
class RunTrack:
    """One day of one subject; sequences over the grid's T columns."""

    first_slot: int
    begin: int
    end: int
    flagged: Sequence[bool]
    clear: Sequence[bool]
    ends: Sequence[bool]  # the order ends with this slot
    coverage: Sequence[float]


def walk(track: RunTrack, blank: Alert, carried: Alert | None, *, slot_s: int) -> list[Alert]:
    """The alerts that lived in the day; ``carried`` is the one open when it began."""
    alerts = [carried] if carried else []
    current = carried
    for t in range(track.begin, track.end):
        slot = track.first_slot + t
        if current is None:
            if not track.flagged[t]:
                continue
            current = replace(blank, first_slot=slot, opened_slot=slot, last_slot=slot, facts=dict(blank.facts))
            alerts.append(current)
        elif track.clear[t] and not track.flagged[t]:
            current.closed_slot, current.close_reason, current = slot, CloseReason.CLEARED, None
            continue
        current.measure(None, 0.0, track.coverage[t], slot_s / 3600, grows=track.flagged[t])
        current.over_wh = None
        if track.flagged[t]:
            current.last_slot = slot
        if track.ends[t]:
            current.closed_slot, current.close_reason, current = slot, CloseReason.ORDER_END, None
    return alerts
