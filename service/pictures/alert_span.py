"""Which slots the picture of an alert shows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from detectors.slots import local_date, local_day
from detectors.vocab import Rule

#: Shown before the first and after the last slot (seconds).
CONTEXT_S = 2 * 3600
#: Days of one picture, at most; of a longer alert its beginning is shown.
SPAN_LIMIT_DAYS = 31
#: Rules about a whole local day: the picture holds all of it.
_OF_THE_DAY = {Rule.LIMIT_DAY, Rule.LIMIT_PACE, Rule.STOP_DAY, Rule.HOURS_OVER, Rule.SHIFT}


def alert_slots(alert: Mapping[str, Any], slot_s: int, zone: ZoneInfo) -> tuple[int, int]:
    """First slot and number of slots. alert: as the feed shows it."""
    first = _end_slot(alert["first_slot_end"], slot_s)
    last = _end_slot(alert.get("closed_slot_end") or alert["last_slot_end"], slot_s)
    margin = CONTEXT_S // slot_s
    if alert["rule"] in _OF_THE_DAY:
        day = local_day(zone.key, local_date(zone.key, first * slot_s), slot_s)
        begin, end = day.first_slot, max(day.end_slot, last + 1)
    else:
        begin, end = first - margin, max(first, last) + 1 + margin
    return begin, min(end - begin, SPAN_LIMIT_DAYS * 86_400 // slot_s)


def _end_slot(text: str, slot_s: int) -> int:
    """The slot that ends at a time."""
    return int(datetime.fromisoformat(text).timestamp()) // slot_s - 1
