"""Local days and wall-clock times of the registry's zone (SEMANTICS §1.2), and the type of a day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from detectors.registry import CalendarDay
from tests.oracles.rows import DayTypes


@dataclass(frozen=True)
class LocalTime:
    """The zone's calendar on a grid of slots of ``slot_s`` seconds; slot k is ``(k * slot_s, (k + 1) * slot_s]``."""

    zone: ZoneInfo
    slot_s: int

    def wall(self, epoch_s: int) -> datetime:
        """What the clock on the wall shows at an instant (naive)."""
        return datetime.fromtimestamp(epoch_s, UTC).astimezone(self.zone).replace(tzinfo=None)

    def day_of_slot(self, slot: int) -> date:
        """§1.2: the local day of a slot is that of its start."""
        return self.wall(slot * self.slot_s).date()

    def instant(self, day: date, seconds: int) -> int:
        """§1.2: the first instant at which the wall shows ``day`` plus ``seconds`` or more.

        In a missing hour that is the next instant there is, in a doubled hour the first of the two.
        """
        return _instant(self.zone, day, seconds)

    def midnight(self, day: date) -> int:
        """The instant at which a local day begins."""
        return self.instant(day, 0)

    def slots_of(self, day: date) -> range:
        """§1.2: 92, 96 or 100 slots of 15 minutes."""
        first = -(-self.midnight(day) // self.slot_s)
        return range(first, -(-self.midnight(day + timedelta(days=1)) // self.slot_s))

    def hours(self) -> float:
        """Length of a slot in hours."""
        return self.slot_s / 3600

    def slots_in(self, minutes: float) -> int:
        """m, n and closing times are minutes: how many slots that is."""
        return int(minutes * 60 // self.slot_s)


@lru_cache(maxsize=4096)
def _instant(zone: ZoneInfo, day: date, seconds: int) -> int:
    """See ``LocalTime.instant``."""

    def wall(epoch_s: int) -> datetime:
        return datetime.fromtimestamp(epoch_s, UTC).astimezone(zone).replace(tzinfo=None)

    wanted = datetime.combine(day, datetime.min.time()) + timedelta(seconds=seconds)
    as_utc = int(wanted.replace(tzinfo=UTC).timestamp())
    around = [datetime.fromtimestamp(as_utc + hours * 3600, UTC).astimezone(zone) for hours in (-26, 0, 26)]
    offsets = {int(delta.total_seconds()) for moment in around if (delta := moment.utcoffset()) is not None}
    matches = [as_utc - offset for offset in offsets if wall(as_utc - offset) == wanted]
    if matches:
        return min(matches)
    early, late = as_utc - max(offsets), as_utc - min(offsets)
    while late - early > 1:
        middle = (early + late) // 2
        if wall(middle) < wanted:
            early = middle
        else:
            late = middle
    return late


def day_type(day: date, day_types: DayTypes | None, calendar: tuple[CalendarDay, ...]) -> str:
    """Type of a day, workday or restday: the registry's calendar overrides the caller, the caller the weekday."""
    for override in calendar:
        if override.day == day:
            return "restday" if override.kind == "holiday" else "workday"
    by_weekday = "workday" if day.weekday() < 5 else "restday"
    if day_types is None:
        return by_weekday
    if callable(day_types):
        return day_types(day)
    return day_types.get(day, by_weekday)
