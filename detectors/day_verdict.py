"""The verdict of a local day (SEMANTICS §4.22, §4.23): violating, or compliant only if no filling of what is not known
could make an alert, or unknown."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detectors import nights
from detectors.alerts import Carry
from detectors.caps import stop_day_caps_wh
from detectors.day_rows import DayRows
from detectors.episodes import Found, any_slot
from detectors.order_rules import SLOT_RULES, on_day, order_rules, slot_rules, slots_in
from detectors.order_view import segments
from detectors.rules import limit_day, over, stop_day
from detectors.unit_counts import counted_slots
from detectors.verdict import threshold_wh
from detectors.vocab import Control, Reason, Rule, Verdict
from detectors.world import turns

if TYPE_CHECKING:
    from detectors.judge import Pass

I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]
Bool = npt.NDArray[np.bool_]

#: What a day without any judged slot is called, the first that it holds.
NOTHING_JUDGED = (Verdict.EXEMPT, Verdict.OUTAGE, Verdict.GRACE, Verdict.NO_ORDER)


def day_rows(work: "Pass", found: Found, carries: Sequence[Carry]) -> DayRows:
    """One row a scope."""
    judged_day = slice(work.grid.margin, work.grid.margin + work.n_judged)
    verdict = work.slots.verdict[:, judged_day]
    violates = _by_scope(work, found.alerted | _next_day_opens(work, found))
    doubted = _by_scope(work, found.within_error)
    could = _by_scope(work, _could_fire(work, found, carries)) | _lacks_a_cap(work) | doubted
    judged = _by_scope(work, any_slot(work.caps.judged[:, work.caps.spans.day]))
    known_wh = work.evidence.known_wh[:, judged_day].sum(axis=1)
    any_known = any_slot(work.evidence.bound[:, judged_day])
    if work.n_judged == work.grid.today.n_slots:
        known_wh = known_wh + work.loads.register_extra_wh
        any_known |= work.loads.register_extra_wh > 0
    result = _verdicts(work.slots.verdict[:, work.grid.day], violates, could, judged)
    reasons = _reasons(work.slots.reasons[:, judged_day], verdict, result, doubted)
    main = _main_orders(work)
    coverage = work.coverage[:, judged_day].mean(axis=1) if work.n_judged else np.zeros(len(work.scopes))
    ordered = main >= 0
    cap_wh = np.full(len(work.scopes), np.nan)
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
        violating_slots=np.count_nonzero(verdict == Verdict.VIOLATING, axis=1),
    )


def _reasons(
    bits: npt.NDArray[np.uint32], codes: npt.NDArray[np.uint8], result: npt.NDArray[np.uint8], doubted: Bool
) -> U32:
    """Reasons of the slots that have the day's verdict, [S]; bits, codes: [S, judged slots]. doubted: [S], days whose
    cap is broken by less than the error of its baseline."""
    reasons = np.zeros(len(result), np.uint32)
    rows = np.flatnonzero(any_slot(bits != 0))
    same = codes[rows] == result[rows, None]
    reasons[rows] = np.bitwise_or.reduce(np.where(same, bits[rows], np.uint32(0)), axis=1)
    is_unknown = result == Verdict.UNKNOWN
    unknown = np.flatnonzero(is_unknown & ~doubted)
    reasons[unknown[~any_slot(codes[unknown] == Verdict.UNKNOWN)]] = Reason.AWAITED
    reasons[is_unknown & doubted] |= np.uint32(Reason.LOW_CONFIDENCE)
    return reasons


def _verdicts(codes: npt.NDArray[np.uint8], violates: Bool, could: Bool, judged: Bool) -> npt.NDArray[np.uint8]:
    """The day's verdict of each scope, [S]; codes: [S, T] of its slots (SEMANTICS §4.23)."""
    result = np.where(could, np.uint8(Verdict.UNKNOWN), np.uint8(Verdict.COMPLIANT))
    idle = np.flatnonzero(~judged)
    result[idle] = Verdict.NO_ORDER
    for kind in reversed(NOTHING_JUDGED):
        result[idle[any_slot(codes[idle] == kind)]] = kind
    alike = codes.min(axis=1) == codes.max(axis=1)
    for whole in (Verdict.EXEMPT, Verdict.OUTAGE, Verdict.NO_ORDER):
        result[alike & (codes[:, 0] == whole)] = whole
    result[violates] = Verdict.VIOLATING
    return result


def _lacks_a_cap(work: "Pass") -> Bool:
    """Scopes with a slot of the day that no filling could decide, [S]: nothing tells its cap (SEMANTICS §3.16)."""
    bits = np.uint32(Reason.NO_BASELINE | Reason.NO_DAY_ENERGY | Reason.UNDECIDABLE)  # of unknown slots only
    return any_slot((work.slots.reasons[:, work.grid.day] & bits) != 0)


def _by_scope(work: "Pass", of_order: Bool) -> Bool:
    result = np.zeros(len(work.scopes), np.bool_)
    result[work.caps.scope[of_order]] = True
    return result


def _main_orders(work: "Pass") -> I64:
    """The order row of each scope that takes most judged slots of the day, else its first that is ordered, else -1."""
    caps, day = work.caps, work.caps.spans.day
    takes = caps.takes[:, day]
    taken = (takes * caps.spans.lengths[day]).sum(axis=1)
    ordered = any_slot(caps.ordered[:, day])
    main = np.full(len(work.scopes), -1, np.int64)
    most = np.zeros(len(work.scopes), np.int64)
    for turn in turns(caps.scope):
        s = caps.scope[turn]
        better = (taken[turn] > most[s]) | ((main[s] < 0) & ordered[turn])
        main[s] = np.where(better, turn, main[s])
        most[s] = np.where(better, taken[turn], most[s])
    return main


def _windows(work: "Pass", rows: I64, flags: Bool) -> Bool:
    """Of some order rows: for which n over slots would lie among m, one of them in the day. flags: [rows, T]. Slots of
    tomorrow ask with tomorrow's n and m."""
    grid = work.grid
    first, last = grid.margin, grid.margin + grid.today.n_slots
    hit = np.zeros(len(rows), np.bool_)
    starts = segments(work, rows)
    now, then = (
        order_rules(work.world, work.caps.order[rows], s) for s in (grid.today.first_slot, grid.today.end_slot)
    )
    for mine in now.groups(then):
        n, m, later_n, later_m = (int(of[mine[0]]) for of in (now.n, now.m, then.n, then.m))
        opening = over.opens(flags[mine], starts[mine], n=n, m=m)
        later = opening if (n, m) == (later_n, later_m) else over.opens(flags[mine], starts[mine], n=later_n, m=later_m)
        today = flags[mine, first:last]
        latest = np.where(any_slot(today), last - 1 - today[:, ::-1].argmax(axis=1), -1)
        low = np.maximum(np.maximum(starts[mine, last:], np.arange(last, grid.n) - later_m + 1), first)
        tomorrow = later[:, last:] & (latest[:, None] >= low)
        hit[mine] = any_slot(opening[:, first:last]) | any_slot(tomorrow)
    return hit


def _next_day_opens(work: "Pass", found: Found) -> Bool:
    """Alerts that open in the first slots of tomorrow with a violating slot of today."""
    first, after = work.grid.margin, work.grid.margin + work.grid.today.n_slots
    opens = any_slot(found.over[:, after:]) & ~found.alerted
    rows = np.flatnonzero(opens)
    rows = rows[any_slot(found.over[rows, first:after])]
    opens[:] = False
    if len(rows):
        flags = found.over[rows]
        seen = _windows(work, rows, flags)
        flags[:, after:] = False
        opens[rows] = seen & ~_windows(work, rows, flags)
    return opens


def _could_fire(work: "Pass", found: Found, carries: Sequence[Carry]) -> Bool:
    """Whether some filling of unknown slots, of the day or within m of its end, makes an alert, [O]."""
    caps, grid, wide = work.caps, work.grid, work.caps.spans.wide
    first, last, day = grid.margin, grid.margin + grid.today.n_slots, grid.day
    could = np.zeros(len(caps.order), np.bool_)
    open_slot = caps.of_order((work.slots.verdict == Verdict.UNKNOWN) | ~work.past) & wide(caps.judged)
    open_slot[:, :first] = False
    rows = np.flatnonzero(any_slot(open_slot))
    if len(rows) == 0:
        return could
    open_slot, scope, orders = open_slot[rows], caps.scope[rows], caps.order[rows]
    ceiling_wh = np.where(np.isnan(caps.baselines.max_kw), np.inf, caps.baselines.max_kw * (1000 * grid.hours))[scope]
    partial = np.where(work.evidence.bound[scope] & work.past, work.loads.wh[scope], 0)
    fill_wh = np.maximum(wide(ceiling_wh), partial)
    limit = threshold_wh(caps.over_kw[rows], grid.hours)
    takes = caps.takes[rows] & ~caps.is_energy[rows, None]
    fillable = open_slot & wide(takes) & (fill_wh > wide(np.where(np.isnan(limit), -np.inf, limit)))
    counted = np.flatnonzero(caps.is_counted[rows])
    if len(counted):
        fillable[counted] &= _more_could_run(work, rows[counted], fill_wh[counted])
    has_rule = slot_rules(work.world, orders) >= 0
    flags = (found.over[rows] | fillable) & has_rule[:, None]
    undecidable = any_slot((fillable & ~has_rule[:, None])[:, day])
    for i, cut, until in _carried_spans(work, rows, fillable, found, carries):
        flags[i, :cut] = False
        if until > first and fillable[i, first : min(until, last)].any():
            undecidable[i] = True
    by_run = any_slot(fillable)
    by_run[by_run] = _windows(work, rows[by_run], flags[by_run])
    judged = caps.spans.wide_day(caps.judged[rows])
    energy = np.where(open_slot, fill_wh, work.evidence.known_wh[scope])[:, day]
    # the most that is used at any slot: what flows back later takes nothing back
    total = np.cumsum(np.where(judged, energy, 0), axis=1).max(axis=1, initial=0)
    cap = work.day_cap_wh[rows]
    is_stop = work.world.order.is_control(orders, Control.STOP)
    tolerance, factor, over_min = (
        on_day(work.world, orders, grid, rule, name)
        for rule, name in ((Rule.LIMIT_DAY, "tolerance"), (Rule.STOP_DAY, "factor"), (Rule.HOURS_OVER, "over_min"))
    )
    by_day = caps.has_day_energy[rows] & limit_day.flags(total[:, None], cap, tolerance=tolerance)[:, 0]
    by_day |= caps.is_energy[rows] & np.isnan(cap)
    stop_cap = stop_day_caps_wh(work.world, caps, grid, work.day_cap_wh)[rows]
    by_day |= is_stop & stop_day.flags(total[:, None], stop_cap, factor=factor)[:, 0]
    by_day |= has_rule & (np.count_nonzero(flags[:, day], axis=1) >= slots_in(over_min, grid.slot_s))
    could[rows] = undecidable | by_run | (any_slot(open_slot[:, day]) & by_day)
    left = np.flatnonzero(~could[rows])
    over = found.over[rows[left]] | fillable[left]
    could[rows[left]] = nights.could_violate(work, rows[left], open_slot[left], fill_wh[left], over, carries)
    return could


def _more_could_run(work: "Pass", rows: I64, fill_wh: npt.NDArray[np.float64]) -> Bool:
    """Where more units would run than allowed if every unknown one did, [rows, T]. rows: orders counted by meters."""
    caps, grid = work.caps, work.grid
    asked = np.broadcast_to(rows[:, None], fill_wh.shape)
    passed = work.world, caps, work.loads, work.evidence, work.past, grid.hours
    found = counted_slots(*passed, caps.scope[rows], asked)
    relaxed_wh = threshold_wh(caps.spans.wide(caps.relaxed_kw[rows]), grid.hours)
    with np.errstate(invalid="ignore"):
        return np.asarray(found.could_be_over & (np.isnan(relaxed_wh) | (fill_wh > relaxed_wh)), np.bool_)


def _carried_spans(
    work: "Pass", rows: I64, fillable: Bool, found: Found, carries: Sequence[Carry]
) -> Iterator[tuple[int, int, int]]:
    """Of some order rows, those with something carried: place among the rows, first column whose over slots still
    count, and the column up to which an alert carried into the day is open. fillable: [rows, T].

    Such an alert may stay open all day if an unknown slot is filled before its close; behind its close nothing changes
    it.
    """
    grid = work.grid
    has_carry = np.array([bool(c.open or c.closed) for c in carries], np.bool_)
    rules = slot_rules(work.world, work.caps.order[rows])
    for i in np.flatnonzero(has_carry[work.caps.scope[rows]] & (rules >= 0)).tolist():
        s = int(work.caps.scope[rows[i]])
        carry, order = carries[s], work.world.order_ids[work.caps.order[rows[i]]]
        rule = SLOT_RULES[rules[i]].rule
        closed, carried = carry.last_close(rule, order), carry.opened(rule, order)
        cut = 0 if closed is None else max(0, closed - grid.first_slot + 1)
        if carried is None:
            yield i, cut, 0
            continue
        name = (carried.rule, carried.order_id, carried.first_slot)
        ends = [a.closed_slot for a in found.alerts[s] if (a.rule, a.order_id, a.first_slot) == name]
        end = next((slot + 1 - grid.first_slot for slot in ends if slot is not None), grid.n)
        until = grid.n if fillable[i, : max(0, end)].any() else end
        yield i, until if until < grid.n else cut, until
