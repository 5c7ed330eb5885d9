"""Who is counted under a `units` order: the lines of its scope, how many of their units may run, and which meters tell.

A scope of kind `line` whose id is a line's counts that line; a plant's scope all its lines; any other scope the lines
with a meter among its members, or else the plant's lines less those that it subtracts.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.registry import BEFORE_ORDER_S, FOREVER, Line, Meter, Order, Registry, Scope, ScopeMeter
from detectors.vocab import Control, Role

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Kinds of line that are many units: without their number none can be counted.
GROUPS = ("cells", "ovens")


@dataclass(frozen=True, slots=True)
class CountedLines:
    """L lines, one row a scope and line, sorted by scope; H rows of meters, sorted by line row; S scopes, O orders."""

    scope: I64  # [L] row of the scope
    units: I64  # [L] lines, cells or kilns in it
    unit_kw: F64  # [L] load of one unit, NaN where not given
    own_scope: I64  # [L] row of the scope LINE_ID, whose baseline tells of the line; -1 = none
    meter_line: I64  # [H] row among the lines
    meter: I64  # [H] row of the registry's meters
    meter_from: I64  # [H]
    meter_to: I64  # [H]
    total: I64  # [S] units of the scope; 0 where nothing tells them
    is_metered: Bool  # [S] every line of the scope has a meter: running units are counted
    allowed: I64  # [O] units that may run; -1 where nothing tells it, or the order is of another kind
    heard: tuple[tuple[int, int, int, int], ...]  # scope, meter, from, to: line meters that are no members
    rows: Mapping[str, Sequence[Line]]  # the lines of each scope


def allowed_units(order: Order, total: int) -> int | None:
    """Units that may run: as ordered, else floor(total x (1 - reduction)); None where nothing tells it."""
    if total == 0:
        return None
    if order.units_allowed is not None:
        return order.units_allowed
    if order.reduction is None:
        return None
    return math.floor(total * (1 - order.reduction) + 1e-9)  # 30 x (1 - 0.9) is 3, not 2.9999999999999996


def units_of(line: Line) -> int:
    """How many lines, cells or kilns a row of the table `lines` is."""
    return 1 if line.units is None else line.units


def total_units(lines: Sequence[Line]) -> int:
    """Units of lines together; 0 where one is a group, of cells or ovens, that nobody counted: nothing tells then."""
    if any(line.units is None and line.kind in GROUPS for line in lines):
        return 0
    return sum(units_of(line) for line in lines)


def unit_loads_kw(lines: Sequence[Line], running_kw: Sequence[float | None]) -> list[float | None]:
    """Load of each unit, falling: as given, else R of its line's own baseline by the units; None where not known."""
    loads: list[float | None] = []
    for line, running in zip(lines, running_kw, strict=True):
        units = units_of(line)
        load = line.unit_kw if line.unit_kw is not None or running is None else running / max(units, 1)
        loads += [load] * units
    return sorted(loads, key=lambda kw: math.inf if kw is None else kw, reverse=True)


def units_cap_kw(loads_kw: Sequence[float | None], allowed: int, idle_kw: float | None) -> float | None:
    """Load of a scope while the allowed largest units run; None where nothing tells it. loads_kw: falling."""
    if allowed < 0 or not loads_kw or None in loads_kw:
        return None
    return (idle_kw or 0.0) + sum(kw for kw in loads_kw[:allowed] if kw is not None)


def lines_counted(scope: Scope, lines: Sequence[Line], signs: Mapping[str, set[int]]) -> list[Line]:
    """The lines that a scope counts. lines: of its plant. signs: of the scope's members, by the line of their meter."""
    own = [line for line in lines if line.line_id == scope.scope_id]
    if scope.kind == "line" and own:
        return own
    if scope.kind == "plant":
        return list(lines)
    added = [line for line in lines if 1 in signs.get(line.line_id, ())]
    return added or [line for line in lines if -1 not in signs.get(line.line_id, ())]


def counted_lines(
    registry: Registry, orders: Sequence[Order], scope_row: Mapping[str, int], meter_row: Mapping[str, int]
) -> CountedLines:
    """Compile the lines of all scopes under a `units` order. orders: those that stand."""
    by_units = [o for o in orders if o.control == Control.UNITS]
    windows: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for order in by_units:
        windows[order.scope_id].append((max(0, order.valid_from - BEFORE_ORDER_S), order.valid_to))
    lines: dict[str, list[Line]] = defaultdict(list)
    meters: dict[str, list[Meter]] = defaultdict(list)
    members: dict[str, list[ScopeMeter]] = defaultdict(list)
    for line in registry.lines if by_units else ():
        lines[line.plant_id].append(line)
    for meter in registry.meters if by_units else ():
        if meter.line_id is not None and meter.role != Role.CHECK:
            meters[meter.line_id].append(meter)
    for member in registry.scope_meters if by_units else ():
        if member.scope_id in windows:
            members[member.scope_id].append(member)
    plant_of = {s.scope_id: s.plant_id for s in registry.scopes}
    total, is_metered = np.zeros(len(registry.scopes), np.int64), np.zeros(len(registry.scopes), np.bool_)
    rows: list[tuple[int, int, float, int]] = []
    of_scope: dict[str, Sequence[Line]] = {}
    told: list[tuple[int, int, int, int]] = []
    heard: list[tuple[int, int, int, int]] = []
    for scope in sorted((s for s in registry.scopes if s.scope_id in windows), key=lambda s: scope_row[s.scope_id]):
        mine, at = members[scope.scope_id], scope_row[scope.scope_id]
        summed = {member.meter_id for member in mine}
        counted = lines_counted(scope, lines[scope.plant_id], _signs(registry, mine, meter_row))
        of_scope[scope.scope_id] = counted
        found = [_line_meters(line, meters[line.line_id], mine) for line in counted]
        total[at] = total_units(counted)
        is_metered[at] = bool(counted) and all(found)
        for line, of_line in zip(counted, found, strict=True):
            own = scope_row[line.line_id] if plant_of.get(line.line_id) == line.plant_id else -1
            told += [(len(rows), meter_row[m], begin, end) for m, begin, end in of_line if is_metered[at]]
            rows.append((at, units_of(line), math.nan if line.unit_kw is None else line.unit_kw, own))
            if is_metered[at]:
                apart = {m: (begin, end) for m, begin, end in of_line if m not in summed}
                heard += _awaited(at, apart, windows[scope.scope_id], meter_row)
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    meter_table = np.array(told, np.int64).reshape(-1, 4)
    allowed = [
        allowed_units(o, int(total[scope_row[o.scope_id]])) if o.control == Control.UNITS else None for o in orders
    ]
    return CountedLines(
        scope=np.array(columns[0], np.int64),
        units=np.array(columns[1], np.int64),
        unit_kw=np.array(columns[2], np.float64),
        own_scope=np.array(columns[3], np.int64),
        meter_line=meter_table[:, 0].copy(),
        meter=meter_table[:, 1].copy(),
        meter_from=meter_table[:, 2].copy(),
        meter_to=meter_table[:, 3].copy(),
        total=total,
        is_metered=is_metered,
        allowed=np.array([-1 if a is None else a for a in allowed], np.int64),
        heard=tuple(heard),
        rows=of_scope,
    )


@dataclass(frozen=True, slots=True)
class ScopeLines:
    """What a scope's orders by units are judged by, to be compared; times are epoch seconds."""

    lines: tuple[tuple[str, int, float | None], ...]  # line, units, load of one
    is_metered: bool
    meters: tuple[tuple[str, int, int], ...]  # meter, from, to


def lines_by_scope(registry: Registry, orders: Sequence[Order]) -> dict[str, ScopeLines]:
    """Of each scope under a `units` order. registry: with default scopes; orders: those that stand."""
    if not any(o.control == Control.UNITS for o in orders):
        return {}
    scope_row = {s.scope_id: i for i, s in enumerate(registry.scopes)}
    meter_row = {m.meter_id: i for i, m in enumerate(registry.meters)}
    found = counted_lines(registry, orders, scope_row, meter_row)
    meters: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    columns = (found.meter_line, found.meter, found.meter_from, found.meter_to)
    for line, meter, begin, end in zip(*(c.tolist() for c in columns), strict=True):
        meters[int(found.scope[line])].append((registry.meters[meter].meter_id, begin, end))
    return {
        scope_id: ScopeLines(
            tuple(sorted((x.line_id, units_of(x), x.unit_kw) for x in lines)),
            bool(found.is_metered[scope_row[scope_id]]),
            tuple(sorted(meters[scope_row[scope_id]])),
        )
        for scope_id, lines in found.rows.items()
    }


def _signs(registry: Registry, members: Sequence[ScopeMeter], meter_row: Mapping[str, int]) -> dict[str, set[int]]:
    """Signs of a scope's members by the line of their meter; check meters are never counted."""
    signs: dict[str, set[int]] = defaultdict(set)
    for member in members:
        meter = registry.meters[meter_row[member.meter_id]]
        if meter.line_id is not None and meter.role != Role.CHECK:
            signs[meter.line_id].add(member.sign)
    return signs


def _line_meters(line: Line, meters: Sequence[Meter], members: Sequence[ScopeMeter]) -> list[tuple[str, int, int]]:
    """Meters that tell of a line and since when until when: those of role `line`, else those that the scope adds."""
    of_plant = {m.meter_id: m for m in meters if m.plant_id == line.plant_id}
    by_role = [(m.meter_id, m.valid_from, m.valid_to) for m in of_plant.values() if m.role == Role.LINE]
    if by_role:
        return by_role
    spans = [
        (x.meter_id, max(x.valid_from, m.valid_from), min(x.valid_to, m.valid_to))
        for x in members
        if x.sign == 1 and (m := of_plant.get(x.meter_id)) is not None
    ]
    return [span for span in spans if span[1] < span[2]]


def _awaited(
    scope: int, meters: Mapping[str, tuple[int, int]], windows: Sequence[tuple[int, int]], meter_row: Mapping[str, int]
) -> list[tuple[int, int, int, int]]:
    """When line meters that are no members are awaited: while a `units` order of the scope wants them."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(windows):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, min(end, FOREVER)))
    spans = [(meter_row[m], max(f, begin), min(t, end)) for m, (f, t) in meters.items() for begin, end in joined]
    return [(scope, meter, begin, end) for meter, begin, end in spans if begin < end]
