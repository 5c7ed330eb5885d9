"""What meters outside the scope's own sum tell (DOMAIN §5): `shift` and `treatment_off`.

P (16,000 kWh a day) and Q (8,000) have one uscc. A stopped P that idles at 20 kW uses 480 kWh and falls by 15,520; the
total stays within 10 % of 24,000 kWh where Q uses at least 21,120: 880 kW.
"""

from typing import Any

from detectors.registry import Baseline, Meter, Order, Plant, Registry, Scope, ScopeMeter
from detectors.vocab import CloseReason, Condition, Role, Rule, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, case
from tests.cases.worlds import DAY0, at, baseline, flat, limit, loads, on, registry, stop, world
from tests.oracles.rows import Reading, World

CODE = "91410100MA0000000X"
MIDNIGHT = at("24:00")


def siblings(*orders: Order, code: str | None = CODE, **tables: Any) -> Registry:
    """P and Q of one enterprise, each with its account."""
    told = {
        "plants": (Plant("P", "P", "county", uscc=CODE), Plant("Q", "Q", "county", uscc=code)),
        "meters": (Meter("m", "P"), Meter("q", "Q")),
        "baselines": [baseline(), baseline(scope_id="Q", day_kwh=8000.0)],
    }
    return registry(*orders, **{**told, **tables})


def a_day(kw_p: float, kw_q: float, day: int = 0) -> list[Reading]:
    """Both loads of a whole day."""
    return [*flat(at("0:00", day), at("24:00", day), kw_p), *flat(at("0:00", day), at("24:00", day), kw_q, "q")]


@case(27)
def what_a_stopped_plant_no_longer_makes_its_sibling_makes() -> tuple[World, list[Expectation]]:
    return world(siblings(stop()), a_day(20, 880), MIDNIGHT), [
        Alert(
            Rule.SHIFT,
            at("0:15"),
            order="O",
            scope="P",
            opened=MIDNIGHT,
            last=MIDNIGHT,
            closed=MIDNIGHT,
            reason=CloseReason.DAY_END,
            grade=2,
            peak=None,
            energy_over=None,
            coverage=1.0,
        ),
        Day(on(0), Verdict.COMPLIANT),
        Count(Rule.SHIFT, 1),
    ]


@case(27)
def a_sibling_that_makes_less_than_the_total_needs_is_no_shift() -> tuple[World, list[Expectation]]:
    return world(siblings(stop()), a_day(20, 879), MIDNIGHT), [Count(Rule.SHIFT, 0)]


@case(27)
def the_day_is_not_over_before_its_last_slot() -> tuple[World, list[Expectation]]:
    return world(siblings(stop()), a_day(20, 880), MIDNIGHT - 1), [Count(Rule.SHIFT, 0)]


@case(27)
def plants_of_two_enterprises_are_no_siblings() -> tuple[World, list[Expectation]]:
    return world(siblings(stop(), code="91410100MA00000018"), a_day(20, 880), MIDNIGHT), [Count(Rule.SHIFT, 0)]


@case(27)
def a_sibling_that_is_silent_for_a_quarter_of_an_hour_proves_nothing() -> tuple[World, list[Expectation]]:
    told = [r for r in a_day(20, 890) if (r.meter_id, r.ts) != ("q", at("12:00"))]
    return world(siblings(stop()), told, MIDNIGHT + 3600), [Count(Rule.SHIFT, 0)]


@case(27)
def only_a_day_that_the_order_judges_wholly_counts() -> tuple[World, list[Expectation]]:
    # Day 0 begins before the order; day 1 is its own, and the order ends with it.
    order = stop(start=at("0:15"), valid_to=at("24:00", 1))
    told = [*a_day(20, 880), *a_day(20, 880, 1)]
    return world(siblings(order), told, at("24:00", 1)), [
        Count(Rule.SHIFT, 1),
        Alert(Rule.SHIFT, at("0:15", 1), order="O", closed=at("24:00", 1), reason=CloseReason.ORDER_END),
    ]


@case(27)
def one_alert_a_day_whichever_orders_judge_it() -> tuple[World, list[Expectation]]:
    # the stop goes before the limit, whatever their names
    return world(siblings(limit("A"), stop("B")), a_day(20, 880), MIDNIGHT), [
        Count(Rule.SHIFT, 1),
        Alert(Rule.SHIFT, at("0:15"), order="B"),
    ]


@case(27)
def a_day_kwh_that_nobody_knows_proves_nothing() -> tuple[World, list[Expectation]]:
    of = siblings(stop(), baselines=[baseline(), baseline(scope_id="Q", day_kwh=None)])
    return world(of, a_day(20, 880), MIDNIGHT), [Count(Rule.SHIFT, 0)]


@case(27)
def a_baseline_that_misses_its_own_days_by_more_proves_nothing() -> tuple[World, list[Expectation]]:
    # Q rises by 13,120; 2 x 40 % of 16,000 and 2 x 40 % of 8,000 together are 14,311
    noisy = [baseline(rrmse=0.4), baseline(scope_id="Q", day_kwh=8000.0, rrmse=0.4)]
    return world(siblings(stop(), baselines=noisy), a_day(20, 880), MIDNIGHT), [Count(Rule.SHIFT, 0)]


def _of_lines(day_kwh: float) -> Registry:
    """One plant of 16,000 kWh a day; its line 1, under a stop, has a meter of its own and uses so much of it."""
    return registry(
        stop(scope_id="L1"),
        meters=(Meter("m", "P"), Meter("m1", "P", role=Role.LINE)),
        scopes=(Scope("L1", "P", "line 1", "line"),),
        scope_meters=(ScopeMeter("L1", "m1"),),
        baselines=[baseline(), Baseline("L1", "v1", 0, 500.0, idle_kw=10.0, day_kwh=day_kwh)],
    )


def _stopped_line(kw_of_plant: float) -> list[Reading]:
    return [*flat(DAY0, MIDNIGHT, 10.0, "m1"), *flat(DAY0, MIDNIGHT, kw_of_plant)]


@case(27)
def the_other_lines_of_a_plant_take_over() -> tuple[World, list[Expectation]]:
    # 240 instead of 6,000 kWh, and the plant 15,600 as ever: the others 15,360 instead of 10,000
    return world(_of_lines(6000.0), _stopped_line(650.0), MIDNIGHT), [
        Count(Rule.SHIFT, 1),
        Alert(Rule.SHIFT, at("0:15"), scope="L1", order="O"),
    ]


@case(27)
def a_line_that_stops_and_nobody_takes_over() -> tuple[World, list[Expectation]]:
    return world(_of_lines(6000.0), _stopped_line(427.0), MIDNIGHT), [Count(Rule.SHIFT, 0)]


@case(27)
def a_line_too_small_to_be_seen_in_the_total() -> tuple[World, list[Expectation]]:
    # it falls by 1,260 kWh, less than 10 % of 16,000: the plant may vary by that on any day
    return world(_of_lines(1500.0), _stopped_line(670.0), MIDNIGHT), [Count(Rule.SHIFT, 0)]


def treated(*more: Meter, **tables: Any) -> Registry:
    """A plant with a production meter of 1,000 kW rated and dust filters of 100."""
    pair = (
        Meter("p", "P", role=Role.PRODUCTION, contract_kw=1000.0),
        Meter("t", "P", role=Role.TREATMENT, contract_kw=100.0),
    )
    return registry(**{"meters": (Meter("m", "P"), *pair, *more), "baselines": [], **tables})


def pair_loads(*slots: tuple[float | None, float | None]) -> list[Reading]:
    """Loads of production and treatment, slot by slot."""
    return [*loads(DAY0, [s[0] for s in slots], "p"), *loads(DAY0, [s[1] for s in slots], "t")]


OFF, KEPT, RESTS = (200.0, 9.0), (200.0, 10.0), (196.0, 0.0)


@case(24)
def treatment_is_off_in_three_slots_of_four() -> tuple[World, list[Expectation]]:
    told = pair_loads(OFF, KEPT, OFF, OFF, KEPT, RESTS, OFF)
    return world(treated(), told, at("1:45")), [
        Alert(
            Rule.TREATMENT_OFF,
            at("0:15"),
            order=None,
            scope="P",
            opened=at("1:00"),
            last=at("1:00"),
            closed=at("1:30"),
            reason=CloseReason.CLEARED,
            grade=2,
            peak=None,
            coverage=1.0,
        ),
        Count(Rule.TREATMENT_OFF, 1),
        Day(on(0), Verdict.NO_ORDER),
    ]


@case(24)
def two_slots_of_four_are_not_enough() -> tuple[World, list[Expectation]]:
    return world(treated(), pair_loads(OFF, KEPT, OFF, RESTS, OFF, KEPT), at("1:30")), [Count(Rule.TREATMENT_OFF, 0)]


@case(26)
def silence_keeps_it_open_and_closes_nothing() -> tuple[World, list[Expectation]]:
    told = pair_loads(OFF, OFF, OFF, KEPT, (None, 10.0), KEPT, (200.0, None), KEPT)
    return world(treated(), told, at("2:00")), [
        Alert(
            Rule.TREATMENT_OFF, at("0:15"), last=at("0:45"), closed=None, condition=Condition.RECOVERING, coverage=1.0
        )
    ]


@case(26)
def what_is_not_measured_does_not_open_it() -> tuple[World, list[Expectation]]:
    told = pair_loads(OFF, OFF, (200.0, None), (None, 0.0), OFF)
    return world(treated(), told, at("1:15")), [Count(Rule.TREATMENT_OFF, 0)]


@case(24)
def a_meter_without_a_rated_load_leaves_all_open() -> tuple[World, list[Expectation]]:
    of = treated(Meter("t2", "P", role=Role.TREATMENT))
    return world(of, pair_loads(OFF, OFF, OFF, OFF), at("1:00")), [Count(Rule.TREATMENT_OFF, 0)]


@case(24)
def lines_are_judged_by_their_own_treatment() -> tuple[World, list[Expectation]]:
    # the filters of line 1 stand still, whatever those of line 2 draw; the pair of the plant rests
    more = (
        Meter("p1", "P", line_id="L1", role=Role.LINE, contract_kw=500.0),
        Meter("t1", "P", line_id="L1", role=Role.TREATMENT, contract_kw=50.0),
        Meter("p2", "P", line_id="L2", role=Role.LINE, contract_kw=500.0),
        Meter("t2", "P", line_id="L2", role=Role.TREATMENT, contract_kw=50.0),
    )
    quiet = flat(DAY0, at("1:00"), 0.0, "p") + flat(DAY0, at("1:00"), 0.0, "t")
    told = [
        r for m, kw in (("p1", 100.0), ("t1", 4.0), ("p2", 100.0), ("t2", 40.0)) for r in flat(DAY0, at("1:00"), kw, m)
    ]
    return world(treated(*more), [*quiet, *told], at("1:00")), [
        Alert(Rule.TREATMENT_OFF, at("0:15"), opened=at("0:45"), last=at("1:00"), closed=None),
        Count(Rule.TREATMENT_OFF, 1),
    ]


@case(24)
def it_runs_over_midnight_and_ends_where_the_treatment_is_dismantled() -> tuple[World, list[Expectation]]:
    until = at("0:30", 1)
    old = Meter("t", "P", role=Role.TREATMENT, contract_kw=100.0, valid_to=until)
    of = treated(meters=(Meter("m", "P"), Meter("p", "P", role=Role.PRODUCTION, contract_kw=1000.0), old))
    told = [*flat(at("22:00"), at("3:00", 1), 500.0, "p"), *flat(at("22:00"), until, 0.0, "t")]
    return world(of, told, at("3:00", 1)), [
        Alert(Rule.TREATMENT_OFF, at("22:15"), last=until, closed=at("1:00", 1), reason=CloseReason.CLEARED),
        Count(Rule.TREATMENT_OFF, 1),
    ]
