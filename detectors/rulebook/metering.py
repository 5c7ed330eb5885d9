"""Which meters measure a line, or a part of a plant."""

from collections.abc import Sequence
from dataclasses import replace

from detectors.registry import Line, Meter, ScopeMeter
from detectors.rulebook.office import Office
from detectors.vocab import Role

#: Never counted: they measure what something else measures too, or no production.
_NOT_COUNTED = (Role.CHECK, Role.TREATMENT)
_SIGNS = {Role.REVERSE: -1}


def process_scope_id(plant_id: str, item_id: str) -> str:
    """The scope of the process that an item orders."""
    return f"{plant_id}-{item_id}"


def line_members(office: Office, line_id: str) -> tuple[ScopeMeter, ...]:
    """Members of the scope ``LINE_ID``: the line's own meters; none where nothing measures it.

    A scope that the office has made is the office's. A line meter includes what hangs below it, so where there is one,
    supply, production and other meters of the line are left out.
    """
    if line_id in office.scopes:
        return tuple(office.members.get(line_id, ()))
    return _own_members(office, line_id, line_id)


def part_members(
    office: Office, scope_id: str, plant_id: str, part: Sequence[Line], rest: Sequence[Line]
) -> tuple[ScopeMeter, ...]:
    """Members of a process scope: the meters of the part's lines; or else the plant's members less those of the rest.

    None where neither the part nor the rest is measured line by line. A scope that the office has made is the office's.
    """
    if scope_id in office.scopes:
        return tuple(office.members.get(scope_id, ()))
    inside = [_own_members(office, scope_id, line.line_id) for line in part]
    if inside and all(inside):
        return tuple(row for rows in inside for row in rows)
    outside = [_own_members(office, scope_id, line.line_id) for line in rest]
    whole = [replace(row, scope_id=scope_id) for row in office.members.get(plant_id, ())]
    if not whole or not outside or not all(outside):
        return ()
    return (*whole, *(replace(row, sign=-row.sign) for rows in outside for row in rows))


def _own_members(office: Office, scope_id: str, line_id: str) -> tuple[ScopeMeter, ...]:
    meters = [m for m in office.line_meters.get(line_id, ()) if m.role not in _NOT_COUNTED]
    for counted in ((Role.LINE,), (Role.SUPPLY, Role.GENERATION, Role.REVERSE), (Role.PRODUCTION,)):
        chosen = [m for m in meters if m.role in counted]
        if chosen:
            return tuple(_member(scope_id, m) for m in chosen)
    return ()


def _member(scope_id: str, meter: Meter) -> ScopeMeter:
    return ScopeMeter(scope_id, meter.meter_id, _SIGNS.get(meter.role, 1))
