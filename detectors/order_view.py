"""One order of a pass as the rules look at it: the sequences they walk, and the alerts they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert
from detectors.order_rules import on_day, slots_in
from detectors.rules import offline, over, runs
from detectors.unit_counts import counted_slots
from detectors.units import SLACK_ESTIMATED
from detectors.verdict import threshold_wh
from detectors.vocab import CloseReason, Rule, Verdict
from detectors.world import rows_of

if TYPE_CHECKING:
    from detectors.judge import Pass

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def segments(work: "Pass", rows: I64) -> I64:
    """First column of the window that each slot belongs to, of some order rows, [rows, T]."""
    caps, wide = work.caps, work.caps.spans.wide
    return over.segment_starts(wide(caps.ordered[rows] & ~caps.grace[rows]), wide(caps.edge[rows]))


@dataclass(frozen=True, slots=True)
class OrderViews:
    """R order rows of a pass as the rules look at them, all at once, [R, T]; see ``over.OrderTrack``."""

    work: "Pass"
    rows: I64
    below: Bool
    compliant: Bool
    starts: I64
    edge: Bool
    order_ends: Bool
    exempt: Bool
    ordered: Bool
    judged: Bool
    known: Bool  # slots with a load, complete or a lower bound over the cap
    wh: I64
    cap_kw: F64
    coverage: F64
    closing_n: I64  # [R] slots low enough that close a slot rule (SEMANTICS §5.25)

    @staticmethod
    def of(work: "Pass", rows: I64) -> "OrderViews":
        """Of some order rows."""
        caps, grid, wide = work.caps, work.grid, work.caps.spans.wide
        scopes = caps.scope[rows]
        verdict, covered, wh = (
            work.slots.verdict[scopes],
            work.evidence.covered[scopes] & work.past,
            work.loads.wh[scopes],
        )
        cap, ordered = wide(caps.cap_kw[rows]), wide(caps.ordered[rows])
        ordering = work.world.order_scope[caps.order[rows], None]
        low_share = work.world.thresholds.at("closing", "below_share", ordering, caps.spans.starts_s[None, :])
        low = threshold_wh(cap * wide(low_share), grid.hours)
        is_known, violating = verdict != Verdict.UNKNOWN, verdict == Verdict.VIOLATING
        with np.errstate(invalid="ignore"):
            below = covered & is_known & (wh <= low) & ordered
        at = np.flatnonzero(caps.is_counted[rows])
        if len(at):  # no unit is unknown, and no more run than allowed
            of_slot = np.broadcast_to(rows[at, None], (len(at), grid.n))
            passed = work.world, caps, work.loads, work.evidence, work.past, grid.hours
            found = counted_slots(*passed, scopes[at], of_slot)
            below[at] = found.kept & (found.unknown == 0) & is_known[at] & work.past & ordered[at]
        return OrderViews(
            work,
            rows,
            below,
            (verdict == Verdict.COMPLIANT) & ordered,
            segments(work, rows),
            wide(caps.edge[rows]),
            wide(caps.final[rows]),
            wide(caps.exempt[rows]),
            ordered,
            wide(caps.judged[rows]),
            covered | (violating & work.evidence.bound[scopes]),
            wh,
            cap,
            work.coverage[scopes],
            slots_in(on_day(work.world, caps.order[rows], grid, "closing", "below_min"), grid.slot_s),
        )


def blank(work: "Pass", row: int, rule: Rule, grade: int) -> Alert:
    """An alert of an order row to copy; its baseline is the one of the day."""
    world, caps, scope = work.world, work.caps, work.caps.scope[row]
    order = world.orders[caps.order[row]]
    baselines = caps.baselines.row[scope, caps.spans.day]
    used = baselines[baselines >= 0]
    return Alert(
        scope_id=world.scope_ids[work.scopes[scope]],
        rule=rule,
        order_id=order.order_id,
        grade=grade,
        first_slot=0,
        opened_slot=0,
        last_slot=0,
        order_revision=order.revision,
        baseline_version=world.baselines[used[0]].version if len(used) else None,
        facts=_units(work, row) if rule == Rule.UNITS_OVER else {},
    )


def _units(work: "Pass", row: int) -> dict[str, Any]:
    """By what an order by units is judged."""
    lines, order = work.world.lines, work.caps.order[row]
    return {
        "units_allowed": int(lines.allowed[order]),
        "units_total": int(lines.total[work.world.order_scope[order]]),
        "slack": 0 if work.caps.is_counted[row] else SLACK_ESTIMATED,
    }


class OrderView:
    """One of the order rows of ``OrderViews``: sequences for the walks, and the alerts that a day makes at once."""

    def __init__(self, views: OrderViews, at: int) -> None:
        self.work, self.views, self.at = views.work, views, at
        self.row = int(views.rows[at])
        self.scope = int(self.work.caps.scope[self.row])
        self.order = self.work.world.orders[self.work.caps.order[self.row]]
        self.begin = self.work.grid.margin
        self.end = self.begin + self.work.n_judged
        self.closing_n = int(views.closing_n[at])

    def threshold(self, rule: str, name: str) -> float:
        """A threshold of this order's scope on the day."""
        return float(on_day(self.work.world, self.work.caps.order[[self.row]], self.work.grid, rule, name)[0])

    def blank(self, rule: Rule, grade: int) -> Alert:
        """An alert of this order to copy."""
        return blank(self.work, self.row, rule, grade)

    def load_wh(self) -> list[int | None]:
        """Loads, complete or a lower bound over the cap; None where not known."""
        views, at = self.views, self.at
        return [w if k else None for w, k in zip(views.wh[at].tolist(), views.known[at].tolist(), strict=True)]

    def track(self, over_slots: Bool) -> over.OrderTrack:
        """What an n-of-m walk goes over. over_slots: [T]."""
        views, at = self.views, self.at
        return over.OrderTrack(
            first_slot=self.work.grid.first_slot,
            begin=self.begin,
            end=self.end,
            over=over_slots.tolist(),
            below=views.below[at].tolist(),
            compliant=views.compliant[at].tolist(),
            starts=views.starts[at].tolist(),
            edge=views.edge[at].tolist(),
            order_ends=views.order_ends[at].tolist(),
            exempt=views.exempt[at].tolist(),
            load_wh=self.load_wh(),
            cap_kw=views.cap_kw[at].tolist(),
            coverage=views.coverage[at].tolist(),
        )

    def day_alert(self, rule: Rule, flag: Bool, open_at: Sequence[bool], over_slots: Bool) -> Alert | None:
        """The alert of a day rule, or None where a `stop_run` stands for it (SEMANTICS §5.27)."""
        work, grid = self.work, self.work.grid
        at = int(flag.argmax())
        if rule == Rule.STOP_DAY and open_at[grid.margin + at]:
            return None
        first = grid.today.first_slot + at
        alert = self.blank(rule, self._day_grade(rule))
        alert.first_slot = alert.opened_slot = first
        alert.last_slot = first + self._last_after(rule, at, flag, over_slots)
        # Between two windows the plant may run: that is no peak of the alert.
        self.measure_span(alert)
        used, cap = int(work.slots.used_wh[self.row][work.n_judged - 1]), work.day_cap_wh[self.row]
        alert.over_wh = None if np.isnan(cap) else float(used - cap)
        alert.facts |= {"day_energy_wh": used, "day_cap_wh": None if np.isnan(cap) else float(cap)}
        order_end = self.order.valid_to // grid.slot_s - 1
        last_of_day = min(grid.today.end_slot - 1, order_end)
        if work.past[last_of_day - grid.first_slot]:
            alert.closed_slot = last_of_day
            is_order_end = order_end <= grid.today.end_slot - 1
            alert.close_reason = CloseReason.ORDER_END if is_order_end else CloseReason.DAY_END
        return alert

    def measure_span(self, alert: Alert) -> None:
        """Count all slots of an alert; only judged ones with a load have a peak."""
        views, first = self.views, self.work.grid.first_slot
        span = self.at, slice(alert.first_slot - first, alert.last_slot + 1 - first)
        known = views.known[span] & views.judged[span]
        alert.measure_span(known, views.wh[span], views.cap_kw[span], views.coverage[span])

    def _day_grade(self, rule: Rule) -> int:
        """2, but 1 of a warning, and of a break that the error of a poor baseline explains (DOMAIN §4)."""
        if rule == Rule.LIMIT_DAY:
            used = self.work.slots.used_wh[self.row][: self.work.n_judged]
            return 2 if used.max() > self.work.slots.sure_wh[self.row] else 1
        return 1 if rule == Rule.LIMIT_PACE else 2

    def _last_after(self, rule: Rule, at: int, flag: Bool, over_slots: Bool) -> int:
        """Slots from the opening one to the last that the rule counts."""
        day = self.work.grid.day
        if rule == Rule.LIMIT_PACE:
            grows = flag
        elif rule == Rule.LIMIT_DAY:
            violating = self.work.slots.verdict[self.scope, day] == Verdict.VIOLATING
            grows = violating & (self.work.caps.spans.wide(self.work.caps.take[self.scope])[day] == self.row)
        else:
            grows = over_slots[day]
        later = np.flatnonzero(grows[at:])
        return int(later[-1]) if len(later) else 0

    def offline(self, counts: Bool, carried: Alert | None) -> list[Alert]:
        """`offline` of this order."""
        work, grid, views, at = self.work, self.work.grid, self.views, self.at
        track = offline.SilenceTrack(
            first_slot=grid.first_slot,
            begin=self.begin,
            end=self.end,
            counts=counts.tolist(),
            ordered=views.ordered[at].tolist(),
            covered=work.evidence.covered[self.scope].tolist(),
            ends=views.order_ends[at].tolist(),
            coverage=views.coverage[at].tolist(),
            order_from_s=self.order.valid_from,
        )
        limits = offline.Limits(
            open_n=grid.slots_in(self.threshold(Rule.OFFLINE, "open_min")),
            day_missing_n=grid.slots_in(self.threshold(Rule.OFFLINE, "day_missing_min")),
            escalate_s=self.threshold(Rule.OFFLINE, "escalate_min") * 60,
            near_s=self.threshold(Rule.OFFLINE, "near_start_h") * 3600,
        )
        found = offline.walk(track, self.blank(Rule.OFFLINE, 1), carried, limits=limits, slot_s=grid.slot_s)
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
        summed = world.member_sign[members.rows[mine]] != 0
        quiet = ~meters.measured[at, column] | ((meters.wh[at, column] == 0) & summed)
        return tuple(sorted(world.registry.meters[m].meter_id for m in world.member_meter[members.rows[mine][quiet]]))

    def outage(self, flagged: Bool, carried: Alert | None) -> list[Alert]:
        """`outage` of this order."""
        work, grid, views, at, s = self.work, self.work.grid, self.views, self.at, self.scope
        clear = views.ordered[at] & work.evidence.covered[s] & ~work.evidence.outage[s]
        track = runs.RunTrack(
            grid.first_slot,
            self.begin,
            self.end,
            flagged.tolist(),
            clear.tolist(),
            views.order_ends[at].tolist(),
            views.coverage[at].tolist(),
        )
        return runs.walk(track, self.blank(Rule.OUTAGE, 1), carried, slot_s=grid.slot_s)
