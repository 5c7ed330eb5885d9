"""The day rules limit_day, stop_day, hours_over and limit_pace: one alert a local day and order (SEMANTICS §5.27)."""

from collections.abc import Sequence
from datetime import date, timedelta

from detectors.vocab import CloseReason, Control, Rule
from tests.oracles.caps import has_day_energy, is_energy_limit, is_power_limit, profile_kw
from tests.oracles.slot_rules import Episode
from tests.oracles.timeline import Measured, Timeline, Track
from tests.oracles.verdicts import Verdicts, crossing_slot, error_share

PACE_MIN = 60


def _is_open_at(timeline: Timeline, episode: Episode, slot: int) -> bool:
    """Is an alert open in this slot: from the one that opens it to the one that closes it."""
    end = timeline.end_of(slot)
    return timeline.end_of(episode.opened) <= end and (episode.closed_s is None or end <= episode.closed_s)


def _stop_day(
    timeline: Timeline, measured: Measured, track: Track, day: date, until: int, stop_runs: Sequence[Episode]
) -> int | None:
    """First slot where day energy > 1.2 x the cap of the whole day's judged slots, unless a stop_run is open there."""
    cap_kwh = timeline.stop_cap_kwh(track, day)
    if track.order.control != Control.STOP or cap_kwh is None:
        return None
    factor = timeline.asks(Rule.STOP_DAY, "factor", timeline.local.slots_of(day).start)
    judged = [s for s, _ in track.judged(timeline.local.slots_of(day))]
    for i, slot in enumerate(judged):
        if slot < until and timeline.energy_kwh(measured, judged[: i + 1]) > factor * cap_kwh:
            is_told = any(_is_open_at(timeline, e, slot) for e in stop_runs)
            return None if is_told else slot  # then not that day
    return None


def _hours_over(timeline: Timeline, verdicts: Verdicts, track: Track, day: date, until: int) -> int | None:
    """The 16th over slot (4 h) of the day under a stop, cap or power limit; lines and cells too."""
    if track.order.control not in (Control.STOP, Control.CAP, Control.UNITS) and not is_power_limit(track.order):
        return None
    order_id = track.order.order_id
    over = [s for s, _ in track.judged(timeline.local.slots_of(day)) if s < until and verdicts[s].is_over(order_id)]
    needed = timeline.local.slots_in(timeline.asks(Rule.HOURS_OVER, "over_min", timeline.local.slots_of(day).start))
    return over[needed - 1] if len(over) >= needed else None


def _pace_slots(
    timeline: Timeline, measured: Measured, track: Track, day: date, until: int, broken: int | None
) -> list[int]:
    """Slots where >= 80 % of the day cap is used and the last hour's mean load would break it before the day ends.

    Not from the slot on where it is broken; the last hour speaks only where every slot of it has coverage 1.
    """
    cap_kwh = timeline.energy_cap_kwh(track, day)
    if not is_energy_limit(timeline.rules.registry, track.order) or cap_kwh is None:
        return []
    h, hour = timeline.local.hours(), timeline.local.slots_in(PACE_MIN)
    first = timeline.local.slots_of(day).start
    share = timeline.asks(Rule.LIMIT_PACE, "used_share", first)
    tolerance = timeline.asks(Rule.LIMIT_DAY, "tolerance", first)
    judged = [s for s, _ in track.judged(timeline.local.slots_of(day))]
    found = []
    for i, slot in enumerate(judged):
        used_kwh = timeline.energy_kwh(measured, judged[: i + 1])
        if slot >= until or used_kwh < share * cap_kwh or (broken is not None and slot >= broken):
            continue
        last_hour = range(slot - hour + 1, slot + 1)
        if any(s not in measured or measured[s].coverage < 1 for s in last_hour):
            continue
        mean_kw = sum(measured[s].wh or 0 for s in last_hour) / 1000 / (hour * h)
        rest_kwh = mean_kw * (len(judged) - i - 1) * h
        usual_kwh = _usual_rest_kwh(timeline, track, day, slot, mean_kw)
        if used_kwh + (rest_kwh if usual_kwh is None else min(rest_kwh, usual_kwh)) > cap_kwh * (1 + tolerance):
            found.append(slot)
    return found


def _usual_rest_kwh(timeline: Timeline, track: Track, day: date, slot: int, mean_kw: float) -> float | None:
    """What the judged slots behind this one take at least by a fitted baseline's profile, at the height of the last
    hour: less the share by which its days differ from each other."""
    hour = range(slot - timeline.local.slots_in(PACE_MIN) + 1, slot + 1)
    later = [s for s, _ in track.judged(timeline.local.slots_of(day)) if s > slot]
    if hour[0] < timeline.local.slots_of(day)[0]:
        return None
    loads_kw, shares = [], []
    for s in [*hour, *later]:
        baseline = timeline.rules.baseline_at(track.order.scope_id, s * timeline.local.slot_s)
        if baseline is None or baseline.rrmse is None or not baseline.profile_kw:
            return None
        loads_kw.append(profile_kw(timeline.rules, baseline, s))
        shares.append(max(0.0, 1 - baseline.rrmse))
    usual_kw = sum(loads_kw[: len(hour)]) / len(hour)
    rest_kw = sum(kw * share for kw, share in zip(loads_kw[len(hour) :], shares[len(hour) :], strict=True))
    return rest_kw * timeline.local.hours() * mean_kw / usual_kw if usual_kw > 0 else None


def day_episodes(
    timeline: Timeline,
    measured: Measured,
    verdicts: Verdicts,
    track: Track,
    until: int,
    stop_runs: Sequence[Episode],
) -> list[Episode]:
    """Day alerts of an order over the slots before ``until``. ``stop_runs``: the order's own."""
    found = []
    for day in timeline.days:
        slots = [s for s in timeline.local.slots_of(day) if s < until]
        order_end_s = track.order.valid_to // timeline.local.slot_s * timeline.local.slot_s  # of its last slot
        ends_s = min(timeline.local.midnight(day + timedelta(days=1)), order_end_s)
        is_order_end = order_end_s == ends_s
        reason = CloseReason.ORDER_END if is_order_end else CloseReason.DAY_END
        is_closed = timeline.as_of >= ends_s
        over = [s for s in slots if verdicts[s].is_over(track.order.order_id)]
        broken: int | None = None
        is_sure = False
        if has_day_energy(timeline.rules.registry, track.order):
            broken = crossing_slot(timeline, measured, track, day, until)
            error = error_share(timeline, track, day)
            is_sure = crossing_slot(timeline, measured, track, day, until, error) is not None
        pace = _pace_slots(timeline, measured, track, day, until, broken)
        fired = [
            (Rule.LIMIT_DAY, 2 if is_sure else 1, broken, over),
            (Rule.STOP_DAY, 2, _stop_day(timeline, measured, track, day, until, stop_runs), over),
            (Rule.HOURS_OVER, 2, _hours_over(timeline, verdicts, track, day, until), over),
            (Rule.LIMIT_PACE, 1, pace[0] if pace else None, pace),
        ]
        for rule, grade, at, later in fired:
            if at is None:
                continue
            last = max([at, *(s for s in later if s >= at)])
            closed_s, why = (ends_s, reason) if is_closed else (None, None)
            found.append(Episode(rule, grade, at, at, last, closed_s, why, over=(at,)))
    return found
