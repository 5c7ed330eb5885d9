"""Kinds of days for baselines: what the calendar leaves out of a reference period."""

from datetime import date

import pytest

from detectors.baseline import DayKind
from detectors.registry import CalendarDay, Registry
from service.calendar import is_spring_ramp, office_day_kind, office_day_type, spring_festival

OFFICE = Registry()


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2017, 10, 9), DayKind.WORKDAY),
        (date(2017, 9, 30), DayKind.WORKDAY),  # a Saturday worked for National Day
        (date(2017, 9, 23), DayKind.RESTDAY),
        (date(2017, 10, 2), DayKind.HOLIDAY),
        (date(2017, 10, 8), DayKind.HOLIDAY),  # the Sunday at the end of the week off
        (date(2018, 2, 5), DayKind.WORKDAY),
        (date(2018, 2, 6), DayKind.SPRING_RAMP),  # ten days before 2018-02-16
        (date(2018, 2, 11), DayKind.SPRING_RAMP),  # a make-up workday there
        (date(2018, 2, 15), DayKind.HOLIDAY),
        (date(2018, 3, 2), DayKind.SPRING_RAMP),  # 元宵
        (date(2018, 3, 5), DayKind.WORKDAY),
    ],
)
def test_chinese_days(day: date, kind: DayKind) -> None:
    assert office_day_kind(OFFICE)(day) == kind


def test_the_registry_goes_before_the_public_calendar() -> None:
    named = Registry(
        calendar=(
            CalendarDay(date(2017, 10, 9), "holiday"),
            CalendarDay(date(2017, 10, 2), "workday"),
            CalendarDay(date(2017, 9, 23), "workday"),
            CalendarDay(date(2018, 2, 11), "workday"),
        )
    )
    kind_of = office_day_kind(named)
    assert kind_of(date(2017, 10, 9)) == DayKind.HOLIDAY
    assert kind_of(date(2017, 10, 2)) == DayKind.WORKDAY
    assert kind_of(date(2017, 9, 23)) == DayKind.WORKDAY
    assert kind_of(date(2018, 2, 11)) == DayKind.SPRING_RAMP


def test_elsewhere_only_weekends_and_the_registry_count() -> None:
    berlin = Registry(zone="Europe/Berlin", calendar=(CalendarDay(date(2018, 5, 1), "holiday"),))
    kind_of = office_day_kind(berlin)
    assert kind_of(date(2018, 2, 16)) == DayKind.WORKDAY
    assert kind_of(date(2018, 2, 17)) == DayKind.RESTDAY
    assert kind_of(date(2018, 5, 1)) == DayKind.HOLIDAY


@pytest.mark.parametrize("day", [date(2017, 10, d) for d in range(1, 32)] + [date(2018, 2, d) for d in range(1, 29)])
def test_kinds_agree_with_the_day_types_of_the_judgement(day: date) -> None:
    kind, day_type = office_day_kind(OFFICE)(day), office_day_type(OFFICE)(day)
    if kind == DayKind.WORKDAY:
        assert day_type == "workday"
    if kind in (DayKind.RESTDAY, DayKind.HOLIDAY):
        assert day_type == "restday"


@pytest.mark.parametrize(
    ("year", "first"),
    [(2015, date(2015, 2, 19)), (2017, date(2017, 1, 28)), (2024, date(2024, 2, 10)), (2027, date(2027, 2, 6))],
)
def test_spring_festival_is_the_first_lunar_day(year: int, first: date) -> None:
    assert spring_festival(year) == first
    assert is_spring_ramp(first)
