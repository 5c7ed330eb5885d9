"""The slot rules stop_run, limit_slot, cap_abs, units_over: n of m, and how an alert closes (SEMANTICS §5.24-5.26)."""

from dataclasses import dataclass

from detectors.vocab import CloseReason, Control, Rule, Verdict
from tests.oracles.caps import is_power_limit
from tests.oracles.timeline import Measured, Timeline, Track
from tests.oracles.verdicts import Verdicts, by_units, count_of
from tests.oracles.windows import Window

#: The longest m: how far behind a day its filling reaches (§4.23).
LONGEST_M_MIN = 120


@dataclass(frozen=True)
class Episode:
    """One alert in slots. ``closed_s``: epoch seconds. ``over``: the slots that accuse, first to last."""

    rule: Rule
    grade: int
    first: int
    opened: int
    last: int
    closed_s: int | None = None
    close_reason: CloseReason | None = None
    over: tuple[int, ...] = ()
    is_recovering: bool = False
    levels_at: int | None = None  # slot whose baseline it is held against; None: the one that opens it


def slot_rule(track: Track) -> Rule | None:
    """Which slot rule an order has."""
    if track.order.control == Control.STOP:
        return Rule.STOP_RUN
    if track.order.control == Control.CAP:
        return Rule.CAP_ABS
    if track.order.control == Control.UNITS:
        return Rule.UNITS_OVER
    return Rule.LIMIT_SLOT if is_power_limit(track.order) else None


def _meets_low_load(timeline: Timeline, measured: Measured, verdicts: Verdicts, track: Track, slot: int) -> bool:
    """§5.25: not unknown, coverage 1 and load <= 0.95 of the order's own cap.

    Counted units: not unknown, every unit known, and no more running than allowed.
    """
    if track.slots[slot].is_counted:
        is_kept = by_units(track.slots[slot], measured[slot], timeline.local.hours()) == Verdict.COMPLIANT
        knows_all = count_of(track.slots[slot], measured[slot])[2] == 0
        return is_kept and knows_all and verdicts[slot].verdict != Verdict.UNKNOWN
    now, cap_kw = measured[slot], track.slots[slot].cap_kw
    load_kw = timeline.load_kw(measured, slot)
    if verdicts[slot].verdict == Verdict.UNKNOWN or now.coverage < 1 or load_kw is None or cap_kw is None:
        return False
    return load_kw <= timeline.asks("closing", "below_share", slot) * cap_kw


def _episodes_of_window(
    timeline: Timeline, measured: Measured, verdicts: Verdicts, track: Track, window: Window, rule: Rule, until: int
) -> list[Episode]:
    """Walk one window of an order, slot by slot."""
    local = timeline.local
    # §5.24: consecutive slots of one order that are not in grace, fewer at the edges of order or window
    sequence = [s for s in window.slots if s < until and not track.slots[s].is_in_grace]
    is_over = {s: verdicts[s].is_over(track.order.order_id) for s in sequence}
    kinds = ((rule, "n_min"), (rule, "m_min"), ("closing", "below_min"))
    found: list[Episode] = []
    usable_from = 0  # §5.25: after a close, windows hold only later slots
    over: list[int] = []  # of the open alert; empty = none is open
    opened = quiet = compliant = 0

    def close(at_s: int | None, reason: CloseReason | None, is_recovering: bool = False) -> None:
        found.append(Episode(rule, 2, over[0], opened, over[-1], at_s, reason, tuple(over), is_recovering))
        over.clear()

    for i, slot in enumerate(sequence):
        # §5.24: n of m minutes. stop_run 3 of 4 slots, limit_slot 6 of 8, cap_abs 2 of 4. §5.25: the closing time
        n, m, quiet_needed = (local.slots_in(timeline.asks(*kind, slot)) for kind in kinds)
        if not over:
            recent = [s for s in sequence[max(usable_from, i - m + 1) : i + 1] if is_over[s]]
            if is_over[slot] and len(recent) >= n:
                over.extend(recent)
                opened, quiet, compliant = slot, 0, 0
            continue
        if track.slots[slot].is_exempt:  # closed_slot_end = start of the first exempt slot
            close(slot * local.slot_s, CloseReason.EXEMPTION)
            usable_from = i
            continue
        if is_over[slot]:
            over.append(slot)
        quiet = quiet + 1 if _meets_low_load(timeline, measured, verdicts, track, slot) else 0
        compliant = compliant + 1 if verdicts[slot].verdict == Verdict.COMPLIANT else 0
        if quiet >= quiet_needed:
            close(timeline.end_of(slot), CloseReason.BELOW_CAP)
            usable_from = i + 1
        elif compliant >= m:
            close(timeline.end_of(slot), CloseReason.COMPLIANT)
            usable_from = i + 1
    if over:
        last = sequence[-1]
        if window.end // local.slot_s <= until:
            reason = CloseReason.ORDER_END if window.is_last else CloseReason.WINDOW_END
            close(timeline.end_of(last), reason)
        else:
            is_compliant = verdicts[last].verdict == Verdict.COMPLIANT
            close(None, None, is_compliant or _meets_low_load(timeline, measured, verdicts, track, last))
    return found


def slot_episodes(
    timeline: Timeline, measured: Measured, verdicts: Verdicts, track: Track, until: int
) -> list[Episode]:
    """Alerts of an order's slot rule, over the slots before ``until``."""
    rule = slot_rule(track)
    if rule is None:
        return []
    return [
        episode
        for window in track.windows
        for episode in _episodes_of_window(timeline, measured, verdicts, track, window, rule, until)
    ]
