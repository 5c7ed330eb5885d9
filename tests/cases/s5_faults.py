"""docs/rules/bad_data.md: readings that no plant can have made are no evidence, and are named.

The plant works from 07:00 to 19:00 at 900 kW and idles at 160; it never drew less than 120 nor more than 1100 kW, and
never showed the same value for longer than 3/4 h while it worked.
"""

from collections.abc import Sequence

from detectors.registry import Baseline, Threshold
from detectors.vocab import CloseReason, Condition, Reason, Rule, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, Slot, case
from tests.cases.worlds import (
    at,
    baseline,
    cap,
    flat,
    loads,
    on,
    reading,
    registry,
    stop,
    world,
    zeros_with_voltage,
)
from tests.oracles.rows import Reading, World

IDLE, WORK = 160.0, 900.0
PROFILE = (IDLE,) * 28 + (WORK,) * 48 + (IDLE,) * 20
#: A cap that working keeps, one that nothing keeps but idling.
LOOSE, TIGHT = cap(2000.0), cap(500.0)


def learned(**fields: object) -> Baseline:
    told = {"idle_kw": 200.0, "max_kw": 1100.0, "floor_kw": 120.0, "equal_h": 0.75, "profile_kw": PROFILE}
    return baseline(**{**told, "day_kwh": sum(PROFILE) / 4, **fields})


def day_of_work(day: int = 0, times: float = 1.0, first: int = 0, last: int = 96) -> list[Reading]:
    """Slots of a working day; no two neighbours are equal."""
    kws = [(kw + (i % 2) * 8) * times for i, kw in enumerate(PROFILE)]
    return loads(at("0:00", day) + first * 900, kws[first:last])


def with_(readings: Sequence[Reading], begin: str, kws: Sequence[float | None], day: int = 0) -> list[Reading]:
    """The readings with others from a time of day on; None is silence."""
    start = at(begin, day)
    spoilt = range(start + 900, start + 900 * len(kws) + 1, 900)
    return [r for r in readings if r.ts not in spoilt] + loads(start, kws)


@case(26)
def one_zero_between_two_loads_is_a_dropout() -> tuple[World, list[Expectation]]:
    # the zero proves nothing and is no silence either: the meter speaks before and behind it
    readings = with_(day_of_work(), "1:00", [0])
    return world(registry(stop(), baselines=[learned()]), readings, at("4:00")), [
        Slot(at("1:15"), Verdict.UNKNOWN, has=Reason.SUSPECT_DROPOUT, load=None, coverage=0.0),
        Slot(at("1:30"), Verdict.COMPLIANT, load=168.0, coverage=1.0),
        Alert(
            Rule.BAD_DATA,
            at("1:15"),
            last=at("1:15"),
            closed=at("1:30"),
            reason=CloseReason.CLEARED,
            grade=1,
            order=None,
        ),
        Count(Rule.OFFLINE, 0),
    ]


@case(26)
def a_dropout_breaks_no_alert() -> tuple[World, list[Expectation]]:
    # 500 kW under a stop; the zeros of half an hour would have closed it
    readings = with_(flat(at("0:00"), at("4:00"), 508.0), "2:00", [8.0, 8.0])
    readings = with_(readings, "1:00", [500.0])
    return world(registry(stop(), baselines=[learned(equal_h=None)]), readings, at("4:00")), [
        Alert(Rule.STOP_RUN, at("0:15"), last=at("4:00"), closed=None, condition=Condition.FIRING),
        Count(Rule.STOP_RUN, 1),
        Slot(at("2:15"), Verdict.UNKNOWN, has=Reason.SUSPECT_DROPOUT),
    ]


@case(26)
def a_dropout_lasts_an_hour_at_most() -> tuple[World, list[Expectation]]:
    # 8 kW for 1 h, then for 1 1/4 h: the second is what the plant drew
    readings = with_(with_(day_of_work(), "1:00", [8.0] * 4), "3:00", [8.0] * 5)
    return world(registry(stop(), baselines=[learned()]), readings, at("5:00")), [
        Slot(at("2:00"), Verdict.UNKNOWN, has=Reason.SUSPECT_DROPOUT),
        Slot(at("4:15"), Verdict.COMPLIANT, load=8.0, coverage=1.0),
        Count(Rule.BAD_DATA, 1),
    ]


@case(26)
def a_dropout_that_is_not_over_counts_while_it_is_short() -> tuple[World, list[Expectation]]:
    readings = with_(day_of_work(), "1:00", [8.0] * 3)
    return world(registry(stop(), baselines=[learned()]), [r for r in readings if r.ts <= at("1:45")], at("1:45")), [
        Slot(at("1:45"), Verdict.UNKNOWN, has=Reason.SUSPECT_DROPOUT),
        Alert(Rule.BAD_DATA, at("1:15"), last=at("1:45"), closed=None, condition=Condition.FIRING),
    ]


@case(26)
def a_fall_that_does_not_come_after_a_load_is_no_dropout() -> tuple[World, list[Expectation]]:
    # two hours of silence before it: nothing tells what the plant did
    readings = with_(with_(day_of_work(), "1:00", [None] * 8), "3:00", [8.0])
    return world(registry(stop(), baselines=[learned()]), readings, at("5:00")), [
        Slot(at("3:15"), Verdict.COMPLIANT, load=8.0)
    ]


@case(26)
def a_voltage_proves_a_short_zero() -> tuple[World, list[Expectation]]:
    readings = [r for r in day_of_work() if r.ts != at("1:15")] + zeros_with_voltage(at("1:00"), at("1:15"), 220)
    return world(registry(stop(), baselines=[learned()]), readings, at("4:00")), [
        Slot(at("1:15"), Verdict.COMPLIANT, load=0.0, coverage=1.0),
        Count(Rule.BAD_DATA, 0),
    ]


@case(26)
def a_spike_accuses_nobody() -> tuple[World, list[Expectation]]:
    # above 2 x 1100 kW for two hours
    readings = with_(day_of_work(), "10:00", [2400.0] * 8)
    return world(registry(LOOSE, baselines=[learned()]), readings, at("24:00")), [
        Slot(at("10:15"), Verdict.UNKNOWN, has=Reason.SUSPECT_SPIKE, load=None, coverage=0.0),
        Slot(at("12:00"), Verdict.UNKNOWN, has=Reason.SUSPECT_SPIKE),
        Alert(Rule.BAD_DATA, at("10:15"), last=at("12:00"), closed=at("12:15")),
        Count(Rule.CAP_ABS, 0),
    ]


@case(26)
def longer_than_two_hours_is_no_spike() -> tuple[World, list[Expectation]]:
    readings = with_(day_of_work(), "10:00", [2400.0, 2408.0] * 4 + [2400.0])
    return world(registry(LOOSE, baselines=[learned()]), readings, at("24:00")), [
        Slot(at("10:15"), Verdict.VIOLATING, load=2400.0),
        Alert(Rule.CAP_ABS, at("10:15"), opened=at("10:30"), last=at("12:15")),
        Count(Rule.BAD_DATA, 0),
    ]


@case(26)
def a_spike_over_midnight_is_seen_by_both_days() -> tuple[World, list[Expectation]]:
    readings = with_(day_of_work(), "23:30", [2400.0, 2408.0])
    readings += with_(day_of_work(1), "0:00", [2400.0, 2408.0], 1)
    return world(registry(LOOSE, baselines=[learned()]), readings, at("24:00", 1)), [
        Slot(at("23:45"), Verdict.UNKNOWN, has=Reason.SUSPECT_SPIKE),
        Slot(at("0:30", 1), Verdict.UNKNOWN, has=Reason.SUSPECT_SPIKE),
        Alert(Rule.BAD_DATA, at("23:45"), last=at("0:30", 1), closed=at("0:45", 1)),
        Count(Rule.CAP_ABS, 0),
        Count(Rule.BAD_DATA, 1),
    ]


@case(26)
def the_same_value_for_longer_than_three_hours_is_stuck() -> tuple[World, list[Expectation]]:
    # 13 slots at 604 kW; 12 of them are three hours, and could be work
    readings = with_(day_of_work(), "8:00", [604.0] * 13)
    return world(registry(TIGHT, baselines=[learned()]), readings, at("24:00")), [
        Slot(at("8:15"), Verdict.UNKNOWN, has=Reason.SUSPECT_STUCK, load=None, coverage=0.0),
        Slot(at("11:15"), Verdict.UNKNOWN, has=Reason.SUSPECT_STUCK),
        Slot(at("11:30"), Verdict.VIOLATING),
        Alert(Rule.BAD_DATA, at("8:15"), last=at("11:15"), closed=at("11:30")),
    ]


@case(26)
def three_hours_of_one_value_are_believed() -> tuple[World, list[Expectation]]:
    readings = with_(day_of_work(), "8:00", [604.0] * 12)
    return world(registry(TIGHT, baselines=[learned()]), readings, at("24:00")), [
        Slot(at("8:15"), Verdict.VIOLATING, load=604.0),
        Count(Rule.BAD_DATA, 0),
    ]


@case(26)
def what_repeated_for_longer_before_may_do_so_again() -> tuple[World, list[Expectation]]:
    # 2 h of one value were learned: up to 4 h are believed
    readings = with_(day_of_work(), "8:00", [604.0] * 16)
    return world(registry(TIGHT, baselines=[learned(equal_h=2.0)]), readings, at("24:00")), [Count(Rule.BAD_DATA, 0)]


@case(26)
def idling_repeats_honestly() -> tuple[World, list[Expectation]]:
    return world(registry(stop(), baselines=[learned()]), flat(at("0:00"), at("24:00"), IDLE), at("24:00")), [
        Count(Rule.BAD_DATA, 0),
        Day(on(0), Verdict.COMPLIANT),
    ]


@case(26)
def idling_that_varies_does_not_show_one_value_for_hours() -> tuple[World, list[Expectation]]:
    # its idling was never one value for more than an hour; the meter froze as the plant stood still
    varies = learned(idle_equal_h=1.0)
    readings = with_(day_of_work(), "18:30", [IDLE] * 13)
    return world(registry(LOOSE, baselines=[varies]), readings, at("24:00")), [
        Slot(at("18:45"), Verdict.UNKNOWN, has=Reason.SUSPECT_STUCK, load=None, coverage=0.0),
        Slot(at("21:45"), Verdict.UNKNOWN, has=Reason.SUSPECT_STUCK),
        Slot(at("22:00"), Verdict.COMPLIANT),
        Alert(Rule.BAD_DATA, at("18:45"), last=at("21:45"), closed=at("22:00")),
    ]


@case(26)
def a_meter_frozen_at_idle_proves_no_stop() -> tuple[World, list[Expectation]]:
    frozen = flat(at("0:00"), at("24:00"), IDLE)
    return world(registry(stop(), baselines=[learned(idle_equal_h=1.0)]), frozen, at("24:00")), [
        Slot(at("12:00"), Verdict.UNKNOWN, has=Reason.SUSPECT_STUCK),
        Day(on(0), Verdict.UNKNOWN),
    ]


@case(26)
def idling_may_repeat_as_long_as_twice_what_it_did_before() -> tuple[World, list[Expectation]]:
    # 2 h of one value were learned at idle: up to 4 h are believed, though work never repeats for long
    readings = with_(day_of_work(), "18:45", [IDLE] * 16)
    return world(registry(LOOSE, baselines=[learned(idle_equal_h=2.0)]), readings, at("24:00")), [
        Slot(at("19:00"), Verdict.COMPLIANT, load=IDLE),
        Count(Rule.BAD_DATA, 0),
    ]


@case(26)
def a_stuck_value_goes_on_over_midnight() -> tuple[World, list[Expectation]]:
    # stuck from 20:00 to 01:00: the morning alone would not tell
    readings = with_(day_of_work(), "20:00", [604.0] * 16) + with_(day_of_work(1), "0:00", [604.0] * 4, 1)
    return world(registry(TIGHT, baselines=[learned()]), readings, at("24:00", 1)), [
        Slot(at("20:15"), Verdict.UNKNOWN, has=Reason.SUSPECT_STUCK),
        Slot(at("1:00", 1), Verdict.UNKNOWN, has=Reason.SUSPECT_STUCK),
        Alert(Rule.BAD_DATA, at("20:15"), last=at("1:00", 1), closed=at("1:15", 1)),
    ]


@case(26)
def an_overload_that_passes_twice_the_maximum_at_times_is_no_spike() -> tuple[World, list[Expectation]]:
    # 1.9 times the highest load for 4 h, and for half an hour of it 2.2 times
    readings = with_(day_of_work(), "8:00", [2090.0, 2100.0] * 3 + [2420.0, 2410.0] + [2090.0, 2100.0] * 4)
    return world(registry(LOOSE, baselines=[learned()]), readings, at("24:00")), [
        Slot(at("9:45"), Verdict.VIOLATING),
        Count(Rule.BAD_DATA, 0),
    ]


@case(26)
def hours_of_one_high_load_are_a_load() -> tuple[World, list[Expectation]]:
    # 3 h before work begins to 15:00, above the highest load and far above the profile, all but flat
    readings = with_(day_of_work(), "4:00", [1120.0, 1125.0] * 6 + [1150.0, 1145.0] * 16)
    shallow = (300.0,) * 28 + (460.0,) * 48 + (300.0,) * 20
    of = registry(LOOSE, baselines=[learned(profile_kw=shallow)])
    return world(of, readings, at("24:00")), [Slot(at("12:00"), Verdict.COMPLIANT), Count(Rule.BAD_DATA, 0)]


@case(26)
def nothing_is_set_aside_where_nothing_was_learned() -> tuple[World, list[Expectation]]:
    by_hand = learned(floor_kw=None)
    readings = with_(with_(day_of_work(0, 0.1), "10:00", [4000.0] * 4), "14:00", [604.0] * 13)
    return world(registry(LOOSE, baselines=[by_hand]), readings, at("24:00")), [
        Slot(at("10:15"), Verdict.VIOLATING, load=4000.0),
        Count(Rule.BAD_DATA, 0),
    ]


@case(26)
def the_office_sets_how_long_a_dropout_may_be() -> tuple[World, list[Expectation]]:
    shorter = Threshold(Rule.BAD_DATA, "dropout_min", 30.0, "office", "P")
    readings = with_(with_(day_of_work(), "1:00", [8.0] * 2), "3:00", [8.0] * 3)
    return world(registry(stop(), baselines=[learned()], thresholds=(shorter,)), readings, at("5:00")), [
        Slot(at("1:30"), Verdict.UNKNOWN, has=Reason.SUSPECT_DROPOUT),
        Slot(at("3:15"), Verdict.COMPLIANT, load=8.0),
    ]


@case(26)
def hourly_energies_are_equal_by_nature() -> tuple[World, list[Expectation]]:
    # each tells of four slots, and the same hour after hour is no stuck meter here
    readings = [reading(at(f"{h + 1}:00"), 604.0, period_s=3600) for h in range(24)]
    return world(registry(TIGHT, baselines=[learned()]), readings, at("24:00")), [
        Count(Rule.BAD_DATA, 0),
        Day(on(0), Verdict.VIOLATING),
    ]
