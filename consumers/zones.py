"""Offsets of a zone from UTC, for periods that follow the local day."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from detectors.readings import I32, I64

#: Every zone's offset is a multiple of this: up to here alignment in UTC and in local time are the same.
QUARTER_S = 900


def utc_offsets_s(ts: I64, period_s: I32, zone: ZoneInfo) -> I64 | int:
    """Seconds that local time is ahead of UTC at each ts; 0 where no period is long enough to tell."""
    if len(ts) == 0 or int(period_s.max()) <= QUARTER_S:
        return 0
    quarters, which = np.unique(np.clip(ts, -62135596800, 253402214400) // QUARTER_S, return_inverse=True)
    offsets = [_offset_s(int(q) * QUARTER_S, zone) for q in quarters.tolist()]
    return np.array(offsets, np.int64)[which.reshape(-1)]


def _offset_s(epoch_s: int, zone: ZoneInfo) -> int:
    try:
        offset = datetime.fromtimestamp(epoch_s, UTC).astimezone(zone).utcoffset()
    except OverflowError:
        return 0
    return 0 if offset is None else int(offset.total_seconds())
