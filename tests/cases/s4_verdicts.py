"""SEMANTICS §4: slot and day verdict."""

from detectors.registry import Exemption, Meter
from detectors.vocab import Reason, Role, Rule, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, Slot, case
from tests.cases.worlds import (
    at,
    baseline,
    cap,
    energy_limit,
    flat,
    loads,
    on,
    registry,
    stop,
    world,
    zeros_with_voltage,
)
from tests.oracles.rows import World


@case(21)
def outage_goes_before_grace_and_exempt_before_outage() -> tuple[World, list[Expectation]]:
    # 00:00 to 01:00 all meters read 0 without voltage; exempt until 00:30, grace until 02:00
    of = registry(stop(ramp_down_h=2), exemptions=(Exemption("P", 0, at("0:30"), "heat", "office"),))
    readings = zeros_with_voltage(at("0:00"), at("1:00"), 0) + flat(at("1:00"), at("3:00"), 500)
    return world(of, readings, at("3:00")), [
        Slot(at("0:15"), Verdict.EXEMPT),
        Slot(at("0:45"), Verdict.OUTAGE),
        Slot(at("1:15"), Verdict.GRACE),
        Slot(at("2:15"), Verdict.VIOLATING),
    ]


@case(21)
def energy_limit_violates_from_the_crossing_slot_on() -> tuple[World, list[Expectation]]:
    # cap 11200, broken above 11536: 1000 kW x 11.5 h = 11500 is not, the slot ending 11:45 (11750) is.
    # from there violating above idle 20 + 50 = 70 kW, compliant at 70
    of = registry(energy_limit())
    readings = (
        flat(at("0:00"), at("12:00"), 1000) + flat(at("12:00"), at("13:00"), 70) + flat(at("13:00"), at("13:15"), 71)
    )
    return world(of, readings, at("13:15")), [
        Slot(at("11:30"), Verdict.COMPLIANT, cap=700.0),
        Slot(at("11:45"), Verdict.VIOLATING, has=Reason.DAY_CAP_USED),
        Slot(at("12:15"), Verdict.COMPLIANT),
        Slot(at("13:15"), Verdict.VIOLATING),
        Alert(Rule.LIMIT_DAY, at("11:45"), last=at("13:15")),
    ]


@case(21)
def energy_limit_without_a_known_idle() -> tuple[World, list[Expectation]]:
    # 0.15 R + 5 % of R = 200 kW
    of = registry(energy_limit(), baselines=[baseline(idle_kw=None)])
    readings = flat(at("0:00"), at("12:00"), 1000) + loads(at("12:00"), [200, 201])
    return world(of, readings, at("12:30")), [
        Slot(at("12:15"), Verdict.COMPLIANT),
        Slot(at("12:30"), Verdict.VIOLATING),
    ]


@case(22)
def day_energy_and_cap_cover_the_judged_slots() -> tuple[World, list[Expectation]]:
    # a stop with 4 h of grace, 2 h exempt, 2 h silent: 18 judged hours of 70 kW, the silent ones included in the cap.
    # the grace hours ran at 1000 kW: that is energy of the day, but none of stop_day's
    of = registry(
        stop(ramp_down_h=None),
        exemptions=(Exemption("P", at("6:00"), at("8:00"), "heat", "office"),),
    )
    readings = (
        flat(at("0:00"), at("4:00"), 1000) + flat(at("4:00"), at("10:00"), 20) + flat(at("12:00"), at("24:00"), 20)
    )
    return world(of, readings, at("24:00")), [
        Day(on(0), energy=4000.0 + 18 * 20.0, cap=18 * 70.0, coverage=22 / 24),
        Count(Rule.STOP_DAY, 0),
    ]


@case(23)
def violating_day_has_a_violating_slot_of_a_grade_2_alert() -> tuple[World, list[Expectation]]:
    # over from 23:30 of day 0 to 00:15 of day 1: the alert opens on day 1 and accuses both days
    readings = flat(at("0:00"), at("23:30"), 20) + flat(at("23:30"), at("0:15", 1), 500)
    readings += flat(at("0:15", 1), at("24:00", 2), 20)
    return world(registry(stop()), readings, at("24:00", 2)), [
        Alert(Rule.STOP_RUN, at("23:45"), opened=at("0:15", 1)),
        Day(on(0), Verdict.VIOLATING, hours=0.5),
        Day(on(1), Verdict.VIOLATING, hours=0.25),
        Day(on(2), Verdict.COMPLIANT, hours=0.0),
    ]


@case(23)
def violating_slots_without_an_alert_leave_the_day_compliant() -> tuple[World, list[Expectation]]:
    # two over slots are no stop_run, and nothing is unknown
    readings = (
        flat(at("0:00"), at("6:00"), 20) + flat(at("6:00"), at("6:30"), 500) + flat(at("6:30"), at("24:00", 1), 20)
    )
    return world(registry(stop()), readings, at("24:00", 1)), [Day(on(0), Verdict.COMPLIANT, hours=0.5)]


@case(23)
def two_silent_slots_cannot_fire_three_can() -> tuple[World, list[Expectation]]:
    # a cap of 1000 over R 1000, max 1100: stop_run needs 3 of 4. day 0 has two silent slots, day 1 three
    quiet = [20.0] * 40
    kws = quiet + [None] * 2 + [20.0] * 54 + quiet + [None] * 3 + [20.0] * 53 + [20.0] * 96
    return world(registry(stop()), loads(at("0:00"), kws), at("24:00", 2)), [
        Day(on(0), Verdict.COMPLIANT),
        Day(on(1), Verdict.UNKNOWN),
        Day(on(2), Verdict.COMPLIANT),
    ]


@case(23)
def silence_behind_the_end_of_the_day() -> tuple[World, list[Expectation]]:
    # the last two slots of day 0 are over, the first of day 1 is silent: it could be the third. Day 2 the same,
    # but the slot ending 00:15 is quiet and the silence comes behind four slots
    kws = [20.0] * 94 + [500.0] * 2 + [None] + [20.0] * 95
    kws += [20.0] * 94 + [500.0] * 2 + [20.0] * 4 + [None] + [20.0] * 91
    return world(registry(stop()), loads(at("0:00"), kws), at("24:00", 3)), [
        Day(on(0), Verdict.UNKNOWN),
        Day(on(2), Verdict.COMPLIANT),
    ]


@case(23)
def what_is_silent_behind_the_close_of_a_run_is_not_of_it() -> tuple[World, list[Expectation]]:
    # the run of day 0 closes at 00:30 on measured slots; in the night to day 3 it may go on in a silent slot
    busy, quiet = [20.0] * 88 + [500.0] * 8, [20.0] * 96
    kws = busy + quiet[:40] + [None] + quiet[41:] + busy + [None] + quiet[1:]
    return world(registry(stop()), loads(at("0:00"), kws), at("24:00", 4)), [
        Day(on(0), Verdict.VIOLATING),
        Day(on(1), Verdict.COMPLIANT),
        Day(on(3), Verdict.UNKNOWN),
    ]


@case(23)
def what_flows_back_later_takes_nothing_back() -> tuple[World, list[Expectation]]:
    # 10 MWh by 10:00 under a cap of 11.2; two silent hours could hold 2.2 and break it, whatever flows back until night
    of = registry(energy_limit(), meters=[Meter("m", "P"), Meter("r", "P", role=Role.REVERSE)])
    readings = flat(at("0:00"), at("10:00"), 1000) + flat(at("0:00"), at("10:00"), 0, "r")
    readings += flat(at("12:00"), at("24:00"), 0) + flat(at("12:00"), at("24:00"), 500, "r")
    return world(of, readings, at("24:00")), [Day(on(0), Verdict.UNKNOWN, energy=4000.0, cap=11200.0)]


@case(23)
def max_load_below_the_cap_cannot_fire() -> tuple[World, list[Expectation]]:
    # a cap of 2000 kW is above 1.1 R: half a day of silence stays compliant; at max_kw 2100 it does not
    readings = flat(at("0:00"), at("12:00"), 20)
    return world(registry(cap(2000)), readings, at("3:00", 1)), [Day(on(0), Verdict.COMPLIANT)]


@case(23)
def max_load_above_the_cap_can_fire() -> tuple[World, list[Expectation]]:
    readings = flat(at("0:00"), at("12:00"), 20)
    of = registry(cap(2000), baselines=[baseline(max_kw=2100.0)])
    return world(of, readings, at("3:00", 1)), [Day(on(0), Verdict.UNKNOWN)]


@case(23)
def day_that_is_not_over_is_unknown() -> tuple[World, list[Expectation]]:
    # the rest of the day could still violate
    return world(registry(stop()), flat(at("0:00"), at("12:00"), 20), at("12:00")), [
        Day(on(0), Verdict.UNKNOWN, coverage=1.0)
    ]


@case(23)
def unknown_energy_could_break_the_day_cap() -> tuple[World, list[Expectation]]:
    # 400 kW x 22 h = 8800 of 11200 (11536): two silent hours at 1100 kW make 11000 on day 0; three hours on day 1 with
    # 400 x 21 = 8400 + 3300 = 11700 > 11536
    readings = flat(at("0:00"), at("22:00"), 400) + flat(at("0:00", 1), at("21:00", 1), 400)
    readings += flat(at("0:00", 2), at("3:00", 2), 20)
    return world(registry(energy_limit()), readings, at("3:00", 2)), [
        Day(on(0), Verdict.COMPLIANT),
        Day(on(1), Verdict.UNKNOWN),
    ]


@case(23)
def whole_days_of_one_kind() -> tuple[World, list[Expectation]]:
    # day 0 no order, day 1 exempt, day 2 an outage
    of = registry(
        stop(start=at("0:00", 1)),
        exemptions=(Exemption("P", at("0:00", 1), at("0:00", 2), "heat", "office"),),
    )
    readings = flat(at("0:00"), at("24:00", 1), 500) + zeros_with_voltage(at("0:00", 2), at("24:00", 2), 0)
    return world(of, readings, at("24:00", 2)), [
        Day(on(0), Verdict.NO_ORDER, order=None, cap=None),
        Day(on(1), Verdict.EXEMPT, order="O", cap=None),
        Day(on(2), Verdict.OUTAGE),
    ]


@case(23)
def silent_meter_beside_a_violation_changes_nothing() -> tuple[World, list[Expectation]]:
    # one of two meters is dead all day: the other alone violates
    of = registry(stop(), meters=[Meter("m", "P"), Meter("n", "P")])
    return world(of, flat(at("0:00"), at("24:00"), 100), at("24:00")), [
        Day(on(0), Verdict.VIOLATING, energy=2400.0, coverage=0.5)
    ]
