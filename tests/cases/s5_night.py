"""docs/rules/night_run.md: work by night, judged with the day of its morning.

The nights of the baseline use 100 kWh above idle, with a deviation of 50: a night may use 100 + max(150, 5 % of R x
8 h) = 500 kWh above 20 kW.
"""

from detectors.registry import Baseline, Exemption, Threshold
from detectors.vocab import CloseReason, Condition, Rule, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, case
from tests.cases.worlds import at, baseline, cap, energy_limit, flat, limit, loads, on, registry, stop, world
from tests.oracles.rows import World

HIGH, LOW = 500.0, 20.0


def learned(**fields: float | None) -> Baseline:
    return baseline(**{"night_kwh": 100.0, "night_sd_kwh": 50.0, **fields})


def pulses(number: int) -> list[float | None]:
    """A quarter-hour at R in every hour, 245 kWh above idle each: 3 of 4 never holds."""
    on_off: list[float | None] = [1000.0, LOW, LOW, LOW]
    return on_off * number


@case(24)
def a_limited_plant_at_work_by_night_is_told_once_a_night() -> tuple[World, list[Expectation]]:
    # 520 kW from 22:00 on: 500 kWh above idle at 23:00 are what it may use, 625 at 23:15 are too much
    readings = flat(at("0:00"), at("22:00"), LOW) + flat(at("22:00"), at("6:00", 1), 520)
    readings += flat(at("6:00", 1), at("12:00", 1), LOW)
    return world(registry(limit(), baselines=[learned()]), readings, at("12:00", 1)), [
        Alert(
            Rule.NIGHT_RUN,
            at("22:15"),
            opened=at("23:15"),
            last=at("6:00", 1),
            closed=at("6:00", 1),
            reason=CloseReason.NIGHT_END,
            grade=1,
            peak=520.0,
            cap=700.0,
            energy_over=0.0,
        ),
        Count(Rule.NIGHT_RUN, 1),
    ]


@case(23)
def a_limited_plants_night_leaves_the_day_alone() -> tuple[World, list[Expectation]]:
    readings = flat(at("0:00"), at("6:00"), 520) + flat(at("6:00"), at("24:00"), LOW)
    return world(registry(energy_limit(), baselines=[learned()]), readings, at("24:00")), [
        Alert(Rule.NIGHT_RUN, at("0:15"), opened=at("1:15"), grade=1),
        Day(on(0), Verdict.COMPLIANT),
    ]


@case(24)
def an_approved_load_counts_as_a_night_like_any_other() -> tuple[World, list[Expectation]]:
    of = registry(cap(300), baselines=[learned()])
    return world(of, flat(at("0:00"), at("6:00"), 270), at("6:00")), [
        Alert(Rule.NIGHT_RUN, at("0:15"), opened=at("2:15"), last=at("6:00"), closed=at("6:00"), grade=1),
        Count(Rule.CAP_ABS, 0),
    ]


@case(23)
def pulses_of_a_stopped_plant_by_night_break_the_day() -> tuple[World, list[Expectation]]:
    # the third pulse makes 735 kWh above idle; neither 3 of 4, nor 16 slots, nor 1.2 x 1680 kWh of the day
    readings = loads(at("0:00"), pulses(4)) + flat(at("4:00"), at("24:00"), LOW)
    return world(registry(stop(), baselines=[learned()]), readings, at("24:00")), [
        Alert(Rule.NIGHT_RUN, at("0:15"), opened=at("2:15"), last=at("3:15"), closed=at("6:00"), grade=2, peak=1000.0),
        *(Count(rule, 0) for rule in (Rule.STOP_RUN, Rule.HOURS_OVER, Rule.STOP_DAY)),
        Day(on(0), Verdict.VIOLATING),
    ]


@case(23)
def nothing_is_said_of_nights_that_nobody_learned() -> tuple[World, list[Expectation]]:
    readings = loads(at("0:00"), pulses(4)) + flat(at("4:00"), at("24:00"), LOW)
    return world(registry(stop()), readings, at("24:00")), [
        Count(Rule.NIGHT_RUN, 0),
        Day(on(0), Verdict.COMPLIANT),
    ]


@case(24)
def no_idle_load_no_night() -> tuple[World, list[Expectation]]:
    of = registry(stop(residual_kw=20.0), baselines=[learned(idle_kw=None)])
    return world(of, loads(at("0:00"), pulses(6)), at("6:00")), [Count(Rule.NIGHT_RUN, 0)]


@case(24)
def an_idle_load_is_no_work() -> tuple[World, list[Expectation]]:
    # 60 kW are under the cap of 70; a third of the day's energy lies in the night, and 320 kWh above 20 kW are no run
    of = registry(stop(), baselines=[learned()])
    return world(of, flat(at("0:00"), at("24:00", 1), 60), at("24:00", 1)), [
        Count(Rule.NIGHT_RUN, 0),
        Day(on(1), Verdict.COMPLIANT),
    ]


@case(24)
def what_is_approved_under_a_stop_is_no_work() -> tuple[World, list[Expectation]]:
    # 520 kW under a residual load of 500, then under an exemption up to 600
    spared = Exemption("P", at("0:00", 1), at("24:00", 1), "heat", "office", max_kw=600.0)
    of = registry(stop(residual_kw=500.0), baselines=[learned()], exemptions=(spared,))
    readings = flat(at("0:00"), at("22:00"), 520) + flat(at("22:00"), at("24:00"), 500)
    readings += flat(at("0:00", 1), at("24:00", 1), 590)
    return world(of, readings, at("24:00", 1)), [Count(Rule.NIGHT_RUN, 0)]


@case(24)
def a_stop_run_by_night_is_a_night_run_at_once() -> tuple[World, list[Expectation]]:
    # nothing learned; 22:00 to 22:45, closed 23:15, and told with the morning's day
    readings = flat(at("0:00"), at("22:00"), LOW) + flat(at("22:00"), at("22:45"), HIGH)
    readings += flat(at("22:45"), at("24:00", 1), LOW)
    return world(registry(stop()), readings, at("24:00", 1)), [
        Alert(Rule.STOP_RUN, at("22:15"), opened=at("22:45"), closed=at("23:15")),
        Alert(
            Rule.NIGHT_RUN,
            at("22:15"),
            opened=at("22:45"),
            last=at("22:45"),
            closed=at("6:00", 1),
            reason=CloseReason.NIGHT_END,
            grade=2,
            energy_over=0.75 * 430,
        ),
        Day(on(0), Verdict.VIOLATING),
        Day(on(1), Verdict.COMPLIANT),
    ]


@case(24)
def the_evening_is_told_with_the_morning() -> tuple[World, list[Expectation]]:
    readings = flat(at("0:00"), at("22:00"), LOW) + flat(at("22:00"), at("24:00"), HIGH)
    return world(registry(stop(), baselines=[learned()]), readings, at("24:00")), [
        Alert(Rule.STOP_RUN, at("22:15")),
        Count(Rule.NIGHT_RUN, 0),
    ]


@case(24)
def a_quarter_hour_later_it_is() -> tuple[World, list[Expectation]]:
    readings = flat(at("0:00"), at("22:00"), LOW) + flat(at("22:00"), at("0:15", 1), HIGH)
    return world(registry(stop(), baselines=[learned()]), readings, at("0:15", 1)), [
        Alert(
            Rule.NIGHT_RUN, at("22:15"), opened=at("22:45"), last=at("0:15", 1), condition=Condition.FIRING, closed=None
        ),
        Count(Rule.NIGHT_RUN, 1),
    ]


@case(24)
def a_night_begins_at_22() -> tuple[World, list[Expectation]]:
    # the third over slot ends 22:15 and is the night's first; those before are of the evening
    readings = flat(at("0:00"), at("21:30"), LOW) + flat(at("21:30"), at("22:15"), HIGH)
    readings += flat(at("22:15"), at("6:00", 1), LOW)
    return world(registry(stop()), readings, at("6:00", 1)), [
        Alert(Rule.STOP_RUN, at("21:45"), opened=at("22:15")),
        Alert(Rule.NIGHT_RUN, at("22:15"), opened=at("22:15"), last=at("22:15"), closed=at("6:00", 1)),
    ]


@case(24)
def a_run_that_opened_by_day_is_not_of_the_night() -> tuple[World, list[Expectation]]:
    # open since 21:45; without learned nights nothing more is said
    readings = flat(at("0:00"), at("21:00"), LOW) + flat(at("21:00"), at("2:00", 1), HIGH)
    return world(registry(stop()), readings, at("2:00", 1)), [
        Alert(Rule.STOP_RUN, at("21:15"), opened=at("21:45"), closed=None),
        Count(Rule.NIGHT_RUN, 0),
    ]


@case(24)
def the_energy_tells_of_a_run_that_opened_by_day() -> tuple[World, list[Expectation]]:
    # 480 kW above idle: 600 kWh with the slot that ends 23:15
    readings = flat(at("0:00"), at("21:00"), LOW) + flat(at("21:00"), at("2:00", 1), HIGH)
    return world(registry(stop(), baselines=[learned()]), readings, at("2:00", 1)), [
        Alert(Rule.NIGHT_RUN, at("22:15"), opened=at("23:15"), last=at("2:00", 1), grade=2)
    ]


@case(24)
def it_ends_with_the_order() -> tuple[World, list[Expectation]]:
    of = registry(stop(valid_to=at("23:30")), baselines=[learned()])
    readings = flat(at("0:00"), at("22:00"), LOW) + flat(at("22:00"), at("6:00", 1), HIGH)
    return world(of, readings, at("6:00", 1)), [
        Alert(
            Rule.NIGHT_RUN,
            at("22:15"),
            opened=at("22:45"),
            last=at("23:30"),
            closed=at("23:30"),
            reason=CloseReason.ORDER_END,
        ),
        Count(Rule.NIGHT_RUN, 1),
    ]


@case(24)
def a_night_each() -> tuple[World, list[Expectation]]:
    readings = flat(at("0:00"), at("22:00"), LOW)
    for day in (0, 1):
        readings += flat(at("22:00", day), at("0:00", day + 1), HIGH) + flat(
            at("0:00", day + 1), at("22:00", day + 1), LOW
        )
    return world(registry(stop()), readings, at("22:00", 2)), [
        Alert(Rule.NIGHT_RUN, at("22:15")),
        Alert(Rule.NIGHT_RUN, at("22:15", 1)),
        Count(Rule.NIGHT_RUN, 2),
    ]


@case(26)
def a_night_counts_what_was_measured() -> tuple[World, list[Expectation]]:
    # two of three pulses: 490 kWh above idle; the third is silent
    told: list[float | None] = [*pulses(2), None, LOW, LOW, LOW]
    readings = loads(at("0:00"), told) + flat(at("3:00"), at("24:00"), LOW)
    return world(registry(stop(), baselines=[learned()]), readings, at("24:00")), [
        Count(Rule.NIGHT_RUN, 0),
        # one slot at 1100 kW would make it 760 kWh
        Day(on(0), Verdict.UNKNOWN),
    ]


@case(23)
def an_unknown_slot_that_could_be_no_night_run_leaves_the_day_compliant() -> tuple[World, list[Expectation]]:
    told: list[float | None] = [LOW, None, LOW, LOW]
    readings = loads(at("0:00"), told) + flat(at("1:00"), at("24:00"), LOW)
    return world(registry(stop(), baselines=[learned()]), readings, at("24:00")), [Day(on(0), Verdict.COMPLIANT)]


@case(24)
def its_numbers_are_data() -> tuple[World, list[Expectation]]:
    # a night from 23:00 to 5:00 may use 100 + max(150, 0.05 x 1000 x 6) = 400 kWh: 480 at 0:00, the fourth slot
    rows = (Threshold("night_run", "begin_h", 23, "test"), Threshold("night_run", "end_h", 5, "test", scope_id="P"))
    readings = flat(at("0:00"), at("21:00"), LOW) + flat(at("21:00"), at("6:00", 1), HIGH)
    return world(registry(stop(), baselines=[learned()], thresholds=rows), readings, at("6:00", 1)), [
        Alert(Rule.NIGHT_RUN, at("23:15"), opened=at("24:00"), last=at("5:00", 1), closed=at("5:00", 1))
    ]
