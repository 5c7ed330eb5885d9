"""Workdays and rest days: Chinese public holidays and make-up workdays, overridden by the registry's calendar."""

from datetime import date
from functools import lru_cache

from holidays import HolidayBase, country_holidays

from detectors.registry import Registry
from detectors.world import DayType

#: Zones whose public holidays are the Chinese ones; elsewhere only weekends and the registry's own calendar count.
CHINESE_ZONES = ("Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Harbin", "PRC")


@lru_cache(maxsize=1)
def _chinese_days() -> HolidayBase:
    return country_holidays("CN")


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
