"""What an item that speaks of a plant orders there: the scope, and the value.

Each function answers for one kind of control (DOMAIN §2); ``resolve`` chooses by the rulebook's data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from detectors.registry import Line, Plant
from detectors.rulebook.conditions import Facts, evaluate
from detectors.rulebook.decisions import ControlKind, Decision, Outcome
from detectors.rulebook.facts import line_facts, number
from detectors.rulebook.metering import line_members, part_members, process_scope_id
from detectors.rulebook.office import Office
from detectors.rulebook.schema import Demand, Item, Part, Rulebook
from detectors.rulebook.words import METERS, demand_words, item_words, joined, missing_words, units_words
from detectors.vocab import Control

#: The attribute that holds the design coking time, hours.
COKING_HOURS = "coking_h"

_CONTROLS = {
    ControlKind.STOP: Control.STOP,
    ControlKind.STOP_PROCESS: Control.STOP,
    ControlKind.LIMIT: Control.LIMIT,
    ControlKind.CELLS: Control.UNITS,
    ControlKind.LINES: Control.UNITS,
    ControlKind.COKING: Control.COKING,
}


@dataclass(frozen=True, slots=True)
class Case:
    """One plant under one rulebook."""

    rulebook: Rulebook
    office: Office
    plant: Plant
    lines: Sequence[Line]
    facts: Facts

    def of_line(self, line: Line) -> Facts:
        """Facts of one line."""
        return line_facts(self.plant, line, self.rulebook.attributes)


def units_allowed(total: int, reduction: float) -> int:
    """Units that may run: floor(total x (1 - reduction)), in decimals, so that 90 x 0.7 is 63 and not 62.

    >>> units_allowed(90, 0.3), units_allowed(3, 0.5)
    (63, 1)
    """
    return int(total * (1 - Fraction(repr(reduction))))


def plain(case: Case, item: Item, outcome: Outcome, zh: str, en: str, missing: Sequence[str] = ()) -> Decision:
    """A decision that orders nothing."""
    zh, en = joined(item_words(item), (zh, en))
    return Decision(
        case.plant.plant_id,
        None,
        outcome,
        zh,
        en,
        item_id=item.item_id,
        clause=item.clause,
        missing=tuple(sorted(missing)),
    )


def undecided(case: Case, item: Item, missing: Sequence[str]) -> Decision:
    """What is missing to decide."""
    return plain(case, item, Outcome.CANNOT_DECIDE, *missing_words(case.rulebook, missing), missing)


def demanded(case: Case, item: Item, demand: Demand) -> Decision:
    """What an item orders of a plant that it speaks of as a whole."""
    match demand.kind:
        case ControlKind.STOP_PROCESS:
            return _process(case, item, demand)
        case ControlKind.CELLS | ControlKind.LINES:
            return _units(case, item, demand)
        case ControlKind.COKING:
            return _coking(case, item, demand)
        case _:
            return ordered(case, item, demand, case.plant.plant_id)


def demanded_of_line(case: Case, item: Item, demand: Demand, line: Line) -> Decision:
    """What an item orders of one line by itself."""
    if not line_members(case.office, line.line_id):
        return replace(undecided(case, item, [METERS]), line_id=line.line_id)
    return replace(ordered(case, item, demand, line.line_id), line_id=line.line_id)


def ordered(case: Case, item: Item, demand: Demand, scope_id: str) -> Decision:
    """A demand on a scope."""
    note = (item.note_zh, item.note_en)
    zh, en = joined(item_words(item), demand_words(demand), note)
    control = _CONTROLS[demand.kind]
    return Decision(
        case.plant.plant_id,
        None,
        Outcome.ORDERED,
        zh,
        en,
        item_id=item.item_id,
        clause=item.clause,
        kind=demand.kind,
        scope_id=scope_id,
        control=control,
        measure=demand.measure,
        reduction=demand.reduction,
        ramp_down_h=case.rulebook.graces[item.grace].hours if control is Control.STOP else None,
    )


def _process(case: Case, item: Item, demand: Demand) -> Decision:
    """A stop of a part: of the plant where it has nothing else, of the process scope where it has.

    A step that is named by its lines alone (VOC) is never the plant, nor the plant less other lines: those hold offices
    and treatment too.
    """
    part = _part_of(item)
    scope_id = process_scope_id(case.plant.plant_id, item.item_id)
    shares = [_share(part, facts) for facts in map(case.of_line, case.lines)] or [_share(part, case.facts)]
    if all(share == _NONE for share in shares):
        return plain(case, item, part.rest, part.zh, part.en)
    is_of_the_office = bool(case.office.members.get(scope_id)) and scope_id in case.office.scopes
    if is_of_the_office and any(share in (_WHOLE, _MIXED) for share in shares):
        return ordered(case, item, demand, scope_id)
    if _UNKNOWN in shares:
        return undecided(case, item, [part.attribute])
    if all(share == _WHOLE for share in shares) and not part.lines_only:
        return ordered(case, item, replace(demand, kind=ControlKind.STOP), case.plant.plant_id)
    inside, outside = _apart(case, part, case.lines)
    is_apart = bool(case.lines) and _MIXED not in shares
    rest = [] if part.lines_only else outside
    if is_apart and part_members(case.office, scope_id, case.plant.plant_id, inside, rest):
        return ordered(case, item, demand, scope_id)
    return undecided(case, item, [METERS])


def _units(case: Case, item: Item, demand: Demand) -> Decision:
    """Lines or cells that may run, counted over the lines that the item speaks of."""
    is_cells = demand.kind is ControlKind.CELLS
    counted = _countable(case.lines, demand.kind)
    if item.part is not None and any(_share(item.part, case.of_line(line)) == _UNKNOWN for line in counted):
        return undecided(case, item, [item.part.attribute])
    counted, rest = lines_apart(case, item, demand.kind)
    scope_id = process_scope_id(case.plant.plant_id, item.item_id)
    is_apart = bool(counted) and bool(rest)
    if not is_apart or not part_members(case.office, scope_id, case.plant.plant_id, counted, rest):
        scope_id = case.plant.plant_id
    # A row of lines is one line unless it says more; a potline without its number of cells says nothing.
    units = [line.units if line.units is not None or is_cells else 1 for line in counted]
    known = [n for n in units if n is not None]
    total = sum(known) if known and len(known) == len(units) else None
    decision = ordered(case, item, demand, scope_id)
    allowed = None if total is None or demand.reduction is None else units_allowed(total, demand.reduction)
    zh, en = joined((decision.why_zh, decision.why_en), units_words(demand.kind, total, allowed))
    return replace(decision, units_allowed=allowed, units_total=total, why_zh=zh, why_en=en)


def _coking(case: Case, item: Item, demand: Demand) -> Decision:
    """Coking time as a share of pushes: those of the design hours at the longer time; None where they are not known.

    On the pushing machine's own scope where the office has one; elsewhere electricity cannot decide.
    """
    scope_id = case.office.pushes.get(case.plant.plant_id, case.plant.plant_id)
    decision = ordered(case, item, demand, scope_id)
    design_h = number(case.facts, COKING_HOURS)
    if design_h is None or design_h <= 0 or not demand.hours:
        return decision
    zh, en = joined(
        (decision.why_zh, decision.why_en), (f"设计结焦时间{design_h:g}小时", f"design coking time {design_h:g} h")
    )
    return replace(decision, reduction=max(0.0, 1 - design_h / demand.hours), why_zh=zh, why_en=en)


def lines_apart(case: Case, item: Item, kind: ControlKind) -> tuple[list[Line], list[Line]]:
    """The lines that an item speaks of, and the others of the plant."""
    counted = case.lines if kind is ControlKind.STOP_PROCESS else _countable(case.lines, kind)
    return (
        (list(counted), [line for line in case.lines if line not in counted])
        if item.part is None
        else _apart(case, item.part, counted)
    )


def _countable(lines: Sequence[Line], kind: ControlKind) -> list[Line]:
    """Potlines where cells are counted, all other lines where lines are."""
    return [line for line in lines if (line.kind == "cells") == (kind is ControlKind.CELLS)]


def _apart(case: Case, part: Part, lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    inside = [line for line in lines if _share(part, case.of_line(line)) != _NONE]
    return inside, [line for line in case.lines if line not in inside]


_NONE, _WHOLE, _MIXED, _UNKNOWN = "none", "whole", "mixed", "unknown"


def _share(part: Part, facts: Facts) -> str:
    """How much of a line, or of a plant without lines, is of the part."""
    touched = evaluate(part.touched, facts).truth
    if touched is not True:
        return _NONE if touched is False else _UNKNOWN
    whole = evaluate(part.whole, facts).truth
    return _UNKNOWN if whole is None else _WHOLE if whole else _MIXED


def _part_of(item: Item) -> Part:
    if item.part is None:
        raise ValueError(f"item {item.item_id} has no part")
    return item.part
