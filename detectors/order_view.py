"""One order of a pass as the rules look at it: the sequences they walk, and the alerts they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from detectors.alerts import Alert
from detectors.order_rules import on_day
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
class Tracks:
    """What the n-of-m walks of R order rows go over, [R, T]; see ``over.OrderTrack``."""

    work: "Pass"
    rows: I64
    below: Bool
    compliant: Bool
    starts: I64
    edge: Bool
    order_ends: Bool
    exempt: Bool
    known: Bool
    wh: I64
    cap_kw: F64

    @staticmethod
    def of(work: "Pass", rows: I64) -> "Tracks":
        """Of some order rows, all at once."""
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
        return Tracks(
            work,
            rows,
            below,
            (verdict == Verdict.COMPLIANT) & ordered,
            segments(work, rows),
            wide(caps.edge[rows]),
            wide(caps.final[rows]),
            wide(caps.exempt[rows]),
            covered | (violating & work.evidence.bound[scopes]),
            wh,
            cap,
        )

    def track(self, at: int, over_slots: Bool) -> over.OrderTrack:
        """The sequences of one of the rows; over_slots: [T], its over slots."""
        work, grid = self.work, self.work.grid
        known = self.known[at].tolist()
        return over.OrderTrack(
            first_slot=grid.first_slot,
            begin=grid.margin,
            end=grid.margin + work.n_judged,
            over=over_slots.tolist(),
            below=self.below[at].tolist(),
            compliant=self.compliant[at].tolist(),
            starts=self.starts[at].tolist(),
            edge=self.edge[at].tolist(),
            order_ends=self.order_ends[at].tolist(),
            exempt=self.exempt[at].tolist(),
            load_wh=[w if k else None for w, k in zip(self.wh[at].tolist(), known, strict=True)],
            cap_kw=self.cap_kw[at].tolist(),
            coverage=work.coverage[work.caps.scope[self.rows[at]]].tolist(),
        )


class OrderView:
    """One order row of a pass, as plain sequences for the walks."""

    def __init__(self, work: "Pass", row: int, scope: int) -> None:
        self.work, self.row, self.scope = work, row, scope
        self.order = work.world.orders[work.caps.order[row]]
        grid = work.grid
        self.begin = grid.margin
        self.end = grid.margin + work.n_judged
        self.order_ends = self.wide(work.caps.final)

    @cached_property
    def is_known(self) -> Bool:
        """Slots with a load, complete or a lower bound over the cap, [T]."""
        work, s = self.work, self.scope
        violating = work.slots.verdict[s] == Verdict.VIOLATING
        return np.asarray((work.evidence.covered[s] & work.past) | (violating & work.evidence.bound[s]), np.bool_)

    def threshold(self, rule: str, name: str) -> float:
        """A threshold of this order's scope on the day."""
        return float(on_day(self.work.world, self.work.caps.order[[self.row]], self.work.grid, rule, name)[0])

    @property
    def closing_n(self) -> int:
        """Slots low enough that close a slot rule (SEMANTICS §5.25)."""
        return self.work.grid.slots_in(self.threshold("closing", "below_min"))

    def wide(self, of_orders: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """This order's values, [O, K] -> [T]."""
        return self.work.caps.spans.wide(of_orders[self.row])

    def blank(self, rule: Rule, grade: int) -> Alert:
        """An alert of this order to copy; its baseline is the one of the day."""
        rows = self.work.caps.baselines.row[self.scope, self.work.caps.spans.day]
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
            facts=self._units() if rule == Rule.UNITS_OVER else {},
        )

    def _units(self) -> dict[str, Any]:
        """By what an order by units is judged."""
        lines, row = self.work.world.lines, self.work.caps.order[self.row]
        return {
            "units_allowed": int(lines.allowed[row]),
            "units_total": int(lines.total[self.work.world.order_scope[row]]),
            "slack": 0 if self.work.caps.is_counted[self.row] else SLACK_ESTIMATED,
        }

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
        known = self.is_known & self.wide(work.caps.judged)
        of_slots = (known, work.loads.wh[self.scope], self.wide(work.caps.cap_kw), work.coverage[self.scope])
        span = slice(first - grid.first_slot, alert.last_slot + 1 - grid.first_slot)
        alert.measure_span(*(values[span] for values in of_slots))
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
        work, grid = self.work, self.work.grid
        track = offline.SilenceTrack(
            first_slot=grid.first_slot,
            begin=self.begin,
            end=self.end,
            counts=counts.tolist(),
            ordered=self.wide(work.caps.ordered).tolist(),
            covered=work.evidence.covered[self.scope].tolist(),
            ends=self.order_ends.tolist(),
            coverage=work.coverage[self.scope].tolist(),
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
        work, grid, s = self.work, self.work.grid, self.scope
        clear = self.wide(work.caps.ordered) & work.evidence.covered[s] & ~work.evidence.outage[s]
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
