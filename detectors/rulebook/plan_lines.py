"""What a plant's own plan says of single lines, and plans that do not fit their plant."""

from dataclasses import replace

from detectors.rulebook.decisions import Decision, Outcome
from detectors.rulebook.demands import Case
from detectors.rulebook.plant_plans import OwnPlan, PlantPlanError, stopped, with_own_control, with_plan
from detectors.rulebook.schema import PlantPlans, Rulebook
from detectors.rulebook.words import joined


def refuse_misfits(case: Case, plan: OwnPlan, plant: Decision) -> None:
    """Raise ``PlantPlanError`` for a line of another plant, and for a span shorter than a season that is a minimum."""
    plant_id = plant.plant_id
    known = {line.line_id for line in case.lines}
    for line_id in sorted({*plan.lines_stopped, *plan.lines} - known):
        zh, en = f"{plant_id}：一厂一策中的{line_id}不是其生产线", f"{plant_id}: {line_id} in its plan is no line of it"
        raise PlantPlanError(zh, en)
    if case.rulebook.season is None or plant.outcome is not Outcome.ORDERED:
        return
    season = case.rulebook.span()
    for row in (None, *sorted(plan.lines)):
        begin, end = plan.span(row, season)
        is_shorter = begin > season[0] or end < season[1]
        if is_shorter and case.rulebook.plant_plans is PlantPlans.MAY_TIGHTEN:
            who = row or plant_id
            raise PlantPlanError(
                f"{who}：一厂一策的起止时间短于{plant.clause}的错峰时间，缩短应办理豁免",
                f"{who}: {plant.clause}: its plan covers less than the season; a shorter time needs an exemption",
            )


def line_decision(plant: Decision, line_id: str, plan: OwnPlan, rulebook: Rulebook) -> Decision:
    """What the plan orders of one line, under the item that orders the plant; the plant's own outcome where it is not
    ordered and the rulebook's values are no defaults."""
    base = replace(
        plant, line_id=line_id, scope_id=line_id, units_total=None, residual_kw=None, also=(), otherwise=None
    )
    if plant.outcome is not Outcome.ORDERED and rulebook.plant_plans is PlantPlans.MAY_TIGHTEN:
        return unordered(base, plant.outcome, plant.why_zh, plant.why_en, plant.missing)
    own = ("一厂一策另定该生产线", "its own plan speaks of this line")
    if line_id in plan.lines_stopped:
        own = ("一厂一策：该生产线停产", "its own plan: this line stands still")
    zh, en = joined((base.why_zh, base.why_en), own)
    base = replace(base, outcome=Outcome.ORDERED, missing=(), why_zh=zh, why_en=en)
    row = plan.lines.get(line_id)
    if line_id in plan.lines_stopped:
        base = stopped(base, rulebook)
        return base if row is None else with_plan(base, row, rulebook)
    return base if row is None else with_own_control(base, row, rulebook)


def ordered_by_lines(plant: Decision) -> Decision:
    """A plant of which only lines are ordered."""
    return replace(
        plant,
        outcome=Outcome.ORDERED,
        missing=(),
        scope_id=None,
        control=None,
        measure=None,
        units_allowed=None,
        units_total=None,
        cap_kw=None,
        residual_kw=None,
        ramp_down_h=None,
        also=(),
    )


def unordered(row: Decision, outcome: Outcome, zh: str, en: str, missing: tuple[str, ...]) -> Decision:
    """The same plant or line without an order."""
    return Decision(row.plant_id, row.line_id, outcome, zh, en, item_id=row.item_id, clause=row.clause, missing=missing)
