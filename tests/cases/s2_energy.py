"""SEMANTICS §2.6 to §2.10, §2.12: winners, kinds, tilings, registers, scopes, capacity."""

from detectors.registry import Meter, Multiplier, Plant
from detectors.vocab import Kind, Quality, Reason, Role, Rule, Scale, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, Slot, case
from tests.cases.worlds import at, baseline, cap, flat, limit, on, reading, registry, stop, world
from tests.oracles.rows import Reading, World

END = at("0:15")


def _winner(*candidates: Reading) -> World:
    """All candidates share the key (m, power_inst, 00:15)."""
    return world(registry(stop()), candidates, END)


@case(6)
def higher_revision_wins_whatever_came_later() -> tuple[World, list[Expectation]]:
    later = reading(END, 30, coll_ms=(END + 999) * 1000)
    return _winner(later, reading(END, 40, rev=1)), [Slot(END, load=40.0)]


@case(6)
def measured_beats_a_later_estimate() -> tuple[World, list[Expectation]]:
    later = reading(END, 30, q=Quality.S, coll_ms=(END + 999) * 1000)
    return _winner(later, reading(END, 40)), [Slot(END, load=40.0), Count(Rule.BAD_DATA, 0)]


@case(6)
def later_collection_wins_within_a_class() -> tuple[World, list[Expectation]]:
    # a later R beats an earlier M: coll comes before quality
    return _winner(reading(END, 40), reading(END, 30, q=Quality.R, coll_ms=(END + 9) * 1000)), [Slot(END, load=30.0)]


@case(6)
def quality_then_the_larger_value() -> tuple[World, list[Expectation]]:
    # same coll: M before H; of the two M the larger
    return _winner(reading(END, 60, q=Quality.H), reading(END, 40), reading(END, 50)), [Slot(END, load=50.0)]


@case(6)
def larger_in_primary_units() -> tuple[World, list[Expectation]]:
    # 0.5 secondary x 100 = 50 kW is larger than 40 kW primary
    of = registry(stop(), multipliers=(Multiplier("m", 0, at("0:00", 9), 100.0),))
    both = [reading(END, 40), reading(END, 0.5, scale=Scale.SECONDARY)]
    return world(of, both, END), [Slot(END, load=50.0)]


@case(6)
def winner_that_turns_evidence_into_none() -> tuple[World, list[Expectation]]:
    # revision 1 is an estimate: the slot ending 00:15 has no evidence any more, 00:30 is good again and closes
    readings = [reading(END, 40), reading(END, 30, rev=1, q=Quality.S), *flat(END, at("1:00"), 20)]
    return world(registry(stop()), readings, at("1:00")), [
        Slot(END, Verdict.UNKNOWN, has=Reason.NOT_EVIDENCE, load=None, coverage=0.0),
        Alert(Rule.BAD_DATA, END, order=None, opened=END, last=END, closed=at("0:30"), grade=1),
    ]


@case(6)
def secondary_value_without_a_multiplier() -> tuple[World, list[Expectation]]:
    return _winner(reading(END, 0.4, scale=Scale.SECONDARY)), [
        Slot(END, Verdict.UNKNOWN, has=Reason.NO_MULTIPLIER, load=None, coverage=0.0)
    ]


@case(7)
def first_kind_with_evidence() -> tuple[World, list[Expectation]]:
    # energy_int 25 kWh = 100 kW goes before power_avg 200 before power_inst 300; in the second slot power_avg is first
    readings = [
        reading(END, 25, kind=Kind.ENERGY_INT),
        *flat(at("0:00"), at("0:30"), 200, kind=Kind.POWER_AVG),
        *flat(at("0:00"), at("0:45"), 300),
    ]
    return world(registry(cap(900)), readings, at("0:45")), [
        Slot(END, load=100.0),
        Slot(at("0:30"), load=200.0),
        Slot(at("0:45"), load=300.0),
    ]


@case(7)
def five_minute_samples_tile_a_slot() -> tuple[World, list[Expectation]]:
    # 100, 200, 600 kW x 5 min = 75 kWh = 300 kW; the second slot lacks its middle sample: 2 x 5 min of 500 kW are at
    # least 333.3 kW, over the cap of 300; the third is not over and unknown
    first = [reading(at("0:05"), 100), reading(at("0:10"), 200), reading(at("0:15"), 600)]
    second = [reading(at("0:20"), 500), reading(at("0:30"), 500)]
    third = [reading(at("0:35"), 100), reading(at("0:45"), 100)]
    readings = [Reading(r.meter_id, r.kind, r.ts, r.value, period_s=300) for r in first + second + third]
    return world(registry(cap(300)), readings, at("0:45")), [
        Slot(END, Verdict.COMPLIANT, load=300.0, coverage=1.0),
        Slot(at("0:30"), Verdict.VIOLATING, load=333.332, coverage=0.0),
        Slot(at("0:45"), Verdict.UNKNOWN, load=None, coverage=0.0),
    ]


def _register(step_kwh: float, *points: tuple[int, float]) -> tuple[Meter, list[Reading]]:
    """A register meter with one step of ``step_kwh``, and its readings."""
    meter = Meter("m", "P", kind=Kind.ENERGY_REG, resolution_kwh=step_kwh)
    return meter, [reading(ts, value, kind=Kind.ENERGY_REG) for ts, value in points]


@case(7)
def register_that_is_too_coarse_leaves_the_slot_to_power() -> tuple[World, list[Expectation]]:
    # stop cap 70: a step of 10 kWh is u = 40 kW at 15 min, 2u = 80 is not below 70: power_inst speaks.
    # a step of 5 kWh would have spoken (2u = 40)
    meter, points = _register(10.0, (at("0:00"), 0), (END, 10))
    return world(registry(stop(), meters=[meter]), [*points, *flat(at("0:00"), END, 30)], END), [
        Slot(END, Verdict.COMPLIANT, load=30.0)
    ]


@case(7)
def register_that_is_fine_enough_goes_before_power_inst() -> tuple[World, list[Expectation]]:
    meter, points = _register(5.0, (at("0:00"), 0), (END, 15))
    return world(registry(stop(), meters=[meter]), [*points, *flat(at("0:00"), END, 30)], END), [
        Slot(END, Verdict.COMPLIANT, load=60.0)
    ]


@case(8)
def coarse_register_is_judged_by_spans_from_midnight() -> tuple[World, list[Expectation]]:
    # cap 70, step 10 kWh: 2u is 80 kW at one slot and 40 kW at two: spans of two slots from midnight.
    # 0, 0 then 30, 10 kWh: the slots ending 00:45 and 01:00 take the mean 40 kWh / 0.5 h = 80 kW, over 70
    meter, points = _register(
        10.0, (at("0:00"), 0), (at("0:15"), 0), (at("0:30"), 10), (at("0:45"), 40), (at("1:00"), 50), (at("1:15"), 60)
    )
    return world(registry(stop(), meters=[meter]), points, at("1:15")), [
        Slot(at("0:15"), Verdict.COMPLIANT, load=20.0),
        Slot(at("0:45"), Verdict.VIOLATING, load=80.0),
        Slot(at("1:00"), Verdict.VIOLATING, load=80.0),
        # the span 01:00 to 01:30 is not complete: its first slot is not judged by another one
        Slot(at("1:15"), Verdict.UNKNOWN, load=None, has=Reason.RESOLUTION),
    ]


@case(8)
def interval_longer_than_a_slot() -> tuple[World, list[Expectation]]:
    # one hour of 400 kWh: each of its four slots takes 400 kW
    readings = [reading(at("1:00"), 400, kind=Kind.ENERGY_INT, period_s=3600)]
    return world(registry(stop()), readings, at("1:00")), [
        Slot(at("0:15"), Verdict.VIOLATING, load=400.0, coverage=1.0),
        Slot(at("1:00"), Verdict.VIOLATING, load=400.0, coverage=1.0),
    ]


@case(8)
def longer_interval_that_no_span_holds() -> tuple[World, list[Expectation]]:
    # the hour from 00:30 to 01:30 lies across the spans of four slots from midnight: no evidence, so missing (§1.4)
    readings = [reading(at("1:30"), 400, kind=Kind.ENERGY_INT, period_s=3600)]
    return world(registry(stop()), readings, at("2:00")), [
        Slot(at("0:45"), Verdict.UNKNOWN, load=None, coverage=0.0, has=Reason.MISSING),
    ]


@case(8)
def no_span_of_the_day_suffices() -> tuple[World, list[Expectation]]:
    # a step of 1000 kWh is 2u = 83 kW even over 24 h, the threshold is 70
    points = [(at("0:00") + i * 900, 5.0 * i) for i in range(97)]
    meter, readings = _register(1000.0, *points)
    # from 06:00 on: what lies more than 6 h before an order is nothing to `offline`
    return world(registry(stop(start=at("6:00")), meters=[meter]), readings, at("0:04", 1)), [
        Slot(at("12:00"), Verdict.UNKNOWN, has=Reason.RESOLUTION, load=None, coverage=0.0),
        Count(Rule.OFFLINE, 0),  # the meter is not silent
    ]


@case(8)
def register_proves_the_day() -> tuple[World, list[Expectation]]:
    # the curve says 20 kW x 24 h = 480 kWh, the daily register 1000 kWh less 2 x 10: day energy 980
    meter, points = _register(10.0, (at("0:00"), 0), (at("24:00"), 1000))
    return world(registry(stop(), meters=[meter]), [*points, *flat(at("0:00"), at("24:00"), 20)], at("24:00")), [
        Day(on(0), energy=980.0),
        Slot(at("12:00"), Verdict.COMPLIANT, load=20.0),
    ]


@case(9)
def default_scope_is_supply_and_generation_less_reverse() -> tuple[World, list[Expectation]]:
    # 100 + 50 - 30 = 120; the check meter's 999 is not counted
    roles = {"m": Role.SUPPLY, "g": Role.GENERATION, "r": Role.REVERSE, "c": Role.CHECK}
    of = registry(cap(500), meters=[Meter(name, "P", role=role) for name, role in roles.items()])
    readings = [reading(END, kw, name) for name, kw in (("m", 100), ("g", 50), ("r", 30), ("c", 999))]
    return world(of, readings, END), [Slot(END, Verdict.COMPLIANT, load=120.0, coverage=1.0)]


TWO = [Meter("m", "P"), Meter("n", "P")]


@case(10)
def half_the_meters_are_a_lower_bound() -> tuple[World, list[Expectation]]:
    # n is silent: 100 kW of m is over 70: violating; 50 kW is not: unknown, and 12.5 kWh enter the day's energy
    readings = flat(at("0:00"), END, 100) + flat(END, at("0:30"), 50)
    return world(registry(stop(), meters=TWO), readings, at("1:00")), [
        Slot(END, Verdict.VIOLATING, load=100.0, coverage=0.5, has=Reason.INCOMPLETE),
        Slot(at("0:30"), Verdict.UNKNOWN, load=None, coverage=0.5, has=Reason.INCOMPLETE),
        Day(on(0), energy=37.5, coverage=0.25),
    ]


@case(10)
def no_lower_bound_with_a_minus_sign() -> tuple[World, list[Expectation]]:
    # the reverse meter is silent: 100 kW of supply bounds nothing
    of = registry(stop(), meters=[Meter("m", "P"), Meter("r", "P", role=Role.REVERSE)])
    return world(of, flat(at("0:00"), END, 100), END), [
        Slot(END, Verdict.UNKNOWN, load=None, coverage=0.5),
        Day(on(0), energy=None),
    ]


@case(10)
def no_lower_bound_with_a_negative_value() -> tuple[World, list[Expectation]]:
    # the plant has a generation meter, so -10 kW may be true, and the sum of 190 kW bounds nothing
    meters = [*TWO, Meter("g", "P", role=Role.GENERATION)]
    of = registry(stop(), meters=meters)
    return world(of, [reading(END, 200), reading(END, -10, "n")], END), [
        Slot(END, Verdict.UNKNOWN, load=None, coverage=2 / 3)
    ]


@case(10)
def no_valid_meter() -> tuple[World, list[Expectation]]:
    # m is valid until 00:15
    of = registry(stop(), meters=[Meter("m", "P", valid_to=END)])
    return world(of, flat(at("0:00"), at("0:30"), 20), at("0:30")), [
        Slot(END, Verdict.COMPLIANT, coverage=1.0),
        Slot(at("0:30"), Verdict.UNKNOWN, has=Reason.NO_METER, coverage=0.0, load=None),
    ]


@case(12)
def value_above_capacity_is_set_aside() -> tuple[World, list[Expectation]]:
    # contract 1000 kW: 1500 is taken, 1501 is not evidence and raises bad_data; the next slot closes it
    of = registry(limit(), plants=[Plant("P", "P", "county", contract_kw=1000.0)])
    readings = flat(at("0:00"), END, 1500) + flat(END, at("0:30"), 1501) + flat(at("0:30"), at("0:45"), 20)
    return world(of, readings, at("0:45")), [
        Slot(END, Verdict.VIOLATING, load=1500.0),
        Slot(at("0:30"), Verdict.UNKNOWN, has=Reason.OVER_CAPACITY, load=None, coverage=0.0),
        Alert(Rule.BAD_DATA, at("0:30"), last=at("0:30"), closed=at("0:45"), peak=None),
    ]


@case(12)
def capacity_is_asked_in_primary_units() -> tuple[World, list[Expectation]]:
    # 16 x 100 = 1600 kW is above 1.5 x 1000 of the meter's own contract; without a multiplier nothing is said of it
    of = registry(
        limit(),
        meters=[Meter("m", "P", contract_kw=1000.0)],
        baselines=[baseline()],
        multipliers=(Multiplier("m", 0, at("0:20"), 100.0),),
    )
    readings = flat(at("0:00"), at("0:30"), 16, scale=Scale.SECONDARY)
    return world(of, readings, at("0:30")), [
        Slot(END, has=Reason.OVER_CAPACITY),
        Slot(at("0:30"), has=Reason.NO_MULTIPLIER),
        Alert(Rule.BAD_DATA, END, last=END, closed=None),
    ]


@case(12)
def negative_value_is_suspect_without_a_reverse_channel() -> tuple[World, list[Expectation]]:
    return world(registry(stop()), [reading(END, -5)], END), [
        Slot(END, Verdict.UNKNOWN, has=Reason.NOT_EVIDENCE, coverage=0.0)
    ]
