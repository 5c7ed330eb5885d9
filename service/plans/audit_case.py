"""One rulebook on the stored registry, as the audit looks at it: decisions, orders, scopes with their meters."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from detectors.registry import Approval, Order, Registry, ScopeMeter, with_default_scopes
from detectors.rulebook.conditions import INDUSTRY
from detectors.rulebook.decisions import Decision, Outcome
from detectors.rulebook.office import Office, document_key
from detectors.rulebook.orders import wanted_orders
from detectors.rulebook.plant_plans import PlantPlanError
from detectors.rulebook.resolve import resolve
from detectors.rulebook.schema import Rulebook
from service.plans.changes import office_rows, order_changes

_BY_PLANT = ("plants", "lines", "meters", "scopes", "plant_plans")


@dataclass(frozen=True, slots=True)
class AuditCase:
    """decisions: of the season, or of the strictest warning level. registry: with the rulebook's scopes, and members of
    all. orders: that the rulebook wants, by id. refused: plants whose own plan does not count here, and why.
    listed: plants on the list of the rulebook's document; None: there is no list."""

    rulebook: Rulebook
    registry: Registry
    office: Office
    decisions: tuple[Decision, ...]
    orders: tuple[Order, ...]
    refused: Mapping[str, PlantPlanError]
    members: Mapping[str, tuple[ScopeMeter, ...]]
    listed: frozenset[str] | None
    changes: Mapping[str, int]  # orders that ``plan apply`` would change now, by what it would do

    @property
    def by_plant(self) -> dict[str, Decision]:
        """Decisions on plants as a whole."""
        return {d.plant_id: d for d in self.decisions if d.line_id is None}

    def plant_of_scopes(self) -> dict[str, str]:
        """Plant of each scope."""
        return {scope.scope_id: scope.plant_id for scope in self.registry.scopes}


def audit_case(rulebook: Rulebook, stored: Registry) -> AuditCase:
    """Decide as ``plan apply`` would, but where that would refuse plans of plants, without those. stored: rows as
    imported."""
    rows = office_rows(rulebook, stored)
    levels: list[str | None] = [level.level for level in rulebook.levels] or [None]
    refused: dict[str, PlantPlanError] = {}
    try:
        decisions = {level: resolve(rulebook, rows, level) for level in levels}
    except PlantPlanError:
        refused = _refused(rulebook, rows, levels)
        kept = tuple(row for row in rows.plant_plans if row.plant_id not in refused)
        rows = replace(rows, plant_plans=kept)
        decisions = {level: resolve(rulebook, rows, level) for level in levels}
    wanted = wanted_orders(rulebook, rows, decisions.get(None))
    whole = with_default_scopes(
        replace(
            rows,
            scopes=(*rows.scopes, *wanted.scopes),
            scope_meters=(*rows.scope_meters, *wanted.scope_meters),
        )
    )
    members: dict[str, list[ScopeMeter]] = defaultdict(list)
    for member in whole.scope_meters:
        members[member.scope_id].append(member)
    document = document_key(rulebook.document)
    listed = frozenset(row.plant_id for row in stored.listings if document_key(row.document) == document)
    return AuditCase(
        rulebook=rulebook,
        registry=whole,
        office=Office.of(rows, rulebook.document),
        decisions=decisions[levels[-1]],
        orders=wanted.orders,
        refused=refused,
        members={scope: tuple(rows) for scope, rows in members.items()},
        listed=listed or None,
        changes=Counter(change.what for change in order_changes(rulebook, wanted, stored)[0]),
    )


def is_of_the_plan(decision: Decision) -> bool:
    """It is ordered, or other things are missing than the code of its trade: its trade is one of the plan."""
    if decision.outcome is Outcome.CANNOT_DECIDE:
        return INDUSTRY not in decision.missing
    return decision.outcome is Outcome.ORDERED


def approvals_of(case: AuditCase, decision: Decision) -> list[Approval]:
    """Approvals that may stand in place of a decision, of all times."""
    found: list[Approval] = []
    for scope_id in dict.fromkeys((decision.scope_id, decision.line_id, decision.plant_id)):
        found += case.office.approvals.get(scope_id or "", ())
    return found


def _refused(rulebook: Rulebook, registry: Registry, levels: list[str | None]) -> dict[str, PlantPlanError]:
    """Plants whose own plan is refused, each asked by itself."""
    planned = {row.plant_id for row in registry.plant_plans}
    rows: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    plant_of: dict[str, str] = {plant_id: plant_id for plant_id in planned}
    for table in _BY_PLANT:
        for row in getattr(registry, table):
            if row.plant_id in planned:
                rows[row.plant_id][table].append(row)
                if table == "scopes":
                    plant_of[row.scope_id] = row.plant_id
    for member in registry.scope_meters:
        if member.scope_id in plant_of:
            rows[plant_of[member.scope_id]]["scope_meters"].append(member)
    found: dict[str, PlantPlanError] = {}
    known = {field.name for field in fields(Registry)}
    for plant_id, tables in rows.items():
        mine: dict[str, Any] = {name: tuple(of) for name, of in tables.items() if name in known}
        for level in levels:
            try:
                resolve(rulebook, replace(Registry(zone=registry.zone), **mine), level)
            except PlantPlanError as fault:
                found.setdefault(plant_id, fault)
    return found
