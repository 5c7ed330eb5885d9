"""Plants under no order that draw more than they ever did (`over_capacity`)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert, Carry
from detectors.rules import over, over_capacity
from detectors.slots import instant
from detectors.verdict import threshold_wh
from detectors.vocab import CloseReason, Rule

if TYPE_CHECKING:
    from detectors.judge import Pass

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def over_capacities(work: "Pass", carries: Sequence[Carry]) -> Iterator[tuple[int, list[Alert], int | None]]:
    """(scope of the pass, alerts, last close) of scopes that draw too much while no order is on them."""
    caps, grid = work.caps, work.grid
    carried = [c.opened(Rule.OVER_CAPACITY, None) if c.open else None for c in carries]
    free = (caps.shown < 0) & ~caps.any_partial
    given_kw = np.where(free, work.world.baseline.given_max_kw[caps.baselines.row], np.nan)  # [S, K]
    with np.errstate(invalid="ignore"):  # no order, and a load above the maximum at all
        asked = work.loads.wh.max(axis=1) > np.fmin.reduce(given_kw, axis=1) * (1000 * grid.hours)
    asked[[s for s, alert in enumerate(carried) if alert is not None]] = True
    scopes = np.flatnonzero(asked)
    if len(scopes) == 0:
        return
    given_kw, is_free = given_kw[scopes], caps.spans.wide(free[scopes])
    n, m = (_threshold(work, Rule.OVER_CAPACITY, name, scopes) for name in ("n_min", "m_min"))
    below_min, at_s = _threshold(work, "closing", "below_min", scopes), caps.spans.starts_s
    factor, low_share = (
        caps.spans.wide(work.world.thresholds.at(rule, name, work.scopes[scopes, None], at_s))
        for rule, name in ((Rule.OVER_CAPACITY, "factor"), ("closing", "below_share"))
    )
    max_wh = caps.spans.wide(given_kw) * (1000 * grid.hours)
    measured = is_free & work.evidence.covered[scopes] & work.past
    load_wh = np.where(measured, work.loads.wh[scopes], np.nan)
    flags = over_capacity.flags(load_wh, max_wh, factor=factor)
    is_open = np.array([carried[s] is not None for s in scopes.tolist()], np.bool_)
    for at in np.flatnonzero(flags.any(axis=1) | is_open).tolist():
        s = int(scopes[at])
        limit_kw = caps.spans.wide(given_kw[at]) * factor[at]
        track = _track(work, s, is_free[at], measured[at], flags[at], limit_kw, limit_kw * low_share[at])
        n_slots, m_slots, below_n = (grid.slots_in(float(of[at])) for of in (n, m, below_min))
        last_close = carries[s].last_close(Rule.OVER_CAPACITY, None)
        found, _, closed = over.walk(
            track, _blank(work, s), carried[s], last_close, n=n_slots, m=m_slots, below_n=below_n, slot_s=grid.slot_s
        )
        for alert in found:
            if alert.close_reason == CloseReason.WINDOW_END:
                alert.close_reason = CloseReason.ORDER_BEGIN
        yield s, found, closed


def _track(
    work: "Pass", s: int, is_free: Bool, measured: Bool, flags: Bool, limit_kw: F64, low_kw: F64
) -> over.OrderTrack:
    """The slots without an order as the window of an n-of-m rule; its end is where an order begins."""
    grid, wh = work.grid, work.loads.wh[s]
    edge = is_free & ~np.r_[is_free[1:], True]
    with np.errstate(invalid="ignore"):
        below = measured & (wh <= threshold_wh(low_kw, grid.hours))
    nowhere = [False] * grid.n
    return over.OrderTrack(
        first_slot=grid.first_slot,
        begin=grid.margin,
        end=grid.margin + work.n_judged,
        over=flags.tolist(),
        below=below.tolist(),
        compliant=(measured & ~flags & ~np.isnan(limit_kw)).tolist(),
        starts=over.segment_starts(is_free, edge).tolist(),
        edge=edge.tolist(),
        order_ends=nowhere,
        exempt=nowhere,
        load_wh=[w if k else None for w, k in zip(wh.tolist(), measured.tolist(), strict=True)],
        cap_kw=limit_kw.tolist(),
        coverage=work.coverage[s].tolist(),
    )


def _blank(work: "Pass", s: int) -> Alert:
    """An alert to copy; its baseline is the first that holds in the day."""
    rows = work.caps.baselines.row[s, work.caps.spans.day]
    used = rows[rows >= 0]
    alert = Alert(work.world.scope_ids[work.scopes[s]], Rule.OVER_CAPACITY, None, 1, 0, 0, 0)
    alert.baseline_version = work.world.baseline.version[used[0]] if len(used) else None
    return alert


def _threshold(work: "Pass", rule: str, name: str, scopes: I64) -> F64:
    """A threshold of some scopes of the pass, as it holds at the day's midnight."""
    at_s = instant(work.grid.zone, work.grid.today.day, 0)
    return work.world.thresholds.at(rule, name, work.scopes[scopes], at_s)
