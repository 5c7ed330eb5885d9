"""The registry compiled into sorted arrays, so that a pass over thousands of scopes needs no loop over rows."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.enterprises import Enterprises, enterprises
from detectors.lines import CountedLines, counted_lines, unit_loads_kw, units_cap_kw
from detectors.registry import FOREVER, Baseline, Exemption, Order, Registry, with_default_scopes
from detectors.registry_columns import PUSHES, BaselineColumns, ExemptionColumns, OrderColumns
from detectors.slots import local_date
from detectors.threshold_table import ThresholdTable
from detectors.thresholds import KINDS
from detectors.treatment import TreatmentPairs, treatment_pairs
from detectors.vocab import Control, Role, Rule

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
DayType = Callable[[date], str]

#: Who takes a slot among equal caps (SEMANTICS §3.17).
TIE_ORDER = (Control.STOP, Control.CAP, Control.UNITS, Control.LIMIT, Control.COKING)


def calendar_day_type(registry: Registry) -> DayType:
    """Day types from the registry's own calendar; days it does not name are rest days at weekends."""
    named = {c.day: "restday" if c.kind == "holiday" else "workday" for c in registry.calendar}
    return lambda day: named.get(day, "restday" if day.weekday() >= 5 else "workday")


@dataclass(frozen=True)
class World:
    """Everything of the registry that judgement looks up, for one zone and slot width.

    Orders are the highest revision of each order_id, sorted by scope, then by tie order. Baselines and members are
    sorted by scope. Times are epoch seconds. A member of sign 0 is heard and not summed: a line meter by which units
    are counted. ``heard_*``: meters whose silence is no matter of the scope, and which tell of it all the same, sorted
    by scope: the accounts of its enterprise, and treatment with its production.
    """

    registry: Registry
    zone: str
    slot_s: int
    day_type: DayType
    thresholds: ThresholdTable
    scope_ids: tuple[str, ...]
    scope_row: dict[str, int]
    meter_row: dict[str, int]
    orders: tuple[Order, ...]
    order_ids: tuple[str, ...]
    order: OrderColumns
    order_scope: I64
    order_grace_to: I64
    baselines: tuple[Baseline, ...]
    baseline: BaselineColumns
    baseline_scope: I64
    exemptions: tuple[Exemption, ...]
    exemption: ExemptionColumns
    exemption_scope: I64
    member_scope: I64
    member_meter: I64
    member_sign: I64
    member_from: I64
    member_to: I64
    lines: CountedLines
    enterprises: Enterprises
    pairs: TreatmentPairs
    heard_scope: I64
    heard_meter: I64
    meter_source: I64
    meter_capacity_kw: F64
    meter_resolution_kwh: F64
    meter_may_export: Bool
    meter_proves_zero: Bool  # generation and reverse meters: their 0 is evidence (SEMANTICS §2.11)
    sources: tuple[str, ...]
    source_delay_s: I64
    source_plants: I64  # distinct plants that use the source
    factor_meter: I64  # multiplier rows sorted by meter, then validity
    factor_from: I64
    factor_to: I64
    factor: F64
    outage_meter: I64  # declared outages, one row a meter, sorted by meter
    outage_from: I64
    outage_to: I64

    def factors(self, meters: I64, ts: I64) -> F64:
        """Multiplier of each meter at each time; NaN where the registry knows none."""
        if len(self.factor_meter) == 0:
            return np.full(len(meters), np.nan)
        span = np.int64(FOREVER + 1)
        at = np.searchsorted(self.factor_meter * span + self.factor_from, meters * span + ts, side="right") - 1
        safe = np.maximum(at, 0)
        hit = (at >= 0) & (self.factor_meter[safe] == meters) & (ts < self.factor_to[safe])
        return np.where(hit, self.factor[safe], np.nan)

    def meters_of(self, scopes: I64) -> tuple[I64, I64]:
        """Meters by whose readings the scopes are judged, heard ones too, and of each the place of its scope."""
        rows, owner = rows_of(self.member_scope, scopes)
        if len(self.heard_scope) == 0:
            return self.member_meter[rows], owner
        heard, of_heard = rows_of(self.heard_scope, scopes)
        return np.r_[self.member_meter[rows], self.heard_meter[heard]], np.r_[owner, of_heard]


def rows_of(sorted_keys: I64 | I32, wanted: I64 | I32) -> tuple[I64, I64]:
    """Rows whose key is wanted, and for each the position of its key in ``wanted``, in the order of ``wanted``."""
    starts = np.searchsorted(sorted_keys, wanted, side="left")
    counts = np.searchsorted(sorted_keys, wanted, side="right") - starts
    owner = np.repeat(np.arange(len(wanted), dtype=np.int64), counts)
    offsets = np.arange(len(owner), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    return starts[owner] + offsets, owner


def turns(owner: I64) -> list[I64]:
    """Rows grouped so that no owner stands twice in a group: first each owner's first row, then each second one, …

    ``owner`` must be sorted. Lets a loop run over the few rows of one scope instead of over all rows.
    """
    if len(owner) == 0:
        return []
    first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    place = np.arange(len(owner)) - np.repeat(first, np.diff(np.r_[first, len(owner)]))
    return [np.flatnonzero(place == k) for k in range(int(place.max()) + 1)]


def compile_world(registry: Registry, slot_s: int = 900, day_type: DayType | None = None) -> World:
    """Compile a registry. ``day_type`` says workday or restday for a local day; default: ``calendar_day_type``."""
    registry = with_default_scopes(registry)
    kind_of_day = day_type or calendar_day_type(registry)
    scope_row = {s.scope_id: i for i, s in enumerate(registry.scopes)}
    meter_row = {m.meter_id: i for i, m in enumerate(registry.meters)}
    baselines = sorted(
        (b for b in registry.baselines if b.running_kw > 0), key=lambda b: (scope_row[b.scope_id], b.valid_from)
    )
    orders = _standing_orders(registry, scope_row)
    thresholds = ThresholdTable(registry.thresholds, scope_row, KINDS, registry.zone)
    exemptions = sorted(registry.exemptions, key=lambda e: scope_row[e.scope_id])
    lines = counted_lines(registry, orders, scope_row, meter_row)
    members = _members(registry, scope_row, meter_row, lines)
    accounts, pairs = (
        enterprises(registry, orders, scope_row, meter_row),
        treatment_pairs(registry, scope_row, meter_row),
    )
    heard = _heard(accounts, pairs)
    meters = registry.meters
    plants = {p.plant_id: p for p in registry.plants}
    sources = sorted({m.source for m in meters} | {s.source for s in registry.sources})
    source_row = {s: i for i, s in enumerate(sources)}
    delays = {s.source: s.delay_min * 60 for s in registry.sources}
    users: dict[str, set[str]] = defaultdict(set)
    for m in meters:
        users[m.source].add(m.plant_id)
    exporters = {m.plant_id for m in meters if m.role in (Role.REVERSE, Role.GENERATION)}
    capacities = [m.contract_kw or (plants[m.plant_id].contract_kw if m.plant_id in plants else None) for m in meters]
    multipliers = sorted(registry.multipliers, key=lambda x: (meter_row[x.meter_id], x.valid_from))
    outages = _meter_outages(registry, meter_row)
    return World(
        registry=registry,
        zone=registry.zone,
        slot_s=slot_s,
        day_type=kind_of_day,
        thresholds=thresholds,
        scope_ids=tuple(s.scope_id for s in registry.scopes),
        scope_row=scope_row,
        meter_row=meter_row,
        orders=tuple(orders),
        order_ids=tuple(o.order_id for o in orders),
        order=OrderColumns.of(orders, {s.scope_id for s in registry.scopes if s.kind == PUSHES}),
        order_scope=_i64(scope_row[o.scope_id] for o in orders),
        order_grace_to=_i64(_grace_ends(registry, orders, baselines, lines, kind_of_day, thresholds)),
        baselines=tuple(baselines),
        baseline=BaselineColumns.of(baselines),
        baseline_scope=_i64(scope_row[b.scope_id] for b in baselines),
        exemptions=tuple(exemptions),
        exemption=ExemptionColumns.of(exemptions),
        exemption_scope=_i64(scope_row[e.scope_id] for e in exemptions),
        member_scope=members[:, 0].copy(),
        member_meter=members[:, 1].copy(),
        member_sign=members[:, 2].copy(),
        member_from=members[:, 3].copy(),
        member_to=members[:, 4].copy(),
        lines=lines,
        enterprises=accounts,
        pairs=pairs,
        heard_scope=heard[:, 0].copy(),
        heard_meter=heard[:, 1].copy(),
        meter_source=_i64(source_row[m.source] for m in meters),
        meter_capacity_kw=np.array([np.nan if c is None else c for c in capacities], np.float64),
        meter_resolution_kwh=np.array([m.resolution_kwh for m in meters], np.float64),
        meter_may_export=np.array([m.plant_id in exporters for m in meters], np.bool_),
        meter_proves_zero=np.array([m.role in (Role.REVERSE, Role.GENERATION) for m in meters], np.bool_),
        sources=tuple(sources),
        source_delay_s=_i64(delays.get(s, 300) for s in sources),
        source_plants=_i64(len(users[s]) for s in sources),
        factor_meter=_i64(meter_row[x.meter_id] for x in multipliers),
        factor_from=_i64(x.valid_from for x in multipliers),
        factor_to=_i64(x.valid_to for x in multipliers),
        factor=np.array([x.factor for x in multipliers], np.float64),
        outage_meter=outages[:, 0].copy(),
        outage_from=outages[:, 1].copy(),
        outage_to=outages[:, 2].copy(),
    )


def _i64(values: Any) -> I64:
    return np.fromiter(values, np.int64)


def _standing_orders(registry: Registry, scope_row: dict[str, int]) -> list[Order]:
    """The highest revision of each order, withdrawn ones (never in force: ``to`` = ``from``) left out."""
    highest: dict[str, Order] = {}
    for order in registry.orders:
        if order.order_id not in highest or order.revision > highest[order.order_id].revision:
            highest[order.order_id] = order
    return sorted(
        (o for o in highest.values() if o.valid_from < o.valid_to),
        key=lambda o: (scope_row[o.scope_id], TIE_ORDER.index(Control(o.control)), o.order_id),
    )


def _members(registry: Registry, scope_row: dict[str, int], meter_row: dict[str, int], lines: CountedLines) -> I64:
    rows = [(scope, meter, 0, begin, end) for scope, meter, begin, end in lines.heard]
    for s in registry.scope_meters:
        meter = registry.meters[meter_row[s.meter_id]]
        if meter.role == Role.CHECK:
            continue
        valid_from, valid_to = max(s.valid_from, meter.valid_from), min(s.valid_to, meter.valid_to)
        if valid_from < valid_to:
            rows.append((scope_row[s.scope_id], meter_row[s.meter_id], s.sign, valid_from, valid_to))
    return np.array(sorted(rows), np.int64).reshape(-1, 5)


def _heard(accounts: Enterprises, pairs: TreatmentPairs) -> I64:
    """(scope, meter) of meters outside a scope's sum that tell of it, sorted."""
    asking = np.flatnonzero(accounts.of_scope >= 0)
    rows, owner = rows_of(accounts.meter_of, accounts.of_scope[asking])
    scopes = np.r_[asking[owner], pairs.scope[pairs.of_pair]]
    found = np.stack([scopes, np.r_[accounts.meter[rows], pairs.meter]], axis=1)
    return np.unique(found.astype(np.int64), axis=0)


def _meter_outages(registry: Registry, meter_row: dict[str, int]) -> I64:
    of_plant: dict[str, list[int]] = defaultdict(list)
    for m in registry.meters:
        of_plant[m.plant_id].append(meter_row[m.meter_id])
    rows = []
    for outage in registry.outages:
        touched = [meter_row[outage.meter_id]] if outage.meter_id else of_plant[outage.plant_id or ""]
        rows += [(meter, outage.valid_from, outage.valid_to) for meter in touched]
    return np.array(sorted(rows), np.int64).reshape(-1, 3)


def _grace_ends(
    registry: Registry,
    orders: Sequence[Order],
    baselines: Sequence[Baseline],
    lines: CountedLines,
    day_type: DayType,
    thresholds: ThresholdTable,
) -> list[int]:
    """End of the ramp-down grace of each order; its ``from`` where it has none (SEMANTICS §3.19). Thresholds are those
    of the local day of its ``from``."""
    scopes = {s.scope_id: s for s in registry.scopes}
    row_of = {s.scope_id: i for i, s in enumerate(registry.scopes)}
    of_scope: dict[str, list[int]] = defaultdict(list)
    levels_of: dict[str, list[Baseline]] = defaultdict(list)
    for baseline in baselines:
        levels_of[baseline.scope_id].append(baseline)
    for row, order in enumerate(orders):
        of_scope[order.scope_id].append(row)

    def cap_at(row: int, at: int) -> float | None:
        """Slot cap of an order at an instant, by the baseline of that day."""
        kind, order = day_type(local_date(registry.zone, at)), orders[row]
        baseline = baseline_at(levels_of[order.scope_id], at, kind)
        if order.control != Control.UNITS:
            scope = row_of[order.scope_id]
            margin, low = (thresholds.of_scope(Rule.STOP_RUN, n, scope, at)[0] for n in ("margin", "unknown_low"))
            is_pushes = scopes[order.scope_id].kind == PUSHES
            return nominal_cap_kw(order, baseline, is_pushes=is_pushes, margin=margin, unknown_low=low)
        own = [baseline_at(levels_of[x.line_id], at, kind) for x in lines.rows[order.scope_id]]
        levels = unit_loads_kw(lines.rows[order.scope_id], [b.running_kw if b else None for b in own])
        return units_cap_kw(levels, int(lines.allowed[row]), baseline.idle_kw if baseline else None)

    ends = []
    begins = _i64(order.valid_from for order in orders)
    grace_h = thresholds.at(Rule.STOP_RUN, "grace_h", _i64(row_of[order.scope_id] for order in orders), begins).tolist()
    for row, order in enumerate(orders):
        usual_h = grace_h[row] if order.control == Control.STOP else 0.0
        hours = usual_h if order.ramp_down_h is None else order.ramp_down_h
        rows = of_scope[order.scope_id] if hours > 0 else []
        earlier = [r for r in rows if orders[r].valid_from < order.valid_from <= orders[r].valid_to]
        if earlier:
            cap = cap_at(row, order.valid_from)
            before = [cap_at(r, order.valid_from) for r in earlier]
            if cap is not None and any(b is not None and cap >= b for b in before):
                hours = 0.0
        ends.append(order.valid_from + round(hours * 3600))
    return ends


#: Which baseline a day of a type takes, best first (SEMANTICS §3.15).
BASELINE_CHOICE = {"workday": ("workday", "all"), "restday": ("restday", "all", "workday")}


def baseline_at(of_scope: Sequence[Baseline], at: int, day_type: str) -> Baseline | None:
    """Which of a scope's baselines holds at an instant, or None."""
    valid = {b.day_type: b for b in of_scope if b.valid_from <= at < b.valid_to}
    return next((valid[t] for t in BASELINE_CHOICE[day_type] if t in valid), None)


def nominal_cap_kw(
    order: Order, baseline: Baseline | None, *, is_pushes: bool, margin: float, unknown_low: float
) -> float | None:
    """Slot cap of an order before exemptions, or None where nothing tells it (SEMANTICS §3.14-16); not by units.

    is_pushes: its scope is the meter of a pushing machine. margin, unknown_low: thresholds of `stop_run`, shares of R.
    """
    running = baseline.running_kw if baseline else None
    if order.control == Control.CAP:
        return order.cap_kw
    if order.control == Control.STOP:
        idle = baseline.idle_kw if baseline else None
        residual = order.residual_kw if order.residual_kw is not None else idle
        if residual is not None:
            return residual + margin * (running or 0.0)
        return None if running is None else unknown_low * running
    limits = order.control == Control.LIMIT or (order.control == Control.COKING and is_pushes)
    if limits and running is not None and order.reduction is not None:
        return (1 - order.reduction) * running
    return None
