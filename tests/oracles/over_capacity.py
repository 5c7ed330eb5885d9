"""The rule over_capacity: stretches of slots without any order, and loads above what the plant ever drew."""

from dataclasses import replace

from detectors.vocab import CloseReason, Reason, Rule, Verdict
from tests.oracles.alerts import scope_alert
from tests.oracles.rows import AlertRow
from tests.oracles.slot_rules import Episode
from tests.oracles.thresholds import value_on
from tests.oracles.timeline import Timeline
from tests.oracles.verdicts import Verdicts


def _ask(timeline: Timeline, name: str, slot: int) -> float:
    rows, day = timeline.rules.registry.thresholds, timeline.local.day_of_slot(slot)
    return value_on(rows, timeline.local, Rule.OVER_CAPACITY, name, timeline.scope.scope_id, day)


def _stretches(timeline: Timeline, verdicts: Verdicts) -> list[list[int]]:
    """Adjacent slots that no order covers, not even in part."""
    found: list[list[int]] = [[]]
    for slot in timeline.horizon:
        verdict = verdicts[slot]
        if verdict.verdict == Verdict.NO_ORDER and Reason.PARTIAL_SLOT not in verdict.reasons:
            found[-1].append(slot)
        elif found[-1]:
            found.append([])
    return [stretch for stretch in found if stretch]


def _limit_kw(timeline: Timeline, slot: int) -> float | None:
    """110 % of the maximum, where one is given."""
    baseline = timeline.rules.baseline_at(timeline.scope.scope_id, slot * timeline.local.slot_s)
    if baseline is None or baseline.max_kw is None:
        return None
    return _ask(timeline, "factor", slot) * baseline.max_kw


def _load_kw(timeline: Timeline, slot: int) -> float | None:
    return timeline.load_kw(timeline.measured, slot) if timeline.measured[slot].coverage == 1 else None


def _of_stretch(timeline: Timeline, stretch: list[int]) -> list[Episode]:
    local = timeline.local
    found: list[Episode] = []
    past = [s for s in stretch if s < timeline.until]
    over: list[int] = []  # of the open alert; empty = none is open
    opened = quiet = calm = 0
    usable_from = 0
    for i, slot in enumerate(past):
        n, m = (local.slots_in(int(_ask(timeline, name, slot))) for name in ("n_min", "m_min"))
        share, needed = timeline.asks("closing", "below_share", slot), timeline.asks("closing", "below_min", slot)
        if not over:
            recent = [s for s in past[max(usable_from, i - m + 1) : i + 1] if _is_over(timeline, s)]
            if slot in recent and len(recent) >= n:
                over, opened, quiet, calm = recent, slot, 0, 0
            continue
        load_kw, limit_kw = _load_kw(timeline, slot), _limit_kw(timeline, slot)
        if _is_over(timeline, slot):
            over.append(slot)
        is_known = load_kw is not None and limit_kw is not None
        quiet = quiet + 1 if is_known and (load_kw or 0.0) <= share * (limit_kw or 0.0) else 0
        calm = calm + 1 if is_known and not _is_over(timeline, slot) else 0
        if quiet >= local.slots_in(needed) or calm >= m:
            reason = CloseReason.BELOW_CAP if quiet >= local.slots_in(needed) else CloseReason.COMPLIANT
            found.append(_episode(over, opened, timeline.end_of(slot), reason))
            over, usable_from = [], i + 1
    if over and past[-1] == stretch[-1]:
        found.append(_episode(over, opened, timeline.end_of(stretch[-1]), CloseReason.ORDER_BEGIN))
    elif over:
        found.append(replace(_episode(over, opened, None, None), is_recovering=quiet > 0 or calm > 0))
    return found


def _episode(over: list[int], opened: int, closed_s: int | None, reason: CloseReason | None) -> Episode:
    return Episode(Rule.OVER_CAPACITY, 1, over[0], opened, over[-1], closed_s, reason)


def _is_over(timeline: Timeline, slot: int) -> bool:
    load_kw, limit_kw = _load_kw(timeline, slot), _limit_kw(timeline, slot)
    return load_kw is not None and limit_kw is not None and load_kw > limit_kw


def capacity_alerts(timeline: Timeline, verdicts: Verdicts) -> list[AlertRow]:
    """`over_capacity` of a scope; cap_kw is the limit at the peak slot."""
    rows = []
    for stretch in _stretches(timeline, verdicts):
        for episode in _of_stretch(timeline, stretch):
            peak_kw = cap_kw = None
            over_kwh = 0.0
            for slot in range(episode.first, episode.last + 1):
                load_kw, limit_kw = _load_kw(timeline, slot), _limit_kw(timeline, slot)
                if load_kw is None:
                    continue
                if peak_kw is None or load_kw > peak_kw:
                    peak_kw, cap_kw = load_kw, limit_kw
                over_kwh += max(0.0, load_kw - limit_kw) * timeline.local.hours() if limit_kw is not None else 0.0
            baseline = timeline.rules.baseline_at(timeline.scope.scope_id, episode.opened * timeline.local.slot_s)
            rows.append(
                replace(
                    scope_alert(timeline, verdicts, None, episode),
                    peak_kw=peak_kw,
                    cap_kw=cap_kw,
                    energy_over_kwh=over_kwh,
                    baseline_version=baseline.version if baseline is not None else None,
                )
            )
    return rows
