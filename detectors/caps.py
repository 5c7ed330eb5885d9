"""Orders to caps (SEMANTICS §3): which order takes each slot, its cap, and from where on a load is over it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.baseline_at import Baselines, baselines_on, profiles_wh
from detectors.registry import BEFORE_ORDER_S, Order
from detectors.registry_columns import daily_window
from detectors.slots import Grid, instant, local_date
from detectors.spans import Spans, cut
from detectors.units import unit_caps
from detectors.vocab import Control, Rule
from detectors.world import World, rows_of, turns

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Whose load may be above the cap and not over it, and by which rule's threshold (SEMANTICS §3.13).
TOLERANT = {Control.LIMIT: Rule.LIMIT_SLOT, Control.CAP: Rule.CAP_ABS}


@dataclass(frozen=True, slots=True)
class Caps:
    """Orders of S scopes on the K spans of a grid; O order rows, sorted by scope and tie order."""

    spans: Spans
    order: I64  # [O] row of world.orders
    scope: I64  # [O] row among the S scopes
    is_energy: Bool  # [O] limits energy
    has_day_energy: Bool  # [O] a limit, of power or energy: its day energy is tested
    ordered: Bool  # [O, K] wholly in the order's window
    exempt: Bool  # [O, K] of the ordered slots
    grace: Bool  # [O, K] of the ordered slots
    before: Bool  # [O, K] within 6 h before the order's start
    edge: Bool  # [O, K] the order's window ends with this slot
    final: Bool  # [O, K] ... and no slot of the order comes after it
    cap_kw: F64  # [O, K] NaN where unknown
    over_kw: F64  # [O, K] load above it is over; NaN where no slot is tested
    relaxed_kw: F64  # [O, K] an exemption's max_kw, NaN without
    low_kw: F64 | None  # [O, K] estimated units: at or below it the order is kept; NaN where the cap tells; None: none
    is_counted: Bool  # [O] running units are counted from line meters
    baselines: Baselines
    take: npt.NDArray[np.int32]  # [S, K] order row that takes the slot, -1 = none
    shown: npt.NDArray[np.int32]  # [S, K] order row named beside the slot, -1 = none
    any_exempt: Bool  # [S, K] no active order, one exempt
    any_grace: Bool  # [S, K] no active order, none exempt, one in grace
    any_partial: Bool  # [S, K] an order covers the slot in part

    @property
    def judged(self) -> Bool:
        """Ordered slots neither exempt nor in grace, [O, K] (SEMANTICS §4.22)."""
        return np.asarray(self.ordered & ~self.exempt & ~self.grace, np.bool_)

    @property
    def takes(self) -> Bool:
        """The slots that each order takes, [O, K]."""
        return np.asarray(self.take[self.scope] == np.arange(len(self.order))[:, None], np.bool_)

    def of_order(self, of_scope: npt.NDArray[Any], rows: I64 | None = None) -> npt.NDArray[Any]:
        """Values of the orders' scopes, [S, ...] -> [O, ...]; rows: of some orders only."""
        scope = self.scope if rows is None else self.scope[rows]
        is_same = len(scope) == len(of_scope) and bool((scope == np.arange(len(scope))).all())
        return of_scope if is_same else of_scope[scope]


def caps_on(world: World, scopes: I64, grid: Grid) -> Caps:
    """Caps of ``scopes`` (rows of ``world.scope_ids``) on a grid."""
    rows, owner = _orders_near(world, scopes, grid)
    spans = cut(grid, _instants(world, scopes, rows, grid))
    starts, ends = spans.starts_s, spans.ends_s
    baselines = baselines_on(world, scopes, spans)
    begin, end = world.order.valid_from[rows].reshape(-1, 1), world.order.valid_to[rows].reshape(-1, 1)
    ordered = (starts >= begin) & (ends <= end)
    overlaps = (ends > begin) & (starts < end)
    edge = ordered & (ends + grid.slot_s > end)
    final = edge.copy()
    for i in np.flatnonzero(world.order.has_window[rows]).tolist():
        order = world.orders[rows[i]]
        inside, touches, last, reopens = _daily_window(world.zone, order, grid, spans)
        edge[i] = (edge[i] & inside) | (ordered[i] & last)
        final[i] = edge[i] & (reopens + grid.slot_s > order.valid_to)
        ordered[i] &= inside
        overlaps[i] &= touches
    exempt, relaxed = _exemptions(world, scopes, rows, owner, ordered, starts)
    in_grace = starts < world.order_grace_to[rows].reshape(-1, 1)
    is_counted = world.order.is_control(rows, Control.UNITS) & world.lines.is_metered[world.order_scope[rows]]
    cap, over, low = _caps_kw(world, rows, baselines, owner, relaxed, spans, is_counted)
    active = ordered & ~exempt & ~in_grace
    is_energy = world.order.is_energy[rows]
    take = _taken(len(scopes), owner, active, np.where(is_energy[:, None], np.nan, cap), cap, is_energy)
    named = take.copy()
    any_exempt, any_grace, any_partial = (np.zeros((len(scopes), spans.n), np.bool_) for _ in range(3))
    grace = ordered & in_grace
    for turn in turns(owner):
        s = owner[turn]
        named[s] = np.where(ordered[turn] & (named[s] < 0), turn.astype(np.int32)[:, None], named[s])
        idle_slots = take[s] < 0
        any_exempt[s] |= exempt[turn] & idle_slots
        any_grace[s] |= grace[turn] & ~exempt[turn] & idle_slots
        any_partial[s] |= overlaps[turn] & ~ordered[turn]
    return Caps(
        spans=spans,
        order=rows,
        scope=owner,
        is_energy=is_energy,
        has_day_energy=world.order.is_control(rows, Control.LIMIT) | is_energy,
        ordered=ordered,
        exempt=exempt,
        grace=grace & ~exempt,
        before=(starts >= begin - BEFORE_ORDER_S) & (starts < begin),
        edge=edge,
        final=final,
        cap_kw=cap,
        over_kw=np.where(is_energy[:, None], np.nan, over),
        relaxed_kw=relaxed,
        low_kw=low,
        is_counted=is_counted,
        baselines=baselines,
        take=take,
        shown=named,
        any_exempt=any_exempt,
        any_grace=any_grace & ~any_exempt,
        any_partial=any_partial & (named < 0),
    )


def day_caps_wh(world: World, caps: Caps, grid: Grid) -> F64:
    """Day cap of each order row, Wh, [O]; NaN where it is not known on all judged slots, or none is judged.

    The sum over the judged slots of the energy share for limits, of power too, else of slot cap x h (SEMANTICS §3.15,
    §3.18, §4.22).
    """
    spans, day, hours = caps.spans, caps.spans.day, grid.hours
    judged = caps.judged[:, day]
    shares = caps.cap_kw[:, day] * (1000 * hours)
    lim = np.flatnonzero(caps.has_day_energy)
    rows = caps.scope[lim]
    keep = 1 - world.order.reduction[caps.order[lim]][:, None]
    relaxed_wh = caps.relaxed_kw[lim, day] * (1000 * hours)

    def eased(share: F64, relaxed: F64) -> F64:
        return np.asarray(np.fmax(share, np.where(np.isnan(share), np.nan, relaxed)), np.float64)

    n = (judged[lim] * spans.lengths[day]).sum(axis=1, keepdims=True)
    day_wh, running = caps.baselines.day_kwh[rows, day] * 1000, caps.baselines.running_kw[rows, day]
    day_wh = np.where(np.isnan(day_wh), np.nan, np.fmin(day_wh, running * (1000 * hours) * n))
    shares[lim] = eased(day_wh / np.maximum(n, 1) * keep, relaxed_wh)
    wide, is_judged = np.repeat(shares, spans.lengths[day], axis=1), np.repeat(judged, spans.lengths[day], axis=1)
    has_profile = world.baseline.has_profile[caps.baselines.row[rows, day]].any(axis=1)
    if has_profile.any():
        shaped = lim[has_profile]
        profile = profiles_wh(world, spans.wide_day(caps.baselines.row[caps.scope[shaped]]), grid)
        share = eased(profile * keep[has_profile], np.repeat(relaxed_wh[has_profile], spans.lengths[day], axis=1))
        wide[shaped] = np.where(np.isnan(profile), wide[shaped], share)
    known = ~(is_judged & np.isnan(wide)).any(axis=1) & judged.any(axis=1)
    return np.where(known, np.where(is_judged, np.nan_to_num(wide), 0.0).sum(axis=1), np.nan)


def stop_day_caps_wh(world: World, caps: Caps, grid: Grid, day_cap_wh: F64) -> F64:
    """What `stop_day` compares the day's energy with, Wh, [O]: the day cap; where a fitted baseline could not learn how
    the plant idles, the load above which a slot is violating instead of the cap, or every honest day of a plant with a
    high base load would break a cap that stands for an idle level nobody knows."""
    fitted = ~np.isnan(world.baseline.rrmse)
    if not fitted.any():
        return day_cap_wh
    holds: Bool = fitted[caps.baselines.row] & np.isnan(caps.baselines.idle_kw)
    bare = world.order.is_control(caps.order, Control.STOP) & np.isnan(world.order.residual_kw[caps.order])
    if not holds.any():
        return day_cap_wh
    rows = np.flatnonzero(bare & np.any(holds, axis=1)[caps.scope])
    day = caps.spans.day
    limits = np.where(holds[caps.scope[rows], day], caps.over_kw[rows, day], caps.cap_kw[rows, day])
    seconds = np.where(caps.judged[rows, day], caps.spans.lengths[day] * grid.slot_s, 0)
    result = day_cap_wh.copy()
    total = np.where(seconds > 0, limits * seconds / 3.6, 0.0).sum(axis=1)
    result[rows] = np.where(np.isnan(day_cap_wh[rows]), np.nan, total)
    return result


def _orders_near(world: World, scopes: I64, grid: Grid) -> tuple[I64, I64]:
    rows, owner = rows_of(world.order_scope, scopes)
    near = (world.order.valid_from[rows] - BEFORE_ORDER_S < grid.ends_s[-1]) & (
        world.order.valid_to[rows] > grid.starts_s[0]
    )
    return rows[near], owner[near]


def _instants(world: World, scopes: I64, orders: I64, grid: Grid) -> Iterator[I64]:
    """Where something of these scopes' caps may begin or end."""
    begin = world.order.valid_from[orders]
    yield from (begin, begin - BEFORE_ORDER_S, world.order.valid_to[orders], world.order_grace_to[orders])
    baselines, _ = rows_of(world.baseline_scope, _with_own_scopes(world, scopes))
    exemptions, _ = rows_of(world.exemption_scope, scopes)
    for table, rows in ((world.baseline, baselines), (world.exemption, exemptions)):
        yield from (table.valid_from[rows], table.valid_to[rows])
    for row in orders[world.order.has_window[orders]].tolist():
        yield np.array([w for window in _windows(world.zone, world.orders[row], grid) for w in window[:2]], np.int64)


def _with_own_scopes(world: World, scopes: I64) -> I64:
    """Scopes, and those of the lines that they count: their baselines tell loads of units."""
    if len(world.lines.scope) == 0:
        return scopes
    rows, _ = rows_of(world.lines.scope, scopes)
    return np.union1d(scopes, world.lines.own_scope[rows])


def _windows(zone: str, order: Order, grid: Grid) -> Iterator[tuple[int, int, int]]:
    """The daily windows that may touch a grid: when each opens, closes and opens again."""
    begin, end = daily_window(order)
    day, last = (local_date(zone, int(grid.starts_s[at])) for at in (0, -1))
    day -= timedelta(days=1)
    while day <= last:
        tomorrow = day + timedelta(days=1)
        closes = instant(zone, day if end > begin else tomorrow, end)
        yield instant(zone, day, begin), closes, instant(zone, tomorrow, begin)
        day = tomorrow


def _daily_window(zone: str, order: Order, grid: Grid, spans: Spans) -> tuple[Bool, Bool, Bool, I64]:
    """Slots wholly inside the daily window, touched by it, last of it, and when the window opens again after each."""
    starts, ends = spans.starts_s, spans.ends_s
    inside, touches, last = (np.zeros(spans.n, np.bool_) for _ in range(3))
    reopens = np.zeros(spans.n, np.int64)
    for opens, closes, again in _windows(zone, order, grid):
        within = (starts >= opens) & (ends <= closes)
        inside |= within
        touches |= (ends > opens) & (starts < closes)
        last |= within & (ends + grid.slot_s > closes)
        reopens[within] = -(-again // grid.slot_s) * grid.slot_s
    return inside, touches, last, reopens


def _caps_kw(
    world: World, rows: I64, baselines: Baselines, owner: I64, relaxed: F64, spans: Spans, is_counted: Bool
) -> tuple[F64, F64, F64 | None]:
    """Cap, the load above which a slot is over, and that up to which estimated units surely keep it, [O, K]."""
    cap, over = np.full(relaxed.shape, np.nan), np.full(relaxed.shape, np.nan)
    stop, limit, fixed = (world.order.is_control(rows, c) for c in (Control.STOP, Control.LIMIT, Control.CAP))
    limit |= world.order.is_energy[rows]
    running, idle = baselines.running_kw[owner], baselines.idle_kw[owner]

    def threshold(rule: Rule, name: str, of: Bool) -> F64:
        """Of some order rows, as it holds on the day of each span."""
        return world.thresholds.at(rule, name, world.order_scope[rows[of], None], spans.starts_s)

    given = world.order.residual_kw[rows].reshape(-1, 1)
    residual = np.where(np.isnan(given), idle, given)[stop]
    proxy = np.isnan(residual)
    margin, low_share, high_share = (
        threshold(Rule.STOP_RUN, n, stop) for n in ("margin", "unknown_low", "unknown_high")
    )
    cap[stop] = np.where(proxy, low_share * running[stop], residual + margin * np.nan_to_num(running[stop]))
    over[stop] = np.where(proxy, high_share * running[stop], cap[stop])
    cap[limit] = ((1 - world.order.reduction[rows].reshape(-1, 1)) * running)[limit]
    cap[fixed] = world.order.cap_kw[rows[fixed]].reshape(-1, 1)
    over[~stop] = cap[~stop]
    low: F64 | None = None
    by_units = np.flatnonzero(world.order.is_control(rows, Control.UNITS))
    if len(by_units):
        units = unit_caps(world, rows[by_units], idle[by_units], spans)
        low = np.full(relaxed.shape, np.nan)
        cap[by_units] = units.cap_kw
        over[by_units] = np.where(is_counted[by_units, None], np.nan, units.over_kw)
        low[by_units] = np.where(is_counted[by_units, None], np.nan, units.low_kw)
        low = np.where(np.isnan(low), np.nan, np.fmax(low, relaxed))
    eased: F64 = np.where(np.isnan(cap), np.nan, np.fmax(cap, relaxed))
    over = np.where(np.isnan(over), np.nan, np.fmax(over, relaxed))
    for control, rule in TOLERANT.items():
        mine = world.order.is_control(rows, control)
        over[mine] *= 1 + threshold(rule, "tolerance", mine)
    return eased, np.asarray(over, np.float64), low


def _taken(n_scopes: int, owner: I64, active: Bool, power_cap: F64, cap: F64, is_energy: Bool) -> npt.NDArray[np.int32]:
    """Lowest known power cap, else a known energy limit, else the first; earlier rows win ties (SEMANTICS §3.17)."""
    shape = (n_scopes, active.shape[1])
    take = np.full(shape, -1, np.int32)
    best_class = np.full(shape, 9, np.int8)
    best_cap = np.full(shape, np.inf)
    for turn in turns(owner):
        s = owner[turn]
        by_energy = is_energy[turn, None] & ~np.isnan(cap[turn])
        rank = np.where(~np.isnan(power_cap[turn]), 0, np.where(by_energy, 1, 2)).astype(np.int8)
        height = np.where(np.isnan(cap[turn]), np.inf, cap[turn])
        better = (rank < best_class[s]) | ((rank == best_class[s]) & ((height < best_cap[s]) | (take[s] < 0)))
        better &= active[turn]
        take[s] = np.where(better, turn.astype(np.int32)[:, None], take[s])
        best_class[s] = np.where(better, rank, best_class[s])
        best_cap[s] = np.where(better, height, best_cap[s])
    return take


def _exemptions(world: World, scopes: I64, rows: I64, owner: I64, ordered: Bool, starts: I64) -> tuple[Bool, F64]:
    exempt = np.zeros(ordered.shape, np.bool_)
    relaxed = np.full(ordered.shape, np.nan)
    found, exemption_owner = rows_of(world.exemption_scope, scopes)
    near = (world.exemption.valid_from[found] <= starts[-1]) & (world.exemption.valid_to[found] > starts[0])
    for row, s in zip(found[near], exemption_owner[near], strict=True):
        exemption = world.exemptions[row]
        inside = (starts >= exemption.valid_from) & (starts < exemption.valid_to)
        for i in np.flatnonzero(owner == s):
            order = world.orders[rows[i]]
            if exemption.order_id != order.order_id if exemption.order_id else order.level:
                continue
            touched = ordered[i] & inside
            if exemption.max_kw is None:
                exempt[i] |= touched
            else:
                relaxed[i, touched] = np.fmax(relaxed[i, touched], exemption.max_kw)
    return exempt, relaxed
