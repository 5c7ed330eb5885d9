"""The verdict of a scope's local day (SEMANTICS §4.23)."""

from collections.abc import Sequence
from datetime import date

from detectors.vocab import Reason, Rule, Verdict
from tests.oracles.caps import has_day_energy, tie_rank
from tests.oracles.day_rules import day_episodes
from tests.oracles.lines import lines_of, units_in
from tests.oracles.night_run import night_episodes
from tests.oracles.rows import DayRow
from tests.oracles.slot_rules import LONGEST_M_MIN, Episode, slot_episodes
from tests.oracles.timeline import Measured, Timeline, Track, filled
from tests.oracles.verdicts import Verdicts, judge_slots

#: §4.23: default of a baseline's max_kw, x R.
MAX_OF_RUNNING = 1.1
#: Unknown for want of a cap: no filling can show that nothing would fire.
CAP_UNKNOWN = frozenset({Reason.NO_BASELINE, Reason.NO_DAY_ENERGY, Reason.UNDECIDABLE})
DAY_RULES = (Rule.LIMIT_DAY, Rule.STOP_DAY, Rule.HOURS_OVER)


def load_episodes(timeline: Timeline, measured: Measured, verdicts: Verdicts, until: int) -> dict[str, list[Episode]]:
    """Alerts of all load rules by order, over the slots before ``until``."""
    found = {}
    for track in timeline.tracks:
        runs = slot_episodes(timeline, measured, verdicts, track, until)
        days = day_episodes(timeline, measured, verdicts, track, until, runs)
        nights = night_episodes(timeline, measured, verdicts, track, until, runs)
        found[track.order.order_id] = runs + days + nights
    return found


def _accuses(timeline: Timeline, episodes: dict[str, list[Episode]], day: date, grade: int = 2) -> bool:
    """A grade 2 load alert has a violating slot in the day, or a day rule fired, with this grade at least."""
    slots = timeline.local.slots_of(day)
    for episode in (e for of_order in episodes.values() for e in of_order):
        if episode.rule in DAY_RULES and episode.opened in slots and episode.grade >= grade:
            return True
        is_slot_rule = episode.rule not in DAY_RULES and episode.rule != Rule.LIMIT_PACE
        if is_slot_rule and any(s in slots for s in episode.over):
            return True
    return False


def _could_fire(timeline: Timeline, verdicts: Verdicts, day: date) -> bool:
    """Could a filling of the unknown slots of the day, or within m of its end, with 0..max_kw fire a rule.

    The highest load is the worst: it opens, extends, never closes. What is not known at all (no baseline) is endless.
    """
    slots = timeline.local.slots_of(day)
    behind = slots.stop + timeline.local.slots_in(LONGEST_M_MIN)
    what_if = dict(timeline.measured)
    units = sum(units_in(line) for line in lines_of(timeline.rules.registry, timeline.scope))
    for slot in range(slots.start, behind):
        if verdicts[slot].verdict != Verdict.UNKNOWN:
            continue
        at = timeline.rules.baseline_at(timeline.scope.scope_id, slot * timeline.local.slot_s)
        max_kw = float("inf")
        if at is not None:
            max_kw = at.max_kw if at.max_kw is not None else MAX_OF_RUNNING * at.running_kw
        what_if[slot] = filled(timeline.measured, slot, max_kw, timeline.local.hours(), units)
    would_be = judge_slots(timeline, what_if)
    return _accuses(timeline, load_episodes(timeline, what_if, would_be, behind), day, grade=1)


def day_verdict(
    timeline: Timeline, verdicts: Verdicts, episodes: dict[str, list[Episode]], day: date
) -> tuple[Verdict, frozenset[Reason]]:
    """§4.23, the first that holds; reasons only of an unknown day."""
    slots = timeline.local.slots_of(day)
    seen = {verdicts[s].verdict for s in slots}
    for whole in (Verdict.EXEMPT, Verdict.OUTAGE, Verdict.NO_ORDER):
        if seen == {whole}:
            return whole, frozenset()
    if not any(track.judged(slots) for track in timeline.tracks):
        mixed = (Verdict.EXEMPT, Verdict.OUTAGE, Verdict.GRACE, Verdict.NO_ORDER)
        return next(v for v in mixed if v in seen), frozenset()
    if _accuses(timeline, episodes, day):
        return Verdict.VIOLATING, frozenset()
    doubts = _accuses(timeline, episodes, day, grade=1)  # a day cap broken by less than its baseline's error
    why = frozenset({Reason.LOW_CONFIDENCE} if doubts else set())
    why |= frozenset(r for s in slots if verdicts[s].verdict == Verdict.UNKNOWN for r in verdicts[s].reasons)
    if doubts or why & CAP_UNKNOWN or _could_fire(timeline, verdicts, day):
        return Verdict.UNKNOWN, why
    return Verdict.COMPLIANT, frozenset()


def _order_of_day(timeline: Timeline, verdicts: Verdicts, slots: Sequence[int]) -> Track | None:
    """The order that takes most judged slots of the day, ties by tie order; else the first that is ordered."""
    taken: dict[str, int] = {}
    for s in slots:
        taker = verdicts[s].taker
        if taker is not None:
            taken[taker.order.order_id] = taken.get(taker.order.order_id, 0) + 1
    here = [t for t in timeline.tracks if any(s in t.slots for s in slots)]
    return min(here, key=lambda t: (-taken.get(t.order.order_id, 0), tie_rank(t.order)), default=None)


def day_row(timeline: Timeline, verdicts: Verdicts, episodes: dict[str, list[Episode]], day: date) -> DayRow:
    """One row of days.csv: energy and coverage over all slots of the day up to as_of."""
    all_slots = timeline.local.slots_of(day)
    slots = [s for s in all_slots if s < timeline.until]
    track = _order_of_day(timeline, verdicts, all_slots)
    cap_kwh: float | None = None
    if track is not None:
        is_limit = has_day_energy(timeline.rules.registry, track.order)
        cap_of = timeline.energy_cap_kwh if is_limit else timeline.power_cap_kwh
        cap_kwh = cap_of(track, day)
    verdict, reasons = day_verdict(timeline, verdicts, episodes, day)
    energy_kwh = timeline.energy_kwh(timeline.measured, slots)
    # §2.8: known too where only a register of the day proves some
    has_energy = energy_kwh > 0 or any(timeline.measured[s].wh is not None for s in slots)
    violating = sum(verdicts[s].verdict == Verdict.VIOLATING for s in slots)
    return DayRow(
        scope_id=timeline.scope.scope_id,
        day=day,
        energy_kwh=energy_kwh if has_energy else None,
        cap_kwh=cap_kwh,
        coverage=sum(timeline.measured[s].coverage for s in slots) / len(slots),
        verdict=verdict,
        reasons=reasons,
        order_id=track.order.order_id if track is not None else None,
        violating_hours=violating * timeline.local.hours(),
    )
