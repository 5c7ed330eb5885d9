"""The days of the demo, and how measured days become days of a derived plant's season.

Seven days from Tuesday 2017-11-14, one before the season of the plan begins (2017-11-15 00:00, Asia/Shanghai). The day
that is 364 days later is the measured day of the same weekday in 2018; a plant takes another week by whole weeks.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from service.demo.measured import SLOTS_PER_DAY, Template

F64 = npt.NDArray[np.float64]

ZONE = ZoneInfo("Asia/Shanghai")
SLOT_S = 900
DAYS = 7
SLOTS = DAYS * SLOTS_PER_DAY
FIRST_DAY = date(2017, 11, 14)
START_S = int(datetime(2017, 11, 14, tzinfo=ZONE).timestamp())
SEASON_S = int(datetime(2017, 11, 15, tzinfo=ZONE).timestamp())
SEASON_END_S = int(datetime(2018, 3, 16, tzinfo=ZONE).timestamp())
END_S = START_S + SLOTS * SLOT_S

#: Measured days of standstill that stand for a stopped day (Chuseok and two Sundays; Christmas to New Year). A
#: standstill has no weekday, so these are used in any order.
STANDSTILL = {
    "steel": (*(date(2018, 9, d) for d in (22, 23, 24, 25, 26, 30)), date(2018, 10, 7)),
    "metalworking": tuple(date(2018, 12, d) for d in (23, 24, 25, 26, 22, 30, 31)),
}


def at(day: int, clock: str) -> int:
    """Index of the slot that begins on November ``day`` at ``HH:MM`` local time, from the first slot of the demo."""
    hour, minute = clock.split(":")
    return (day - FIRST_DAY.day) * SLOTS_PER_DAY + (int(hour) * 60 + int(minute)) // 15


def instant(day: int, clock: str) -> int:
    """Epoch seconds of November ``day``, ``HH:MM`` local time: where slot ``at(day, clock)`` begins."""
    return START_S + at(day, clock) * SLOT_S


def working_week(plant: Template, *, scale: float, weeks: int, phase: int) -> F64:
    """Mean kW of the 672 slots: the measured week ``weeks`` before the week of 2018-11-13, moved by ``phase`` slots."""
    first = date(2018, 11, 13) - timedelta(weeks=weeks)
    curve = np.concatenate([plant.days[first + timedelta(days=i)] for i in range(DAYS)])
    return np.roll(curve, phase) * scale


def standstill(plant: Template, *, scale: float, turn: int) -> F64:
    """Mean kW of 672 slots of measured standstill, beginning with the ``turn``-th day of ``STANDSTILL``."""
    days = STANDSTILL[plant.name]
    return np.concatenate([plant.days[days[(turn + i) % len(days)]] for i in range(DAYS)]) * scale


def shift_work(plant: Template, count: int) -> F64:
    """``count`` measured slots of full work, kW: from 08:15 to 11:45 of 2018-12-04 and the working days after it."""
    days = [date(2018, 12, d) for d in (4, 5, 6, 10, 11, 12)]
    pool = np.concatenate([plant.days[d][33:47] for d in days])
    return np.resize(pool, count)
