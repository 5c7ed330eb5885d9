"""Workdays and rest days: Chinese public holidays and make-up workdays, overridden by the registry's calendar."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

from holidays import HolidayBase, country_holidays

from detectors.baseline_types import DayKind
from detectors.registry import Registry
from detectors.world import DayType

#: Zones whose public holidays are the Chinese ones; elsewhere only weekends and the registry's own calendar count.
CHINESE_ZONES = ("Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Harbin", "PRC")
#: Round 春节 plants close before its holiday and come back by 元宵, the 15th day of the year: this long before and
#: after New Year's Day.
SPRING_BEFORE, SPRING_AFTER = timedelta(days=10), timedelta(days=14)


@lru_cache(maxsize=1)
def _chinese_days() -> HolidayBase:
    return country_holidays("CN")


@lru_cache(maxsize=64)
def _new_year(year: int) -> date | None:
    """The first day of 春节, None for years of which the package knows none."""
    named = country_holidays("CN", years=year, language="zh_CN")
    return min((day for day, name in named.items() if name.startswith("春节")), default=None)


def office_day_type(registry: Registry) -> DayType:
    """Day types ``workday`` and ``restday`` of a registry's zone (CONTRACTS §1 `calendar`, SEMANTICS §3.15)."""
    named = {c.day: "restday" if c.kind == "holiday" else "workday" for c in registry.calendar}
    is_chinese = registry.zone in CHINESE_ZONES

    def day_type(day: date) -> str:
        if day in named:
            return named[day]
        works = _chinese_days().is_working_day(day) if is_chinese else day.weekday() < 5
        return "workday" if works else "restday"

    return day_type


def office_day_kind(registry: Registry) -> Callable[[date], DayKind]:
    """What a day of a reference period is (DOMAIN §4): as ``office_day_type``, and public holidays and the weeks round
    春节 apart from plain rest days. A day that the registry's calendar names is what it says."""
    named = {c.day: DayKind.HOLIDAY if c.kind == "holiday" else DayKind.WORKDAY for c in registry.calendar}
    is_chinese, day_type = registry.zone in CHINESE_ZONES, office_day_type(registry)

    def day_kind(day: date) -> DayKind:
        if day in named:
            return named[day]
        if is_chinese and day in _chinese_days():
            return DayKind.HOLIDAY
        new_year = _new_year(day.year) if is_chinese else None
        if new_year is not None and new_year - SPRING_BEFORE <= day <= new_year + SPRING_AFTER:
            return DayKind.SPRING_RAMP
        return DayKind.WORKDAY if day_type(day) == "workday" else DayKind.RESTDAY

    return day_kind
