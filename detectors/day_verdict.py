"""The verdict of a local day (SEMANTICS §4.22, §4.23): violating, or compliant only if no filling of what is not known
could make an alert, or unknown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detectors.alerts import Carry
from detectors.day_rows import DayRows
from detectors.episodes import Found, any_slot, slot_rule_of
from detectors.rules import hours_over, limit_day, over, stop_day
from detectors.rules.cap_abs import CAP_ABS
from detectors.rules.limit_slot import LIMIT_SLOT
from detectors.rules.stop_run import STOP_RUN
from detectors.verdict import threshold_wh
from detectors.vocab import Control, Reason, Verdict
from detectors.world import turns

if TYPE_CHECKING:
    from detectors.judge import Pass

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

#: What a day without any judged slot is called, the first that it holds.
NOTHING_JUDGED = (Verdict.EXEMPT, Verdict.OUTAGE, Verdict.GRACE, Verdict.NO_ORDER)


def day_rows(work: "Pass", found: Found, carries: Sequence[Carry]) -> DayRows:
    """One row a scope."""
    n_scopes, day = len(work.scopes), work.grid.day
    past = work.past[day]
    verdict = work.slots.verdict[:, day]
    violates = _by_scope(work, found.alerted | _next_day_opens(work, found))
    could = _by_scope(work, _could_fire(work, found, carries)) | _lacks_a_cap(work)
    judged = _by_scope(work, any_slot(_judged(work)))
    known_wh = np.where(past, work.evidence.known_wh[:, day], 0).sum(axis=1)
    any_known = any_slot(work.evidence.bound[:, day] & past)
    if past.all():
        known_wh = known_wh + work.loads.register_extra_wh
        any_known |= work.loads.register_extra_wh > 0
    result = _verdicts(verdict, violates, could, judged)
    main = _main_orders(work)
    same = past & (verdict == result[:, None])
    reasons = np.bitwise_or.reduce(np.where(same, work.slots.reasons[:, day], np.uint32(0)), axis=1)
    reasons[(result == Verdict.UNKNOWN) & ~any_slot(same)] = Reason.AWAITED
    coverage = work.coverage[:, day][:, past].mean(axis=1) if past.any() else np.zeros(n_scopes)
    violating = (past & (verdict == Verdict.VIOLATING)).sum(axis=1)
    ordered = main >= 0
    cap_wh = np.full(n_scopes, np.nan)
    cap_wh[ordered] = work.day_cap_wh[main[ordered]]
    return DayRows(
        verdict=result,
        reasons=reasons,
        order=np.where(ordered, work.caps.order[main] if len(work.caps.order) else -1, -1),
        order_ids=work.world.order_ids,
        energy_wh=known_wh,
        has_energy=any_known,
        cap_wh=cap_wh,
        coverage=coverage,
        violating_slots=violating,
    )


def _verdicts(codes: npt.NDArray[np.uint8], violates: Bool, could: Bool, judged: Bool) -> npt.NDArray[np.uint8]:
    """The day's verdict of each scope, [S]; codes: [S, T] of its slots (SEMANTICS §4.23)."""
    result = np.where(could, np.uint8(Verdict.UNKNOWN), np.uint8(Verdict.COMPLIANT))
    result[~judged] = Verdict.NO_ORDER
    for kind in reversed(NOTHING_JUDGED):
        result[~judged & any_slot(codes == kind)] = kind
    for whole in (Verdict.EXEMPT, Verdict.OUTAGE, Verdict.NO_ORDER):
        result[(codes == whole).all(axis=1)] = whole
    result[violates] = Verdict.VIOLATING
    return result


def _judged(work: "Pass") -> Bool:
    """Ordered slots of the day neither exempt nor in grace, [O, day slots] (SEMANTICS §4.22)."""
    caps = work.caps
    return np.asarray((caps.ordered & ~caps.exempt & ~caps.grace)[:, work.grid.day], np.bool_)


def _lacks_a_cap(work: "Pass") -> Bool:
    """Scopes with a slot of the day that no filling could decide, [S]: nothing tells its cap (SEMANTICS §3.16)."""
    bits = np.uint32(Reason.NO_BASELINE | Reason.NO_DAY_ENERGY | Reason.UNDECIDABLE)
    day = work.grid.day
    return any_slot((work.slots.verdict[:, day] == Verdict.UNKNOWN) & ((work.slots.reasons[:, day] & bits) > 0))


def _by_scope(work: "Pass", of_order: Bool) -> Bool:
    result = np.zeros(len(work.scopes), np.bool_)
    np.logical_or.at(result, work.caps.scope, of_order)
    return result


def _main_orders(work: "Pass") -> I64:
    """The order row of each scope that takes most judged slots of the day, else its first that is ordered, else -1."""
    caps, day = work.caps, work.grid.day
    take = caps.take[:, day]
    taken = np.bincount(take[take >= 0], minlength=len(caps.order))
    ordered = any_slot(caps.ordered[:, day])
    main = np.full(len(work.scopes), -1, np.int64)
    most = np.zeros(len(work.scopes), np.int64)
    for turn in turns(caps.scope):
        s = caps.scope[turn]
        better = (taken[turn] > most[s]) | ((main[s] < 0) & ordered[turn])
        main[s] = np.where(better, turn, main[s])
        most[s] = np.where(better, taken[turn], most[s])
    return main


def _windows(work: "Pass", flags: Bool, starts: I64) -> Bool:
    """Order rows for which n over slots would lie among m, one of them in the day, [O]."""
    grid, caps = work.grid, work.caps
    first, last = grid.margin, grid.margin + grid.today.n_slots
    hit = np.zeros(len(caps.order), np.bool_)
    rules = [slot_rule_of(work.world.orders[r]) for r in caps.order]
    for rule in (STOP_RUN, LIMIT_SLOT, CAP_ABS):
        rows = np.array([i for i, r in enumerate(rules) if r is rule], np.int64)
        if len(rows) == 0:
            continue
        n, m = rule.n(grid.slot_s), rule.m(grid.slot_s)
        opening = over.opens(flags[rows], starts[rows], n=n, m=m)
        count = np.cumsum(np.pad(flags[rows], ((0, 0), (1, 0))), axis=1)
        low = np.maximum(starts[rows], np.arange(grid.n) - m + 1)
        in_day = np.asarray(count[:, [last]] > np.take_along_axis(count, np.maximum(low, first), axis=1))
        hit[rows] = any_slot(opening[:, first:] & in_day[:, first:])
    return hit


def _next_day_opens(work: "Pass", found: Found) -> Bool:
    """Alerts that open in the first slots of tomorrow with a violating slot of today."""
    if not work.past[-work.grid.margin :].any():
        return np.zeros(len(work.caps.order), np.bool_)
    after = work.grid.margin + work.grid.today.n_slots
    flags = found.over.copy()
    flags[found.alerted] = False
    seen = _windows(work, flags, found.starts)
    flags[:, after:] = False
    return seen & ~_windows(work, flags, found.starts)


def _could_fire(work: "Pass", found: Found, carries: Sequence[Carry]) -> Bool:
    """Whether some filling of unknown slots, of the day or within m of its end, makes an alert, [O]."""
    caps, grid = work.caps, work.grid
    n_orders = len(caps.order)
    if n_orders == 0:
        return np.zeros(0, np.bool_)
    first, last = grid.margin, grid.margin + grid.today.n_slots
    day = grid.day
    open_slot = ((work.slots.verdict == Verdict.UNKNOWN) | ~work.past)[caps.scope] & caps.ordered & ~caps.exempt
    open_slot &= ~caps.grace
    open_slot[:, :first] = False
    ceiling_wh = np.where(np.isnan(caps.baselines.max_kw), np.inf, caps.baselines.max_kw * (1000 * grid.hours))
    partial = np.where(work.evidence.bound & work.past, work.loads.wh, 0)
    fill_wh = np.maximum(ceiling_wh, partial)[caps.scope]
    limit = threshold_wh(caps.over_kw, grid.hours)
    takes = caps.take[caps.scope] == np.arange(n_orders)[:, None]
    has_rule = np.array([slot_rule_of(work.world.orders[r]) is not None for r in caps.order], np.bool_)
    fillable = open_slot & takes & ~caps.is_energy[:, None] & (np.isnan(limit) | (fill_wh > limit))
    flags = (found.over | fillable) & has_rule[:, None]
    undecidable = any_slot((fillable & ~has_rule[:, None])[:, day])
    held = _carried_spans(work, carries)
    for i in np.flatnonzero([c is not None for c in held]):
        cut, until = held[i] or (0, 0)
        flags[i, :cut] = False
        if until > first and fillable[i, first : min(until, last)].any():
            undecidable[i] = True
    by_run = _windows(work, flags, found.starts) & any_slot(fillable)
    energy = np.where(open_slot, fill_wh, work.evidence.known_wh[caps.scope])[:, day]
    judged = _judged(work)
    total = np.where(judged, energy, 0).sum(axis=1)
    is_stop = np.array([work.world.orders[r].control == Control.STOP for r in caps.order], np.bool_)
    unknown_day = any_slot(open_slot[:, day])
    by_day = caps.has_day_energy & limit_day.flags(total[:, None], work.day_cap_wh)[:, 0]
    by_day |= caps.is_energy & np.isnan(work.day_cap_wh)
    by_day |= is_stop & stop_day.flags(total[:, None], work.day_cap_wh)[:, 0]
    by_day |= has_rule & hours_over.flags(flags[:, day], n=grid.slots_in(240))[:, -1]
    return np.asarray(undecidable | by_run | (unknown_day & by_day), np.bool_)


def _carried_spans(work: "Pass", carries: Sequence[Carry]) -> list[tuple[int, int] | None]:
    """Per order row with something carried: first column whose over slots still count, and the column up to which an
    alert carried into the day is open."""
    grid = work.grid
    spans: list[tuple[int, int] | None] = []
    for row, s in zip(work.caps.order, work.caps.scope, strict=True):
        carry = carries[s]
        order = work.world.orders[row]
        rule = slot_rule_of(order)
        if rule is None or not (carry.open or carry.closed):
            spans.append(None)
            continue
        closed = carry.last_close(rule.rule, order.order_id)
        cut = 0 if closed is None else max(0, closed - grid.first_slot + 1)
        until = grid.n if carry.opened(rule.rule, order.order_id) else 0
        spans.append((cut, until))
    return spans
