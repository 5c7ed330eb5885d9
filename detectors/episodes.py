"""From the slots of a day to its alerts: which rule looks at which order, and what the next day must know."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from detectors.alerts import NOTHING_CARRIED, Alert, Carry
from detectors.caps import DAY_TOLERANCE, TOLERANCE
from detectors.loads import Fact
from detectors.registry import Order
from detectors.rules import hours_over, limit_day, limit_pace, offline, over, runs, stop_day
from detectors.rules.cap_abs import CAP_ABS
from detectors.rules.limit_slot import LIMIT_SLOT
from detectors.rules.over import OverRule
from detectors.rules.stop_run import STOP_RUN
from detectors.verdict import threshold_wh
from detectors.vocab import CloseReason, Control, Measure, Reason, Rule, Verdict
from detectors.world import rows_of

if TYPE_CHECKING:
    from detectors.judge import Pass

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

DAY_RULES = (Rule.LIMIT_DAY, Rule.STOP_DAY, Rule.HOURS_OVER)


@dataclass(frozen=True, slots=True)
class Found:
    """Alerts of a day; lists run along the scopes, arrays along the order rows."""

    alerts: list[list[Alert]]
    carries: list[Carry]
    over: Bool  # [O, T] over slots of the order that takes the slot
    starts: I64  # [O, T] first column of the window each slot belongs to
    alerted: Bool  # [O] a grade 2 load alert has a violating slot in the day, or a day rule fired
    unnamed: Bool  # [S] an `offline` opened whose silent meters cannot be told from known loads


def slot_rule_of(order: Order) -> OverRule | None:
    """The n-of-m rule of an order, or None (SEMANTICS §5.24)."""
    if order.control == Control.STOP:
        return STOP_RUN
    if order.control == Control.CAP:
        return CAP_ABS
    if order.control == Control.LIMIT and order.measure == Measure.POWER:
        return LIMIT_SLOT
    return None


def any_slot(flags: Bool) -> Bool:
    """Rows with any flag, [..., T] -> [...]."""
    return np.asarray(flags.any(axis=-1), np.bool_)


def alerts_of_day(work: "Pass", carries: Sequence[Carry]) -> Found:
    """All alerts of the day, per scope, and the carry to the next day."""
    caps, grid = work.caps, work.grid
    n_scopes = len(work.scopes)
    alerts: list[list[Alert]] = [[] for _ in range(n_scopes)]
    closes: list[list[tuple[str, str, int]]] = [[] for _ in range(n_scopes)]
    over_slots = work.slots.over[caps.scope] & (caps.take[caps.scope] == np.arange(len(caps.order))[:, None])
    judgeable = caps.ordered & ~caps.grace
    starts = over.segment_starts(judgeable, caps.edge)
    alerted = np.zeros(len(caps.order), np.bool_)
    unnamed = np.zeros(n_scopes, np.bool_)
    silent = (caps.ordered | caps.before) & work.evidence.silent_up[caps.scope] & work.past
    day = grid.day
    energy = _energy_flags(work, over_slots)
    out = _outage_flags(work)
    has_over, has_silence, has_outage = any_slot(over_slots), any_slot(silent), any_slot(out)
    has_energy = {rule: any_slot(flag) for rule, flag in energy.items()}
    for i, s in enumerate(caps.scope):
        carry = carries[s]
        if not (carry.open or has_over[i] or has_silence[i] or has_outage[i] or any(h[i] for h in has_energy.values())):
            continue
        view = _OrderView(work, i, int(s))
        rule = slot_rule_of(view.order)
        open_at: list[bool] = [False] * grid.n
        if rule is not None and (has_over[i] or carry.opened(rule.rule, view.order.order_id)):
            carried = carry.opened(rule.rule, view.order.order_id)
            last_close = carry.last_close(rule.rule, view.order.order_id)
            track = view.track(over_slots[i], starts[i])
            found, open_at, closed = over.walk(
                track,
                view.blank(rule.rule, 2),
                carried,
                last_close,
                n=rule.n(grid.slot_s),
                m=rule.m(grid.slot_s),
                slot_s=grid.slot_s,
            )
            alerts[s] += found
            if closed is not None and closed >= grid.today.end_slot - grid.margin:
                closes[s].append((rule.rule.value, view.order.order_id, closed))
            held = np.array(open_at)
            held[
                [
                    c
                    for a in found
                    for c in range(a.first_slot - grid.first_slot, a.opened_slot - grid.first_slot)
                    if 0 <= c < grid.n
                ]
            ] = True
            alerted[i] |= bool((over_slots[i] & held)[day].any())
        for day_rule, flag in energy.items():
            if has_energy[day_rule][i]:
                alert = view.day_alert(day_rule, flag[i], open_at, over_slots[i])
                if alert is not None:
                    alerts[s].append(alert)
                    alerted[i] |= day_rule in DAY_RULES
        carried = carry.opened(Rule.OFFLINE, view.order.order_id)
        if carried or has_silence[i]:
            found = view.offline(silent[i], carried)
            alerts[s] += found
            unnamed[s] |= any(not a.meters for a in found if a is not carried)
        carried = carry.opened(Rule.OUTAGE, view.order.order_id)
        if carried or has_outage[i]:
            alerts[s] += view.outage(out[i], carried)
    _bad_data(work, carries, alerts)
    new_carries = [
        Carry(tuple(a for a in alerts[s] if a.closed_slot is None and a.rule not in _WITHIN_A_DAY), tuple(closes[s]))
        if alerts[s] or closes[s]
        else NOTHING_CARRIED
        for s in range(n_scopes)
    ]
    return Found(alerts, new_carries, over_slots, starts, alerted, unnamed)


_WITHIN_A_DAY = (*DAY_RULES, Rule.LIMIT_PACE)


def _energy_flags(work: "Pass", over_slots: Bool) -> dict[Rule, Bool]:
    """Day rules over the day's own columns, [O, day slots]; slots after as_of flag nothing."""
    caps, grid = work.caps, work.grid
    day, past = grid.day, work.past[grid.day]
    orders = [work.world.orders[r] for r in caps.order]
    judged = (caps.ordered & ~caps.exempt & ~caps.grace)[:, day]
    used, cap = work.slots.used_wh[:, day], work.day_cap_wh
    is_stop = np.array([o.control == Control.STOP for o in orders], np.bool_)
    is_power = np.array([slot_rule_of(o) is not None for o in orders], np.bool_)
    hour = grid.slots_in(60)
    known = np.where(work.evidence.covered, work.loads.wh, np.nan)[caps.scope]
    sums = np.full(used.shape, np.nan)
    if len(orders) and grid.margin >= hour - 1:
        windows = np.lib.stride_tricks.sliding_window_view(known, hour, axis=1).sum(axis=2)
        sums = windows[:, grid.margin - hour + 1 :][:, : used.shape[1]]
    left = judged.sum(axis=1, keepdims=True) - np.cumsum(judged, axis=1)
    crossed = limit_day.flags(used, cap) & caps.has_day_energy[:, None]
    pace = limit_pace.flags(used, sums, left, cap, slots_per_hour=hour) & caps.is_energy[:, None] & ~crossed
    return {
        Rule.LIMIT_DAY: crossed & past & judged,
        Rule.LIMIT_PACE: pace & past & judged,
        Rule.STOP_DAY: stop_day.flags(used, cap) & is_stop[:, None] & past & judged,
        Rule.HOURS_OVER: hours_over.flags(over_slots[:, day], n=grid.slots_in(240)) & is_power[:, None] & past & judged,
    }


def _outage_flags(work: "Pass") -> Bool:
    verdict, reasons = work.slots.verdict[work.caps.scope], work.slots.reasons[work.caps.scope]
    unknown = (verdict == Verdict.UNKNOWN) & ((reasons & np.uint32(Reason.OUTAGE)) > 0)
    return np.asarray(work.caps.ordered & ((verdict == Verdict.OUTAGE) | unknown) & work.past, np.bool_)


class _OrderView:
    """One order row of a pass, as plain sequences for the walks."""

    def __init__(self, work: "Pass", row: int, scope: int) -> None:
        self.work, self.row, self.scope = work, row, scope
        self.order = work.world.orders[work.caps.order[row]]
        grid = work.grid
        self.begin = grid.margin
        self.end = grid.margin + work.n_judged
        self.order_ends = work.caps.final[row]

    def blank(self, rule: Rule, grade: int) -> Alert:
        """An alert of this order to copy; its baseline is the one of the day."""
        rows = self.work.caps.baselines.row[self.scope, self.work.grid.day]
        used = rows[rows >= 0]
        return Alert(
            scope_id=self.work.world.scope_ids[self.work.scopes[self.scope]],
            rule=rule,
            order_id=self.order.order_id,
            grade=grade,
            first_slot=0,
            opened_slot=0,
            last_slot=0,
            order_revision=self.order.revision,
            baseline_version=self.work.world.baselines[used[0]].version if len(used) else None,
        )

    def track(self, over_slots: Bool, starts: I64) -> over.OrderTrack:
        """The sequences of the n-of-m walk."""
        work, row, s = self.work, self.row, self.scope
        caps, grid = work.caps, work.grid
        verdict = work.slots.verdict[s]
        covered = work.evidence.covered[s] & work.past
        known = covered | (verdict == Verdict.VIOLATING)
        cap = caps.cap_kw[row]
        low = threshold_wh(cap * over.BELOW_SHARE, grid.hours)
        with np.errstate(invalid="ignore"):
            below = covered & (verdict != Verdict.UNKNOWN) & (work.loads.wh[s] <= low) & caps.ordered[row]
        return over.OrderTrack(
            first_slot=grid.first_slot,
            begin=self.begin,
            end=self.end,
            over=over_slots.tolist(),
            below=below.tolist(),
            compliant=((verdict == Verdict.COMPLIANT) & caps.ordered[row]).tolist(),
            starts=starts.tolist(),
            edge=caps.edge[row].tolist(),
            order_ends=self.order_ends.tolist(),
            exempt=caps.exempt[row].tolist(),
            load_wh=[int(w) if k else None for w, k in zip(work.loads.wh[s], known, strict=True)],
            cap_kw=cap.tolist(),
            coverage=work.coverage[s].tolist(),
        )

    def day_alert(self, rule: Rule, flag: Bool, open_at: Sequence[bool], over_slots: Bool) -> Alert | None:
        """The alert of a day rule, or None where a `stop_run` stands for it (SEMANTICS §5.27)."""
        work, grid = self.work, self.work.grid
        at = int(flag.argmax())
        if rule == Rule.STOP_DAY and open_at[grid.margin + at]:
            return None
        first = grid.today.first_slot + at
        alert = self.blank(rule, 1 if rule == Rule.LIMIT_PACE else 2)
        alert.first_slot = alert.opened_slot = first
        alert.last_slot = first + self._last_after(rule, at, flag, over_slots)
        verdict = work.slots.verdict[self.scope]
        known = (work.evidence.covered[self.scope] & work.past) | (verdict == Verdict.VIOLATING)
        caps = work.caps  # between two windows the plant may run: that is no peak of the alert
        known &= caps.ordered[self.row] & ~caps.exempt[self.row] & ~caps.grace[self.row]
        for slot in range(first, alert.last_slot + 1):
            c = slot - grid.first_slot
            load = int(work.loads.wh[self.scope, c]) if known[c] else None
            alert.measure(load, work.caps.cap_kw[self.row, c], work.coverage[self.scope, c], grid.hours, grows=True)
        used, cap = int(work.slots.used_wh[self.row, grid.day][work.n_judged - 1]), work.day_cap_wh[self.row]
        alert.over_wh = None if np.isnan(cap) else float(used - cap)
        alert.facts |= {"day_energy_wh": used, "day_cap_wh": None if np.isnan(cap) else float(cap)}
        order_end = self.order.valid_to // grid.slot_s - 1
        last_of_day = min(grid.today.end_slot - 1, order_end)
        if work.past[last_of_day - grid.first_slot]:
            alert.closed_slot = last_of_day
            is_order_end = order_end <= grid.today.end_slot - 1
            alert.close_reason = CloseReason.ORDER_END if is_order_end else CloseReason.DAY_END
        return alert

    def _last_after(self, rule: Rule, at: int, flag: Bool, over_slots: Bool) -> int:
        """Slots from the opening one to the last that the rule counts."""
        day = self.work.grid.day
        if rule == Rule.LIMIT_PACE:
            grows = flag
        elif rule == Rule.LIMIT_DAY:
            violating = self.work.slots.verdict[self.scope, day] == Verdict.VIOLATING
            grows = violating & (self.work.caps.take[self.scope, day] == self.row)
        else:
            grows = over_slots[day]
        later = np.flatnonzero(grows[at:])
        return int(later[-1]) if len(later) else 0

    def offline(self, counts: Bool, carried: Alert | None) -> list[Alert]:
        """`offline` of this order."""
        work, grid = self.work, self.work.grid
        track = offline.SilenceTrack(
            first_slot=grid.first_slot,
            begin=self.begin,
            end=self.end,
            counts=counts.tolist(),
            ordered=work.caps.ordered[self.row].tolist(),
            covered=work.evidence.covered[self.scope].tolist(),
            ends=self.order_ends.tolist(),
            coverage=work.coverage[self.scope].tolist(),
            order_from_s=self.order.valid_from,
        )
        found = offline.walk(track, self.blank(Rule.OFFLINE, 1), carried, slot_s=grid.slot_s)
        for alert in found:
            if alert is not carried:
                alert.meters = self._silent_meters(alert.opened_slot - grid.first_slot)
        return found

    def _silent_meters(self, column: int) -> tuple[str, ...]:
        world, members = self.work.world, self.work.members
        if members is None:
            rows, _ = rows_of(world.member_scope, self.work.scopes[self.scope : self.scope + 1])
            alone = world.member_meter[rows] if len(rows) == 1 else ()
            return tuple(world.registry.meters[m].meter_id for m in alone)
        mine = members.owner == self.scope
        at, meters = members.at[mine], members.meters
        quiet = ~meters.measured[at, column] | (meters.wh[at, column] == 0)
        return tuple(sorted(world.registry.meters[m].meter_id for m in world.member_meter[members.rows[mine][quiet]]))

    def outage(self, flagged: Bool, carried: Alert | None) -> list[Alert]:
        """`outage` of this order."""
        work, grid, s = self.work, self.work.grid, self.scope
        clear = work.caps.ordered[self.row] & work.evidence.covered[s] & ~work.evidence.outage[s]
        track = runs.RunTrack(
            grid.first_slot,
            self.begin,
            self.end,
            flagged.tolist(),
            clear.tolist(),
            self.order_ends.tolist(),
            work.coverage[s].tolist(),
        )
        return runs.walk(track, self.blank(Rule.OUTAGE, 1), carried, slot_s=grid.slot_s)


def _bad_data(work: "Pass", carries: Sequence[Carry], alerts: list[list[Alert]]) -> None:
    """`bad_data`: values set aside above 1.5 x contract capacity, or evidence turned into none (§2.6, §2.12)."""
    grid = work.grid
    bits = np.uint16(Fact.OVER_CAPACITY | Fact.EVIDENCE_LOST)
    flagged = ((work.evidence.facts & bits) > 0) & work.past
    touched = any_slot(flagged[:, grid.day])
    for s in range(len(work.scopes)):
        carried = carries[s].opened(Rule.BAD_DATA, None)
        if not (carried or touched[s]):
            continue
        blank = Alert(work.world.scope_ids[work.scopes[s]], Rule.BAD_DATA, None, 1, 0, 0, 0)
        track = runs.RunTrack(
            grid.first_slot,
            grid.margin,
            grid.margin + work.n_judged,
            flagged[s].tolist(),
            (work.evidence.covered[s] & ~flagged[s]).tolist(),
            [False] * grid.n,
            work.coverage[s].tolist(),
        )
        alerts[s] += runs.walk(track, blank, carried, slot_s=grid.slot_s)


def thresholds_of(alert: Alert, order: Order | None) -> dict[str, Any]:
    """The thresholds an alert was judged by, with their origin."""
    origin = "SEMANTICS default"
    rule = next((r for r in (STOP_RUN, LIMIT_SLOT, CAP_ABS) if r.rule == alert.rule), None)
    if rule is not None and order is not None:
        return {
            "tolerance": TOLERANCE.get(order.control, 0.0),
            "n_min": rule.n_min,
            "m_min": rule.m_min,
            "origin": origin,
        }
    return {
        Rule.LIMIT_DAY: {"tolerance": DAY_TOLERANCE, "origin": origin},
        Rule.LIMIT_PACE: {"used_share": 0.8, "tolerance": DAY_TOLERANCE, "origin": origin},
        Rule.STOP_DAY: {"factor": 1.2, "origin": origin},
        Rule.HOURS_OVER: {"over_min": 240, "origin": origin},
        Rule.OFFLINE: {"open_min": offline.OPEN_MIN, "escalate_min": offline.ESCALATE_MIN, "origin": origin},
        Rule.FEED_DOWN: {"evidence_share": 0.2, "plants": 3, "origin": origin},
        Rule.BAD_DATA: {"capacity_factor": 1.5, "origin": origin},
    }.get(alert.rule, {"origin": origin})
