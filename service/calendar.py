"""Kinds of local days: Chinese public holidays, make-up workdays and the weeks round 春节, overridden by the registry's
calendar. Detectors take kinds as data and ask no calendar."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

from holidays import HolidayBase, country_holidays

from detectors.baseline_types import DayKind
from detectors.registry import Registry
from detectors.world import DayType

#: Zones whose public holidays are the Chinese ones; elsewhere only weekends and the registry's own calendar count.
CHINESE_ZONES = ("Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Harbin", "PRC")
#: Plants close early and come back late: so many days before 正月初一, and up to 元宵 fourteen days after it. Of 400
#: measured enterprises one in seven ran below half ten days before, two in three on the day, one in eleven after.
RAMP_BEFORE_DAYS, RAMP_AFTER_DAYS = 10, 14

DayKindOf = Callable[[date], DayKind]


@lru_cache(maxsize=1)
def _chinese_days() -> HolidayBase:
    return country_holidays("CN", language="zh_CN")


@lru_cache(maxsize=64)
def spring_festival(year: int) -> date | None:
    """First day of the lunar year (正月初一) that falls in a year; None where the holidays are not known."""
    days = _chinese_days()
    first = [day for day in (date(year, 1, 20) + timedelta(n) for n in range(33)) if days.get(day) == "春节"]
    return first[0] if first else None


def office_day_type(registry: Registry) -> DayType:
    """Day types ``workday`` and ``restday`` of a registry's zone (CONTRACTS §1 `calendar`, SEMANTICS §3.15)."""
    named = {c.day: "restday" if c.kind == "holiday" else "workday" for c in registry.calendar}
    is_chinese = registry.zone in CHINESE_ZONES

    def day_type(day: date) -> str:
        if day in named:
            return named[day]
        return "workday" if _works(day, is_chinese) else "restday"

    return day_type


def office_day_kind(registry: Registry) -> DayKindOf:
    """Kinds of days for baselines: ``workday`` (make-up workdays too), ``restday``, ``holiday``, ``spring_ramp``: from
    ten days before 正月初一 to 元宵.

    The registry's calendar goes before the public one. A holiday stays one in the weeks round 春节; a make-up workday
    there does not tell how a plant works.
    """
    named = {c.day: c.kind for c in registry.calendar}
    is_chinese = registry.zone in CHINESE_ZONES

    def day_kind(day: date) -> DayKind:
        if named.get(day) == "holiday":
            return DayKind.HOLIDAY
        if is_chinese and day not in named and _is_public_holiday(day):
            return DayKind.HOLIDAY
        if is_chinese and is_spring_ramp(day):
            return DayKind.SPRING_RAMP
        if day in named:
            return DayKind.WORKDAY
        return DayKind.WORKDAY if _works(day, is_chinese) else DayKind.RESTDAY

    return day_kind


def is_spring_ramp(day: date) -> bool:
    """Whether a day lies in the weeks round 春节."""
    first = spring_festival(day.year)
    return first is not None and -RAMP_BEFORE_DAYS <= (day - first).days <= RAMP_AFTER_DAYS


def _works(day: date, is_chinese: bool) -> bool:
    return _chinese_days().is_working_day(day) if is_chinese else day.weekday() < 5


@lru_cache(maxsize=4_096)
def _is_public_holiday(day: date) -> bool:
    """A day off that is a public holiday or joins one: the weekend beside a holiday is part of it."""
    days = _chinese_days()
    if days.is_working_day(day):
        return False
    for step in (-1, 1):
        at = day
        while not days.is_working_day(at):
            if at in days:
                return True
            at += timedelta(days=step)
    return False
