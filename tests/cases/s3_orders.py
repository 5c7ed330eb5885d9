"""SEMANTICS §3.17 to §3.20: several orders, exemptions, grace, revisions."""

from detectors.registry import Exemption
from detectors.vocab import CloseReason, Rule, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, Slot, case
from tests.cases.worlds import at, baseline, cap, energy_limit, flat, limit, loads, on, registry, stop, world
from tests.oracles.rows import World

FIRST, SECOND, THIRD, FOURTH = at("0:15"), at("0:30"), at("0:45"), at("1:00")


def exemption(start: int, end: int, max_kw: float | None = None, order_id: str | None = None) -> Exemption:
    """Of scope P."""
    return Exemption("P", start, end, "heat", "office", order_id=order_id, max_kw=max_kw)


@case(17)
def lowest_power_cap_takes_the_slot() -> tuple[World, list[Expectation]]:
    # limit 700, cap 300 from 00:15 on, stop 70 from 00:30 on
    of = registry(limit("L"), cap(300, "C", start=FIRST), stop("S", start=SECOND))
    return world(of, flat(at("0:00"), THIRD, 500), THIRD), [
        Slot(FIRST, Verdict.COMPLIANT, order="L", cap=700.0),
        Slot(SECOND, Verdict.VIOLATING, order="C", cap=300.0),
        Slot(THIRD, Verdict.VIOLATING, order="S", cap=70.0),
    ]


@case(17)
def ties_by_control_then_order_id() -> tuple[World, list[Expectation]]:
    # all caps are 70: stop before cap, then the smaller order_id
    of = registry(cap(70, "A"), stop("Z", valid_to=FIRST), cap(70, "B"))
    return world(of, flat(at("0:00"), SECOND, 500), SECOND), [
        Slot(FIRST, order="Z"),
        Slot(SECOND, order="A"),
    ]


@case(17)
def slots_taken_by_another_order_never_count() -> tuple[World, list[Expectation]]:
    # the limit (700) is over in 6 of 8 slots, but the last of them is taken by the stop: 5 and no limit_slot
    of = registry(limit("L"), stop("S", start=at("1:15")))
    return world(of, flat(at("0:00"), at("1:30"), 800), at("1:30")), [Count(Rule.LIMIT_SLOT, 0)]


@case(17)
def energy_limit_is_tested_beside_a_power_cap() -> tuple[World, list[Expectation]]:
    # the cap of 900 takes every slot of day 0; 800 kW x 14.5 h = 11600 > 11200 x 1.03 = 11536 of the energy limit:
    # 14.25 h are 11400. The slots stay compliant, limit_day fires at the slot ending 14:30
    of = registry(cap(900, "C"), energy_limit("E"))
    return world(of, flat(at("0:00"), at("24:00"), 800), at("24:00")), [
        Slot(at("14:30"), Verdict.COMPLIANT, order="C"),
        Slot(at("20:00"), Verdict.COMPLIANT, order="C"),
        Alert(Rule.LIMIT_DAY, at("14:30"), order="E"),
        Day(on(0), Verdict.VIOLATING, order="C", hours=0.0),
    ]


@case(17)
def exemption_of_one_order_leaves_the_other() -> tuple[World, list[Expectation]]:
    of = registry(stop("S"), limit("L"), exemptions=(exemption(0, at("9:00"), order_id="S"),))
    return world(of, flat(at("0:00"), SECOND, 500), SECOND), [Slot(FIRST, Verdict.COMPLIANT, order="L", cap=700.0)]


@case(18)
def exempt_where_the_slots_start_lies_in_it() -> tuple[World, list[Expectation]]:
    # from 00:10 to 00:31: the slots starting 00:15 and 00:30
    of = registry(stop(), exemptions=(exemption(at("0:10"), at("0:31")),))
    return world(of, flat(at("0:00"), FOURTH, 500), FOURTH), [
        Slot(FIRST, Verdict.VIOLATING),
        Slot(SECOND, Verdict.EXEMPT, order="O"),
        Slot(THIRD, Verdict.EXEMPT),
        Slot(FOURTH, Verdict.VIOLATING),
    ]


@case(18)
def highest_max_kw_and_empty_beats_any() -> tuple[World, list[Expectation]]:
    # 300 alone, then 300 and 600 together, then an empty one on top; a max_kw below the cap changes nothing
    of = registry(
        stop(),
        exemptions=(
            exemption(at("0:00"), THIRD, 300),
            exemption(FIRST, SECOND, 600),
            exemption(SECOND, THIRD),
            exemption(THIRD, FOURTH, 10),
        ),
    )
    return world(of, flat(at("0:00"), FOURTH, 500), FOURTH), [
        Slot(FIRST, Verdict.VIOLATING, cap=300.0),
        Slot(SECOND, Verdict.COMPLIANT, cap=600.0),
        Slot(THIRD, Verdict.EXEMPT),
        Slot(FOURTH, Verdict.VIOLATING, cap=70.0),
    ]


@case(18)
def exemption_raises_the_share_of_an_energy_limit() -> tuple[World, list[Expectation]]:
    # share of a slot 0.7 x 16000 / 96 = 116.67 kWh; four exempt slots are worth 1000 x 0.25 = 250 kWh each
    of = registry(energy_limit(), exemptions=(exemption(at("0:00"), FOURTH, 1000),))
    return world(of, flat(at("0:00"), at("24:00"), 100), at("24:00")), [
        Day(on(0), cap=0.7 * 16000 / 96 * 92 + 4 * 250),
        Slot(FIRST, cap=1000.0),
        Slot(at("1:15"), cap=700.0),
    ]


@case(18)
def unnamed_exemption_spares_no_order_with_a_level() -> tuple[World, list[Expectation]]:
    # the order of the episode (level) goes on, also where the exemption names no order
    of = registry(stop("O", level="red"), exemptions=(exemption(0, at("9:00")),))
    return world(of, flat(at("0:00"), FIRST, 500), FIRST), [Slot(FIRST, Verdict.VIOLATING)]


@case(18)
def named_exemption_spares_an_order_with_a_level() -> tuple[World, list[Expectation]]:
    of = registry(stop("O", level="red"), exemptions=(exemption(0, at("9:00"), order_id="O"),))
    return world(of, flat(at("0:00"), FIRST, 500), FIRST), [Slot(FIRST, Verdict.EXEMPT)]


@case(19)
def grace_of_a_stop_is_4_hours() -> tuple[World, list[Expectation]]:
    # from 00:07: slots starting before 04:07 are in grace, the slot ending 04:15 is the last of them
    of = registry(stop(start=at("0:07"), ramp_down_h=None))
    return world(of, flat(at("0:00"), at("5:00"), 500), at("5:00")), [
        Slot(FIRST, Verdict.NO_ORDER),
        Slot(SECOND, Verdict.GRACE, order="O"),
        Slot(at("4:15"), Verdict.GRACE),
        Slot(at("4:30"), Verdict.VIOLATING),
        Alert(Rule.STOP_RUN, at("4:30"), opened=at("5:00")),
    ]


@case(19)
def other_orders_have_no_grace_unless_told() -> tuple[World, list[Expectation]]:
    of = registry(limit("L", valid_to=FIRST), limit("M", start=SECOND, ramp_down_h=0.25))
    return world(of, flat(at("0:00"), FOURTH, 800), FOURTH), [
        Slot(FIRST, Verdict.VIOLATING, order="L"),
        Slot(THIRD, Verdict.GRACE, order="M"),
        Slot(FOURTH, Verdict.VIOLATING, order="M"),
    ]


@case(19)
def grace_not_again_for_a_days_window() -> tuple[World, list[Expectation]]:
    # daily 08:00 to 20:00 with 4 h of grace from midnight of day 0: none is left at 08:00
    of = registry(stop(ramp_down_h=None, daily_from_s=8 * 3600, daily_to_s=20 * 3600))
    return world(of, flat(at("0:00"), at("9:00"), 500), at("9:00")), [Slot(at("8:15"), Verdict.VIOLATING)]


@case(19)
def follow_on_order_whose_cap_is_no_lower() -> tuple[World, list[Expectation]]:
    # B follows A at once with the same cap of 70: no grace; C follows with a lower one (residual 0: 50): grace
    of = registry(
        stop("A", valid_to=FIRST),
        stop("B", start=FIRST, ramp_down_h=None, valid_to=SECOND),
        stop("C", start=SECOND, ramp_down_h=None, residual_kw=0.0),
    )
    return world(of, flat(at("0:00"), THIRD, 500), THIRD), [
        Slot(SECOND, Verdict.VIOLATING, order="B"),
        Slot(THIRD, Verdict.GRACE, order="C"),
    ]


@case(19)
def order_after_a_pause_has_grace_again() -> tuple[World, list[Expectation]]:
    # A ends 00:15, B begins 00:30
    of = registry(stop("A", valid_to=FIRST), stop("B", start=SECOND, ramp_down_h=None))
    return world(of, flat(at("0:00"), THIRD, 500), THIRD), [Slot(THIRD, Verdict.GRACE, order="B")]


@case(20)
def higher_revision_replaces_for_all_time() -> tuple[World, list[Expectation]]:
    # revision 2 begins at 01:00: what revision 1 said of the hour before is gone, and grace counts from 01:00
    of = registry(stop("O"), stop("O", start=at("1:00"), revision=2, ramp_down_h=0.5))
    return world(of, flat(at("0:00"), at("3:00"), 500), at("3:00")), [
        Slot(FIRST, Verdict.NO_ORDER),
        Slot(at("1:30"), Verdict.GRACE),
        Slot(at("1:45"), Verdict.VIOLATING),
        Alert(Rule.STOP_RUN, at("1:45"), revision=2),
        Count(Rule.STOP_RUN, 1),
    ]


@case(25)
def exemption_closes_and_the_reason_says_so() -> tuple[World, list[Expectation]]:
    # open since 00:45, exempt from 01:00: closed at 01:00, the start of the first exempt slot
    of = registry(stop(), exemptions=(exemption(at("1:00"), at("2:00")),))
    return world(of, flat(at("0:00"), at("3:00"), 500), at("3:00")), [
        Alert(Rule.STOP_RUN, FIRST, last=FOURTH, closed=at("1:00"), reason=CloseReason.EXEMPTION),
        # windows hold only later slots: the three over slots after the exemption make a new alert
        Alert(Rule.STOP_RUN, at("2:15"), opened=at("2:45"), closed=None),
    ]


@case(24)
def exempt_slots_take_a_place_and_never_count() -> tuple[World, list[Expectation]]:
    # over, exempt, exempt, over, over: no 3 of 4, because the exempt ones take two places
    of = registry(stop(valid_to=at("1:15")), exemptions=(exemption(FIRST, THIRD),))
    return world(of, loads(at("0:00"), [500] * 5), at("2:00")), [Count(Rule.STOP_RUN, 0)]


@case(14)
def exemption_with_a_cap_over_an_unknown_idle() -> tuple[World, list[Expectation]]:
    # nothing known of idle, but 300 kW are approved: 290 is compliant, 310 cannot be told, 501 is over
    of = registry(stop(), baselines=[baseline(idle_kw=None)], exemptions=(exemption(0, at("9:00"), 300),))
    return world(of, loads(at("0:00"), [290, 310, 501]), THIRD), [
        Slot(FIRST, Verdict.COMPLIANT, cap=300.0),
        Slot(SECOND, Verdict.UNKNOWN),
        Slot(THIRD, Verdict.VIOLATING),
    ]
