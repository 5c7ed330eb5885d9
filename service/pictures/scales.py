"""Axes: round ends for loads, and ticks at whole hours of the local clock."""

import math
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def nice_step(span: float, count: int = 5) -> float:
    """A round step that cuts a span into about ``count`` pieces. span: above 0."""
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if rough <= step * power * (1 + 1e-9))


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """From ``low`` to ``high`` with a tick at every ``step``."""

    low: float
    high: float
    step: float

    @property
    def ticks(self) -> list[float]:
        """Values of the ticks."""
        return [round(self.low + i * self.step, 9) for i in range(round((self.high - self.low) / self.step) + 1)]


def value_axis(values: list[float], count: int = 5) -> ValueAxis:
    """An axis that holds 0 and all values, with room above the highest."""
    low, high = min(0.0, *values, 0.0), max(1.0, *values, 1.0)
    step = nice_step((high - low) * 1.04, count)
    return ValueAxis(math.floor(low / step) * step, math.ceil(high * 1.04 / step) * step, step)


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A tick at the beginning of a slot. is_day: local midnight."""

    index: int
    text: str
    is_day: bool


def time_ticks(first_slot: int, n_slots: int, slot_s: int, zone: ZoneInfo) -> list[TimeTick]:
    """Ticks at local hours that suit the span; on the day of a clock change they stay on the clock's hours."""
    span_h = n_slots * slot_s / 3600
    every = next((h for h in (1, 2, 3, 4, 6, 12) if span_h / h <= 14), 24)
    found = []
    for index in range(n_slots + 1):
        at = datetime.fromtimestamp((first_slot + index) * slot_s, zone)
        if at.minute or at.second or at.hour % every:
            continue
        found.append(TimeTick(index, f"{at:%H:%M}", at.hour == 0))
    return found


def date_labels(first_slot: int, n_slots: int, slot_s: int, zone: ZoneInfo) -> list[tuple[int, int, str]]:
    """Local dates with the half-open span of slots that each covers."""
    found: list[tuple[int, int, str]] = []
    for index in range(n_slots):
        day = f"{datetime.fromtimestamp((first_slot + index) * slot_s, zone):%Y-%m-%d}"
        if found and found[-1][2] == day:
            found[-1] = (found[-1][0], index + 1, day)
        else:
            found.append((index, index + 1, day))
    return found
