"""Running lines and cells, counted slot by slot from the meters of the lines (docs/adr/0009)."""

from collections.abc import Mapping

from detectors.registry import FOREVER, Line, Registry, Scope
from detectors.vocab import Control, Kind
from tests.oracles.caps import Rules
from tests.oracles.energy import MeterSeries, meter_slot
from tests.oracles.lines import is_counted, line_meters, lines_of, own_baseline, unit_load_kw, units_in
from tests.oracles.local_time import LocalTime
from tests.oracles.scope_slots import UnitCount, is_declared_out, is_missing_by_time
from tests.oracles.windows import effective_orders

#: A line meter is awaited as long before a `units` order as every meter is before an order (§5.28).
BEFORE_ORDER_S = 6 * 3600


def count_units(rules: Rules, scope: Scope, series: Mapping[str, MeterSeries], slot: int) -> UnitCount | None:
    """Running units of a scope in one slot, from the meters of its lines; None where they do not tell."""
    registry, local = rules.registry, rules.local
    if not is_counted(registry, scope):
        return None
    start, end = slot * local.slot_s, (slot + 1) * local.slot_s
    running = idle = 0
    is_alive = False
    for line in lines_of(registry, scope):
        kw = 0.0
        is_whole, is_bound, has_any = True, True, False
        meters = [m for m in line_meters(registry, scope, line) if m.valid_from <= start < m.valid_to]
        for row in meters:
            is_register = bool(series[row.meter.meter_id].pieces[Kind.ENERGY_REG])  # only these may be too coarse
            thresholds = _thresholds(rules, line, slot) if is_register else (None, None)
            said = meter_slot(series[row.meter.meter_id], slot, local, *thresholds)
            wh = said.wh if said.wh is not None else said.partial_wh
            kw += (wh or 0) / 1000 / local.hours()
            is_whole = is_whole and said.wh is not None
            is_bound = is_bound and not said.is_negative
            has_any = has_any or wh is not None
            volts = [v for ts, v in series[row.meter.meter_id].voltages.items() if start < ts <= end]
            is_alive = is_alive or bool(wh) or any(v > 0 for v in volts)
        if not meters:
            continue
        if is_whole:
            runs, rests = _runs_and_rests(rules, line, start, kw)
            running, idle = running + runs, idle + rests
        elif has_any and is_bound:
            runs, _ = _runs_and_rests(rules, line, start, kw)
            running += runs
    return UnitCount(running, idle, 0 if is_alive else idle)


def _has_own_scope(rules: Rules, line: Line) -> bool:
    """Whether a scope is named as the line."""
    return any(s.scope_id == line.line_id and s.plant_id == line.plant_id for s in rules.registry.scopes)


def _levels(rules: Rules, line: Line, at: int) -> tuple[float, float] | None:
    """(runs above, rests below) of a line that is one unit, kW (§3.14); equal where its idle load is known."""
    baseline = own_baseline(rules.registry, rules.baseline_at, line, at)
    own = line.line_id if _has_own_scope(rules, line) else None
    if baseline is not None and baseline.idle_kw is not None:
        cap_kw = baseline.idle_kw + rules.stop_share("margin", own, at) * baseline.running_kw
        return cap_kw, cap_kw
    running_kw = baseline.running_kw if baseline is not None else line.unit_kw
    high, low = (rules.stop_share(name, own, at) for name in ("unknown_high", "unknown_low"))
    return None if running_kw is None else (high * running_kw, low * running_kw)


def _runs_and_rests(rules: Rules, line: Line, at: int, kw: float) -> tuple[int, int]:
    """Units of a line that surely run and surely rest at a load."""
    if units_in(line) != 1:
        load = unit_load_kw(rules.registry, rules.baseline_at, line, at)
        if load is None:
            return 0, 0
        runs = min(max(int(kw / load + 0.5), 0), units_in(line))
        return runs, units_in(line) - runs
    levels = _levels(rules, line, at)
    if levels is None:
        return 0, 0
    if kw > levels[0]:
        return 1, 0
    rests = kw < levels[1] or levels[0] == levels[1]
    return 0, int(rests)


def _thresholds(rules: Rules, line: Line, slot: int) -> tuple[float | None, float | None]:
    """§2.7, §2.8: the load that decides of a line, at the slot and the lowest of its day."""

    def decides(at: int) -> float | None:
        if units_in(line) != 1:
            return unit_load_kw(rules.registry, rules.baseline_at, line, at)
        levels = _levels(rules, line, at)
        return None if levels is None else levels[0]

    local = rules.local
    of_day = [decides(s * local.slot_s) for s in local.slots_of(local.day_of_slot(slot))]
    return decides(slot * local.slot_s), min((kw for kw in of_day if kw is not None), default=None)


def heard_missing(
    registry: Registry, scope: Scope, series: Mapping[str, MeterSeries], slot: int, local: LocalTime, as_of: int
) -> tuple[str, ...]:
    """Line meters outside the scope that are missing at a slot while, or shortly before, units are counted by them."""
    start = slot * local.slot_s
    orders = [
        o for o in effective_orders(registry.orders) if o.scope_id == scope.scope_id and o.control == Control.UNITS
    ]
    if not any(max(0, o.valid_from - BEFORE_ORDER_S) <= start < min(o.valid_to, FOREVER) for o in orders):
        return ()
    if not is_counted(registry, scope):
        return ()
    members = {row.meter_id for row in registry.scope_meters if row.scope_id == scope.scope_id}
    found = []
    for line in lines_of(registry, scope):
        for row in line_meters(registry, scope, line):
            meter = row.meter
            if meter.meter_id in members or not row.valid_from <= start < row.valid_to:
                continue
            said = meter_slot(series[meter.meter_id], slot, local, None, None)
            is_due = is_missing_by_time(registry, meter, slot, local, as_of)
            if said.wh is None and is_due and not is_declared_out(registry, meter, start):
                found.append(meter.meter_id)
    return tuple(found)
