"""The night before a local day's morning as its orders see it (`night_run`), for the pass that judges that day.

A night belongs to the day of its morning, and so do the levels it is held against: those of the baseline that holds at
the day's first slot. It begins in the 2 h of context before the day; of a `stop_run` that opened there, the day before
hands on when (``Carry.ran``, ``Carry.open``). So judging this one day makes the alert, changes it or takes it back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert, Carry
from detectors.order_view import OrderView
from detectors.rules import night_run
from detectors.slots import instant
from detectors.verdict import threshold_wh
from detectors.vocab import CloseReason, Control, Rule

if TYPE_CHECKING:
    from detectors.judge import Pass

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Orders that ask how a plant spends its night.
CONTROLS = (Control.STOP, Control.CAP, Control.LIMIT)


@dataclass(frozen=True, slots=True)
class Nights:
    """R order rows on the first T columns of the grid, up to the end of the longest night."""

    inside: Bool  # [R, T] wholly in the night
    wh: F64  # [R, T] load of the night's slots that are judged and fully measured, else NaN
    base_wh: F64  # [R, T] idle, or what is approved under a stop; NaN where neither is known
    level_wh: F64  # [R, T] a load above it counts as running
    allowed_wh: F64  # [R] energy above the base that the night may use; NaN where it was not learned


def nights_of(work: "Pass", rows: I64) -> Nights:
    """The night as some order rows see it."""
    world, caps, grid = work.world, work.caps, work.grid
    scope, orders, table = caps.scope[rows], caps.order[rows], world.baseline
    begin_h, end_h, margin = (_threshold(work, name, scope) for name in ("begin_h", "end_h", "margin"))
    inside = _inside(work, begin_h, end_h)
    width = inside.shape[1]
    baseline = caps.baselines.row[scope, caps.spans.day.start]
    idle, running = table.idle_kw[baseline][:, None], table.running_kw[baseline][:, None]
    relaxed, cap, judged = (caps.spans.wide(of[rows])[:, :width] for of in (caps.relaxed_kw, caps.cap_kw, caps.judged))
    is_stop = world.order.is_control(orders, Control.STOP)[:, None]
    approved = np.fmax(np.fmax(idle, world.order.residual_kw[orders][:, None]), relaxed)
    base = np.where(is_stop, approved, idle)
    level = np.where(
        np.isnan(idle) | np.isnan(running), np.where(is_stop, cap, np.nan), base + margin[:, None] * running
    )
    counts = inside & judged & (work.evidence.covered[scope, :width] & work.past[:width])
    return Nights(
        inside,
        np.where(counts, work.loads.wh[scope, :width], np.nan),
        base * (1000 * grid.hours),
        threshold_wh(level, grid.hours),
        _allowed_wh(work, scope, baseline),
    )


def candidates(work: "Pass") -> I64:
    """Order rows whose night may have used more than it may. Cheap: above idle, whether judged and measured or not."""
    caps = work.caps
    baseline = caps.baselines.row[:, caps.spans.day.start]
    learned = ~np.isnan(work.world.baseline.night_kwh[baseline])
    if work.n_judged == 0 or not learned.any():
        return np.zeros(0, np.int64)
    scopes = np.flatnonzero(learned)
    width = _width(work, _threshold(work, "end_h", scopes))
    idle_wh = work.world.baseline.idle_kw[baseline[scopes], None] * (1000 * work.grid.hours)
    total = night_run.above_wh(work.loads.wh[scopes, :width], idle_wh).sum(axis=1)
    with np.errstate(invalid="ignore"):
        learned[scopes] = total > _allowed_wh(work, scopes, baseline[scopes])
    return np.flatnonzero(learned[caps.scope] & work.world.order.is_control(caps.order, *CONTROLS))


def crossings(work: "Pass") -> dict[int, int]:
    """Order rows whose night used more than it may, each with the column that shows it."""
    rows = candidates(work)
    if len(rows) == 0:
        return {}
    nights = nights_of(work, rows)
    flags = night_run.flags(nights.wh, nights.base_wh, nights.allowed_wh)
    return {int(rows[at]): int(flags[at].argmax()) for at in np.flatnonzero(flags.any(axis=1)).tolist()}


def ran_by_night(work: "Pass", carry: Carry, order_id: str, today: Iterable[Alert] = ()) -> list[tuple[int, int]]:
    """Opening and first column of an order's `stop_run` alerts that opened in the margin before the day or later, in
    order. today: alerts that lived in the day; those carried into it are taken from the carry as well."""
    begin = work.grid.first_slot
    found = {(opened - begin, first - begin) for order, first, opened in carry.ran if order == order_id}
    runs = [a for a in (*carry.open, *today) if a.rule == Rule.STOP_RUN and a.order_id == order_id]
    found.update((a.opened_slot - begin, a.first_slot - begin) for a in runs)
    return sorted((opened, first) for opened, first in found if opened >= 0)


@dataclass(frozen=True, slots=True)
class Extent:
    """Columns of one `night_run`."""

    first: int
    opened: int
    last: int
    close: int  # the last column of the night


def extent(nights: Nights, at: int, wh: F64, crossed: int | None, ran: Sequence[tuple[int, int]]) -> Extent | None:
    """Where the night of one row shows that the plant ran, or None.

    wh: [T] load of the slots that count, else NaN. crossed: the column at which its energy was too much. ran: as
    ``ran_by_night`` gives it; of two that open the alert in one slot, this one does.
    """
    inside = nights.inside[at]
    by_run = [run for run in ran if run[0] < len(inside) and inside[run[0]]]
    if crossed is None and not by_run:
        return None
    begin, end = int(inside.argmax()), len(inside) - 1 - int(inside[::-1].argmax())
    with np.errstate(invalid="ignore"):
        runs = np.flatnonzero(wh > nights.level_wh[at])
    if crossed is None or (by_run and by_run[0][0] <= crossed):
        opened, first = by_run[0][0], max(by_run[0][1], begin)
    else:
        opened, first = crossed, min([crossed, *runs[:1].tolist()])
    return Extent(first, opened, max([opened, *runs[-1:].tolist()]), end)


def night_alert(
    view: OrderView, nights: Nights, at: int, crossed: int | None, ran: Sequence[tuple[int, int]]
) -> Alert | None:
    """`night_run` of one order, or None. at: its place in ``nights``. crossed, ran: as ``extent`` takes them."""
    work, grid = view.work, view.work.grid
    found = extent(nights, at, nights.wh[at], crossed, ran) if work.n_judged else None
    if found is None:
        return None
    alert = view.blank(Rule.NIGHT_RUN, 2 if view.order.control == Control.STOP else 1)
    row = work.caps.baselines.row[view.scope, work.caps.spans.day.start]
    alert.baseline_version = work.world.baseline.version[row] if row >= 0 else None
    alert.first_slot, alert.opened_slot, alert.last_slot = (
        grid.first_slot + column for column in (found.first, found.opened, found.last)
    )
    view.measure_span(alert)
    views, span = view.views, (view.at, slice(found.first, found.last + 1))
    over_wh = np.fmax(views.wh[span] - views.cap_kw[span] * (1000 * grid.hours), 0.0)
    alert.over_wh = float(np.where(views.known[span] & views.judged[span], over_wh, 0.0).sum())
    used = float(night_run.above_wh(nights.wh[at], nights.base_wh[at]).sum())
    allowed = float(nights.allowed_wh[at])
    alert.facts = {"night_energy_wh": used, "night_allowed_wh": None if np.isnan(allowed) else allowed}
    order_end = view.order.valid_to // grid.slot_s - 1 - grid.first_slot
    close = min(found.close, order_end)
    if work.past[close]:
        alert.closed_slot = grid.first_slot + close
        alert.close_reason = CloseReason.ORDER_END if order_end <= found.close else CloseReason.NIGHT_END
    return alert


def accuses(work: "Pass", alert: Alert, over_slots: Bool) -> bool:
    """Whether a `night_run` makes its day violating: under a stop, by a violating slot of that day. over_slots: [T]."""
    first, last = alert.first_slot - work.grid.first_slot, alert.last_slot - work.grid.first_slot
    return alert.grade == 2 and bool(over_slots[max(first, work.grid.margin) : last + 1].any())


def ran_in_the_evening(work: "Pass", alerts: Iterable[Alert]) -> tuple[tuple[str, int, int], ...]:
    """What the next day's night must know of `stop_run` alerts that are closed: order, first slot, opening slot."""
    since = work.grid.today.end_slot - work.grid.margin
    return tuple(
        (a.order_id or "", a.first_slot, a.opened_slot)
        for a in alerts
        if a.rule == Rule.STOP_RUN and a.closed_slot is not None and a.opened_slot >= since
    )


def could_violate(
    work: "Pass", rows: I64, open_slot: Bool, fill_wh: F64, over_slots: Bool, carries: Sequence[Carry]
) -> Bool:
    """Whether a `night_run` could make the day violating if unknown slots were filled, [rows] (SEMANTICS §4.23).

    rows: of orders; open_slot: [rows, T], judged and unknown; fill_wh: what they are filled with; over_slots: those
    that are over then.
    """
    found = np.zeros(len(rows), np.bool_)
    is_stop = work.world.order.is_control(work.caps.order[rows], Control.STOP)
    mine = np.flatnonzero(is_stop & open_slot.any(axis=1))
    if len(mine) == 0:
        return found
    nights = nights_of(work, rows[mine])
    width = nights.wh.shape[1]
    wh = np.where(open_slot[mine, :width] & nights.inside, fill_wh[mine, :width], nights.wh)
    flags = night_run.flags(wh, nights.base_wh, nights.allowed_wh)
    for at, i in enumerate(mine.tolist()):
        carry = carries[work.caps.scope[rows[i]]]
        ran = ran_by_night(work, carry, work.world.order_ids[work.caps.order[rows[i]]])
        crossed = int(flags[at].argmax()) if flags[at].any() else None
        where = extent(nights, at, wh[at], crossed, ran)
        if where is not None:
            first = max(where.first, work.grid.margin)
            found[i] = bool(over_slots[i, first : where.last + 1].any())
    return found


def _threshold(work: "Pass", name: str, scope: I64) -> F64:
    """A threshold of some scopes of the pass, as it holds at the day's midnight."""
    at_s = instant(work.grid.zone, work.grid.today.day, 0)
    return work.world.thresholds.at(Rule.NIGHT_RUN, name, work.scopes[scope], at_s)


def _allowed_wh(work: "Pass", scope: I64, baseline: npt.NDArray[np.int32]) -> F64:
    """Energy above idle that the night may use; NaN where a level was not learned. baseline: row of each."""
    table = work.world.baseline
    begin_h, end_h, sigmas, margin = (
        _threshold(work, name, scope) for name in ("begin_h", "end_h", "sigmas", "margin")
    )
    running_wh = table.running_kw[baseline] * (1000 * (24 - begin_h + end_h))
    spread_wh, mean_wh = table.night_sd_kwh[baseline] * 1000, table.night_kwh[baseline] * 1000
    found = night_run.limit_wh(mean_wh, spread_wh, running_wh, sigmas=sigmas, margin=margin)
    return np.where(np.isnan(table.idle_kw[baseline]), np.nan, found)


def _width(work: "Pass", end_h: F64) -> int:
    """Columns up to the end of the longest night."""
    until = instant(work.grid.zone, work.grid.today.day, round(float(end_h.max()) * 3600))
    return int(np.searchsorted(work.grid.ends_s, until, side="right"))


def _inside(work: "Pass", begin_h: F64, end_h: F64) -> Bool:
    """Slots wholly in the night of each row, [R, T]."""
    grid, width = work.grid, _width(work, end_h)
    inside = np.zeros((len(begin_h), width), np.bool_)
    yesterday = grid.today.day - timedelta(days=1)
    for begin, end in sorted(set(zip(begin_h.tolist(), end_h.tolist(), strict=True))):
        begin_s = instant(grid.zone, yesterday, round(begin * 3600))
        end_s = instant(grid.zone, grid.today.day, round(end * 3600))
        night = (grid.starts_s[:width] >= begin_s) & (grid.ends_s[:width] <= end_s)
        inside[(begin_h == begin) & (end_h == end)] = night
    return inside
