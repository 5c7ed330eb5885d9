"""SEMANTICS §5.27: the day rules."""

from detectors.vocab import CloseReason, Condition, Rule, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, case
from tests.cases.worlds import at, cap, energy_limit, flat, limit, loads, on, registry, stop, world
from tests.oracles.rows import World


@case(27)
def limit_day_at_the_slot_that_crosses() -> tuple[World, list[Expectation]]:
    # 11200 x 1.03 = 11536 kWh: 1000 kW cross it with the slot ending 11:45 (11750). Day energy 11750 + 12.25 h x 20;
    # what comes later takes nothing back, midnight closes it
    readings = flat(at("0:00"), at("11:45"), 1000) + flat(at("11:45"), at("24:00"), 20)
    return world(registry(energy_limit()), readings, at("24:00")), [
        Alert(
            Rule.LIMIT_DAY,
            at("11:45"),
            opened=at("11:45"),
            last=at("11:45"),
            closed=at("24:00"),
            reason=CloseReason.DAY_END,
            condition=Condition.CLOSED,
            grade=2,
            peak=1000.0,
            cap=700.0,
            energy_over=11750 + 245 - 11200.0,
        ),
        Count(Rule.LIMIT_DAY, 1),
        Day(on(0), Verdict.VIOLATING),
    ]


@case(27)
def limit_day_fires_until_midnight() -> tuple[World, list[Expectation]]:
    return world(registry(energy_limit()), flat(at("0:00"), at("20:00"), 1000), at("20:00")), [
        Alert(Rule.LIMIT_DAY, at("11:45"), last=at("20:00"), closed=None, condition=Condition.FIRING)
    ]


@case(27)
def limit_day_under_a_power_limit_too() -> tuple[World, list[Expectation]]:
    # 720 kW are within the tolerance of the slot cap of 700, and 720 x 16.25 h = 11700 > 11536; at 16:00 11520
    return world(registry(limit()), flat(at("0:00"), at("24:00"), 720), at("24:00")), [
        Count(Rule.LIMIT_SLOT, 0),
        Alert(Rule.LIMIT_DAY, at("16:15"), last=at("16:15")),
    ]


@case(27)
def closed_at_the_orders_end_if_that_is_earlier() -> tuple[World, list[Expectation]]:
    # ordered until 06:00: 0.7 x min(16000, 6000) = 4200, 4326 with tolerance; 1000 kW cross it at 04:30
    of = registry(energy_limit(valid_to=at("6:00")))
    return world(of, flat(at("0:00"), at("8:00"), 1000), at("8:00")), [
        Alert(Rule.LIMIT_DAY, at("4:30"), last=at("6:00"), closed=at("6:00"), reason=CloseReason.ORDER_END)
    ]


@case(27)
def one_alert_a_local_day_and_order() -> tuple[World, list[Expectation]]:
    return world(registry(energy_limit()), flat(at("0:00"), at("24:00", 1), 1000), at("24:00", 1)), [
        Alert(Rule.LIMIT_DAY, at("11:45")),
        Alert(Rule.LIMIT_DAY, at("11:45", 1)),
        Count(Rule.LIMIT_DAY, 2),
    ]


def _duty_cycle(kw: float, periods: int) -> list[float | None]:
    """One slot on, three off: 3 of 4 never holds."""
    on_off: list[float | None] = [kw, 20.0, 20.0, 20.0]
    return on_off * periods


@case(27)
def stop_day_against_the_whole_days_cap() -> tuple[World, list[Expectation]]:
    # 1.2 x 24 h x 70 = 2016 kWh. A period of 1000, 20, 20, 20 is 265 kWh: 7 periods 1855, the 8th 'on' slot makes
    # 2105 > 2016: the slot ending 07:15. It is not yet the 16th over slot
    return world(registry(stop()), loads(at("0:00"), _duty_cycle(1000, 10)), at("10:00")), [
        Count(Rule.STOP_RUN, 0),
        Alert(Rule.STOP_DAY, at("7:15"), opened=at("7:15"), last=at("9:15"), grade=2, energy_over=2650 - 1680.0),
        Count(Rule.HOURS_OVER, 0),
    ]


@case(27)
def no_stop_day_where_a_stop_run_is_open() -> tuple[World, list[Expectation]]:
    # 1000 kW cross 2016 kWh at 02:15 (2250) within an open stop_run: not that day, not even later
    readings = flat(at("0:00"), at("3:00"), 1000) + flat(at("3:00"), at("24:00"), 65)
    return world(registry(stop()), readings, at("24:00")), [
        Alert(Rule.STOP_RUN, at("0:15"), closed=at("3:30")),
        Count(Rule.STOP_DAY, 0),
    ]


@case(27)
def hours_over_at_the_16th_over_slot() -> tuple[World, list[Expectation]]:
    # 200 kW in every fourth slot: the 16th 'on' slot ends 15:15; 24 of them in the day, the last ends 23:15.
    # energy 24 x 50 + 72 x 5 = 1560 kWh against 1680
    return world(registry(stop()), loads(at("0:00"), _duty_cycle(200, 24)), at("24:00")), [
        Alert(Rule.HOURS_OVER, at("15:15"), opened=at("15:15"), last=at("23:15"), grade=2, energy_over=-120.0),
        Count(Rule.STOP_DAY, 0),
        Day(on(0), Verdict.VIOLATING, hours=6.0),
    ]


@case(27)
def hours_over_under_a_cap_and_a_power_limit_only() -> tuple[World, list[Expectation]]:
    # every other slot 100 kW over the cap of 700 resp. 300: 16 of them end 07:45
    half: list[float | None] = [800.0, 20.0, 20.0]
    of = registry(limit("L"), energy_limit("E"), cap(300, "C", start=at("0:00", 1)))
    day = half * 32
    return world(of, loads(at("0:00"), day + _duty_cycle(800, 24)), at("24:00", 1)), [
        Alert(Rule.HOURS_OVER, at("11:30"), order="L"),
        Alert(Rule.HOURS_OVER, at("15:15", 1), order="C"),
        Count(Rule.HOURS_OVER, 2),
    ]


@case(27)
def limit_pace_warns_before_the_cap_breaks() -> tuple[World, list[Expectation]]:
    # 80 % of 11200 is 8960: at 600 kW reached with the slot ending 15:00 (9000), but 9000 + 600 x 9 h = 14400 > 11536
    # fires at once, grade 1. limit_day follows at 19:15 (11550); the last pace slot ends 19:00
    return world(registry(energy_limit()), flat(at("0:00"), at("20:00"), 600), at("20:00")), [
        Alert(Rule.LIMIT_PACE, at("15:00"), opened=at("15:00"), last=at("19:00"), grade=1, closed=None),
        Alert(Rule.LIMIT_DAY, at("19:15"), grade=2),
        Count(Rule.LIMIT_PACE, 1),
    ]


@case(27)
def limit_pace_looks_at_the_last_hour() -> tuple[World, list[Expectation]]:
    # 1000 kW for 9 h = 9000 kWh (over 80 %), then 20 kW: the mean of the last hour is 755 kW at 09:15 (15 h of it
    # would break the cap), 510 and 265 later; at 10:00 it is 20 kW and would not
    readings = flat(at("0:00"), at("9:00"), 1000) + flat(at("9:00"), at("12:00"), 20)
    return world(registry(energy_limit()), readings, at("12:00")), [
        Alert(Rule.LIMIT_PACE, at("9:00"), last=at("9:45")),
        Count(Rule.LIMIT_DAY, 0),
    ]


@case(27)
def day_that_kept_its_pace_is_not_violating() -> tuple[World, list[Expectation]]:
    readings = flat(at("0:00"), at("9:00"), 1000) + flat(at("9:00"), at("24:00"), 20)
    return world(registry(energy_limit()), readings, at("24:00")), [
        Day(on(0), Verdict.COMPLIANT),
        Alert(Rule.LIMIT_PACE, at("9:00"), closed=at("24:00"), reason=CloseReason.DAY_END),
    ]
