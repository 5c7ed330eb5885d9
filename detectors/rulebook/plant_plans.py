"""一厂一策: one plant's own values before the rulebook's, and never below what its clause asks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from detectors.registry import ALWAYS, FOREVER, PlantPlan
from detectors.rulebook.decisions import ControlKind, Decision, Outcome
from detectors.rulebook.demands import units_allowed
from detectors.rulebook.office import Office, document_key
from detectors.rulebook.schema import STOP_GRACE, PlantPlans, Rulebook, RulebookError
from detectors.rulebook.words import joined
from detectors.vocab import Control, Measure

#: Two shares that differ by less are the same.
_SAME = 1e-9

_KINDS = {
    Control.STOP: ControlKind.STOP,
    Control.LIMIT: ControlKind.LIMIT,
    Control.CAP: ControlKind.CAP,
    Control.UNITS: ControlKind.LINES,
    Control.COKING: ControlKind.COKING,
}


class PlantPlanError(RulebookError):
    """A plant's own plan asks for less than its clause, or does not fit: the text names plant and clause. ``zh``: the
    same in Chinese."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh

    @staticmethod
    def of(faults: Sequence["PlantPlanError"]) -> "PlantPlanError":
        """All faults as one."""
        return PlantPlanError("；".join(fault.zh for fault in faults), "; ".join(str(fault) for fault in faults))


@dataclass(frozen=True, slots=True)
class OwnPlan:
    """The plans of one plant under one rulebook: of the plant, and by line."""

    plant: PlantPlan | None
    lines: dict[str, PlantPlan]

    @property
    def lines_stopped(self) -> tuple[str, ...]:
        """Lines that stand still, by id."""
        return tuple(sorted(set(self.plant.lines_stopped if self.plant else ())))

    @property
    def lines_by_themselves(self) -> tuple[str, ...]:
        """Lines of which the plan itself orders something: those that stand still, and those with a control."""
        controlled = {line_id for line_id, row in self.lines.items() if row.control is not None}
        return tuple(sorted({*self.lines_stopped, *controlled}))

    @property
    def is_by_lines_only(self) -> bool:
        """The plan says what lines do, and nothing of the plant as a whole."""
        row = self.plant
        values = () if row is None else (row.control, row.reduction, row.units_allowed, row.cap_kw)
        return bool(self.lines_by_themselves) and all(value is None for value in values)

    def span(self, line_id: str | None, season: tuple[int, int]) -> tuple[int, int]:
        """When a plant or line is ordered: the season, or its own begin and end in place of the season's."""
        begin, end = season
        for row in (self.plant, self.lines.get(line_id or "")):
            if row is not None:
                begin = begin if row.valid_from == ALWAYS else row.valid_from
                end = end if row.valid_to == FOREVER else row.valid_to
        return begin, end


def own_plan(office: Office, rulebook: Rulebook, plant_id: str, level: str | None) -> OwnPlan:
    """The plans of a plant for the season or a warning level.

    For a level the plan's document does not matter (the measures of all levels stand in one plan), but a row of this
    rulebook's document goes first. Raises ``PlantPlanError``: two rows for the same plant or line.
    """
    rows = [row for row in office.plans.get(plant_id, ()) if row.level == level]
    own = [row for row in rows if document_key(row.document) == document_key(rulebook.document)]
    chosen: dict[str | None, PlantPlan] = {}
    for row in own if own or level is None else rows:
        if row.line_id in chosen:
            name = plant_id if row.line_id is None else row.line_id
            both = " / ".join(sorted((row.document, chosen[row.line_id].document)))
            raise PlantPlanError(f"{name}：一厂一策有两行（{both}）", f"{name}: two plans of its own ({both})")
        chosen[row.line_id] = row
    return OwnPlan(chosen.get(None), {line: row for line, row in chosen.items() if line is not None})


def with_plan(decision: Decision, plan: PlantPlan | None, rulebook: Rulebook) -> Decision:
    """A decision with the values of a plan. Raises ``PlantPlanError`` where the plan asks for less than the clause."""
    if plan is None:
        return decision
    if rulebook.plant_plans is PlantPlans.REPLACE:
        return with_own_control(decision, plan, rulebook)
    if decision.outcome is not Outcome.ORDERED:
        return decision
    fault = _loosens(decision, plan)
    if fault is not None:
        who = decision.line_id or decision.plant_id
        clause = decision.clause
        raise PlantPlanError(f"{who}：一厂一策宽于{clause}：{fault[0]}", f"{who}: its plan, {clause}: {fault[1]}")
    if plan.control is Control.STOP and decision.control is not Control.STOP:
        decision = stopped(decision, rulebook)
    reduction = decision.reduction if decision.control is Control.STOP or plan.reduction is None else plan.reduction
    allowed = decision.units_allowed
    if decision.control is Control.UNITS:
        if decision.units_total is not None and reduction is not None:
            allowed = units_allowed(decision.units_total, reduction)
        allowed = allowed if plan.units_allowed is None else plan.units_allowed
    return _noted(replace(decision, reduction=reduction, units_allowed=allowed), plan)


def _loosens(decision: Decision, plan: PlantPlan) -> tuple[str, str] | None:
    """In what a plan asks for less than the clause; None: it does not."""
    if decision.control is Control.STOP:
        is_less = (
            plan.control not in (None, Control.STOP)
            or plan.cap_kw is not None
            or (plan.reduction is not None and plan.reduction < 1)
            or (plan.units_allowed or 0) > 0
        )
        return ("条款要求停产", "the clause orders a stop") if is_less else None
    if plan.control not in (None, Control.STOP, decision.control) or plan.cap_kw is not None:
        return "管控方式与条款不同", "its plan has another kind of control than the clause"
    if plan.reduction is not None and plan.reduction < (decision.reduction or 0) - _SAME:
        least = f"{100 * (decision.reduction or 0):g}"
        return f"限产不得低于{least}%", f"a reduction below the clause's {least} %"
    if plan.units_allowed is not None:
        if decision.control is not Control.UNITS:
            return "条款不以台数计", "the clause does not count units"
        if decision.units_allowed is not None and plan.units_allowed > decision.units_allowed:
            most = decision.units_allowed
            return f"允许运行不得多于{most}", f"more units than the {most} that the clause allows"
    return None


def with_own_control(decision: Decision, plan: PlantPlan, rulebook: Rulebook) -> Decision:
    """A plan in place of the rulebook's default, also where the rulebook has none for this plant."""
    control = plan.control
    if control is None:
        given = ((plan.cap_kw, Control.CAP), (plan.units_allowed, Control.UNITS), (plan.reduction, Control.LIMIT))
        control = next((c for value, c in given if value is not None), None)
        if control is Control.LIMIT and decision.control in (Control.UNITS, Control.COKING):
            control = decision.control
    if control is None:
        return _noted(decision, plan) if decision.outcome is Outcome.ORDERED else decision
    is_same = control is decision.control
    reduction = decision.reduction if is_same and plan.reduction is None else plan.reduction
    measure = Measure.ENERGY if control is Control.LIMIT else Measure.POWER
    if is_same and decision.measure is not None:
        measure = decision.measure
    allowed = plan.units_allowed
    if control is Control.UNITS and allowed is None and decision.units_total is not None and reduction is not None:
        allowed = units_allowed(decision.units_total, reduction)
    return _noted(
        replace(
            decision,
            outcome=Outcome.ORDERED,
            missing=(),
            kind=decision.kind if is_same else _KINDS[control],
            scope_id=decision.scope_id if is_same else decision.line_id or decision.plant_id,
            control=control,
            measure=measure,
            reduction=None if control in (Control.STOP, Control.CAP) else reduction,
            units_allowed=allowed if control is Control.UNITS else None,
            cap_kw=plan.cap_kw if control is Control.CAP else None,
            ramp_down_h=_grace(decision, rulebook) if control is Control.STOP else None,
        ),
        plan,
    )


def stopped(decision: Decision, rulebook: Rulebook) -> Decision:
    """A stop in place of what was decided, on the same scope."""
    return replace(
        decision,
        kind=ControlKind.STOP,
        control=Control.STOP,
        measure=Measure.POWER,
        reduction=None,
        units_allowed=None,
        units_total=None,
        cap_kw=None,
        ramp_down_h=_grace(decision, rulebook),
    )


def _grace(decision: Decision, rulebook: Rulebook) -> float:
    grace = rulebook.item(decision.item_id).grace if decision.item_id is not None else STOP_GRACE
    return rulebook.graces[grace].hours


def _noted(decision: Decision, plan: PlantPlan) -> Decision:
    """The plan's residual load and grace, and that the plan counts; its words where it gives words alone."""
    values = (plan.control, plan.reduction, plan.units_allowed, plan.cap_kw, plan.residual_kw, plan.ramp_down_h)
    words = ("", "")
    if any(value is not None for value in values):
        words = ("按一厂一策执行", "by the plant's own plan")
    elif plan.measure:
        words = (f"一厂一策措施：{plan.measure}", f"its own plan says: {plan.measure}")
    zh, en = joined((decision.why_zh, decision.why_en), words)
    return replace(
        decision,
        residual_kw=decision.residual_kw if plan.residual_kw is None else plan.residual_kw,
        ramp_down_h=decision.ramp_down_h if plan.ramp_down_h is None else plan.ramp_down_h,
        why_zh=zh,
        why_en=en,
    )
