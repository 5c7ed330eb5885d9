"""What a rulebook decides for every plant of a registry, and for the lines that are decided by themselves."""

from collections.abc import Sequence
from dataclasses import replace

from detectors.registry import Registry
from detectors.rulebook.decisions import ControlKind, Decision, Outcome
from detectors.rulebook.demands import Case
from detectors.rulebook.facts import plant_facts
from detectors.rulebook.item_decisions import item_decisions
from detectors.rulebook.livelihood import with_approval
from detectors.rulebook.matching import items_of, trades
from detectors.rulebook.metering import line_members
from detectors.rulebook.office import Office
from detectors.rulebook.plan_lines import line_decision, ordered_by_lines, refuse_misfits, unordered
from detectors.rulebook.plant_plans import OwnPlan, PlantPlanError, own_plan, with_plan
from detectors.rulebook.schema import Item, PlantPlans, Rulebook, RulebookError
from detectors.rulebook.words import METERS, joined, missing_words

#: Kinds from the strictest on; those that cut a share come after these, the larger cut first.
_STRICT = (ControlKind.STOP, ControlKind.STOP_PROCESS, ControlKind.CAP)


def resolve(rulebook: Rulebook, registry: Registry, level: str | None = None) -> tuple[Decision, ...]:
    """Decisions on every plant, and on every line that an item or its plant's own plan decides by itself.

    Sorted by plant and line, the plant before its lines; the order of the registry's rows does not matter. ``level``:
    one of the rulebook's warning levels; None for a season.

    Raises:
        RulebookError: the level is not one of the rulebook's, or is missing where it has levels.
        PlantPlanError: a plant's own plan asks for less than its clause; all of them are told.
    """
    refuse_level(rulebook, level)
    office = Office.of(registry, rulebook.document)
    by_trade = trades(rulebook.items)
    decisions: list[Decision] = []
    faults: list[PlantPlanError] = []
    for plant in office.plants:
        lines = office.lines.get(plant.plant_id, [])
        case = Case(rulebook, office, plant, lines, plant_facts(plant, lines, rulebook.attributes))
        try:
            items = items_of(rulebook.items, by_trade, case.facts)
            decisions += _of_plant(case, items, own_plan(office, rulebook, plant.plant_id, level), level)
        except PlantPlanError as fault:
            faults.append(fault)
    if faults:
        raise PlantPlanError.of(faults)
    return tuple(decisions)


def refuse_level(rulebook: Rulebook, level: str | None) -> None:
    """Raise ``RulebookError`` where a level does not fit a rulebook."""
    known = [row.level for row in rulebook.levels]
    if level is None and known:
        raise RulebookError(f"{rulebook.rulebook_id}: name a level: {', '.join(known)}")
    if level is not None and level not in known:
        raise RulebookError(f"{rulebook.rulebook_id}: no level {level!r}; it has {', '.join(known) or 'a season only'}")


def strictness(decision: Decision) -> tuple[int, float, int]:
    """Sorts decisions that order something, the strictest first."""
    kind = decision.kind or ControlKind.CAP
    place = _STRICT.index(kind) if kind in _STRICT else len(_STRICT)
    return place, -(decision.reduction or 0.0), list(ControlKind).index(kind)


def _of_plant(case: Case, items: Sequence[Item], plan: OwnPlan, level: str | None) -> list[Decision]:
    """The plant's decision, and those of its lines by id. items: that may speak of it."""
    rulebook = case.rulebook
    found = [d for item in items if (d := item_decisions(case, item, level)) is not None]
    if rulebook.plant_plans is PlantPlans.REPLACE:
        plant = with_plan(_combined(case, [d.plant for d in found]), plan.plant, rulebook)
    else:
        plant = _combined(case, [with_plan(d.plant, plan.plant, rulebook) for d in found])
    refuse_misfits(case, plan, plant)
    by_line: dict[str, list[Decision]] = {}
    for row in (row for d in found for row in d.lines):
        line_id = row.line_id or ""
        by_line.setdefault(line_id, []).append(with_plan(row, plan.lines.get(line_id), rulebook))
    for line_id in plan.lines_by_themselves:
        by_line.setdefault(line_id, []).append(_own_line(case, plan, plant, line_id))
    if plan.is_by_lines_only and rulebook.plant_plans is PlantPlans.REPLACE:
        plant = ordered_by_lines(plant)
    lines = [_strictest_row(rows) for _, rows in sorted(by_line.items())]
    return [_settled(case, plan, row) for row in (plant, *lines)]


def _own_line(case: Case, plan: OwnPlan, plant: Decision, line_id: str) -> Decision:
    """What a plant's own plan says of one line; open where nothing measures the line."""
    row = line_decision(plant, line_id, plan, case.rulebook)
    if row.outcome is not Outcome.ORDERED or line_members(case.office, line_id):
        return row
    zh, en = joined((row.why_zh, row.why_en), missing_words(case.rulebook, [METERS]))
    return unordered(row, Outcome.CANNOT_DECIDE, zh, en, (METERS,))


def _combined(case: Case, found: Sequence[Decision]) -> Decision:
    """One decision out of those of the items that speak of the plant's trade.

    The strictest order wins; others stand beside it where they have another scope. Without an order: what cannot be
    decided goes before what is taken out, for it may still be an order.
    """
    ordered = sorted((d for d in found if d.outcome is Outcome.ORDERED), key=strictness)
    if ordered:
        beside = {d.scope_id: d for d in reversed(ordered) if d.scope_id not in (None, ordered[0].scope_id)}
        return replace(ordered[0], also=tuple(sorted(beside.values(), key=strictness)))
    open_ = [d for d in found if d.outcome is Outcome.CANNOT_DECIDE]
    if len(open_) > 1:
        missing = tuple(sorted({name for d in open_ for name in d.missing}))
        zh, en = missing_words(case.rulebook, missing)
        return Decision(case.plant.plant_id, None, Outcome.CANNOT_DECIDE, zh, en, missing=missing)
    rest = sorted(found, key=lambda d: d.outcome is not Outcome.EXEMPT)
    if open_ or rest:
        return (open_ or rest)[0]
    zh, en = "行业不在方案之列", "its trade is not in the plan"
    return Decision(case.plant.plant_id, None, Outcome.NOT_COVERED, zh, en)


def _strictest_row(rows: Sequence[Decision]) -> Decision:
    order = (Outcome.ORDERED, Outcome.CANNOT_DECIDE, Outcome.EXEMPT, Outcome.NOT_COVERED)
    return min(rows, key=lambda d: (order.index(d.outcome), strictness(d)))


def _settled(case: Case, plan: OwnPlan, decision: Decision) -> Decision:
    """A decision with approvals, and whether it is on the list."""
    season = case.rulebook.season
    span = None if season is None else plan.span(decision.line_id, case.rulebook.span())
    first, *others = [
        with_approval(replace(d, also=()), case.rulebook, case.office, case.facts, span)
        for d in (decision, *decision.also)
    ]
    is_listed = case.office.is_listed(decision.plant_id, decision.line_id)
    settled = replace(first, also=tuple(others), is_listed=is_listed)
    if is_listed or settled.outcome is not Outcome.ORDERED:
        return settled
    zh, en = joined((settled.why_zh, settled.why_en), ("未列入错峰生产企业清单", "not on the list of plants"))
    return replace(settled, why_zh=zh, why_en=en)
