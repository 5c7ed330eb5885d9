"""DOMAIN §5: a meter at a fraction of its level, or a multiple, is no plant; a stop that keeps its idling is a stop."""

from detectors.vocab import Condition, Reason, Rule, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, Slot, case
from tests.cases.s5_faults import IDLE, LOOSE, PROFILE, TIGHT, WORK, day_of_work, learned, with_
from tests.cases.worlds import at, energy_limit, flat, loads, on, registry, stop, world
from tests.oracles.rows import World


@case(26)
def a_tenth_of_the_level_is_a_meter_and_no_stop() -> tuple[World, list[Expectation]]:
    # from midnight on everything is a tenth: neither the stop nor the limit of energy is kept by it
    return world(registry(energy_limit(), baselines=[learned()]), day_of_work(0, 0.1), at("24:00")), [
        Slot(at("0:15"), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL, load=None, coverage=0.0),
        Slot(at("12:15"), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL),
        Alert(Rule.BAD_DATA, at("0:15"), last=at("24:00"), closed=None, condition=Condition.FIRING),
        Day(on(0), Verdict.UNKNOWN, energy=None),
        Count(Rule.OFFLINE, 0),
    ]


@case(26)
def a_level_is_off_from_the_slot_on_at_which_it_fell() -> tuple[World, list[Expectation]]:
    # at 14:00, and told of all slots since then once work and idling lie side by side
    readings = day_of_work(last=56) + day_of_work(times=0.1, first=56)
    of = registry(energy_limit(), baselines=[learned()])
    return world(of, readings, at("24:00")), [
        Slot(at("14:00"), Verdict.COMPLIANT, load=908.0),
        Slot(at("14:15"), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL),
        Slot(at("24:00"), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL),
        Alert(Rule.BAD_DATA, at("14:15")),
    ]


@case(26)
def a_short_day_at_a_tenth_is_a_meter_too() -> tuple[World, list[Expectation]]:
    # a limit lets the plant work from 7:00 to 10:30 only, which is not the shape of its days
    kws = (IDLE,) * 28 + (WORK,) * 14 + (IDLE,) * 54
    readings = loads(at("0:00"), [(kw + (i % 2) * 8) * 0.1 for i, kw in enumerate(kws)])
    return world(registry(energy_limit(), baselines=[learned()]), readings, at("24:00")), [
        Slot(at("0:15"), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL),
        Slot(at("24:00"), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL),
        Count(Rule.BAD_DATA, 1),
    ]


@case(26)
def work_by_night_over_the_lowest_idling_ever_is_a_run() -> tuple[World, list[Expectation]]:
    # 1:00 to 4:00 at a third of work, else a fifth of idling: off by much the same factor, in hours that nobody works
    kws = (30.0,) * 4 + (300.0,) * 12 + (30.0,) * 80
    readings = loads(at("0:00"), [kw + i % 2 for i, kw in enumerate(kws)])
    return world(registry(stop(), baselines=[learned()]), readings, at("24:00")), [
        Slot(at("2:00"), Verdict.VIOLATING),
        Alert(Rule.STOP_RUN, at("1:15"), last=at("4:00")),
        Count(Rule.BAD_DATA, 0),
    ]


@case(26)
def half_of_everything_is_believed() -> tuple[World, list[Expectation]]:
    # idling too, a little below half of the lowest seen; the plant works at 0.38 of its day
    kws = (58.0,) * 28 + (340.0,) * 48 + (58.0,) * 20
    readings = loads(at("0:00"), [kw + i % 2 for i, kw in enumerate(kws)])
    return world(registry(energy_limit(), baselines=[learned()]), readings, at("24:00")), [
        Slot(at("12:00"), Verdict.COMPLIANT),
        Count(Rule.BAD_DATA, 0),
    ]


@case(26)
def a_low_day_wholly_below_anything_seen_is_a_meter() -> tuple[World, list[Expectation]]:
    # a plant that idled at 12 kW once: an eleventh of a day at half load is below that, but for nothing of its shape
    kws = (IDLE,) * 28 + (250.0,) * 48 + (IDLE,) * 20
    readings = loads(at("0:00"), [(kw + (i % 2) * 8) / 11 for i, kw in enumerate(kws)])
    of = registry(energy_limit(), baselines=[learned(floor_kw=24.0)])
    return world(of, readings, at("24:00")), [
        Slot(at("12:00"), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL),
        Count(Rule.BAD_DATA, 1),
    ]


@case(26)
def a_fall_without_a_shape_is_not_told_the_same_day() -> tuple[World, list[Expectation]]:
    # until 19:00 there is work only: it may be a plant that works at a tenth
    readings = day_of_work(last=56) + day_of_work(times=0.1, first=56, last=76)
    return world(registry(energy_limit(), baselines=[learned()]), readings, at("19:00")), [
        Slot(at("19:00"), Verdict.COMPLIANT, load=90.8),
        Count(Rule.BAD_DATA, 0),
    ]


@case(26)
def flat_days_behind_it_are_of_the_same_fault() -> tuple[World, list[Expectation]]:
    # a Sunday at a tenth of idling has no shape, and nothing says that the meter is well again
    readings = day_of_work(0, 0.1) + flat(at("0:00", 1), at("24:00", 1), 16.0)
    of = registry(energy_limit(), baselines=[learned()])
    return world(of, readings, at("24:00", 1)), [
        Slot(at("12:00", 1), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL),
        Day(on(1), Verdict.UNKNOWN),
        Alert(Rule.BAD_DATA, at("0:15"), last=at("24:00", 1), closed=None),
        Count(Rule.BAD_DATA, 1),
    ]


@case(26)
def two_loads_at_the_old_level_end_it() -> tuple[World, list[Expectation]]:
    # mended at 12:00 of the next day
    readings = day_of_work(0, 0.1) + day_of_work(1, 0.1, last=48) + day_of_work(1, first=48)
    of = registry(energy_limit(), baselines=[learned()])
    return world(of, readings, at("24:00", 1)), [
        Slot(at("12:00", 1), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL),
        Slot(at("12:15", 1), Verdict.COMPLIANT, load=900.0),
        Alert(Rule.BAD_DATA, at("0:15"), last=at("12:00", 1), closed=at("12:15", 1)),
    ]


@case(26)
def one_load_at_the_old_level_does_not() -> tuple[World, list[Expectation]]:
    readings = day_of_work(0, 0.1) + with_(day_of_work(1, 0.1), "12:00", [900.0], 1)
    of = registry(energy_limit(), baselines=[learned()])
    return world(of, readings, at("24:00", 1)), [
        Slot(at("12:15", 1), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL),
        Slot(at("24:00", 1), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL),
        Count(Rule.BAD_DATA, 1),
    ]


@case(26)
def half_a_day_of_old_idling_ends_it() -> tuple[World, list[Expectation]]:
    # mended by night, and a day off behind it: 12 h of 160 kW are above anything that a tenth of idling is
    readings = day_of_work(0, 0.1) + flat(at("0:00", 1), at("12:00", 1), IDLE)
    of = registry(energy_limit(), baselines=[learned()])
    return world(of, readings, at("12:00", 1)), [
        Slot(at("0:15", 1), Verdict.COMPLIANT, load=160.0),
        Alert(Rule.BAD_DATA, at("0:15"), last=at("24:00"), closed=at("0:15", 1)),
    ]


@case(26)
def a_stop_that_keeps_its_idling_is_a_stop() -> tuple[World, list[Expectation]]:
    return world(registry(stop(), baselines=[learned()]), flat(at("0:00"), at("24:00"), 130.0), at("24:00")), [
        Count(Rule.BAD_DATA, 0),
        Day(on(0), Verdict.COMPLIANT),
    ]


@case(26)
def a_stop_below_anything_seen_is_a_stop_where_it_is_flat() -> tuple[World, list[Expectation]]:
    # a third of idling, as over Christmas
    return world(registry(stop(), baselines=[learned()]), flat(at("0:00"), at("24:00"), 40.0), at("24:00")), [
        Count(Rule.BAD_DATA, 0),
        Day(on(0), Verdict.COMPLIANT),
    ]


@case(26)
def a_plant_that_works_less_keeps_its_idling() -> tuple[World, list[Expectation]]:
    # 300 kW in place of 900, idling as ever
    kws = [IDLE if kw == IDLE else 300.0 + (i % 2) * 8 for i, kw in enumerate(PROFILE)]
    of = registry(energy_limit(), baselines=[learned()])
    return world(of, loads(at("0:00"), kws), at("24:00")), [
        Count(Rule.BAD_DATA, 0),
        Day(on(0), Verdict.COMPLIANT),
    ]


@case(26)
def half_of_everything_is_no_fault() -> tuple[World, list[Expectation]]:
    of = registry(energy_limit(), baselines=[learned()])
    return world(of, day_of_work(0, 0.5), at("24:00")), [
        Count(Rule.BAD_DATA, 0),
        Day(on(0), Verdict.COMPLIANT),
    ]


@case(26)
def ten_times_the_level_accuses_nobody() -> tuple[World, list[Expectation]]:
    # a ratio step upwards
    return world(registry(LOOSE, baselines=[learned()]), day_of_work(0, 10.0), at("24:00")), [
        Slot(at("12:00"), Verdict.UNKNOWN, has=Reason.SUSPECT_LEVEL, load=None, coverage=0.0),
        Count(Rule.CAP_ABS, 0),
        Alert(Rule.BAD_DATA, at("0:15"), last=at("24:00"), closed=None),
    ]


@case(26)
def a_plant_that_works_by_night_is_no_ratio_step() -> tuple[World, list[Expectation]]:
    readings = loads(at("0:00"), [900.0, 908.0] * 48)
    return world(registry(TIGHT, baselines=[learned()]), readings, at("24:00")), [
        Count(Rule.BAD_DATA, 0),
        Day(on(0), Verdict.VIOLATING),
    ]
