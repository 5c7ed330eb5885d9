"""Orders to caps (SEMANTICS §3): which order takes each slot, its cap, and from where on a load is over it."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from detectors.registry import Order
from detectors.slots import DAY_S, Grid, instant, local_date, seconds_of_day
from detectors.vocab import Control
from detectors.world import (
    BASELINE_CHOICE,
    IDLE_UNKNOWN_CAP,
    IDLE_UNKNOWN_OVER,
    STOP_MARGIN,
    World,
    is_energy_limit,
    rows_of,
    turns,
)

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Tolerances (SEMANTICS §3.13).
TOLERANCE = {Control.STOP: 0.0, Control.LIMIT: 0.05, Control.CAP: 0.02}
DAY_TOLERANCE = 0.03
#: An order's silence counts from this long before it begins (SEMANTICS §5.28).
BEFORE_ORDER_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class Baselines:
    """Baseline of each scope and slot, [S, T]; row -1 and NaN where there is none."""

    row: npt.NDArray[np.int32]  # row of world.baselines
    running_kw: F64
    idle_kw: F64
    max_kw: F64  # 1.1 R where not given
    day_kwh: F64
    profile_wh: F64  # NaN without a profile


@dataclass(frozen=True, slots=True)
class Caps:
    """Orders of S scopes on a grid of T slots; O order rows, sorted by scope and tie order."""

    order: I64  # [O] row of world.orders
    scope: I64  # [O] row among the S scopes
    is_energy: Bool  # [O] limits energy
    has_day_energy: Bool  # [O] a limit, of power or energy: its day energy is tested
    ordered: Bool  # [O, T] wholly in the order's window
    exempt: Bool  # [O, T] of the ordered slots
    grace: Bool  # [O, T] of the ordered slots
    before: Bool  # [O, T] within 6 h before the order's start
    edge: Bool  # [O, T] the order's window ends with this slot
    final: Bool  # [O, T] ... and no slot of the order comes after it
    cap_kw: F64  # [O, T] NaN where unknown
    over_kw: F64  # [O, T] load above it is over; NaN where no slot is tested
    relaxed_kw: F64  # [O, T] an exemption's max_kw, NaN without
    baselines: Baselines
    take: npt.NDArray[np.int32]  # [S, T] order row that takes the slot, -1 = none
    shown: npt.NDArray[np.int32]  # [S, T] order row named beside the slot, -1 = none
    any_exempt: Bool  # [S, T] no active order, one exempt
    any_grace: Bool  # [S, T] no active order, none exempt, one in grace
    any_partial: Bool  # [S, T] an order covers the slot in part


def baselines_on(world: World, scopes: I64, grid: Grid) -> Baselines:
    """The baseline that holds at each slot's start (SEMANTICS §3.15, §3.16)."""
    shape = (len(scopes), grid.n)
    best = np.full(shape, -1, np.int32)
    rank = np.zeros(shape, np.int8)
    rows, owner = rows_of(world.baseline_scope, scopes)
    starts = grid.starts_s
    scores = _choice_scores(world, grid)
    begin = np.array([world.baselines[r].valid_from for r in rows], np.int64).reshape(-1, 1)
    end = np.array([world.baselines[r].valid_to for r in rows], np.int64).reshape(-1, 1)
    kinds = [world.baselines[r].day_type for r in rows]
    for turn in turns(owner):
        s = owner[turn]
        score = np.array([scores[kinds[i]] for i in turn]) * ((starts >= begin[turn]) & (starts < end[turn]))
        better = score > rank[s]
        best[s] = np.where(better, rows[turn].astype(np.int32)[:, None], best[s])
        rank[s] = np.where(better, score, rank[s])
    if len(world.baselines) == 0:
        nan = np.full(shape, np.nan)
        return Baselines(best, nan, nan, nan, nan, nan)
    running = _looked_up(best, [b.running_kw for b in world.baselines])
    maximum = _looked_up(best, [b.max_kw if b.max_kw is not None else 1.1 * b.running_kw for b in world.baselines])
    return Baselines(
        row=best,
        running_kw=running,
        idle_kw=_looked_up(best, [b.idle_kw for b in world.baselines]),
        max_kw=maximum,
        day_kwh=_looked_up(best, [b.day_kwh for b in world.baselines]),
        profile_wh=_profiles_wh(world, best, grid),
    )


def caps_on(world: World, scopes: I64, grid: Grid) -> Caps:
    """Caps of ``scopes`` (rows of ``world.scope_ids``) on a grid."""
    baselines = baselines_on(world, scopes, grid)
    rows, owner = _orders_near(world, scopes, grid)
    orders = [world.orders[r] for r in rows]
    shape = (len(rows), grid.n)
    starts, ends = grid.starts_s, grid.ends_s
    begin = np.array([o.valid_from for o in orders], np.int64).reshape(-1, 1)
    end = np.array([o.valid_to for o in orders], np.int64).reshape(-1, 1)
    ordered = (starts >= begin) & (ends <= end)
    overlaps = (ends > begin) & (starts < end)
    edge = ordered & (ends + grid.slot_s > end)
    final = edge.copy()
    for i, order in enumerate(orders):
        if _has_daily_window(order):
            inside, touches, last, reopens = _daily_window(world.zone, order, grid)
            edge[i] = (edge[i] & inside) | (ordered[i] & last)
            final[i] = edge[i] & (reopens + grid.slot_s > order.valid_to)
            ordered[i] &= inside
            overlaps[i] &= touches
    exempt, relaxed = _exemptions(world, scopes, rows, owner, ordered, starts)
    grace_to = world.order_grace_to[rows].reshape(-1, 1)
    cap, over = _caps_kw(orders, baselines, owner, relaxed, shape)
    active = ordered & ~exempt & ~(starts < grace_to)
    is_energy = np.array([is_energy_limit(o) for o in orders], np.bool_)
    take = _taken(len(scopes), owner, active, np.where(is_energy[:, None], np.nan, cap), cap, is_energy)
    named = take.copy()
    nothing = np.zeros((len(scopes), grid.n), np.bool_)
    any_exempt, any_grace, any_partial = nothing, nothing.copy(), nothing.copy()
    grace = ordered & (starts < grace_to)
    for turn in turns(owner):
        s = owner[turn]
        named[s] = np.where(ordered[turn] & (named[s] < 0), turn.astype(np.int32)[:, None], named[s])
        idle_slots = take[s] < 0
        any_exempt[s] |= exempt[turn] & idle_slots
        any_grace[s] |= grace[turn] & ~exempt[turn] & idle_slots
        any_partial[s] |= overlaps[turn] & ~ordered[turn]
    return Caps(
        order=rows,
        scope=owner,
        is_energy=is_energy,
        has_day_energy=np.array([o.control == Control.LIMIT for o in orders], np.bool_),
        ordered=ordered,
        exempt=exempt,
        grace=grace & ~exempt,
        before=(starts >= begin - BEFORE_ORDER_S) & (starts < begin),
        edge=edge,
        final=final,
        cap_kw=cap,
        over_kw=np.where(is_energy[:, None], np.nan, over),
        relaxed_kw=relaxed,
        baselines=baselines,
        take=take,
        shown=named,
        any_exempt=any_exempt,
        any_grace=any_grace & ~any_exempt,
        any_partial=any_partial & (named < 0),
    )


def day_shares_wh(world: World, caps: Caps, grid: Grid) -> tuple[F64, Bool]:
    """Share of each judged slot of the day in its order's day cap, Wh, [O, day slots] (SEMANTICS §3.15, §3.18, §4.22).

    Limits, of power too: the energy share; other orders: slot cap x h. 0 on slots that are not judged. The second
    result tells the order rows whose day cap is known on all judged slots.
    """
    day, hours = grid.day, grid.hours
    judged = (caps.ordered & ~caps.exempt & ~caps.grace)[:, day]
    owner = caps.scope
    shares = caps.cap_kw[:, day] * (1000 * hours)
    limit = caps.has_day_energy
    if limit.any():
        lim = np.flatnonzero(limit)
        rows = owner[lim]
        n = judged[lim].sum(axis=1, keepdims=True)
        keep = np.array([1 - (world.orders[caps.order[i]].reduction or 0.0) for i in lim]).reshape(-1, 1)
        running = caps.baselines.running_kw[rows, day]
        day_wh = np.fmin(caps.baselines.day_kwh[rows, day] * 1000, running * (1000 * hours) * n)
        day_wh = np.where(np.isnan(caps.baselines.day_kwh[rows, day]), np.nan, day_wh)
        profile = caps.baselines.profile_wh[rows, day]
        share = np.where(np.isnan(profile), day_wh / np.maximum(n, 1), profile) * keep
        shares[lim] = np.fmax(share, np.where(np.isnan(share), np.nan, caps.relaxed_kw[lim, day] * (1000 * hours)))
    known: Bool = np.asarray(~(judged & np.isnan(shares)).any(axis=1) & judged.any(axis=1), np.bool_)
    return np.where(judged, np.nan_to_num(shares), 0.0), known


def _orders_near(world: World, scopes: I64, grid: Grid) -> tuple[I64, I64]:
    rows, owner = rows_of(world.order_scope, scopes)
    first, last = int(grid.starts_s[0]), int(grid.ends_s[-1])
    near = [world.orders[r].valid_from - BEFORE_ORDER_S < last and world.orders[r].valid_to > first for r in rows]
    mask = np.array(near, np.bool_)
    return rows[mask], owner[mask]


def _caps_kw(
    orders: list[Order], baselines: Baselines, owner: I64, relaxed: F64, shape: tuple[int, int]
) -> tuple[F64, F64]:
    cap, over = np.full(shape, np.nan), np.full(shape, np.nan)
    control = np.array([o.control.value for o in orders])
    stop, limit, fixed = (control == c.value for c in (Control.STOP, Control.LIMIT, Control.CAP))
    running, idle = baselines.running_kw[owner], baselines.idle_kw[owner]
    given = _column([o.residual_kw for o in orders])
    residual = np.where(np.isnan(given), idle, given)[stop]
    proxy = np.isnan(residual)
    cap[stop] = np.where(proxy, IDLE_UNKNOWN_CAP * running[stop], residual + STOP_MARGIN * np.nan_to_num(running[stop]))
    over[stop] = np.where(proxy, IDLE_UNKNOWN_OVER * running[stop], cap[stop])
    cap[limit] = ((1 - _column([o.reduction for o in orders])) * running)[limit]
    cap[fixed] = np.broadcast_to(_column([o.cap_kw for o in orders]), shape)[fixed]
    over[~stop] = cap[~stop]
    eased: F64 = np.where(np.isnan(cap), np.nan, np.fmax(cap, relaxed))
    factor = np.array([1 + TOLERANCE.get(o.control, 0.0) for o in orders]).reshape(-1, 1)
    return eased, np.asarray(np.where(np.isnan(over), np.nan, np.fmax(over, relaxed)) * factor, np.float64)


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
    for row, s in zip(found, exemption_owner, strict=True):
        exemption = world.exemptions[row]
        inside = (starts >= exemption.valid_from) & (starts < exemption.valid_to)
        if not inside.any():
            continue
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


def _has_daily_window(order: Order) -> bool:
    begin, end = order.daily_from_s or 0, DAY_S if order.daily_to_s is None else order.daily_to_s
    return (order.daily_from_s is not None or order.daily_to_s is not None) and begin % DAY_S != end % DAY_S


def _daily_window(zone: str, order: Order, grid: Grid) -> tuple[Bool, Bool, Bool, I64]:
    """Slots wholly inside the daily window, touched by it, last of it, and when the window opens again after each."""
    begin, end = order.daily_from_s or 0, DAY_S if order.daily_to_s is None else order.daily_to_s
    starts, ends = grid.starts_s, grid.ends_s
    inside, touches, last = (np.zeros(grid.n, np.bool_) for _ in range(3))
    reopens = np.zeros(grid.n, np.int64)
    day = local_date(zone, int(starts[0])) - timedelta(days=1)
    while day <= local_date(zone, int(starts[-1])):
        opens = instant(zone, day, begin)
        closes = instant(zone, day if end > begin else day + timedelta(days=1), end)
        within = (starts >= opens) & (ends <= closes)
        inside |= within
        touches |= (ends > opens) & (starts < closes)
        last |= within & (ends + grid.slot_s > closes)
        reopens[within] = -(-instant(zone, day + timedelta(days=1), begin) // grid.slot_s) * grid.slot_s
        day += timedelta(days=1)
    return inside, touches, last, reopens


def _day_types(world: World, grid: Grid) -> list[str]:
    day = local_date(world.zone, int(grid.starts_s[0]))
    kinds: dict[date, str] = {}
    result = []
    for start in grid.starts_s:
        day = local_date(world.zone, int(start))
        if day not in kinds:
            kinds[day] = world.day_type(day)
        result.append(kinds[day])
    return result


def _choice_scores(world: World, grid: Grid) -> dict[str, npt.NDArray[np.int8]]:
    """How well a baseline of each day type suits each slot, 0 = not at all (SEMANTICS §3.15)."""
    day_types = _day_types(world, grid)
    scores = {}
    for baseline_type in ("all", "workday", "restday"):
        ranks = {d: _choice_rank(d, baseline_type) for d in set(day_types)}
        scores[baseline_type] = np.array([ranks[d] for d in day_types], np.int8)
    return scores


def _choice_rank(day_type: str, baseline_type: str) -> int:
    choice = BASELINE_CHOICE[day_type]
    return len(choice) - choice.index(baseline_type) if baseline_type in choice else 0


def _column(values: list[float | None]) -> F64:
    return np.array([np.nan if v is None else v for v in values], np.float64).reshape(-1, 1)


def _looked_up(rows: npt.NDArray[np.int32], values: list[float | None]) -> F64:
    table = np.array([np.nan if v is None else v for v in values] + [np.nan], np.float64)
    return np.asarray(table[rows], np.float64)


def _profiles_wh(world: World, rows: npt.NDArray[np.int32], grid: Grid) -> F64:
    shares = np.full(rows.shape, np.nan)
    wanted = [r for r in np.unique(rows) if r >= 0 and world.baselines[r].profile_kw]
    if wanted:
        second = seconds_of_day(world.zone, grid.starts_s)
        for r in wanted:
            profile = np.array(world.baselines[r].profile_kw, np.float64)
            s, t = np.nonzero(rows == r)
            shares[s, t] = profile[second[t] * len(profile) // DAY_S] * (1000 * grid.hours)
    return shares
