"""SEMANTICS §1: slots, windows, days, time."""

from dataclasses import replace
from datetime import date

from detectors.registry import Order, Registry, Source
from detectors.vocab import Evidence, Reason, Rule, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, Slot, case
from tests.cases.worlds import at, baseline, energy_limit, flat, on, registry, stop, world
from tests.oracles.rows import World


@case(1)
def order_that_begins_within_a_slot() -> tuple[World, list[Expectation]]:
    # 00:07 to 01:20: the slots ending 00:30, 00:45, 01:00, 01:15 lie wholly inside, 00:15 and 01:30 in part
    of = registry(stop(start=at("0:07"), valid_to=at("1:20")))
    return world(of, flat(at("0:00"), at("3:00"), 20), at("3:00")), [
        Slot(at("0:15"), Verdict.NO_ORDER, has=Reason.PARTIAL_SLOT, load=20.0, cap=None, order=None),
        Slot(at("0:30"), Verdict.COMPLIANT, cap=70.0, order="O"),
        Slot(at("1:15"), Verdict.COMPLIANT),
        Slot(at("1:30"), Verdict.NO_ORDER, has=Reason.PARTIAL_SLOT),
        Slot(at("1:45"), Verdict.NO_ORDER),
    ]


@case(1)
def daily_window_over_midnight() -> tuple[World, list[Expectation]]:
    # 22:00 to 06:00 every day: the slot that ends 06:00 is the last of its window
    of = registry(stop(daily_from_s=22 * 3600, daily_to_s=6 * 3600))
    return world(of, flat(at("0:00"), at("24:00"), 20), at("24:00")), [
        Slot(at("6:00"), Verdict.COMPLIANT),
        Slot(at("6:15"), Verdict.NO_ORDER),
        Slot(at("22:00"), Verdict.NO_ORDER),
        Slot(at("22:15"), Verdict.COMPLIANT),
    ]


@case(2)
def slot_that_ends_at_midnight_is_yesterdays() -> tuple[World, list[Expectation]]:
    # only the slot ending 24:00 of day 0 carries 100 kW = 25 kWh: it is day 0's energy
    of = registry(stop())
    readings = (
        flat(at("0:00"), at("23:45"), 20) + flat(at("23:45"), at("24:00"), 100) + flat(at("0:00", 1), at("2:00", 1), 20)
    )
    return world(of, readings, at("2:00", 1)), [
        Day(on(0), energy=95 * 5 + 25.0, order="O"),
        Day(on(1), energy=8 * 5.0),
    ]


#: Local midnights of Berlin on the days of 92 and of 100 slots.
SPRING, AUTUMN = 1521932400, 1540677600


def _berlin(*orders: Order) -> Registry:
    return replace(registry(*orders, baselines=[baseline(day_kwh=10000.0)]), zone="Europe/Berlin")


def _every_day_works(_day: date) -> str:
    return "workday"


@case(2)
def short_day() -> tuple[World, list[Expectation]]:
    # 2018-03-25 has 92 slots; day_kwh is not scaled: 0.7 x 10 MWh
    readings = flat(SPRING, SPRING + 92 * 900, 200)
    of = _berlin(energy_limit(start=SPRING))
    return world(of, readings, SPRING + 92 * 900, day_types=_every_day_works), [
        Day(date(2018, 3, 25), energy=92 * 50.0, cap=7000.0, coverage=1.0, verdict=Verdict.COMPLIANT)
    ]


@case(2)
def long_day() -> tuple[World, list[Expectation]]:
    # 2018-10-28 has 100 slots; with the same cap
    readings = flat(AUTUMN, AUTUMN + 100 * 900, 200)
    of = _berlin(energy_limit(start=AUTUMN))
    return world(of, readings, AUTUMN + 100 * 900, day_types=_every_day_works), [
        Day(date(2018, 10, 28), energy=100 * 50.0, cap=7000.0, coverage=1.0, verdict=Verdict.COMPLIANT)
    ]


@case(2)
def daily_window_that_begins_in_a_missing_hour() -> tuple[World, list[Expectation]]:
    # 02:30 does not exist: the next instant is 03:00 CEST = midnight + 2 h
    of = _berlin(stop(start=SPRING, daily_from_s=9000, daily_to_s=6 * 3600))
    return world(of, flat(SPRING, SPRING + 4 * 3600, 20), SPRING + 4 * 3600), [
        Slot(SPRING + 7200, Verdict.NO_ORDER),
        Slot(SPRING + 7200 + 900, Verdict.COMPLIANT),
    ]


@case(2)
def daily_window_that_begins_in_a_doubled_hour() -> tuple[World, list[Expectation]]:
    # 02:30 comes twice: the first is midnight + 2.5 h
    of = _berlin(stop(start=AUTUMN, daily_from_s=9000, daily_to_s=6 * 3600))
    return world(of, flat(AUTUMN, AUTUMN + 4 * 3600, 20), AUTUMN + 4 * 3600), [
        Slot(AUTUMN + 9000, Verdict.NO_ORDER),
        Slot(AUTUMN + 9000 + 900, Verdict.COMPLIANT),
    ]


@case(4)
def missing_only_after_the_declared_delay() -> tuple[World, list[Expectation]]:
    # as_of 03:00, delay 60 min: the silent slot ending 02:00 is missing, the one ending 02:15 is awaited
    of = registry(stop(), sources=(Source("default", delay_min=60),))
    return world(of, flat(at("0:00"), at("1:45"), 20), at("3:00")), [
        Slot(at("1:45"), Verdict.COMPLIANT),
        Slot(at("2:00"), Verdict.UNKNOWN, has=Reason.MISSING, load=None, coverage=0.0),
        Slot(at("2:15"), Verdict.UNKNOWN, has=Reason.AWAITED, load=None, coverage=0.0),
    ]


@case(4)
def what_was_ordered_at_the_slot() -> tuple[World, list[Expectation]]:
    # as_of is long after the order's end at 02:00: the slots before it still violate
    of = registry(stop(valid_to=at("2:00")))
    return world(of, flat(at("0:00"), at("5:00"), 500), at("5:00", 1)), [
        Slot(at("2:00"), Verdict.VIOLATING),
        Slot(at("2:15"), Verdict.NO_ORDER),
    ]


def _one_alert(as_of: int) -> World:
    return world(registry(stop()), flat(at("0:00"), at("1:00"), 500) + flat(at("1:00"), at("2:00"), 20), as_of)


@case(5)
def evidence_is_final_three_days_after_the_last_slots_day() -> tuple[World, list[Expectation]]:
    # the last over slot ends 01:00 of day 0: final at 24:00 of day 3
    return _one_alert(at("24:00", 3)), [Alert(Rule.STOP_RUN, at("0:15"), last=at("1:00"), evidence=Evidence.FINAL)]


@case(5)
def evidence_is_provisional_before() -> tuple[World, list[Expectation]]:
    # one second earlier
    return _one_alert(at("24:00", 3) - 1), [
        Alert(Rule.STOP_RUN, at("0:15"), evidence=Evidence.PROVISIONAL),
        Count(Rule.STOP_RUN, 1),
    ]
