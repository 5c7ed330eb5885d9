"""SEMANTICS §3.13 to §3.16: tolerance and caps."""

from dataclasses import replace

from detectors.registry import CalendarDay
from detectors.vocab import Control, Reason, Rule, Verdict
from tests.cases.expect import Count, Day, Expectation, Slot, case
from tests.cases.worlds import at, baseline, cap, energy_limit, flat, limit, loads, on, registry, stop, world
from tests.oracles.rows import World

FIRST, SECOND, THIRD = at("0:15"), at("0:30"), at("0:45")


@case(13)
def limit_tolerance_is_5_percent() -> tuple[World, list[Expectation]]:
    # cap 700: 700 is kept, 720 within tolerance, 736 over
    return world(registry(limit()), loads(at("0:00"), [700, 720, 736]), THIRD), [
        Slot(FIRST, Verdict.COMPLIANT, cap=700.0),
        Slot(SECOND, Verdict.COMPLIANT, has=Reason.WITHIN_TOLERANCE),
        Slot(THIRD, Verdict.VIOLATING),
    ]


@case(13)
def cap_tolerance_is_2_percent_and_stop_has_none() -> tuple[World, list[Expectation]]:
    # cap 500 from 00:00 to 00:30: 508 within, 512 over; then a stop of 70: 72 is over
    of = registry(cap(500, "C", valid_to=SECOND), stop("S", start=SECOND))
    return world(of, loads(at("0:00"), [508, 512, 72]), THIRD), [
        Slot(FIRST, Verdict.COMPLIANT, has=Reason.WITHIN_TOLERANCE, order="C"),
        Slot(SECOND, Verdict.VIOLATING, order="C"),
        Slot(THIRD, Verdict.VIOLATING, order="S", cap=70.0),
    ]


@case(14)
def stop_cap_from_residual_else_idle() -> tuple[World, list[Expectation]]:
    # residual 100 + 5 % of 1000 = 150; without residual idle 20 + 50 = 70
    of = registry(stop("A", residual_kw=100.0, valid_to=SECOND), stop("B", start=SECOND))
    return world(of, loads(at("0:00"), [150, 151, 71]), THIRD), [
        Slot(FIRST, Verdict.COMPLIANT, cap=150.0),
        Slot(SECOND, Verdict.VIOLATING, cap=150.0),
        Slot(THIRD, Verdict.VIOLATING, cap=70.0),
    ]


@case(14)
def stop_without_residual_and_idle_is_three_valued() -> tuple[World, list[Expectation]]:
    # R 1000: 501 over, 500 and 150 cannot be told, 149 compliant; the cap for sums is 150
    of = registry(stop(), baselines=[baseline(idle_kw=None)])
    return world(of, loads(at("0:00"), [501, 500, 150, 149]), at("1:00")), [
        Slot(FIRST, Verdict.VIOLATING, cap=150.0),
        Slot(SECOND, Verdict.UNKNOWN, has=Reason.IDLE_UNKNOWN, load=500.0, coverage=1.0),
        Slot(THIRD, Verdict.UNKNOWN, has=Reason.IDLE_UNKNOWN),
        Slot(at("1:00"), Verdict.COMPLIANT),
        Day(on(0), cap=150.0 * 24),
    ]


@case(15)
def day_cap_is_at_most_the_judged_hours_at_full_load() -> tuple[World, list[Expectation]]:
    # ordered 08:00 to 18:00: min(16000, 1000 x 10 h) x 0.7
    of = registry(energy_limit(start=at("8:00"), valid_to=at("18:00")))
    return world(of, flat(at("0:00"), at("24:00"), 100), at("24:00")), [Day(on(0), cap=7000.0)]


@case(15)
def day_cap_from_day_kwh() -> tuple[World, list[Expectation]]:
    # the whole day: min(16000, 24000) x 0.7; slot cap shown (1 - 0.3) x 1000
    return world(registry(energy_limit()), flat(at("0:00"), at("24:00"), 100), at("24:00")), [
        Day(on(0), cap=11200.0),
        Slot(FIRST, cap=700.0),
    ]


@case(15)
def day_cap_from_the_profile() -> tuple[World, list[Expectation]]:
    # 100 kW in the first half of the day, 900 in the second; ordered 11:00 to 14:00: 0.7 x (100 + 2 x 900)
    of = registry(
        energy_limit(start=at("11:00"), valid_to=at("14:00")),
        baselines=[baseline(profile_kw=(100.0,) * 48 + (900.0,) * 48)],
    )
    return world(of, flat(at("0:00"), at("24:00"), 100), at("24:00")), [Day(on(0), cap=0.7 * 1900)]


@case(15)
def no_day_energy() -> tuple[World, list[Expectation]]:
    of = registry(energy_limit(), baselines=[baseline(day_kwh=None)])
    return world(of, flat(at("0:00"), at("24:00"), 1000), at("24:00")), [
        Slot(FIRST, Verdict.UNKNOWN, has=Reason.NO_DAY_ENERGY, load=1000.0, coverage=1.0),
        Day(on(0), Verdict.UNKNOWN, cap=None),
        Count(Rule.LIMIT_DAY, 0),
    ]


@case(15)
def baseline_of_the_days_type() -> tuple[World, list[Expectation]]:
    # day 0 is a Wednesday, day 3 a Saturday, day 4 a Sunday that the calendar makes a workday, day 5 a holiday
    work = baseline(version="work", day_type="workday")
    rest = baseline(version="rest", day_type="restday", running_kw=500.0)
    calendar = (CalendarDay(on(4), "workday"), CalendarDay(on(5), "holiday"))
    of = registry(limit(), baselines=[work, rest], calendar=calendar)
    return world(of, flat(at("0:00"), at("24:00", 5), 100), at("24:00", 5)), [
        Slot(at("1:00"), cap=700.0, baseline="work"),
        Slot(at("1:00", 3), cap=350.0, baseline="rest"),
        Slot(at("1:00", 4), cap=700.0, baseline="work"),
        Slot(at("1:00", 5), cap=350.0, baseline="rest"),
    ]


@case(15)
def day_without_a_baseline_of_its_type() -> tuple[World, list[Expectation]]:
    # a Saturday: `all` where there is one, else `workday`
    work = baseline(version="work", day_type="workday")
    every = baseline(version="all", running_kw=500.0, valid_to=at("2:00", 3))
    of = registry(limit(), baselines=[work, every])
    return world(of, flat(at("0:00"), at("24:00", 3), 100), at("24:00", 3)), [
        Slot(at("1:00"), baseline="work"),
        Slot(at("2:00", 3), baseline="all", cap=350.0),
        Slot(at("2:15", 3), baseline="work", cap=700.0),
    ]


@case(16)
def without_a_baseline() -> tuple[World, list[Expectation]]:
    # R = 0 is no baseline. The cap is judged, the stop with a residual (cap 100 + 0) too, nothing else
    of = registry(
        cap(500, "A", valid_to=FIRST),
        stop("B", start=FIRST, residual_kw=100.0, valid_to=SECOND),
        stop("C", start=SECOND, valid_to=THIRD),
        limit("D", start=THIRD),
        baselines=[baseline(running_kw=0.0)],
    )
    return world(of, flat(at("0:00"), at("1:00"), 600), at("1:00")), [
        Slot(FIRST, Verdict.VIOLATING, cap=500.0),
        Slot(SECOND, Verdict.VIOLATING, cap=100.0),
        Slot(THIRD, Verdict.UNKNOWN, has=Reason.NO_BASELINE, cap=None, order="C"),
        Slot(at("1:00"), Verdict.UNKNOWN, has=Reason.NO_BASELINE, cap=None, order="D"),
    ]


@case(16)
def units_without_lines_cannot_be_decided() -> tuple[World, list[Expectation]]:
    units = replace(limit("U"), control=Control.UNITS)
    return world(registry(units), flat(at("0:00"), FIRST, 600), FIRST), [
        Slot(FIRST, Verdict.UNKNOWN, has=Reason.UNDECIDABLE, cap=None, order="U")
    ]
