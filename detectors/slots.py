"""Slots and local days (SEMANTICS §1): slot ``k`` is the interval (k * slot_s, (k + 1) * slot_s] of UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

DAY_S = 86_400


@lru_cache(maxsize=8_192)
def instant(zone: str, day: date, second_of_day: int) -> int:
    """Epoch second of a local wall-clock time; 86,400 is the next midnight.

    In an hour that does not exist: the next instant that does; in a doubled hour: the first (SEMANTICS §1.2).
    """
    tz = ZoneInfo(zone)
    wall = datetime(day.year, day.month, day.day) + timedelta(seconds=second_of_day)  # noqa: DTZ001 - a wall clock
    for _ in range(24 * 60):
        utc = wall.replace(tzinfo=tz).astimezone(UTC)
        if utc.astimezone(tz).replace(tzinfo=None) == wall:
            return int(utc.timestamp())
        wall = wall.replace(second=0) + timedelta(minutes=1)
    raise ValueError(f"{zone} has no {day} at all")


@lru_cache(maxsize=8_192)
def local_date(zone: str, epoch_s: int) -> date:
    """Local date of an instant."""
    return datetime.fromtimestamp(epoch_s, ZoneInfo(zone)).date()


@dataclass(frozen=True, slots=True)
class LocalDay:
    """One local day as a run of slots: 92, 96 or 100 of them at 900 s."""

    day: date
    first_slot: int
    n_slots: int

    @property
    def end_slot(self) -> int:
        """First slot of the next day."""
        return self.first_slot + self.n_slots


@lru_cache(maxsize=8_192)
def local_day(zone: str, day: date, slot_s: int) -> LocalDay:
    """The slots of a local day: those that start in it."""
    first = -(-instant(zone, day, 0) // slot_s)
    end = -(-instant(zone, day, DAY_S) // slot_s)
    return LocalDay(day, first, end - first)


def local_days(zone: str, first_s: int, last_s: int, slot_s: int) -> list[LocalDay]:
    """The local days from the one that holds ``first_s`` to the one that holds ``last_s``, both included."""
    day, last, days = local_date(zone, first_s), local_date(zone, last_s), []
    while day <= last:
        days.append(local_day(zone, day, slot_s))
        day += timedelta(days=1)
    return days


def seconds_of_day(zone: str, starts_s: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Wall-clock second of the local day at each instant."""
    tz = ZoneInfo(zone)
    walls = (datetime.fromtimestamp(int(s), tz) for s in starts_s)
    return np.array([w.hour * 3600 + w.minute * 60 + w.second for w in walls], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Grid:
    """The slots that one pass over a local day looks at: the day itself, and a margin of context on either side.

    The margin before the day lets a window that began yesterday finish today; the one after it tells whether the
    last slots of the day could still become an alert (SEMANTICS §4.23).
    """

    zone: str
    slot_s: int
    today: LocalDay
    margin: int

    @property
    def first_slot(self) -> int:
        """First slot of the grid."""
        return self.today.first_slot - self.margin

    @property
    def n(self) -> int:
        """Slots in all."""
        return self.today.n_slots + 2 * self.margin

    @property
    def day(self) -> slice:
        """The day's own columns."""
        return slice(self.margin, self.margin + self.today.n_slots)

    @property
    def starts_s(self) -> npt.NDArray[np.int64]:
        """Start of each slot, epoch seconds."""
        return (self.first_slot + np.arange(self.n, dtype=np.int64)) * self.slot_s

    @property
    def ends_s(self) -> npt.NDArray[np.int64]:
        """End of each slot, epoch seconds."""
        return self.starts_s + self.slot_s

    @property
    def hours(self) -> float:
        """Length of a slot in hours."""
        return self.slot_s / 3600

    def slots_in(self, minutes: float) -> int:
        """How many slots ``minutes`` are."""
        return max(1, int(minutes * 60 // self.slot_s))


def clock_gap(grid: Grid) -> tuple[int, int] | None:
    """Where the local clock of the grid's day leaves slots out: column of the first slot behind the jump, and how many
    are left out. None on a day of 24 h or more."""
    left_out = DAY_S // grid.slot_s - grid.today.n_slots
    if left_out <= 0:
        return None
    seconds = seconds_of_day(grid.zone, grid.starts_s[grid.day])
    jumps = np.flatnonzero(np.diff(seconds, prepend=-grid.slot_s) > grid.slot_s)
    return (grid.margin + int(jumps[0]), left_out) if len(jumps) else None
