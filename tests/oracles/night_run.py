"""The rule night_run: the night before each local day's morning, order by order."""

from collections.abc import Sequence
from datetime import date, timedelta

from detectors.registry import Baseline
from detectors.vocab import CloseReason, Control, Rule
from tests.oracles.caps import OrderSlot
from tests.oracles.slot_rules import Episode
from tests.oracles.thresholds import value_on
from tests.oracles.timeline import Measured, Timeline, Track
from tests.oracles.verdicts import Verdicts

#: What lies more than this before midnight is not seen by the day of the morning.
SEEN_BEFORE_S = 7200


def _ask(timeline: Timeline, name: str, day: date) -> float:
    rows = timeline.rules.registry.thresholds
    return value_on(rows, timeline.local, Rule.NIGHT_RUN, name, timeline.scope.scope_id, day)


def night_of(timeline: Timeline, day: date) -> list[int]:
    """Slots wholly in the night, 22:00 to 06:00, that ends in a day's morning."""
    local = timeline.local
    begin_s = local.instant(day - timedelta(days=1), round(_ask(timeline, "begin_h", day) * 3600))
    begin_s = max(begin_s, local.slots_of(day).start * local.slot_s - SEEN_BEFORE_S)
    end_s = local.instant(day, round(_ask(timeline, "end_h", day) * 3600))
    around = range(begin_s // local.slot_s, end_s // local.slot_s + 1)
    return [s for s in around if begin_s <= s * local.slot_s and timeline.end_of(s) <= end_s]


def _base_kw(track: Track, at: OrderSlot, baseline: Baseline | None) -> float | None:
    """Idle; under a stop no less than what the order or an exemption approves."""
    idle_kw = baseline.idle_kw if baseline is not None else None
    if track.order.control != Control.STOP:
        return idle_kw
    known = [kw for kw in (idle_kw, track.order.residual_kw, at.max_kw) if kw is not None]
    return max(known, default=None)


def _level_kw(timeline: Timeline, day: date, track: Track, at: OrderSlot, baseline: Baseline | None) -> float | None:
    """A load above it counts as running; under a stop without idle load or R the cap."""
    base_kw = _base_kw(track, at, baseline)
    if baseline is not None and baseline.idle_kw is not None and base_kw is not None:
        return base_kw + _ask(timeline, "margin", day) * baseline.running_kw
    return at.cap_kw if track.order.control == Control.STOP else None


def _allowed_kwh(timeline: Timeline, day: date, baseline: Baseline | None) -> float | None:
    """What a night may use above idle; None where it was not learned."""
    if baseline is None or baseline.idle_kw is None:
        return None
    if baseline.night_kwh is None or baseline.night_sd_kwh is None:
        return None
    hours = 24 - _ask(timeline, "begin_h", day) + _ask(timeline, "end_h", day)
    least_kwh = _ask(timeline, "margin", day) * baseline.running_kw * hours
    return baseline.night_kwh + max(_ask(timeline, "sigmas", day) * baseline.night_sd_kwh, least_kwh)


def night_episodes(
    timeline: Timeline,
    measured: Measured,
    verdicts: Verdicts,
    track: Track,
    until: int,
    slot_runs: Sequence[Episode],
) -> list[Episode]:
    """`night_run` of an order, one a night at most, of the days that have begun. ``slot_runs``: the order's own."""
    if track.order.control not in (Control.STOP, Control.CAP, Control.LIMIT):
        return []
    found = []
    for day in timeline.days:
        if timeline.local.slots_of(day).start < until:
            night = _night(timeline, measured, verdicts, track, until, slot_runs, day)
            found += [night] if night is not None else []
    return found


def _night(
    timeline: Timeline,
    measured: Measured,
    verdicts: Verdicts,
    track: Track,
    until: int,
    slot_runs: Sequence[Episode],
    day: date,
) -> Episode | None:
    local = timeline.local
    of_day = local.slots_of(day)
    baseline = timeline.rules.baseline_at(timeline.scope.scope_id, of_day.start * local.slot_s)
    night = night_of(timeline, day)
    allowed_kwh = _allowed_kwh(timeline, day, baseline)
    used_kwh, crossed = 0.0, None
    running: list[int] = []
    for slot in night:
        at = track.slots.get(slot)
        if slot >= until or slot not in measured or at is None or not at.is_judged or measured[slot].coverage < 1:
            continue
        load_kw = timeline.load_kw(measured, slot) or 0.0
        base_kw, level_kw = _base_kw(track, at, baseline), _level_kw(timeline, day, track, at, baseline)
        if base_kw is not None:
            used_kwh += max(0.0, load_kw - base_kw) * local.hours()
        if crossed is None and allowed_kwh is not None and used_kwh > allowed_kwh:
            crossed = slot
        if level_kw is not None and load_kw > level_kw:
            running.append(slot)
    runs = [e for e in slot_runs if e.rule == Rule.STOP_RUN and e.opened in night]
    by_run = min(runs, key=lambda e: e.opened, default=None)
    if by_run is not None and (crossed is None or by_run.opened <= crossed):
        opened, first = by_run.opened, max(by_run.first, night[0])
    elif crossed is not None:
        opened, first = crossed, min([crossed, *running])
    else:
        return None
    last = max([opened, *running])
    order_end_s = track.order.valid_to // local.slot_s * local.slot_s
    ends_s = min(timeline.end_of(night[-1]), order_end_s)
    reason = CloseReason.ORDER_END if order_end_s == ends_s else CloseReason.NIGHT_END
    is_closed = timeline.as_of >= ends_s
    is_stop = track.order.control == Control.STOP
    order_id = track.order.order_id
    # under a stop it accuses the day of the morning by its violating slots there
    violating = [s for s in range(first, last + 1) if is_stop and s in of_day and verdicts[s].is_over(order_id)]
    return Episode(
        Rule.NIGHT_RUN,
        2 if is_stop else 1,
        first,
        opened,
        last,
        ends_s if is_closed else None,
        reason if is_closed else None,
        over=tuple(violating),
        levels_at=of_day.start,
    )
