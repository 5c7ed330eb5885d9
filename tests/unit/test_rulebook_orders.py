"""Orders that a rulebook wants: ids, spans, scopes; approvals, turns and warning levels over time."""

from dataclasses import replace

import pytest

from detectors.registry import FOREVER, Approval, Episode, Line, Listing, Order, PlantPlan, Registry, Rotation, Scope
from detectors.registry import ScopeMeter as Member
from detectors.rulebook.orders import Wanted, wanted_orders
from detectors.rulebook.resolve import resolve
from detectors.rulebook.schema import RulebookError
from detectors.vocab import Control, Measure, Role
from tests.unit.rulebook_cases import DOCUMENT, line, meters, office, plant, shipped

ZHENGZHOU, HEAVY = shipped("zhengzhou-2017"), shipped("heavy-pollution")
BEGIN, END = ZHENGZHOU.span()
DAY = 86400
BRICKS = office(plant("3031", "product=brick"))
ALUMINA = office(
    plant("3216", "process=alumina"),
    [line("L1"), line("L2"), line("L3")],
    meters(
        {
            "M0": (Role.SUPPLY, None),
            "M3": (Role.LINE, "L3"),
            "T3": (Role.TREATMENT, "L3"),
            "C3": (Role.CHECK, "L3"),
        }
    ),
)


def wanted(registry: Registry) -> Wanted:
    """What the plan of Zhengzhou wants."""
    return wanted_orders(ZHENGZHOU, registry)


def spans(orders: tuple[Order, ...]) -> list[tuple[str, str, int, int]]:
    """Id, control and span of orders."""
    return [(o.order_id, o.control.value, o.valid_from, o.valid_to) for o in orders]


def test_an_order_has_the_season_the_clause_and_the_document() -> None:
    (order,) = wanted(BRICKS).orders
    assert order == Order(
        "郑政文〔2017〕210号-stop-3-P",
        "P",
        Control.STOP,
        BEGIN,
        END,
        ramp_down_h=48.0,
        measure=Measure.POWER,
        document=DOCUMENT,
        clause="三(一)3",
    )
    assert wanted(BRICKS).scopes == ()


def test_a_limit_by_capacity_is_one_of_energy() -> None:
    (order,) = wanted(office(plant("3110"))).orders
    assert (order.control, order.reduction, order.measure) == (Control.LIMIT, 0.20, Measure.ENERGY)


def test_who_is_not_listed_gets_no_order() -> None:
    assert wanted(replace(BRICKS, listings=(Listing(DOCUMENT, "Q"),))).orders == ()


def test_decisions_at_hand_are_used() -> None:
    assert wanted_orders(ZHENGZHOU, BRICKS, ()).orders == ()
    assert wanted_orders(ZHENGZHOU, BRICKS, resolve(ZHENGZHOU, BRICKS)) == wanted(BRICKS)


def test_the_end_date_of_one_plant_is_its_own() -> None:
    (order,) = wanted(replace(BRICKS, plant_plans=(PlantPlan("P", DOCUMENT, valid_to=END + 9 * DAY),))).orders
    assert (order.valid_from, order.valid_to) == (BEGIN, END + 9 * DAY)


def test_a_line_has_a_scope_of_its_meters_without_check_and_treatment() -> None:
    rows = wanted(replace(ALUMINA, plant_plans=(PlantPlan("P", DOCUMENT, lines_stopped=("P-L3",)),)))
    assert rows.scopes == (Scope("P-L3", "P", "L3线", "line"),)
    assert rows.scope_meters == (Member("P-L3", "M3"),)
    assert [(o.order_id, o.scope_id) for o in rows.orders] == [
        ("郑政文〔2017〕210号-limit-3-P", "P"),
        ("郑政文〔2017〕210号-limit-3-P-L3", "P-L3"),
    ]


def test_a_scope_of_the_office_keeps_its_members() -> None:
    registry = replace(
        ALUMINA,
        plant_plans=(PlantPlan("P", DOCUMENT, lines_stopped=("P-L3",)),),
        scopes=(Scope("P-L3", "P", "three", "line"),),
        scope_meters=(Member("P-L3", "M0"),),
    )
    rows = wanted(registry)
    assert (rows.scopes, rows.scope_meters) == ((), ())
    assert len(rows.orders) == 2


def test_a_process_scope_of_the_office_measures_what_lines_do_not() -> None:
    lines = [line("L1", "process=clinker"), line("L2", "process=grinding")]
    registry = office(plant("3011"), lines, meters({"M0": (Role.SUPPLY, None)}))
    assert wanted(registry).orders == ()
    registry = replace(
        registry,
        scopes=(Scope("P-stop-1", "P", "kiln", "process"),),
        scope_meters=(Member("P-stop-1", "M0"),),
    )
    assert [o.scope_id for o in wanted(registry).orders] == ["P-stop-1"]
    assert wanted(replace(registry, scope_meters=())).orders == ()


@pytest.mark.parametrize(
    "roles, members",
    [
        ({"A": Role.LINE, "B": Role.PRODUCTION, "C": Role.SUPPLY}, [("A", 1)]),
        ({"B": Role.PRODUCTION, "C": Role.SUPPLY, "D": Role.REVERSE}, [("C", 1), ("D", -1)]),
        ({"B": Role.PRODUCTION, "T": Role.TREATMENT}, [("B", 1)]),
        ({"T": Role.TREATMENT}, []),
    ],
)
def test_what_hangs_below_a_line_meter_is_not_counted_twice(
    roles: dict[str, Role], members: list[tuple[str, int]]
) -> None:
    lines: list[Line] = [line("L1", "fuel=coal"), line("L2", "fuel=natural_gas")]
    registry = office(plant("3071"), lines, meters({meter: (role, "L1") for meter, role in roles.items()}))
    assert [(m.meter_id, m.sign) for m in wanted(registry).scope_meters] == members


# 保民生


def approval(begin: int, end: int = FOREVER, max_kw: float = 700.0, scope_id: str = "P") -> Approval:
    """An approval for heating."""
    return Approval(scope_id, begin, "heating", max_kw, "郑州市人民政府", "批复", end, "省攻坚办")


HEATING = office(plant("3110", "livelihood=heating"))
CAP, LIMIT = "郑政文〔2017〕210号-livelihood-P", "郑政文〔2017〕210号-limit-1-P"


def approved(*approvals: Approval) -> list[tuple[str, str, int, int]]:
    """Orders of a steel plant that heats."""
    return spans(wanted(replace(HEATING, approvals=approvals)).orders)


def test_an_approval_of_the_whole_season_leaves_no_other_order() -> None:
    assert approved(approval(0)) == [(CAP, "cap", BEGIN, END)]


def test_outside_the_approval_the_clause_holds() -> None:
    ten, twenty = BEGIN + 10 * DAY, BEGIN + 20 * DAY
    assert approved(approval(ten, twenty)) == [
        (LIMIT, "limit", BEGIN, ten),
        (f"{LIMIT}-20171205T0000", "limit", twenty, END),
        (f"{CAP}-20171125T0000", "cap", ten, twenty),
    ]


def test_a_later_approval_ends_an_earlier_one() -> None:
    ten = BEGIN + 10 * DAY
    rows = wanted(replace(HEATING, approvals=(approval(ten, max_kw=500), approval(0)))).orders
    assert [(o.cap_kw, o.valid_from, o.valid_to) for o in rows] == [(700, BEGIN, ten), (500, ten, END)]


def test_an_order_of_a_process_that_is_capped_as_a_plant_wants_no_scope() -> None:
    lines = [line("L1", "voc=yes"), line("L2", "voc=no")]
    registry = office(plant("2710"), lines, meters({"M1": (Role.LINE, "L1")}))
    row = replace(approval(0), task="other", approved_by="河南省人民政府")
    rows = wanted(replace(registry, approvals=(row,)))
    assert [(o.order_id, o.scope_id, o.clause) for o in rows.orders] == [
        ("郑政文〔2017〕210号-stop-10-cap-P", "P", "三(一)10")
    ]
    assert rows.scopes == ()


# 轮产


def test_a_turn_lifts_the_order_of_its_scope() -> None:
    turn = Rotation("P", BEGIN + DAY, BEGIN + 3 * DAY, "g", "轮产方案", "市工信委")
    (exemption,) = wanted(replace(BRICKS, rotations=(turn,))).exemptions
    assert (exemption.scope_id, exemption.order_id) == ("P", "郑政文〔2017〕210号-stop-3-P")
    assert (exemption.valid_from, exemption.valid_to) == (BEGIN + DAY, BEGIN + 3 * DAY)
    assert (exemption.max_kw, exemption.reason, exemption.approved_by) == (None, "轮产", "市工信委")


def test_a_turn_of_the_plant_lifts_the_order_of_its_process() -> None:
    lines = [line("L1", "process=clinker"), line("L2", "process=grinding")]
    registry = office(plant("3011"), lines, meters({"M1": (Role.LINE, "L1")}))
    turn = Rotation("P", BEGIN, BEGIN + DAY, "g", "轮产方案", "市工信委")
    assert [e.scope_id for e in wanted(replace(registry, rotations=(turn,))).exemptions] == ["P-stop-1"]


@pytest.mark.parametrize("scope_id, at", [("Q", BEGIN), ("P", END)])
def test_a_turn_of_another_scope_or_time_lifts_nothing(scope_id: str, at: int) -> None:
    turn = Rotation(scope_id, at, at + DAY, "g", "轮产方案", "市工信委")
    assert wanted(replace(BRICKS, rotations=(turn,))).exemptions == ()


# 重污染天气

NOON = 1512100800  # 2017-12-01 12:00 in Shanghai


def warned(registry: Registry, *episodes: Episode) -> list[Order]:
    """Orders of warning levels."""
    return list(wanted_orders(HEAVY, replace(registry, episodes=episodes)).orders)


def episode(begin: int, level: str, end: int = FOREVER, county: str | None = None, name: str = "E1") -> Episode:
    """A warning."""
    return Episode(name, begin, level, "预警1号", end, county)


def test_a_level_makes_orders_of_its_own_span_on_top_of_the_seasons() -> None:
    (order,) = warned(BRICKS, episode(NOON, "red", NOON + DAY))
    assert order.order_id == "重污染天气应急缺省-E1-red-20171201T1200-P"
    assert (order.control, order.level, order.valid_from, order.valid_to) == (Control.STOP, "red", NOON, NOON + DAY)
    assert wanted(replace(BRICKS, episodes=(episode(NOON, "red"),))) == wanted(BRICKS)


def test_raised_and_lowered_at_any_minute_each_span_is_its_own_order() -> None:
    rows = warned(BRICKS, episode(NOON, "yellow"), episode(NOON + 3661, "red"), episode(NOON + 2 * DAY, "yellow", END))
    assert [(o.level, o.control.value, o.valid_from, o.valid_to) for o in sorted(rows, key=lambda o: o.valid_from)] == [
        ("yellow", "limit", NOON, NOON + 3661),
        ("red", "stop", NOON + 3661, NOON + 2 * DAY),
        ("yellow", "limit", NOON + 2 * DAY, END),
    ]
    assert len({o.order_id for o in rows}) == 3


def test_two_episodes_do_not_end_each_other() -> None:
    rows = warned(BRICKS, episode(NOON, "red"), episode(NOON + DAY, "yellow", name="E2"))
    assert [o.valid_to for o in rows] == [FOREVER, FOREVER]


def test_a_warning_of_one_county_is_that_countys() -> None:
    assert len(warned(BRICKS, episode(NOON, "red", county="登封市"))) == 1
    assert warned(BRICKS, episode(NOON, "red", county="新密市")) == []


def test_a_plants_measures_of_a_level_go_before_the_defaults() -> None:
    plan = PlantPlan("P", DOCUMENT, level="orange", control=Control.STOP, residual_kw=30)
    registry = replace(BRICKS, plant_plans=(plan,))
    (order,) = warned(registry, episode(NOON, "orange"))
    assert (order.control, order.residual_kw, order.reduction) == (Control.STOP, 30, None)
    (order,) = warned(registry, episode(NOON, "yellow"))
    assert (order.control, order.reduction) == (Control.LIMIT, 0.30)


def test_a_plants_own_share_keeps_the_measure_of_the_default() -> None:
    foundry = office(plant("3391"))
    plan = PlantPlan("P", DOCUMENT, level="yellow", reduction=0.3)
    for registry, reduction in ((foundry, 0.2), (replace(foundry, plant_plans=(plan,)), 0.3)):
        (order,) = warned(registry, episode(NOON, "yellow"))
        assert (order.control, order.measure, order.reduction) == (Control.LIMIT, Measure.POWER, reduction)


@pytest.mark.parametrize(
    "plan, control, value",
    [
        (PlantPlan("P", DOCUMENT, level="red", cap_kw=120), Control.CAP, 120),
        (PlantPlan("P", DOCUMENT, level="red", reduction=0.1), Control.LIMIT, 0.1),
        (PlantPlan("P", DOCUMENT, level="red", units_allowed=1), Control.UNITS, 1),
    ],
)
def test_a_default_may_be_replaced_by_less(plan: PlantPlan, control: Control, value: float) -> None:
    (order,) = warned(replace(BRICKS, plant_plans=(plan,)), episode(NOON, "red"))
    assert order.control is control
    assert value in (order.cap_kw, order.reduction, order.units_allowed)
    assert order.ramp_down_h is None


def test_a_plant_of_no_trade_is_ordered_by_its_own_plan() -> None:
    registry = office(plant("1310"))
    assert warned(registry, episode(NOON, "red")) == []
    plan = PlantPlan("P", DOCUMENT, level="red", control=Control.STOP)
    (order,) = warned(replace(registry, plant_plans=(plan,)), episode(NOON, "red"))
    assert (order.control, order.scope_id, order.clause) == (Control.STOP, "P", None)


def test_a_plan_that_names_lines_orders_the_lines_alone() -> None:
    plan = PlantPlan("P", DOCUMENT, level="red", lines_stopped=("P-L3",))
    rows = warned(replace(ALUMINA, plant_plans=(plan,)), episode(NOON, "red"))
    assert [(o.scope_id, o.control) for o in rows] == [("P-L3", Control.STOP)]


def test_an_approved_load_holds_under_a_warning_too() -> None:
    rows = warned(replace(HEATING, approvals=(approval(NOON + DAY),)), episode(NOON, "red", NOON + 3 * DAY))
    assert [(o.control.value, o.level, o.valid_from, o.valid_to) for o in rows] == [
        ("limit", "red", NOON, NOON + DAY),
        ("cap", "red", NOON + DAY, NOON + 3 * DAY),
    ]


@pytest.mark.parametrize("level", [None, "purple"])
def test_a_level_has_to_be_one_of_the_rulebooks(level: str | None) -> None:
    with pytest.raises(RulebookError, match="yellow, orange, red"):
        resolve(HEAVY, BRICKS, level)


def test_a_season_has_no_level() -> None:
    with pytest.raises(RulebookError, match="no level 'red'"):
        resolve(ZHENGZHOU, BRICKS, "red")
    with pytest.raises(RulebookError, match="no season"):
        HEAVY.span()
