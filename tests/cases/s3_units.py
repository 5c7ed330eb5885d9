"""Kinds that are counted (docs/adr/0009): lines and cells, coking time by pushes, and a process as a difference.

Three lines of 300 kW, each with a meter of its own beside the plant's meter m, unless told otherwise.
"""

from typing import Any

from detectors.registry import Baseline, Exemption, Line, Meter, Order, Registry, Scope, ScopeMeter
from detectors.vocab import CloseReason, Control, Reason, Role, Rule, Verdict
from tests.cases.expect import Alert, Count, Day, Expectation, Slot, case
from tests.cases.worlds import DAY0, at, baseline, cap, flat, loads, on, registry, stop, world
from tests.oracles.rows import Reading, World

FIRST, SECOND, THIRD, FOURTH = at("0:15"), at("0:30"), at("0:45"), at("1:00")
LINES = tuple(Line(f"L{i}", "P", f"line {i}", unit_kw=300.0) for i in (1, 2, 3))
METERS = (Meter("m", "P"), *(Meter(f"m{i}", "P", line_id=f"L{i}", role=Role.LINE) for i in (1, 2, 3)))


def units(order_id: str = "U", start: int = DAY0, **fields: Any) -> Order:
    """One line may run."""
    base = {"scope_id": "P", "control": Control.UNITS, "valid_from": start, "units_allowed": 1}
    return Order(order_id, **{**base, **fields})


def office(*orders: Order, **tables: Any) -> Registry:
    """The three lines and their meters."""
    return registry(*orders, **{"meters": METERS, "lines": LINES, **tables})


def of_lines(*slots: tuple[float | None, float | None, float | None], main: float | None = 700.0) -> list[Reading]:
    """Loads of the three line meters, slot by slot, and the plant's beside them."""
    found = [r for i in range(3) for r in loads(DAY0, [slot[i] for slot in slots], f"m{i + 1}")]
    return found + loads(DAY0, [main] * len(slots))


@case(14)
def running_lines_are_counted() -> tuple[World, list[Expectation]]:
    # over half of 300 a line runs, below 45 it does not, between nobody knows; cap 20 + 300
    slots = of_lines((280, 10, 10), (280, 151, 10), (280, 100, 10), (280, None, 10))
    return world(office(units()), slots, FOURTH + 300), [
        Slot(FIRST, Verdict.COMPLIANT, cap=320.0, order="U", load=700.0),
        Slot(SECOND, Verdict.VIOLATING, cap=320.0),
        Slot(THIRD, Verdict.UNKNOWN, has=Reason.UNITS_UNKNOWN),
        Slot(FOURTH, Verdict.UNKNOWN, has=Reason.UNITS_UNKNOWN, coverage=1.0),
    ]


@case(14)
def an_unknown_line_matters_only_where_it_could_be_one_too_many() -> tuple[World, list[Expectation]]:
    slots = of_lines((280, 100, 10), (280, 280, 100), (280, 280, None))
    return world(office(units(units_allowed=2)), slots, THIRD), [
        Slot(FIRST, Verdict.COMPLIANT),
        Slot(SECOND, Verdict.UNKNOWN, has=Reason.UNITS_UNKNOWN),
        Slot(THIRD, Verdict.UNKNOWN, has=Reason.UNITS_UNKNOWN),
    ]


@case(14)
def counts_need_no_load_of_the_plant() -> tuple[World, list[Expectation]]:
    slots = of_lines((280, 10, 10), (280, 280, 10), main=None)
    return world(office(units()), slots, SECOND), [
        Slot(FIRST, Verdict.COMPLIANT, load=None, coverage=0.0),
        Slot(SECOND, Verdict.VIOLATING, load=None, coverage=0.0),
    ]


@case(14)
def a_line_runs_above_its_own_idle_load() -> tuple[World, list[Expectation]]:
    # 30 + 5 % of 300 = 45: 44 rests, 46 runs
    own = Baseline("L2", "v1", 0, 300.0, idle_kw=30.0)
    of = office(units(), scopes=(Scope("L2", "P", "line 2", "line"),), baselines=[baseline(), own])
    return world(of, of_lines((280, 44, 10), (280, 46, 10)), SECOND), [
        Slot(FIRST, Verdict.COMPLIANT),
        Slot(SECOND, Verdict.VIOLATING),
    ]


@case(14)
def cells_on_one_meter_are_its_load_by_that_of_one() -> tuple[World, list[Expectation]]:
    # 70 % of 10 cells of 50 kW: 374 kW are 7 cells, 376 are 8; cap 20 + 7 x 50
    cells = (Line("L1", "P", "cells", "cells", units=10, unit_kw=50.0),)
    of = office(units(units_allowed=None, reduction=0.3), lines=cells, meters=(Meter("m", "P", line_id="L1"),))
    return world(of, loads(DAY0, [374, 376]), SECOND), [
        Slot(FIRST, Verdict.COMPLIANT, cap=370.0),
        Slot(SECOND, Verdict.VIOLATING, cap=370.0),
    ]


@case(16)
def cells_that_nobody_counted_are_never_counted() -> tuple[World, list[Expectation]]:
    cells = (Line("L1", "P", "cells", "cells", unit_kw=50.0),)
    own = Baseline("L1", "v1", 0, 500.0, idle_kw=5.0)
    scopes = (Scope("L1", "P", "cells", "line"),)
    meters = (Meter("m", "P", line_id="L1"),)
    orders = (units(units_allowed=None, reduction=0.3), units("P-7", units_allowed=7))
    of = office(*orders, lines=cells, meters=meters, scopes=scopes, baselines=[baseline(), own])
    return world(of, loads(DAY0, [374, 476]), SECOND), [
        Slot(FIRST, Verdict.UNKNOWN, has=Reason.UNDECIDABLE),
        Slot(SECOND, Verdict.UNKNOWN, has=Reason.UNDECIDABLE),
    ]


@case(14)
def a_tenth_of_thirty_is_three() -> tuple[World, list[Expectation]]:
    cells = (Line("L1", "P", "cells", "cells", units=30, unit_kw=10.0),)
    of = office(units(units_allowed=None, reduction=0.9), lines=cells, meters=(Meter("m", "P", line_id="L1"),))
    return world(of, loads(DAY0, [34, 36]), SECOND), [Slot(FIRST, Verdict.COMPLIANT), Slot(SECOND, Verdict.VIOLATING)]


@case(14)
def without_line_meters_the_load_of_all_tells() -> tuple[World, list[Expectation]]:
    # one of 100, 200, 300 may run: kept up to 20 + 100, over above 20 + 300 + 200, cap 20 + 300
    lines = tuple(Line(f"L{i}", "P", f"line {i}", unit_kw=100.0 * i) for i in (1, 2, 3))
    of = office(units(), lines=lines, meters=METERS[:1])
    return world(of, loads(DAY0, [119, 121, 519, 521]), FOURTH), [
        Slot(FIRST, Verdict.COMPLIANT, cap=320.0),
        Slot(SECOND, Verdict.UNKNOWN, has=Reason.ESTIMATED),
        Slot(THIRD, Verdict.UNKNOWN, has=Reason.ESTIMATED),
        Slot(FOURTH, Verdict.VIOLATING, cap=320.0),
    ]


@case(16)
def one_line_without_a_meter_and_a_load_leaves_all_open() -> tuple[World, list[Expectation]]:
    of = office(units(), lines=(*LINES, Line("L4", "P", "line 4")))
    return world(of, of_lines((280, 280, 280)), FIRST), [
        Slot(FIRST, Verdict.UNKNOWN, has=Reason.UNDECIDABLE, cap=None),
        Day(on(0), Verdict.UNKNOWN),
    ]


def _silent_by_day(slots: int) -> World:
    """Line 2 is silent from 06:00 on for so many slots, and rests before and after."""
    told = of_lines(*((280.0, None if 24 <= i < 24 + slots else 10.0, 10.0) for i in range(96)))
    return world(office(units(valid_to=at("24:00"))), told, at("24:00"))


@case(23)
def two_slots_in_which_a_line_may_have_run_could_be_no_alert() -> tuple[World, list[Expectation]]:
    return _silent_by_day(2), [Day(on(0), Verdict.COMPLIANT, cap=24 * 320.0)]


@case(23)
def three_slots_in_which_a_line_may_have_run_could_be_one() -> tuple[World, list[Expectation]]:
    return _silent_by_day(3), [Day(on(0), Verdict.UNKNOWN)]


@case(11)
def zeros_of_all_line_meters_need_the_plants_load() -> tuple[World, list[Expectation]]:
    of = office(units(units_allowed=0))
    zero = of_lines((0, 0, 0), (0, 0, 0))[:-2]
    return world(of, [*zero, *loads(DAY0, [30.0])], SECOND), [
        Slot(FIRST, Verdict.COMPLIANT),
        Slot(SECOND, Verdict.UNKNOWN, has=Reason.UNITS_UNKNOWN),
    ]


@case(18)
def an_exemption_allows_a_load_whatever_runs() -> tuple[World, list[Expectation]]:
    approved = Exemption("P", DAY0, at("24:00"), "heat", "office", max_kw=510.0)
    slots = of_lines((250, 250, 10), (250, 250, 10))[:-2]
    return world(office(units(), exemptions=(approved,)), [*slots, *loads(DAY0, [509, 511])], SECOND), [
        Slot(FIRST, Verdict.COMPLIANT, cap=510.0),
        Slot(SECOND, Verdict.VIOLATING, cap=510.0),
    ]


@case(24)
def too_many_lines_in_three_slots_of_four() -> tuple[World, list[Expectation]]:
    # over in 1, 3, 4; two slots with every line known and one running close it
    runs, rests = (280.0, 280.0, 10.0), (280.0, 10.0, 10.0)
    slots = of_lines(runs, rests, runs, runs, rests, (280.0, None, 10.0), rests, rests, main=600.0)
    return world(office(units()), slots, at("2:00")), [
        Alert(
            Rule.UNITS_OVER,
            FIRST,
            order="U",
            opened=FOURTH,
            last=FOURTH,
            closed=at("2:00"),
            reason=CloseReason.BELOW_CAP,
            grade=2,
            peak=600.0,
            cap=320.0,
            energy_over=280.0,
        ),
        Count(Rule.UNITS_OVER, 1),
    ]


@case(27)
def four_hours_of_too_many_lines() -> tuple[World, list[Expectation]]:
    runs, rests = (280.0, 280.0, 10.0), (280.0, 10.0, 10.0)
    slots = of_lines(*(runs if i % 2 else rests for i in range(40)))
    return world(office(units()), slots, at("10:00")), [
        Count(Rule.UNITS_OVER, 0),
        Alert(Rule.HOURS_OVER, at("8:00"), order="U", opened=at("8:00")),
    ]


@case(28)
def a_line_meter_that_falls_silent_is_offline() -> tuple[World, list[Expectation]]:
    slots = of_lines(*((280.0, None if 40 <= i < 60 else 10.0, 10.0) for i in range(80)))
    return world(office(units()), slots, at("20:00") + 300), [
        Alert(Rule.OFFLINE, at("10:15"), order="U", opened=at("12:00"), closed=at("15:15")),
        Slot(at("11:00"), Verdict.UNKNOWN, coverage=1.0, has=Reason.UNITS_UNKNOWN),
    ]


@case(17)
def the_lower_cap_takes_the_slot_from_an_order_by_lines() -> tuple[World, list[Expectation]]:
    # cap 20 + 300 by lines; 310 kW are stricter, 330 are not
    of = office(units(), cap(310.0, "C", valid_to=FIRST), cap(330.0, "D", start=FIRST))
    return world(of, of_lines((280, 280, 10), (280, 280, 10), main=300.0), SECOND), [
        Slot(FIRST, Verdict.COMPLIANT, order="C"),
        Slot(SECOND, Verdict.VIOLATING, order="U"),
    ]


@case(15)
def coking_time_is_an_energy_limit_where_pushes_are_counted() -> tuple[World, list[Expectation]]:
    # 36 h designed: 25 % less than 240 kWh; 10 kW pass 1.03 x 180 = 185.4 kWh with the slot that ends at 18:45
    coking = Order("K", "K", Control.COKING, DAY0, reduction=0.25)
    of = registry(
        coking,
        meters=(Meter("m", "P"), Meter("k", "P", role=Role.PRODUCTION)),
        scopes=(Scope("K", "P", "推焦车", "pushes"),),
        scope_meters=(ScopeMeter("K", "k"),),
        baselines=[baseline(), Baseline("K", "v1", 0, 20.0, idle_kw=0.1, day_kwh=240.0)],
    )
    return world(of, flat(DAY0, at("24:00"), 10.0, "k"), at("24:00")), [
        Day(on(0), Verdict.VIOLATING, scope="K", cap=180.0, energy=240.0, order="K"),
        Alert(Rule.LIMIT_DAY, at("18:45"), order="K", scope="K", energy_over=60.0),
        Slot(at("18:30"), Verdict.COMPLIANT, scope="K", cap=15.0),
        Slot(at("18:45"), Verdict.VIOLATING, scope="K", has=Reason.DAY_CAP_USED),
    ]


@case(16)
def coking_time_of_a_plant_is_not_decided_by_electricity() -> tuple[World, list[Expectation]]:
    coking = Order("K", "P", Control.COKING, DAY0, reduction=0.25)
    return world(registry(coking), flat(DAY0, at("24:00"), 990.0), at("24:00")), [
        Slot(FIRST, Verdict.UNKNOWN, has=Reason.UNDECIDABLE, cap=None, order="K"),
        Day(on(0), Verdict.UNKNOWN),
        Count(Rule.LIMIT_DAY, 0),
    ]


def _without_grinding(*orders: Order) -> Registry:
    """A cement plant's process without grinding: its meter less that of the mills."""
    return registry(
        *orders,
        meters=(Meter("m", "P"), Meter("g", "P", role=Role.PRODUCTION)),
        scopes=(Scope("C", "P", "clinker", "process"),),
        scope_meters=(ScopeMeter("C", "m", 1), ScopeMeter("C", "g", -1)),
        baselines=[],
    )


@case(10)
def grinding_is_subtracted_from_the_stop_of_clinker() -> tuple[World, list[Expectation]]:
    of = _without_grinding(stop(scope_id="C", residual_kw=50.0))
    readings = [*loads(DAY0, [500, 500, 500]), *loads(DAY0, [460, 440, 200], "g")]
    return world(of, readings, THIRD), [
        Slot(FIRST, Verdict.COMPLIANT, scope="C", load=40.0, cap=50.0),
        Slot(SECOND, Verdict.VIOLATING, scope="C", load=60.0),
        Slot(THIRD, Verdict.VIOLATING, scope="C", load=300.0),
    ]


@case(10)
def what_is_left_of_a_difference_is_no_lower_bound() -> tuple[World, list[Expectation]]:
    # 500 kW without the mills' meter prove nothing, nor do the mills alone
    of = _without_grinding(stop(scope_id="C", residual_kw=50.0))
    readings = [*loads(DAY0, [500, None]), *loads(DAY0, [None, 200], "g")]
    return world(of, readings, SECOND + 300), [
        Slot(FIRST, Verdict.UNKNOWN, scope="C", load=None, coverage=0.5, has=Reason.MISSING),
        Slot(SECOND, Verdict.UNKNOWN, scope="C", load=None, coverage=0.5, has=Reason.MISSING),
    ]


@case(10)
def lines_outside_a_process_are_not_counted() -> tuple[World, list[Expectation]]:
    # the scope of line 1 and 2: one may run, whatever line 3 does
    of = office(
        units(scope_id="C"),
        scopes=(Scope("C", "P", "casting", "process"),),
        scope_meters=(ScopeMeter("C", "m1"), ScopeMeter("C", "m2")),
    )
    return world(of, of_lines((280, 10, 280), (280, 280, 10)), SECOND), [
        Slot(FIRST, Verdict.COMPLIANT, scope="C"),
        Slot(SECOND, Verdict.VIOLATING, scope="C"),
    ]
