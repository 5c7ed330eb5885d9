"""A rulebook as the service shows it: every line of the plan in both languages."""

from typing import Any

from detectors.rulebook.conditions import Condition, asked
from detectors.rulebook.decisions import ControlKind
from detectors.rulebook.schema import Attribute, Demand, Item, Livelihood, Rulebook
from detectors.rulebook.words import demand_words

_STOPS = (ControlKind.STOP, ControlKind.STOP_PROCESS)


def rulebook_document(rulebook: Rulebook) -> dict[str, Any]:
    """What stands in a rulebook, its id and titles left out."""
    season = rulebook.season
    return {
        "unreadable": None,
        "issued": None if rulebook.issued is None else rulebook.issued.isoformat(),
        "zone": rulebook.zone,
        "season": None if season is None else {"first": season.first.isoformat(), "last": season.last.isoformat()},
        "levels": [{"level": level.level, "zh": level.zh, "en": level.en} for level in rulebook.levels],
        "plant_plans": rulebook.plant_plans,
        "livelihood": None if rulebook.livelihood is None else _livelihood(rulebook.livelihood),
        "items": [_item(rulebook, item) for item in rulebook.items],
        "attributes": [_attribute(attribute) for attribute in rulebook.attributes.values()],
    }


def no_rulebook_document(why: str) -> dict[str, Any]:
    """The same of a text that is not read any more."""
    names = ("issued", "zone", "season", "plant_plans", "livelihood")
    return {"unreadable": why, **dict.fromkeys(names), "levels": [], "items": [], "attributes": []}


def _item(rulebook: Rulebook, item: Item) -> dict[str, Any]:
    grace, part = rulebook.graces[item.grace], item.part
    is_stop = any(demand.kind in _STOPS for demand in item.demands.values())
    return {
        "item_id": item.item_id,
        "clause": item.clause,
        "zh": item.zh,
        "en": item.en,
        "subject": item.subject,
        "industries": [{"edition": edition, "code": code} for edition, code in sorted(item.industries)],
        "asks": _asks(item.when),
        "demands": [_demand(level, demand) for level, demand in item.demands.items()],
        "brackets": [{"zh": b.zh, "en": b.en, "asks": _asks(b.when)} for b in item.brackets],
        "part": None
        if part is None
        else {
            "attribute": part.attribute,
            "values": sorted(part.values),
            "is_rest": part.is_rest,
            "zh": part.zh,
            "en": part.en,
        },
        "grace": {"hours": grace.hours, "origin": grace.origin, "zh": grace.zh, "en": grace.en} if is_stop else None,
        "approver": item.approver,
        "note": {"zh": item.note_zh, "en": item.note_en},
    }


def _asks(condition: Condition | None) -> list[str]:
    return [] if condition is None else sorted(set(asked(condition)))


def _demand(level: str | None, demand: Demand) -> dict[str, Any]:
    zh, en = demand_words(demand)
    return {
        "level": level,
        "kind": demand.kind,
        "measure": demand.measure,
        "reduction": demand.reduction,
        "hours": demand.hours,
        "zh": zh,
        "en": en,
    }


def _livelihood(clause: Livelihood) -> dict[str, Any]:
    return {
        "item_id": clause.item_id,
        "clause": clause.clause,
        "attribute": clause.attribute,
        "approver": clause.approver,
        "filing": clause.filing,
        "zh": clause.zh,
        "en": clause.en,
    }


def _attribute(attribute: Attribute) -> dict[str, Any]:
    values = [{"value": value, "zh": zh, "en": en} for value, (zh, en) in attribute.values.items()]
    return {
        "name": attribute.name,
        "zh": attribute.zh,
        "en": attribute.en,
        "is_open": attribute.is_open,
        "is_number": attribute.is_number,
        "values": values,
    }
