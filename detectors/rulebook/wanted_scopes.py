"""Scopes that orders need and the office has not made: lines, and processes."""

from detectors.registry import Scope, ScopeMeter
from detectors.rulebook.decisions import ControlKind, Decision
from detectors.rulebook.demands import Case, lines_apart
from detectors.rulebook.facts import plant_facts
from detectors.rulebook.metering import line_members, part_members
from detectors.rulebook.office import Office
from detectors.rulebook.schema import Rulebook


def wanted_scope(rulebook: Rulebook, office: Office, decision: Decision) -> tuple[Scope, tuple[ScopeMeter, ...]] | None:
    """The scope of a decision with its members; None: the office has made it, or it is the plant's own."""
    scope_id, plant_id = decision.scope_id, decision.plant_id
    if scope_id is None or scope_id == plant_id or scope_id in office.scopes:
        return None
    lines = office.lines.get(plant_id, [])
    line = next((line for line in lines if line.line_id == scope_id), None)
    if line is not None:
        return Scope(scope_id, plant_id, line.name, "line"), line_members(office, scope_id)
    plant = next(p for p in office.plants if p.plant_id == plant_id)
    item = rulebook.item(decision.item_id or "")
    case = Case(rulebook, office, plant, lines, plant_facts(plant, lines, rulebook.attributes))
    members = part_members(office, scope_id, plant_id, *lines_apart(case, item, decision.kind or ControlKind.STOP))
    return Scope(scope_id, plant_id, f"{plant.name}（{item.clause}）", "process"), members
