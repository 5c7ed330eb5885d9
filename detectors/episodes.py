"""From the slots of a day to its alerts: which rule looks at which order, and what the next day must know."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from detectors import data_faults, heard_alerts, nights, steps
from detectors.alerts import NOTHING_CARRIED, Alert, Carry
from detectors.bad_data import bad_data
from detectors.baseline_at import rests_wh
from detectors.capacity import over_capacities
from detectors.caps import stop_day_caps_wh
from detectors.order_rules import SLOT_RULES, on_day, order_rules, slots_in
from detectors.order_view import OrderView, OrderViews
from detectors.rules import hours_over, limit_day, limit_pace, over, stop_day
from detectors.vocab import Control, Reason, Rule

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
    alerted: Bool  # [O] a grade 2 load alert has a violating slot in the day, or a day rule of grade 2 fired
    within_error: Bool  # [O] the day cap is broken by less than the error of its baseline
    unnamed: Bool  # [S] an `offline` opened whose silent meters cannot be told from known loads


def any_slot(flags: Bool) -> Bool:
    """Rows with any flag, [..., T] -> [...]."""
    return np.asarray(flags.any(axis=-1), np.bool_)


def alerts_of_day(work: "Pass", carries: Sequence[Carry]) -> Found:
    """All alerts of the day, per scope, and the carry to the next day.

    Only orders for which a rule may open, or of a scope with an open alert, are walked.
    """
    caps, grid, wide = work.caps, work.grid, work.caps.spans.wide
    alerts: list[list[Alert]] = [[] for _ in carries]
    closes: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
    over_slots = caps.of_order(work.slots.over) & wide(caps.takes)
    silent = wide(caps.ordered | caps.before) & caps.of_order(work.evidence.silent_up) & work.past
    out = _outage_flags(work)
    alerted, unnamed = np.zeros(len(caps.order), np.bool_), np.zeros(len(work.scopes), np.bool_)
    within_error = alerted.copy()

    def hand_on(s: int, rule: Rule, order_id: str, closed: int | None) -> None:
        """A close that still cuts a window of tomorrow short."""
        if closed is not None and closed >= grid.today.end_slot - grid.margin:
            closes[s].append((rule.value, order_id, closed))

    rules = order_rules(work.world, caps.order, grid.today.first_slot)
    may_open = (rules.place >= 0) & (np.count_nonzero(over_slots, axis=1) >= rules.n)
    silence_n = slots_in(on_day(work.world, caps.order, grid, Rule.OFFLINE, "open_min"), grid.slot_s)
    may_be_silent = np.count_nonzero(silent, axis=1) >= silence_n
    has_outage = any_slot(out)
    by_day = _day_flags(work, over_slots, rules.place >= 0)
    crossed, jumps = nights.crossings(work), steps.jumps(work, over_slots)
    has_open = np.array([bool(c.open or c.ran) for c in carries], np.bool_)
    looked_at = may_open | may_be_silent | has_outage | has_open[caps.scope]
    looked_at[[*crossed, *jumps, *(i for flags in by_day.values() for i in flags)]] = True
    rows, by_night = np.flatnonzero(looked_at), None
    views = OrderViews.of(work, rows)
    for at, i in enumerate(rows.tolist()):
        view = OrderView(views, at)
        s, carry = view.scope, carries[view.scope]
        open_at: list[bool] = [False] * grid.n
        rule = SLOT_RULES[rules.place[i]] if rules.place[i] >= 0 else None
        carried = carry.opened(rule.rule, view.order.order_id) if rule is not None else None
        if rule is not None and (may_open[i] or carried):
            last_close = carry.last_close(rule.rule, view.order.order_id)
            found, open_at, closed = over.walk(
                view.track(over_slots[i]),
                view.blank(rule.rule, 2),
                carried,
                last_close,
                n=int(rules.n[i]),
                m=int(rules.m[i]),
                below_n=view.closing_n,
                slot_s=grid.slot_s,
            )
            alerts[s] += found
            hand_on(s, rule.rule, view.order.order_id, closed)
            alerted[i] |= bool((over_slots[i] & _held(found, open_at, grid.first_slot))[grid.day].any())
        ran = nights.ran_by_night(work, carry, view.order.order_id, alerts[s])
        night = None
        if ran or i in crossed:
            by_night = by_night or nights.nights_of(work, rows)  # of all at once
            night = nights.night_alert(view, by_night, at, crossed.get(i), ran)
        if night is not None:
            alerts[s].append(night)
            alerted[i] |= nights.accuses(work, night, over_slots[i])
        carried = carry.opened(Rule.STEP_UP, view.order.order_id)
        if carried or i in jumps:
            last_close = carry.last_close(Rule.STEP_UP, view.order.order_id)
            found, closed = steps.walk(view, jumps.get(i), carried, last_close)
            alerts[s] += found
            hand_on(s, Rule.STEP_UP, view.order.order_id, closed)
        for day_rule, flags in by_day.items():
            if i in flags:
                alert = view.day_alert(day_rule, flags[i], open_at, over_slots[i])
                if alert is not None:
                    alerts[s].append(alert)
                    alerted[i] |= day_rule in DAY_RULES and alert.grade == 2
                    within_error[i] |= day_rule == Rule.LIMIT_DAY and alert.grade == 1
        carried = carry.opened(Rule.OFFLINE, view.order.order_id)
        if carried or may_be_silent[i]:
            found = view.offline(silent[i], carried)
            alerts[s] += found
            unnamed[s] |= any(not a.meters for a in found if a is not carried)
        carried = carry.opened(Rule.OUTAGE, view.order.order_id)
        if carried or has_outage[i]:
            alerts[s] += view.outage(out[i], carried)
    for s, of_scope in bad_data(work, carries):
        alerts[s] += of_scope
    for s, alert in heard_alerts.shifts(work):
        alerts[s].append(alert)
    for s, of_plant, closed in heard_alerts.untreated(work, carries):
        alerts[s] += of_plant
        hand_on(s, Rule.TREATMENT_OFF, "", closed)
    for s, of_scope, closed in over_capacities(work, carries):
        alerts[s] += of_scope
        hand_on(s, Rule.OVER_CAPACITY, "", closed)
    new_carries = [NOTHING_CARRIED] * len(alerts)
    for s, mine in enumerate(alerts):
        level, doubted = _handed_on(work, s)
        if mine or s in closes or level or doubted:
            still = tuple(a for a in mine if a.closed_slot is None and a.rule not in _WITHIN_A_DAY)
            evening = nights.ran_in_the_evening(work, mine)
            new_carries[s] = Carry(still, tuple(closes.get(s, ())), evening, doubted, level)
    return Found(alerts, new_carries, over_slots, alerted, within_error, unnamed)


def _handed_on(work: "Pass", s: int) -> tuple[tuple[int, float] | None, tuple[tuple[int, int], ...]]:
    """Of the data that was set aside, what tomorrow must know: a fault of level that goes on, and the last hours."""
    if work.suspects is None:
        return None, ()
    still = work.suspects.still(s)
    return None if still is None else (still.since, still.factor), data_faults.doubted(work.suspects, s, work.grid)


_WITHIN_A_DAY = (*DAY_RULES, Rule.LIMIT_PACE, Rule.NIGHT_RUN)


def _held(found: list[Alert], open_at: list[bool], first_slot: int) -> Bool:
    """Columns at which one of the alerts was open or became so."""
    held = np.array(open_at)
    for alert in found:
        held[max(0, alert.first_slot - first_slot) : max(0, alert.opened_slot - first_slot)] = True
    return held


def _day_flags(work: "Pass", over_slots: Bool, has_slot_rule: Bool) -> dict[Rule, dict[int, Bool]]:
    """Order rows that a day rule flags, each with the day's own columns; slots after as_of flag nothing."""
    caps, grid = work.caps, work.grid
    day, past = grid.day, work.past[grid.day]
    used, cap = work.slots.used_wh, work.day_cap_wh
    most, everyone = used.max(axis=1, initial=0), np.arange(len(caps.order))
    is_stop = work.world.order.is_control(caps.order, Control.STOP)
    orders = caps.order
    tolerance, used_share, factor, over_min = (
        on_day(work.world, orders, grid, *name)
        for name in (
            (Rule.LIMIT_DAY, "tolerance"),
            (Rule.LIMIT_PACE, "used_share"),
            (Rule.STOP_DAY, "factor"),
            (Rule.HOURS_OVER, "over_min"),
        )
    )
    n_over = slots_in(over_min, grid.slot_s)
    stop_cap = stop_day_caps_wh(work.world, caps, grid, cap)

    def broken(used_wh: I64, rows: I64) -> Bool:
        return limit_day.flags(used_wh[rows], cap[rows], tolerance=tolerance[rows])

    def pace(rows: I64) -> Bool:
        hour = grid.slots_in(60)
        known = np.where(work.evidence.covered, work.loads.wh, np.nan)[caps.scope[rows]]
        sums = np.full((len(rows), grid.today.n_slots), np.nan)
        if grid.margin >= hour - 1:
            windows = np.lib.stride_tricks.sliding_window_view(known, hour, axis=1).sum(axis=2)
            sums = windows[:, grid.margin - hour + 1 :][:, : grid.today.n_slots]
        judged = caps.spans.wide_day(caps.judged[rows])
        left = judged.sum(axis=1, keepdims=True) - np.cumsum(judged, axis=1)
        flags = limit_pace.flags(
            used[rows],
            sums,
            left,
            cap[rows],
            used_share=used_share[rows],
            tolerance=tolerance[rows],
            slots_per_hour=hour,
            rest_wh=rests_wh(work.world, caps.spans.wide_day(caps.baselines.row[caps.scope[rows]]), judged, sums, grid),
        )
        return np.asarray(flags & ~broken(used, rows), np.bool_)

    with np.errstate(invalid="ignore"):
        asked: tuple[tuple[Rule, Bool, Callable[[I64], Bool]], ...] = (
            (
                Rule.LIMIT_DAY,
                caps.has_day_energy & broken(most[:, None], everyone)[:, 0],
                lambda rows: broken(used, rows),
            ),
            (Rule.LIMIT_PACE, caps.is_energy & (most >= used_share * cap), pace),
            (
                Rule.STOP_DAY,
                is_stop & stop_day.flags(most[:, None], stop_cap, factor=factor)[:, 0],
                lambda rows: stop_day.flags(used[rows], stop_cap[rows], factor=factor[rows]),
            ),
            (
                Rule.HOURS_OVER,
                has_slot_rule & (np.count_nonzero(over_slots[:, day], axis=1) >= n_over),
                lambda rows: hours_over.flags(over_slots[rows, day], n=n_over[rows]),
            ),
        )
    found: dict[Rule, dict[int, Bool]] = {}
    for rule, may_be, flags_of in asked:
        rows = np.flatnonzero(may_be)
        found[rule] = {}
        if len(rows):
            flags = flags_of(rows) & past & caps.spans.wide_day(caps.judged[rows])
            found[rule] = {int(rows[at]): flags[at] for at in np.flatnonzero(any_slot(flags))}
    return found


def _outage_flags(work: "Pass") -> Bool:
    """Ordered slots without power, measured or declared, [O, T]."""
    caps = work.caps
    out = (work.slots.reasons & np.uint32(Reason.OUTAGE)) != 0
    if not np.count_nonzero(out):
        return np.zeros((len(caps.order), work.grid.n), np.bool_)
    return np.asarray(caps.spans.wide(caps.ordered) & caps.of_order(out) & work.past, np.bool_)
