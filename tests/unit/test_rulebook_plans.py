"""A plant's own plan and an approval of livelihood go before the rulebook, within what the clause allows."""

from dataclasses import replace

import pytest

from detectors.registry import FOREVER, Approval, Line, Listing, PlantPlan, Registry
from detectors.rulebook.decisions import ControlKind, Decision, Outcome
from detectors.rulebook.plant_plans import PlantPlanError
from detectors.rulebook.resolve import resolve
from detectors.vocab import Control, Role
from tests.unit.rulebook_cases import DOCUMENT, line, meters, office, plant, shipped

ZHENGZHOU = shipped("zhengzhou-2017")
BEGIN, END = ZHENGZHOU.span()
THREE = [line("L1"), line("L2"), line("L3")]
ALUMINA = office(plant("3216", "process=alumina"), THREE, meters({"M3": (Role.LINE, "L3")}))
BRICKS = office(plant("3031", "product=brick"))
STEEL = office(plant("3110"))


def own(registry: Registry, *plans: PlantPlan) -> tuple[Decision, ...]:
    """Decisions on a registry with plans of its plants."""
    return resolve(ZHENGZHOU, replace(registry, plant_plans=plans))


def test_residual_load_and_grace_are_the_plants_own() -> None:
    (decision,) = own(BRICKS, PlantPlan("P", DOCUMENT, residual_kw=80, ramp_down_h=60))
    assert (decision.residual_kw, decision.ramp_down_h, decision.control) == (80, 60, Control.STOP)
    assert "一厂一策" in decision.why_zh
    assert "own plan" in decision.why_en


@pytest.mark.parametrize("document", ["郑政文 〔2017〕 210号", "郑政文[2017]210号", "郑政文（2017）210号"])
def test_a_document_is_the_same_however_its_brackets_are_written(document: str) -> None:
    (decision,) = own(BRICKS, PlantPlan("P", document, residual_kw=80))
    assert decision.residual_kw == 80


def test_a_plan_under_another_document_or_for_a_warning_level_does_not_count() -> None:
    plans = (PlantPlan("P", "郑政文〔2018〕1号", residual_kw=80), PlantPlan("P", DOCUMENT, level="red", residual_kw=80))
    (decision,) = own(BRICKS, *plans)
    assert decision.residual_kw is None


def test_a_larger_cut_counts_and_units_follow_it() -> None:
    assert own(STEEL, PlantPlan("P", DOCUMENT, reduction=0.35))[0].reduction == 0.35
    decision = own(ALUMINA, PlantPlan("P", DOCUMENT, reduction=0.50))[0]
    assert (decision.reduction, decision.units_allowed) == (0.50, 1)
    assert own(ALUMINA, PlantPlan("P", DOCUMENT, units_allowed=1))[0].units_allowed == 1


def test_a_limited_plant_may_stop_by_its_own_plan() -> None:
    decision = own(STEEL, PlantPlan("P", DOCUMENT, control=Control.STOP, residual_kw=500))[0]
    assert (decision.kind, decision.control, decision.reduction) == (ControlKind.STOP, Control.STOP, None)
    assert (decision.residual_kw, decision.ramp_down_h, decision.clause) == (500, 4, "三(二)1")


@pytest.mark.parametrize(
    "registry, plan, zh, en",
    [
        (STEEL, PlantPlan("P", DOCUMENT, reduction=0.10), "P：一厂一策宽于三(二)1：限产不得低于20%", "clause's 20 %"),
        (STEEL, PlantPlan("P", DOCUMENT, cap_kw=900), "管控方式与条款不同", "another kind of control"),
        (STEEL, PlantPlan("P", DOCUMENT, units_allowed=1), "条款不以台数计", "does not count units"),
        (ALUMINA, PlantPlan("P", DOCUMENT, units_allowed=3), "允许运行不得多于2", "more units than the 2"),
        (BRICKS, PlantPlan("P", DOCUMENT, control=Control.LIMIT, reduction=0.9), "条款要求停产", "orders a stop"),
        (BRICKS, PlantPlan("P", DOCUMENT, cap_kw=100), "条款要求停产", "P: its plan, 三(一)3: the clause orders a st"),
        (BRICKS, PlantPlan("P", DOCUMENT, valid_from=BEGIN + 1), "应办理豁免", "needs an exemption"),
        (BRICKS, PlantPlan("P", DOCUMENT, valid_to=END - 1), "应办理豁免", "needs an exemption"),
        (BRICKS, PlantPlan("P", DOCUMENT, lines_stopped=("Q-L1",)), "Q-L1不是其生产线", "Q-L1 in its plan is no line"),
    ],
)
def test_a_plan_may_not_ask_for_less(registry: Registry, plan: PlantPlan, zh: str, en: str) -> None:
    with pytest.raises(PlantPlanError) as caught:
        own(registry, plan)
    assert zh in caught.value.zh
    assert en in str(caught.value)


def test_all_plans_that_ask_for_less_are_told_at_once() -> None:
    registry = Registry(plants=(plant("3110", plant_id="A"), plant("3120", plant_id="B")))
    with pytest.raises(PlantPlanError, match=r"A: its plan, .*; B: its plan, "):
        own(registry, PlantPlan("A", DOCUMENT, reduction=0.1), PlantPlan("B", DOCUMENT, reduction=0.1))


def test_two_plans_of_one_plant_are_refused() -> None:
    with pytest.raises(PlantPlanError, match="P: two plans of its own"):
        own(BRICKS, PlantPlan("P", DOCUMENT), PlantPlan("P", DOCUMENT))


def test_a_measure_in_words_is_told_and_changes_no_value() -> None:
    (before,) = own(BRICKS)
    (after,) = own(BRICKS, PlantPlan("P", DOCUMENT, measure="停1号窑"))
    assert "停1号窑" in after.why_zh
    assert replace(after, why_zh=before.why_zh, why_en=before.why_en) == before


def test_a_plant_that_is_not_ordered_keeps_its_outcome() -> None:
    registry = office(plant("3071", "fuel=natural_gas"))
    assert own(registry, PlantPlan("P", DOCUMENT, residual_kw=1))[0].outcome is Outcome.EXEMPT


def test_lines_that_stand_still_are_ordered_beside_their_plant() -> None:
    whole, third = own(ALUMINA, PlantPlan("P", DOCUMENT, lines_stopped=("P-L3",)))
    assert (whole.kind, whole.units_allowed) == (ControlKind.LINES, 2)
    assert (third.line_id, third.scope_id, third.kind, third.control) == (
        "P-L3",
        "P-L3",
        ControlKind.STOP,
        Control.STOP,
    )
    assert (third.clause, third.ramp_down_h, third.reduction) == ("三(二)3", 4, None)


def test_a_line_that_nothing_measures_cannot_be_shown_to_stand_still() -> None:
    _, first = own(ALUMINA, PlantPlan("P", DOCUMENT, lines_stopped=("P-L1",)))
    assert (first.outcome, first.missing) == (Outcome.CANNOT_DECIDE, ("meters",))


def test_a_row_of_a_line_has_its_own_values() -> None:
    rows = (
        PlantPlan("P", DOCUMENT, lines_stopped=("P-L3",), residual_kw=900),
        PlantPlan("P", DOCUMENT, line_id="P-L3", residual_kw=15, ramp_down_h=8),
    )
    _, third = own(ALUMINA, *rows)
    assert (third.residual_kw, third.ramp_down_h) == (15, 8)
    _, third = own(ALUMINA, PlantPlan("P", DOCUMENT, line_id="P-L3", control=Control.CAP, cap_kw=40))
    assert (third.kind, third.cap_kw) == (ControlKind.CAP, 40)


# 保民生


#: 700 kW for heating, filed.
APPROVAL = Approval("P", BEGIN, "heating", 700.0, "郑州市人民政府", "批复1号", filed_with="省攻坚办")


def with_approvals(registry: Registry, *approvals: Approval) -> Decision:
    """The decision on the plant as a whole."""
    return resolve(ZHENGZHOU, replace(registry, approvals=approvals))[0]


@pytest.mark.parametrize("task", ["heating", "waste"])
@pytest.mark.parametrize("industry", ["3011", "3110"])
def test_an_approved_load_stands_in_place_of_a_stop_or_limit(task: str, industry: str) -> None:
    registry = office(plant(industry, f"process=clinker;livelihood={task}"))
    decision = with_approvals(registry, replace(APPROVAL, task=task))
    assert (decision.kind, decision.control, decision.cap_kw) == (ControlKind.CAP, Control.CAP, 700.0)
    assert (decision.clause, decision.scope_id, decision.item_id) == ("三(一)保民生", "P", "livelihood")
    assert decision.otherwise is not None
    assert decision.otherwise.outcome is Outcome.ORDERED
    assert "批复1号" in decision.why_zh
    assert "省攻坚办" not in decision.why_zh


def test_an_approval_of_a_part_of_the_season_says_which() -> None:
    registry = office(plant("3110", "livelihood=heating"))
    part = replace(APPROVAL, valid_from=BEGIN + 16 * 86400, valid_to=END - 86400)
    assert "自2017-12-01起" in with_approvals(registry, part).why_zh
    assert "up to 2018-03-14, after that as its trade" in with_approvals(registry, part).why_en
    assert "as its trade" not in with_approvals(registry, APPROVAL).why_en


def test_without_approval_the_plant_is_ordered_and_told_why() -> None:
    registry = office(plant("3011", "process=clinker;livelihood=waste"))
    for decision in (
        with_approvals(registry),
        with_approvals(registry, replace(APPROVAL, valid_from=END, valid_to=FOREVER)),
        with_approvals(registry, replace(APPROVAL, scope_id="Q")),
    ):
        assert decision.kind is ControlKind.STOP
        assert "郑州市人民政府批准" in decision.why_zh
        assert "no maximum load approved" in decision.why_en


def test_an_approval_by_others_or_not_filed_is_told() -> None:
    registry = office(plant("3110", "livelihood=heating"))
    decision = with_approvals(registry, replace(APPROVAL, approved_by="登封市人民政府", filed_with=None))
    assert decision.kind is ControlKind.CAP
    assert "条款要求由郑州市人民政府批准" in decision.why_zh
    assert "no filing with 省攻坚办 is known" in decision.why_en


def test_the_province_approves_under_the_clause_of_the_item() -> None:
    lines = [line("L1", "voc=yes"), line("L2", "voc=no")]
    registry = office(plant("2710"), lines, meters({"M1": (Role.LINE, "L1")}))
    row = replace(APPROVAL, task="other", approved_by="河南省人民政府", filed_with=None)
    decision = with_approvals(registry, row)
    assert (decision.clause, decision.scope_id, decision.cap_kw) == ("三(一)10", "P", 700.0)
    assert "要求由" not in decision.why_zh
    on_the_process = with_approvals(registry, replace(row, scope_id="P-stop-10"))
    assert on_the_process.scope_id == "P-stop-10"


def test_what_nothing_measures_apart_can_be_capped_as_a_whole() -> None:
    lines = [line("L1", "process=clinker"), line("L2", "process=grinding")]
    registry = office(plant("3011"), lines)
    assert with_approvals(registry).missing == ("meters",)
    assert with_approvals(registry, APPROVAL).kind is ControlKind.CAP


def test_an_exempt_plant_gets_no_cap() -> None:
    registry = office(plant("3071", "fuel=natural_gas;livelihood=heating"))
    assert with_approvals(registry, APPROVAL).outcome is Outcome.EXEMPT


# 清单


def listed(registry: Registry, *rows: Listing) -> list[tuple[str | None, bool]]:
    """Lines and whether they are on the list."""
    return [(d.line_id, d.is_listed) for d in resolve(ZHENGZHOU, replace(registry, listings=rows))]


def test_a_list_of_this_document_names_who_is_ordered() -> None:
    assert listed(BRICKS) == [(None, True)]
    assert listed(BRICKS, Listing("郑政文〔2018〕1号", "P")) == [(None, True)]
    assert listed(BRICKS, Listing(DOCUMENT, "Q")) == [(None, False)]
    assert listed(BRICKS, Listing("郑政文 [2017] 210 号", "P"), Listing(DOCUMENT, "Q")) == [(None, True)]


def test_a_line_is_listed_by_itself_or_with_its_plant() -> None:
    two: list[Line] = [line("L1", "fuel=coal"), line("L2", "fuel=natural_gas")]
    registry = office(plant("3071"), two, meters({"M1": (Role.LINE, "L1")}))
    assert listed(registry, Listing(DOCUMENT, "P")) == [(None, True), ("P-L1", True), ("P-L2", True)]
    assert listed(registry, Listing(DOCUMENT, "P", "P-L1")) == [(None, True), ("P-L1", True), ("P-L2", False)]


def test_who_is_covered_and_not_listed_is_told() -> None:
    (decision,) = resolve(ZHENGZHOU, replace(BRICKS, listings=(Listing(DOCUMENT, "Q"),)))
    assert (decision.outcome, decision.is_listed) == (Outcome.ORDERED, False)
    assert "未列入" in decision.why_zh
