"""The rule step_up: a jump of the load that holds for an hour, window by window of an order."""

from detectors.vocab import CloseReason, Control, Rule
from tests.oracles.slot_rules import Episode
from tests.oracles.thresholds import value_on
from tests.oracles.timeline import Timeline, Track
from tests.oracles.verdicts import Verdicts
from tests.oracles.windows import Window


def _ask(timeline: Timeline, name: str, slot: int) -> float:
    rows, day = timeline.rules.registry.thresholds, timeline.local.day_of_slot(slot)
    return value_on(rows, timeline.local, Rule.STEP_UP, name, timeline.scope.scope_id, day)


def _measured_kw(timeline: Timeline, slot: int) -> float | None:
    """Load of a slot that is measured in full."""
    if slot >= timeline.until or timeline.measured[slot].coverage < 1:
        return None
    return timeline.load_kw(timeline.measured, slot)


def _running_kw(timeline: Timeline, slot: int) -> float | None:
    baseline = timeline.rules.baseline_at(timeline.scope.scope_id, slot * timeline.local.slot_s)
    return baseline.running_kw if baseline is not None else None


def _counts(timeline: Timeline, verdicts: Verdicts, track: Track, before: int, held: list[int]) -> bool:
    """Under a stop every jump over its cap; else from under the cap to over it, where the order takes the slots with a
    power cap."""
    if track.order.control == Control.STOP:
        return all((_measured_kw(timeline, s) or 0.0) > (track.slots[s].cap_kw or 0.0) for s in held)
    at, load_kw = track.slots[before], _measured_kw(timeline, before)
    if at.is_energy or at.cap_kw is None or load_kw is None or load_kw > at.cap_kw:
        return False
    for slot in held:
        now, kw = track.slots[slot], _measured_kw(timeline, slot)
        over_kw = None if now.is_counted else now.over_kw
        if kw is None or over_kw is None or kw <= over_kw or not verdicts[slot].is_over(track.order.order_id):
            return False
    return True


def _jump(
    timeline: Timeline, verdicts: Verdicts, track: Track, window: Window, slot: int
) -> tuple[list[int], float] | None:
    """The slots of a jump that ``slot`` completes, and the load before it, kW."""
    n = timeline.local.slots_in(int(_ask(timeline, "hold_min", slot)))
    before, held = slot - n, list(range(slot - n + 1, slot + 1))
    running_kw = _running_kw(timeline, slot)
    if before not in window.slots or running_kw is None:
        return None
    if track.slots[before].is_exempt or not all(track.slots[s].is_judged for s in held):
        return None
    before_kw = _measured_kw(timeline, before)
    for s in held:
        kw = _measured_kw(timeline, s)
        if kw is None or before_kw is None or kw - before_kw <= _ask(timeline, "jump", slot) * running_kw:
            return None
    if before_kw is None or not _counts(timeline, verdicts, track, before, held):
        return None
    return held, before_kw


def _of_window(timeline: Timeline, verdicts: Verdicts, track: Track, window: Window) -> list[Episode]:
    local = timeline.local
    found: list[Episode] = []
    held: list[int] = []  # slots up to the last that holds; empty = none is open
    opened = low = 0
    hold_kw = back_kw = 0.0
    free_from = window.slots.start

    def close(at_s: int | None, reason: CloseReason | None, is_recovering: bool = False) -> None:
        found.append(Episode(Rule.STEP_UP, 1, held[0], opened, held[-1], at_s, reason, is_recovering=is_recovering))
        held.clear()

    for slot in window.slots:
        if slot >= timeline.until:
            break
        if held and track.slots[slot].is_exempt:
            close(slot * local.slot_s, CloseReason.EXEMPTION)
            free_from = slot
        if not held:
            jump = _jump(timeline, verdicts, track, window, slot)
            if jump is not None and jump[0][0] >= free_from:
                held, opened, low = list(jump[0]), slot, 0
                running_kw = _running_kw(timeline, slot) or 0.0
                hold_kw = jump[1] + _ask(timeline, "jump", slot) * running_kw
                back_kw = jump[1] + _ask(timeline, "back", slot) * running_kw
            continue
        kw = _measured_kw(timeline, slot)
        if kw is not None and kw > hold_kw:
            held.append(slot)
        low = low + 1 if kw is not None and kw <= back_kw else 0
        if low >= local.slots_in(timeline.asks("closing", "below_min", slot)):
            close(timeline.end_of(slot), CloseReason.STEPPED_DOWN)
            free_from = slot + 1
    if held:
        if window.end // local.slot_s <= timeline.until:
            reason = CloseReason.ORDER_END if window.is_last else CloseReason.WINDOW_END
            close(timeline.end_of(window.end // local.slot_s - 1), reason)
        else:
            close(None, None, is_recovering=low > 0)
    return found


def step_episodes(timeline: Timeline, verdicts: Verdicts, track: Track) -> list[Episode]:
    """`step_up` of an order."""
    return [e for window in track.windows for e in _of_window(timeline, verdicts, track, window)]
