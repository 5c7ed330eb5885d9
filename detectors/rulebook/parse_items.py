"""Items of a rulebook file: whom they cover, what they take out, what they order."""

import re

from detectors.rulebook.decisions import ControlKind, Outcome
from detectors.rulebook.fields import Fields
from detectors.rulebook.parse_conditions import (
    Vocabulary,
    read_attribute_name,
    read_condition,
    read_industries,
    read_values,
)
from detectors.rulebook.schema import STOP_GRACE, Bracket, Demand, Item, Part, RulebookError, Subject
from detectors.vocab import Measure

#: Kinds of which only a part of the plant may be spoken of.
_OF_PARTS = (ControlKind.STOP_PROCESS, ControlKind.CELLS, ControlKind.LINES)
#: Kinds that cut a share.
_SHARES = (ControlKind.LIMIT, ControlKind.CELLS, ControlKind.LINES)


def read_id(fields: Fields, key: str) -> str:
    """An id: small letters, digits and hyphens. It becomes part of order ids."""
    text = fields.text(key)
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text):
        raise fields.error(key, f"small letters, digits and hyphens are wanted, not {text!r}")
    return text


def read_item(fields: Fields, name: str, vocabulary: Vocabulary, levels: list[str], graces: set[str]) -> Item:
    """One item. ``levels``: of the rulebook; none where it has a season. Raises ``RulebookError``."""
    item_id = read_id(fields, "id")
    fields.place = place = f"{name}: item {item_id}"
    grace = fields.text("grace", STOP_GRACE)
    if grace not in graces:
        raise fields.error("grace", f"{grace!r} is not in the table grace: {', '.join(sorted(graces))}")
    brackets = fields.items("exempt") if fields.has("exempt") else []
    item = Item(
        item_id=item_id,
        clause=fields.text("clause"),
        zh=fields.text("zh"),
        en=fields.text("en"),
        subject=fields.choice("subject", Subject, Subject.PLANT),
        industries=read_industries(fields.under("industries")),
        when=read_condition(fields.take("when"), f"{place}: when", vocabulary) if fields.has("when") else None,
        brackets=tuple(
            _bracket(Fields(table, f"{place}: exempt {n}"), vocabulary) for n, table in enumerate(brackets, 1)
        ),
        part=_part(fields.under("part"), vocabulary) if fields.has("part") else None,
        demands=_demands(fields, levels),
        grace=grace,
        approver=fields.text("approver") if fields.has("approver") else None,
        note_zh=fields.text("note_zh", ""),
        note_en=fields.text("note_en", ""),
    )
    fields.end()
    for demand in item.demands.values():
        _refuse_mismatch(item, demand, place)
    return item


def _refuse_mismatch(item: Item, demand: Demand, place: str) -> None:
    if demand.kind is ControlKind.STOP_PROCESS and item.part is None:
        raise RulebookError(f"{place}: part: missing: which process stops?")
    if item.part is not None and demand.kind not in _OF_PARTS:
        raise RulebookError(f"{place}: part: goes with {', '.join(_OF_PARTS)}, not with {demand.kind}")
    if item.subject is Subject.LINE and demand.kind is not ControlKind.STOP:
        raise RulebookError(f"{place}: subject: line goes with stop, not with {demand.kind}")


def _bracket(fields: Fields, vocabulary: Vocabulary) -> Bracket:
    when = read_condition(fields.take("when"), f"{fields.place}: when", vocabulary)
    bracket = Bracket(when, fields.text("zh"), fields.text("en"))
    fields.end()
    return bracket


def _part(fields: Fields, vocabulary: Vocabulary) -> Part:
    attribute = read_attribute_name(fields, vocabulary)
    if fields.has("stops") == fields.has("stays"):
        raise RulebookError(f"{fields.place}: exactly one of stops, stays is wanted")
    key = "stays" if fields.has("stays") else "stops"
    rest = fields.choice("rest", Outcome)
    if rest not in (Outcome.EXEMPT, Outcome.NOT_COVERED):
        raise fields.error("rest", f"exempt or not_covered is wanted, not {rest!r}")
    part = Part(
        attribute=attribute,
        values=read_values(fields, key, vocabulary[attribute]),
        is_rest=key == "stays",
        lines_only=fields.flag("lines_only"),
        rest=rest,
        zh=fields.text("zh"),
        en=fields.text("en"),
    )
    fields.end()
    return part


def _demands(fields: Fields, levels: list[str]) -> dict[str | None, Demand]:
    if not levels:
        return {None: _demand(fields.under("order"))}
    under = fields.under("orders")
    demands: dict[str | None, Demand] = {}
    for level, table in under.tables():
        if level not in levels:
            raise under.error(level, f"one of the levels is wanted: {', '.join(levels)}")
        demands[level] = _demand(table)
    return demands


def _demand(fields: Fields) -> Demand:
    kind = fields.choice("kind", ControlKind)
    if kind is ControlKind.CAP:
        raise fields.error("kind", "a cap in kW is approved for one plant: see livelihood, and the plant's own plan")
    reduction = hours = None
    measure = Measure.POWER
    if kind in _SHARES:
        wanted = "the share that is cut, above 0 and up to 1, is wanted (限产30% is 0.30)"
        reduction = fields.number("reduction", low=0, high=1, wanted=wanted)
    if kind is ControlKind.LIMIT:
        measure = fields.choice("measure", Measure, Measure.ENERGY)
    if kind is ControlKind.COKING:
        hours = fields.number("hours", low=0, high=720, wanted="hours, above 0 and up to 720, are wanted")
    fields.end()
    return Demand(kind, measure, reduction, hours)
