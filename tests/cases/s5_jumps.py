"""docs/rules/step_up.md and docs/rules/over_capacity.md: a machine is switched on; more is drawn than ever before.

R = 1000 kW: a jump is more than 300 kW, and gone at or under 150 kW above the load before it. The maximum, where one is
given, is 1200 kW: 1320 kW are too much.
"""

from collections.abc import Sequence

from detectors.registry import Exemption, Threshold
from detectors.vocab import CloseReason, Rule, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, case
from tests.cases.worlds import at, baseline, cap, energy_limit, flat, limit, loads, on, registry, stop, world
from tests.oracles.rows import World

LOW = 20.0


def stepped(*kws: float | None) -> tuple[World, list[Expectation]]:
    return world(registry(stop()), loads(at("0:00"), kws), at("0:00") + 900 * len(kws)), []


@case(24)
def a_jump_of_30_percent_that_holds_an_hour() -> tuple[World, list[Expectation]]:
    of, _ = stepped(LOW, LOW, 321.0, 330.0, 500.0, 321.0, 170.0, 171.0, 170.0, 170.0, LOW)
    return of, [
        Alert(
            Rule.STEP_UP,
            at("0:45"),
            opened=at("1:30"),
            last=at("1:30"),
            closed=at("2:30"),
            reason=CloseReason.STEPPED_DOWN,
            grade=1,
            peak=500.0,
            cap=70.0,
            energy_over=0.25 * (251 + 260 + 430 + 251),
        ),
        Count(Rule.STEP_UP, 1),
    ]


@case(24)
def exactly_30_percent_are_no_jump() -> tuple[World, list[Expectation]]:
    return stepped(LOW, 320.0, 400.0, 400.0, 400.0, 400.0)[0], [Count(Rule.STEP_UP, 0)]


@case(24)
def three_quarter_hours_are_no_jump() -> tuple[World, list[Expectation]]:
    return stepped(LOW, 400.0, 400.0, 400.0, LOW, 400.0)[0], [Count(Rule.STEP_UP, 0)]


@case(24)
def a_ramp_of_small_steps_is_no_jump() -> tuple[World, list[Expectation]]:
    return stepped(*(LOW + 150.0 * i for i in range(7)))[0], [Count(Rule.STEP_UP, 0)]


@case(26)
def a_jump_behind_a_gap_is_not_seen() -> tuple[World, list[Expectation]]:
    return stepped(LOW, None, 400.0, 400.0, 400.0, 400.0, 400.0)[0], [Count(Rule.STEP_UP, 0)]


@case(26)
def a_gap_neither_extends_nor_closes_a_step() -> tuple[World, list[Expectation]]:
    of, _ = stepped(LOW, 400.0, 400.0, 400.0, 400.0, LOW, None, LOW, 330.0, None)
    return of, [Alert(Rule.STEP_UP, at("0:30"), opened=at("1:15"), last=at("2:15"), closed=None)]


@case(25)
def a_step_after_a_close_is_another_one() -> tuple[World, list[Expectation]]:
    up: list[float | None] = [400.0] * 4
    of, _ = stepped(LOW, *up, LOW, LOW, *up)
    return of, [
        Alert(Rule.STEP_UP, at("0:30"), closed=at("1:45")),
        Alert(Rule.STEP_UP, at("2:00"), opened=at("2:45"), closed=None),
        Count(Rule.STEP_UP, 2),
    ]


@case(25)
def a_step_lies_wholly_behind_the_close_before_it() -> tuple[World, list[Expectation]]:
    # from 620 kW to 970, back at 770; the fall to 360 kW before that close is no beginning of another jump
    of, _ = stepped(620.0, 970.0, 970.0, 970.0, 970.0, 360.0, 770.0, 770.0, 700.0, 700.0)
    return of, [Alert(Rule.STEP_UP, at("0:30"), closed=at("1:45")), Count(Rule.STEP_UP, 1)]


@case(24)
def a_step_runs_over_midnight() -> tuple[World, list[Expectation]]:
    readings = flat(at("0:00"), at("23:30"), LOW) + flat(at("23:30"), at("1:00", 1), 400)
    readings += flat(at("1:00", 1), at("2:00", 1), LOW)
    return world(registry(stop()), readings, at("2:00", 1)), [
        Alert(Rule.STEP_UP, at("23:45"), opened=at("0:30", 1), last=at("1:00", 1), closed=at("1:30", 1)),
        Count(Rule.STEP_UP, 1),
    ]


@case(24)
def the_slot_before_may_be_in_grace() -> tuple[World, list[Expectation]]:
    # grace until 01:00; a jump within it is none, one behind it is
    of = registry(stop(ramp_down_h=1))
    early: list[float | None] = [LOW, 400.0, 400.0, 400.0, 400.0, 400.0]
    late: list[float | None] = [LOW, LOW, LOW, LOW, 400.0, 400.0, 400.0, 400.0]
    return world(of, loads(at("0:00"), early) + loads(at("1:30"), late), at("3:30")), [
        Alert(Rule.STEP_UP, at("2:45"), opened=at("3:30")),
        Count(Rule.STEP_UP, 1),
    ]


@case(25)
def a_step_ends_with_the_window_and_with_the_order() -> tuple[World, list[Expectation]]:
    of = registry(stop(daily_from_s=0, daily_to_s=2 * 3600, valid_to=at("1:30", 1)))
    day = flat(at("0:00"), at("0:30"), LOW) + flat(at("0:30"), at("24:00"), 400)
    tomorrow = flat(at("0:00", 1), at("0:15", 1), LOW) + flat(at("0:15", 1), at("3:00", 1), 400)
    return world(of, day + tomorrow, at("3:00", 1)), [
        Alert(Rule.STEP_UP, at("0:45"), closed=at("2:00"), reason=CloseReason.WINDOW_END),
        Alert(Rule.STEP_UP, at("0:30", 1), closed=at("1:30", 1), reason=CloseReason.ORDER_END),
        Count(Rule.STEP_UP, 2),
    ]


@case(25)
def a_step_ends_where_an_exemption_begins() -> tuple[World, list[Expectation]]:
    spared = Exemption("P", at("2:00"), at("3:00"), "heat", "office")
    of = registry(stop(), exemptions=(spared,))
    readings = flat(at("0:00"), at("0:30"), LOW) + flat(at("0:30"), at("4:00"), 400)
    return world(of, readings, at("4:00")), [
        Alert(Rule.STEP_UP, at("0:45"), last=at("2:00"), closed=at("2:00"), reason=CloseReason.EXEMPTION),
        Count(Rule.STEP_UP, 1),
    ]


@case(24)
def a_working_morning_under_a_limit_is_no_step() -> tuple[World, list[Expectation]]:
    # the cap is 700, 735 with its tolerance
    readings = flat(at("0:00"), at("8:00"), LOW) + flat(at("8:00"), at("12:00"), 700)
    return world(registry(limit()), readings, at("12:00")), [Count(Rule.STEP_UP, 0)]


@case(24)
def from_under_a_power_cap_to_over_it() -> tuple[World, list[Expectation]]:
    of = registry(cap(300, "C", valid_to=at("4:00")), limit("L", start=at("4:00")))
    told: list[float | None] = [250.0, *[600.0] * 4, *[LOW] * 11, 690.0, *[1000.0] * 4]
    return world(of, loads(at("0:00"), told), at("5:15")), [
        Alert(Rule.STEP_UP, at("0:30"), order="C", opened=at("1:15"), grade=1),
        Alert(Rule.STEP_UP, at("4:30"), order="L", opened=at("5:15")),
        Count(Rule.STEP_UP, 2),
    ]


@case(24)
def who_was_over_the_cap_before_did_not_step_over_it() -> tuple[World, list[Expectation]]:
    told: list[float | None] = [310.0, *[700.0] * 5]
    return world(registry(cap(300)), loads(at("0:00"), told), at("1:30")), [Count(Rule.STEP_UP, 0)]


@case(24)
def an_energy_limit_has_no_steps() -> tuple[World, list[Expectation]]:
    told: list[float | None] = [LOW, *[1100.0] * 6]
    return world(registry(energy_limit()), loads(at("0:00"), told), at("1:45")), [Count(Rule.STEP_UP, 0)]


@case(24)
def no_baseline_no_step() -> tuple[World, list[Expectation]]:
    told: list[float | None] = [LOW, *[1100.0] * 6]
    of = registry(stop(residual_kw=20.0), baselines=[])
    return world(of, loads(at("0:00"), told), at("1:45")), [Count(Rule.STEP_UP, 0)]


@case(24)
def what_is_approved_under_a_stop_may_be_switched_on() -> tuple[World, list[Expectation]]:
    # from 20 kW to 400 under a residual load of 350 (cap 400), to 401 under an exemption up to 400
    told = flat(at("0:00"), at("1:00"), LOW) + flat(at("1:00"), at("3:00"), 400) + flat(at("3:00"), at("24:00"), LOW)
    told += flat(at("0:00", 1), at("2:00", 1), 400) + flat(at("2:00", 1), at("3:00", 1), LOW)
    told += flat(at("3:00", 1), at("4:00", 1), 401)
    spared = Exemption("P", at("0:00", 1), at("24:00", 1), "heat", "office", max_kw=400.0)
    of = registry(stop("O1", residual_kw=350.0, valid_to=at("24:00")), stop("O2", at("0:00", 1)), exemptions=(spared,))
    return world(of, told, at("4:00", 1)), [
        Alert(Rule.STEP_UP, at("3:15", 1), order="O2", opened=at("4:00", 1)),
        Count(Rule.STEP_UP, 1),
        Day(on(0), Verdict.COMPLIANT),
    ]


@case(23)
def a_step_leaves_the_day_alone() -> tuple[World, list[Expectation]]:
    # four slots over the limit of 735 kW, where limit_slot wants six
    told = flat(at("0:00"), at("1:00"), 400) + flat(at("1:00"), at("2:00"), 800) + flat(at("2:00"), at("24:00"), 400)
    return world(registry(limit()), told, at("24:00")), [
        Alert(Rule.STEP_UP, at("1:15"), opened=at("2:00"), closed=at("2:30"), grade=1),
        Count(Rule.LIMIT_SLOT, 0),
        Day(on(0), Verdict.COMPLIANT, hours=1.0),
    ]


@case(24)
def a_steps_numbers_are_data() -> tuple[World, list[Expectation]]:
    rows = (Threshold("step_up", "jump", 0.1, "test"), Threshold("step_up", "hold_min", 30, "test"))
    of = registry(stop(), thresholds=rows)
    return world(of, loads(at("0:00"), [LOW, 130.0, 130.0]), at("0:45")), [
        Alert(Rule.STEP_UP, at("0:30"), opened=at("0:45"))
    ]


def free(kws: Sequence[float | None], max_kw: float | None = 1200.0) -> World:
    """A plant without an order."""
    of = registry(baselines=[baseline(max_kw=max_kw)])
    return world(of, loads(at("0:00"), kws), at("0:00") + 900 * len(kws))


@case(24)
def over_capacity_is_6_of_8() -> tuple[World, list[Expectation]]:
    return free([1400.0, 1000.0, 1400.0, 1400.0, None, 1400.0, 1400.0, 1400.0]), [
        Alert(
            Rule.OVER_CAPACITY,
            at("0:15"),
            order=None,
            opened=at("2:00"),
            last=at("2:00"),
            closed=None,
            grade=1,
            peak=1400.0,
            cap=1320.0,
            energy_over=6 * 0.25 * 80,
            coverage=7 / 8,
        ),
        Count(Rule.OVER_CAPACITY, 1),
        Day(on(0), Verdict.NO_ORDER),
    ]


@case(24)
def a_tenth_above_the_maximum_is_allowed() -> tuple[World, list[Expectation]]:
    return free([1320.0] * 12), [Count(Rule.OVER_CAPACITY, 0)]


@case(24)
def what_stands_for_a_missing_maximum_accuses_nobody() -> tuple[World, list[Expectation]]:
    return free([2000.0] * 12, max_kw=None), [Count(Rule.OVER_CAPACITY, 0)]


@case(25)
def over_capacity_closes_after_30_minutes_at_95_percent() -> tuple[World, list[Expectation]]:
    # 0.95 x 1320 = 1254
    return free([1400.0] * 6 + [1255.0, 1254.0, None, 1254.0, 1254.0, 1000.0]), [
        Alert(Rule.OVER_CAPACITY, at("0:15"), last=at("1:30"), closed=at("2:45"), reason=CloseReason.BELOW_CAP)
    ]


@case(25)
def over_capacity_closes_after_m_slots_that_are_not_above() -> tuple[World, list[Expectation]]:
    return free([1400.0] * 6 + [1300.0] * 9), [
        Alert(Rule.OVER_CAPACITY, at("0:15"), last=at("1:30"), closed=at("3:30"), reason=CloseReason.COMPLIANT)
    ]


@case(25)
def an_order_ends_it() -> tuple[World, list[Expectation]]:
    # the order begins within the slot that ends 02:15: this slot is ordered in part, and not free
    of = registry(stop(start=at("2:07")), baselines=[baseline(max_kw=1200.0)])
    return world(of, flat(at("0:00"), at("4:00"), 1400), at("4:00")), [
        Alert(Rule.OVER_CAPACITY, at("0:15"), last=at("2:00"), closed=at("2:00"), reason=CloseReason.ORDER_BEGIN),
        Count(Rule.OVER_CAPACITY, 1),
    ]


@case(24)
def over_capacity_runs_over_midnight() -> tuple[World, list[Expectation]]:
    of = registry(baselines=[baseline(max_kw=1200.0)])
    readings = flat(at("0:00"), at("23:00"), 900) + flat(at("23:00"), at("2:00", 1), 1400)
    readings += flat(at("2:00", 1), at("4:00", 1), 900)
    return world(of, readings, at("4:00", 1)), [
        Alert(Rule.OVER_CAPACITY, at("23:15"), opened=at("0:30", 1), last=at("2:00", 1), closed=at("2:30", 1)),
        Count(Rule.OVER_CAPACITY, 1),
    ]


@case(24)
def the_factor_is_data() -> tuple[World, list[Expectation]]:
    rows = (Threshold("over_capacity", "factor", 1.5, "test", scope_id="P"),)
    of = registry(baselines=[baseline(max_kw=1200.0)], thresholds=rows)
    readings = flat(at("0:00"), at("3:00"), 1790) + flat(at("3:00"), at("6:00"), 1810)
    return world(of, readings, at("6:00")), [
        Alert(Rule.OVER_CAPACITY, at("3:15"), opened=at("4:30")),
        Count(Rule.OVER_CAPACITY, 1),
    ]
