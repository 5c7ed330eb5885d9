"""From an episode to the row of an alert (SEMANTICS §1.5, §5.27, §5.30, §5.31)."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from detectors.vocab import Condition, Evidence, Rule, Verdict
from tests.oracles.caps import has_day_energy
from tests.oracles.data_health import FeedState
from tests.oracles.day_verdicts import DAY_RULES
from tests.oracles.local_time import LocalTime
from tests.oracles.rows import AlertRow
from tests.oracles.slot_rules import Episode
from tests.oracles.timeline import Timeline, Track
from tests.oracles.verdicts import Verdicts

LOAD_RULES = (
    *(Rule.STOP_RUN, Rule.LIMIT_SLOT, Rule.CAP_ABS, Rule.UNITS_OVER),
    *DAY_RULES,
    *(Rule.LIMIT_PACE, Rule.NIGHT_RUN, Rule.STEP_UP),
)
#: §1.5.
FINAL_AFTER = timedelta(days=3)


def alert_id(scope_id: str, rule: Rule, order_id: str | None, first_slot_end: int) -> str:
    """§5.30: id = hash(scope, rule, order_id, first slot)."""
    key = f"{scope_id}|{rule}|{order_id or ''}|{first_slot_end}"
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def evidence(local: LocalTime, last_slot: int, as_of: int) -> Evidence:
    """§1.5: final when as_of >= the end of its last slot's local day + 3 d."""
    day_end_s = local.midnight(local.day_of_slot(last_slot) + timedelta(days=1))
    is_final = as_of >= day_end_s + int(FINAL_AFTER.total_seconds())
    return Evidence.FINAL if is_final else Evidence.PROVISIONAL


def condition(episode: Episode) -> Condition:
    """§5.25; a back-test knows no pending and no retracted alert (§6.32)."""
    if episode.closed_s is not None:
        return Condition.CLOSED
    return Condition.RECOVERING if episode.is_recovering else Condition.FIRING


def known_load_kw(timeline: Timeline, verdicts: Verdicts, slot: int) -> float | None:
    """§2.10: load_kw is null unless coverage is 1 or the slot violates."""
    is_shown = timeline.measured[slot].coverage == 1 or verdicts[slot].verdict == Verdict.VIOLATING
    return timeline.load_kw(timeline.measured, slot) if is_shown else None


def _peak(timeline: Timeline, verdicts: Verdicts, track: Track, span: range) -> tuple[float | None, float | None]:
    """Peak load over the order's judged slots of the span and the order's cap there (§5.31).

    Where the order did not hold, between two of its windows say, the plant may run: that is no peak of the alert.
    """
    peak_kw: float | None = None
    cap_kw: float | None = None
    for slot, at in track.judged(span):
        load_kw = known_load_kw(timeline, verdicts, slot)
        if load_kw is not None and (peak_kw is None or load_kw > peak_kw):
            peak_kw, cap_kw = load_kw, at.cap_kw
    return peak_kw, cap_kw


def _energy_over(timeline: Timeline, verdicts: Verdicts, track: Track, episode: Episode, span: range) -> float | None:
    """§5.31: sum of max(0, load - cap) x h over measured slots; §5.27, day rules: day energy - day cap."""
    local = timeline.local
    if episode.rule in (*DAY_RULES, Rule.LIMIT_PACE):
        day = local.day_of_slot(episode.opened)
        is_limit = has_day_energy(timeline.rules.registry, track.order)
        cap_kwh = timeline.energy_cap_kwh(track, day) if is_limit else timeline.power_cap_kwh(track, day)
        judged = [s for s, _ in track.judged(local.slots_of(day)) if s < timeline.until]
        return None if cap_kwh is None else timeline.energy_kwh(timeline.measured, judged) - cap_kwh
    total = 0.0
    for slot, at in track.judged(span):
        load_kw = known_load_kw(timeline, verdicts, slot)
        if load_kw is not None and at.cap_kw is not None:
            total += max(0.0, load_kw - at.cap_kw) * local.hours()
    return total


def scope_alert(timeline: Timeline, verdicts: Verdicts, track: Track | None, episode: Episode) -> AlertRow:
    """Row of an alert of a scope; ``track`` is None for bad_data, which belongs to no order."""
    span = range(episode.first, episode.last + 1)
    peak_kw: float | None = None
    cap_kw: float | None = None
    energy_over_kwh: float | None = None
    held_at = episode.opened if episode.levels_at is None else episode.levels_at
    baseline = timeline.rules.baseline_at(timeline.scope.scope_id, held_at * timeline.local.slot_s)
    if track is not None and episode.rule in LOAD_RULES:
        peak_kw, cap_kw = _peak(timeline, verdicts, track, span)
        energy_over_kwh = _energy_over(timeline, verdicts, track, episode, span)
    order_id = track.order.order_id if track is not None else None
    first_end = timeline.end_of(episode.first)
    return AlertRow(
        alert_id=alert_id(timeline.scope.scope_id, episode.rule, order_id, first_end),
        scope_id=timeline.scope.scope_id,
        plant_id=timeline.scope.plant_id,
        rule=episode.rule,
        grade=episode.grade,
        order_id=order_id,
        condition=condition(episode),
        first_slot_end=first_end,
        opened_at_slot_end=timeline.end_of(episode.opened),
        last_slot_end=timeline.end_of(episode.last),
        closed_slot_end=episode.closed_s,
        peak_kw=peak_kw,
        cap_kw=cap_kw,
        energy_over_kwh=energy_over_kwh,
        coverage=sum(timeline.measured[s].coverage for s in span) / len(span),
        evidence=evidence(timeline.local, episode.last, timeline.as_of),
        close_reason=episode.close_reason,
        order_revision=track.order.revision if track is not None else None,
        baseline_version=baseline.version if track is not None and baseline is not None else None,
    )


def feed_alert(source: str, feed: FeedState, episode: Episode, local: LocalTime, as_of: int) -> AlertRow:
    """Row of a feed_down alert: it names a source, no plant and no order (§5.29)."""
    shares: Mapping[int, float] = feed.shares
    span = range(episode.first, episode.last + 1)
    first_end = (episode.first + 1) * local.slot_s
    scope_id = f"source:{source}"
    return AlertRow(
        alert_id=alert_id(scope_id, episode.rule, None, first_end),
        scope_id=scope_id,
        plant_id="",
        rule=episode.rule,
        grade=episode.grade,
        order_id=None,
        condition=condition(episode),
        first_slot_end=first_end,
        opened_at_slot_end=(episode.opened + 1) * local.slot_s,
        last_slot_end=(episode.last + 1) * local.slot_s,
        closed_slot_end=episode.closed_s,
        peak_kw=None,
        cap_kw=None,
        energy_over_kwh=None,
        coverage=sum(shares[s] for s in span) / len(span),
        evidence=evidence(local, episode.last, as_of),
        close_reason=episode.close_reason,
        order_revision=None,
        baseline_version=None,
    )
