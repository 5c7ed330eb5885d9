"""Which orders a jump of the load concerns, and the walk over it (`step_up`)."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert
from detectors.order_view import OrderView
from detectors.rules import over, step_up
from detectors.slots import instant
from detectors.verdict import threshold_wh
from detectors.vocab import Control, Rule

if TYPE_CHECKING:
    from detectors.judge import Pass

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


def jumps(work: "Pass", over_slots: Bool) -> dict[int, Bool]:
    """Order rows with a jump, each with the columns that complete one, [T]. over_slots: [O, T], of the order that takes
    the slot."""
    found: dict[int, Bool] = {}
    rows = _candidates(work, over_slots)
    hold_min = _threshold(work, "hold_min", rows)
    for minutes in np.unique(hold_min).tolist():
        mine = rows[hold_min == minutes]
        flags = _flags(work, mine, over_slots[mine], max(1, work.grid.slots_in(int(minutes))))
        found |= {int(mine[at]): flags[at] for at in np.flatnonzero(flags.any(axis=1)).tolist()}
    return found


def _candidates(work: "Pass", over_slots: Bool) -> I64:
    """Order rows under which a load that differs so much counts: a stop, or a power cap with slots over it."""
    caps = work.caps
    is_stop = work.world.order.is_control(caps.order, Control.STOP)
    asks = is_stop | (~caps.is_energy & over_slots.any(axis=1))
    rows = np.flatnonzero(asks)
    if len(rows) == 0:
        return rows
    scopes = caps.scope[rows]
    wh = work.loads.wh[scopes]
    least_kw = np.fmin.reduce(caps.baselines.running_kw[scopes], axis=1) * _threshold(work, "jump", rows)
    with np.errstate(invalid="ignore"):
        differs: Bool = np.asarray(wh.max(axis=1) - wh.min(axis=1) > threshold_wh(least_kw, work.grid.hours), np.bool_)
    return np.asarray(rows[differs], np.int64)


def _flags(work: "Pass", rows: I64, over_slots: Bool, n: int) -> Bool:
    """Columns that complete a jump, [rows, T]."""
    caps, grid, wide = work.caps, work.grid, work.caps.spans.wide
    scopes = caps.scope[rows]
    is_stop = work.world.order.is_control(caps.order[rows], Control.STOP)[:, None]
    ordered, edge = wide(caps.ordered[rows]), wide(caps.edge[rows])
    wh = np.where((work.evidence.covered & work.past)[scopes], work.loads.wh[scopes], np.nan)
    cap_wh, over_wh = (wide(threshold_wh(kw[rows], grid.hours)) for kw in (caps.cap_kw, caps.over_kw))
    before = np.where(ordered & ~wide(caps.exempt[rows]) & (is_stop | (wh <= cap_wh)), wh, np.nan)
    beyond = np.where(is_stop, wh > cap_wh, over_slots & (wh > over_wh))  # what is approved may be switched on
    held = np.where(wide(caps.judged[rows]) & beyond, wh, np.nan)
    rise = wide(threshold_wh(caps.baselines.running_kw[scopes] * _threshold(work, "jump", rows)[:, None], grid.hours))
    is_joined = np.arange(grid.n) - n >= over.segment_starts(ordered, edge)
    return np.asarray(step_up.flags(before, held, rise, n=n) & is_joined, np.bool_)


def walk(
    view: OrderView, jump: Bool | None, carried: Alert | None, last_close: int | None
) -> tuple[list[Alert], int | None]:
    """`step_up` of one order: the alerts that lived in the day, and the last close. jump: as ``jumps`` gives it."""
    work, grid, caps, s, views, at = view.work, view.work.grid, view.work.caps, view.scope, view.views, view.at
    row = np.array([view.row])
    running_kw = caps.spans.wide(caps.baselines.running_kw[s])
    rise_wh, back_wh = (
        threshold_wh(running_kw * _threshold(work, name, row), grid.hours).tolist() for name in ("jump", "back")
    )
    load_wh, measured = work.loads.wh[s].tolist(), (work.evidence.covered[s] & work.past).tolist()
    track = step_up.StepTrack(
        first_slot=grid.first_slot,
        begin=view.begin,
        end=view.end,
        jumps=[False] * grid.n if jump is None else jump.tolist(),
        measured_wh=[w if k else None for w, k in zip(load_wh, measured, strict=True)],
        rise_wh=rise_wh,
        back_wh=back_wh,
        edge=views.edge[at].tolist(),
        order_ends=views.order_ends[at].tolist(),
        exempt=views.exempt[at].tolist(),
        load_wh=view.load_wh(),
        cap_kw=views.cap_kw[at].tolist(),
        coverage=views.coverage[at].tolist(),
    )
    n = grid.slots_in(int(_threshold(work, "hold_min", row)[0]))
    blank, back_n = view.blank(Rule.STEP_UP, 1), view.closing_n
    return step_up.walk(track, blank, carried, last_close, n=n, back_n=back_n, slot_s=grid.slot_s)


def _threshold(work: "Pass", name: str, rows: I64) -> npt.NDArray[np.float64]:
    """A threshold of the scopes of some order rows, as it holds at the day's midnight."""
    at_s = instant(work.grid.zone, work.grid.today.day, 0)
    return work.world.thresholds.at(Rule.STEP_UP, name, work.scopes[work.caps.scope[rows]], at_s)
