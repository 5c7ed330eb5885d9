"""Orders by lines and cells: which lines count, how many may run, what a unit draws (docs/adr/0009)."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from detectors.registry import Baseline, Line, Meter, Order, Registry, Scope
from detectors.vocab import Role

#: The baseline of a scope at an instant.
BaselineAt = Callable[[str, int], Baseline | None]


@dataclass(frozen=True)
class LineMeter:
    """A meter that tells of a line, over its validity."""

    meter: Meter
    valid_from: int
    valid_to: int


def lines_of(registry: Registry, scope: Scope) -> list[Line]:
    """The lines that count: of a line's own scope that line, of a plant all, else those with a meter in the scope.

    A scope without any line's meter counts the plant's lines, without those whose meters it subtracts.
    """
    lines = [line for line in registry.lines if line.plant_id == scope.plant_id]
    if scope.kind == "line":
        for line in lines:
            if line.line_id == scope.scope_id:
                return [line]
    if scope.kind == "plant":
        return lines
    meters = {m.meter_id: m for m in registry.meters}

    def has_member(line: Line, sign: int) -> bool:
        return any(
            row.scope_id == scope.scope_id
            and row.sign == sign
            and meters[row.meter_id].line_id == line.line_id
            and meters[row.meter_id].role != Role.CHECK
            for row in registry.scope_meters
        )

    inside = [line for line in lines if has_member(line, 1)]
    return inside or [line for line in lines if not has_member(line, -1)]


def units_in(line: Line) -> int:
    """A line is one unit unless told otherwise."""
    return line.units if line.units is not None else 1


def allowed_of(registry: Registry, order: Order) -> int | None:
    """As ordered, else floor(total x (1 - reduction)); None where nothing tells it."""
    scope = next(s for s in registry.scopes if s.scope_id == order.scope_id)
    lines = lines_of(registry, scope)
    if any(line.kind in ("cells", "ovens") and line.units is None for line in lines):
        return None
    total = sum(units_in(line) for line in lines)
    if total == 0:
        return None
    if order.units_allowed is not None:
        return order.units_allowed
    if order.reduction is None:
        return None
    return int(total * (1 - Decimal(str(order.reduction))))


def line_meters(registry: Registry, scope: Scope, line: Line) -> list[LineMeter]:
    """Meters of role `line` with the line's id; where it has none, the meters with its id that the scope adds."""
    own = [m for m in registry.meters if m.line_id == line.line_id and m.plant_id == line.plant_id]
    found = [LineMeter(m, m.valid_from, m.valid_to) for m in own if m.role == Role.LINE]
    if found:
        return found
    for row in registry.scope_meters:
        for meter in own:
            if (row.scope_id, row.meter_id, row.sign) == (scope.scope_id, meter.meter_id, 1):
                begin, end = max(row.valid_from, meter.valid_from), min(row.valid_to, meter.valid_to)
                if meter.role != Role.CHECK and begin < end:
                    found.append(LineMeter(meter, begin, end))
    return found


def is_counted(registry: Registry, scope: Scope) -> bool:
    """Every line of the scope has a meter."""
    lines = lines_of(registry, scope)
    return bool(lines) and all(line_meters(registry, scope, line) for line in lines)


def unit_load_kw(registry: Registry, baseline_at: BaselineAt, line: Line, at: int) -> float | None:
    """Load of one unit: as given, else R of the baseline of the line's own scope by its units."""
    if line.unit_kw is not None:
        return line.unit_kw
    baseline = own_baseline(registry, baseline_at, line, at)
    return baseline.running_kw / max(units_in(line), 1) if baseline is not None else None


def own_baseline(registry: Registry, baseline_at: BaselineAt, line: Line, at: int) -> Baseline | None:
    """The baseline of the scope of the line's own, named as the line."""
    has_own = any(s.scope_id == line.line_id and s.plant_id == line.plant_id for s in registry.scopes)
    return baseline_at(line.line_id, at) if has_own else None


def unit_loads_kw(registry: Registry, baseline_at: BaselineAt, scope: Scope, at: int) -> list[float] | None:
    """The load of each unit of a scope, largest first; None where one of them is not known."""
    loads: list[float] = []
    for line in lines_of(registry, scope):
        load = unit_load_kw(registry, baseline_at, line, at)
        for _ in range(units_in(line)):
            if load is None:
                return None
            loads.append(load)
    return sorted(loads, reverse=True)


def unit_caps_kw(
    registry: Registry, baseline_at: BaselineAt, order: Order, at: int
) -> tuple[float | None, float | None, float | None]:
    """(cap, load above which more run than allowed, load up to which surely no more run), kW; None = not known."""
    scope = next(s for s in registry.scopes if s.scope_id == order.scope_id)
    allowed = allowed_of(registry, order)
    loads = unit_loads_kw(registry, baseline_at, scope, at)
    if allowed is None or loads is None:
        return None, None, None
    baseline = baseline_at(order.scope_id, at)
    idle = baseline.idle_kw if baseline is not None and baseline.idle_kw is not None else 0.0
    cap = idle + sum(loads[:allowed])
    if is_counted(registry, scope):
        return cap, None, None
    if allowed >= len(loads):  # all may run
        return cap, float("inf"), float("inf")
    return cap, idle + sum(loads[: allowed + 1]), idle + sum(loads[len(loads) - allowed :])
