"""Decisions and order changes as plain rows, for the terminal, files and the API."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from detectors.registry import FOREVER, Order, Registry
from detectors.rulebook.decisions import Decision
from service.plans.changes import OrderChange, PlanChanges

DECISION_COLUMNS = (
    "plant_id",
    "line_id",
    "name",
    "level",
    "outcome",
    "clause",
    "kind",
    "reduction",
    "units_allowed",
    "cap_kw",
    "residual_kw",
    "ramp_down_h",
    "scope_id",
    "listed",
    "missing",
    "why_zh",
    "why_en",
)
CHANGE_COLUMNS = ("change", "order_id", "revision", "scope_id", "control", "from", "to", "clause", "differs")
_TIMES = {"valid_from": "from", "valid_to": "to"}


def decision_rows(plan: PlanChanges, registry: Registry, level: str | None = None) -> list[dict[str, Any]]:
    """One row a decision, of all levels or of one; what stands beside the strictest item has rows of its own."""
    names = {plant.plant_id: plant.name for plant in registry.plants}
    names |= {line.line_id: f"{names.get(line.plant_id, line.plant_id)} {line.name}" for line in registry.lines}
    return [
        _decision_row(decision, of_level, names)
        for of_level, decisions in plan.decisions.items()
        if level in (None, of_level)
        for main in decisions
        for decision in (main, *main.also)
    ]


def _decision_row(decision: Decision, level: str | None, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "plant_id": decision.plant_id,
        "line_id": decision.line_id,
        "name": names.get(decision.line_id or decision.plant_id),
        "level": level,
        "outcome": decision.outcome.value,
        "clause": decision.clause,
        "kind": None if decision.kind is None else decision.kind.value,
        "reduction": decision.reduction,
        "units_allowed": decision.units_allowed,
        "cap_kw": decision.cap_kw,
        "residual_kw": decision.residual_kw,
        "ramp_down_h": decision.ramp_down_h,
        "scope_id": decision.scope_id,
        "listed": decision.is_listed,
        "missing": list(decision.missing),
        "why_zh": decision.why_zh,
        "why_en": decision.why_en,
    }


def change_rows(changes: Iterable[OrderChange], zone: str) -> list[dict[str, Any]]:
    """One row an order that is not as it was."""
    return [
        {
            "change": change.what,
            "order_id": change.after.order_id,
            "revision": change.after.revision,
            "scope_id": change.after.scope_id,
            "control": change.after.control.value,
            "from": shown_time(change.after.valid_from, zone),
            "to": shown_time(change.after.valid_to, zone),
            "clause": change.after.clause,
            "differs": [] if change.before is None else _differing(change.before, change.after, zone),
        }
        for change in changes
    ]


def shown_time(epoch_s: int, zone: str) -> str | None:
    """RFC 3339 in the zone; None: open."""
    return None if epoch_s >= FOREVER else datetime.fromtimestamp(epoch_s, ZoneInfo(zone)).isoformat()


def _differing(before: Order, after: Order, zone: str) -> list[str]:
    told = []
    for field in fields(Order):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new and field.name != "revision":
            if field.name in _TIMES:
                old, new = shown_time(old, zone), shown_time(new, zone)
            told.append(f"{_TIMES.get(field.name, field.name)}: {old} -> {new}")
    return told
