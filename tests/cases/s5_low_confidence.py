"""DOMAIN §4 with SEMANTICS §5.27: what a fitted baseline of low confidence proves of a day's energy.

The baseline misses its left-out days by 40 %: a day cap of 11200 kWh is certainly broken above 11200 x 1.09 = 12208.
"""

from typing import Any

from detectors.registry import ALWAYS, FOREVER, Registry, Threshold
from detectors.vocab import Measure, Reason, Rule, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, Slot, case
from tests.cases.worlds import at, baseline, energy_limit, flat, limit, on, registry, world
from tests.oracles.rows import World


def _poor(measure: Measure = Measure.ENERGY, rrmse: float | None = 0.4, **tables: Any) -> Registry:
    order = energy_limit() if measure == Measure.ENERGY else limit()
    return registry(order, baselines=[baseline(rrmse=rrmse)], **tables)


@case(27)
def within_the_error_warns_the_plant_alone() -> tuple[World, list[Expectation]]:
    # 500 kW: 11625 > 11536 with the slot ending 23:15; 12000 in the end
    return world(_poor(), flat(at("0:00"), at("24:00"), 500), at("24:00")), [
        Alert(Rule.LIMIT_DAY, at("23:15"), last=at("23:15"), grade=1, energy_over=800.0),
        Count(Rule.LIMIT_DAY, 1),
        Slot(at("23:00"), Verdict.COMPLIANT, has=Reason.LOW_CONFIDENCE),
        Slot(at("23:15"), Verdict.UNKNOWN, has=Reason.LOW_CONFIDENCE),
        Slot(at("24:00"), Verdict.UNKNOWN, has=Reason.LOW_CONFIDENCE),
        Day(on(0), Verdict.UNKNOWN, hours=0.0),
    ]


@case(27)
def beyond_the_error_accuses() -> tuple[World, list[Expectation]]:
    # 1000 kW: 11750 at 11:45; 12250 > 12208 with the slot ending 12:15
    return world(_poor(), flat(at("0:00"), at("24:00"), 1000), at("24:00")), [
        Alert(Rule.LIMIT_DAY, at("11:45"), opened=at("11:45"), last=at("24:00"), grade=2),
        Count(Rule.LIMIT_DAY, 1),
        Slot(at("12:00"), Verdict.UNKNOWN, has=Reason.LOW_CONFIDENCE),
        Slot(at("12:15"), Verdict.VIOLATING, has=Reason.DAY_CAP_USED),
        Day(on(0), Verdict.VIOLATING, hours=12.0),
    ]


@case(27)
def so_far_it_may_be_the_error() -> tuple[World, list[Expectation]]:
    return world(_poor(), flat(at("0:00"), at("12:00"), 1000), at("12:00")), [
        Alert(Rule.LIMIT_DAY, at("11:45"), grade=1, closed=None)
    ]


@case(27)
def after_a_doubtful_break_a_plant_at_rest_leaves_the_day_unknown() -> tuple[World, list[Expectation]]:
    readings = flat(at("0:00"), at("11:45"), 1000) + flat(at("11:45"), at("24:00"), 20)
    return world(_poor(), readings, at("24:00")), [
        Alert(Rule.LIMIT_DAY, at("11:45"), last=at("11:45"), grade=1),
        Slot(at("12:00"), Verdict.COMPLIANT),
        Day(on(0), Verdict.UNKNOWN, hours=0.0),
    ]


@case(27)
def a_power_limits_day_has_the_same_error() -> tuple[World, list[Expectation]]:
    return world(_poor(Measure.POWER), flat(at("0:00"), at("24:00"), 720), at("24:00")), [
        Count(Rule.LIMIT_SLOT, 0),
        Alert(Rule.LIMIT_DAY, at("16:15"), grade=2),  # 720 x 24 h = 17280
    ]


@case(27)
def a_power_limits_day_within_the_error_is_unknown() -> tuple[World, list[Expectation]]:
    # 500 kW keep the slot cap of 700 all day: 12000 kWh
    return world(_poor(Measure.POWER), flat(at("0:00"), at("24:00"), 500), at("24:00")), [
        Alert(Rule.LIMIT_DAY, at("23:15"), grade=1),
        Slot(at("24:00"), Verdict.COMPLIANT),
        Day(on(0), Verdict.UNKNOWN, hours=0.0),
    ]


@case(27)
def a_good_fit_is_believed() -> tuple[World, list[Expectation]]:
    return world(_poor(rrmse=0.25), flat(at("0:00"), at("24:00"), 600), at("24:00")), [
        Alert(Rule.LIMIT_DAY, at("19:15"), last=at("24:00"), grade=2),
        Day(on(0), Verdict.VIOLATING, hours=5.0),
    ]


@case(27)
def an_office_may_ask_for_other_errors() -> tuple[World, list[Expectation]]:
    # a whole error: 11200 x 1.43 = 16016; 710 kW: 11537.5 at 16:15, 16152.5 with the slot ending 22:45
    whole = Threshold("baseline", "errors", 1, "office", None, ALWAYS, FOREVER)
    of = _poor(thresholds=(whole,))
    return world(of, flat(at("0:00"), at("24:00"), 710), at("24:00")), [
        Alert(Rule.LIMIT_DAY, at("16:15"), grade=2),
        Slot(at("22:30"), Verdict.UNKNOWN),
        Slot(at("22:45"), Verdict.VIOLATING),
        Day(on(0), Verdict.VIOLATING, hours=1.5),
    ]


@case(27)
def what_is_missing_may_hide_a_doubtful_break() -> tuple[World, list[Expectation]]:
    # 400 kW x 21 h = 8400; three silent hours at 1100 kW would make 11700, within the error
    return world(_poor(), flat(at("0:00"), at("21:00"), 400), at("24:00")), [
        Count(Rule.LIMIT_DAY, 0),
        Day(on(0), Verdict.UNKNOWN),
    ]
