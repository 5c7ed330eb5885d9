"""The data-health rules offline, feed_down, outage and bad_data (SEMANTICS §5.26, §5.28, §5.29, §2.6, §2.12)."""

from collections.abc import Mapping

from detectors.registry import Registry
from detectors.vocab import CloseReason, Reason, Rule, Verdict
from tests.oracles.energy import MeterSeries
from tests.oracles.local_time import LocalTime
from tests.oracles.scope_slots import is_missing_by_time
from tests.oracles.slot_rules import Episode
from tests.oracles.thresholds import value_on
from tests.oracles.timeline import Timeline, Track
from tests.oracles.verdicts import Verdicts

#: §5.28, minutes: reaches before an order.
BEFORE_MIN = 360


class FeedState:
    """§5.29: for one source, slot by slot: is it down, is that decided, and how many of its meters speak."""

    def __init__(
        self,
        registry: Registry,
        source: str,
        series: Mapping[str, MeterSeries],
        slots: range,
        local: LocalTime,
        as_of: int,
    ) -> None:
        self.down: set[int] = set()
        self.decided: set[int] = set()
        self.shares: dict[int, float] = {}
        meters = [m for m in registry.meters if m.source == source]
        for slot in slots:
            valid = [m for m in meters if m.valid_from <= slot * local.slot_s < m.valid_to]
            speaking = [m for m in valid if slot in series[m.meter_id].reached]
            self.shares[slot] = len(speaking) / len(valid) if valid else 0.0
            # every meter of a source has the same declared delay
            if not meters or not is_missing_by_time(registry, meters[0], slot, local, as_of):
                continue
            self.decided.add(slot)
            share, plants = (
                value_on(registry.thresholds, local, Rule.FEED_DOWN, name, None, local.day_of_slot(slot))
                for name in ("evidence_share", "plants")
            )
            if len({m.plant_id for m in valid}) >= plants and self.shares[slot] < share:
                self.down.add(slot)


def feed_episodes(feed: FeedState, slots: range, local: LocalTime) -> list[Episode]:
    """§5.29: a run of slots at which the source is down; closes at the first decided slot where it is not."""
    found: list[Episode] = []
    run: list[int] = []
    for slot in slots:
        if slot in feed.down:
            run.append(slot)
        elif run and slot in feed.decided:
            end_s = (slot + 1) * local.slot_s
            found.append(Episode(Rule.FEED_DOWN, 1, run[0], run[0], run[-1], end_s, CloseReason.CLEARED))
            run = []
    if run:
        found.append(Episode(Rule.FEED_DOWN, 1, run[0], run[0], run[-1]))
    return found


def counts_offline(timeline: Timeline, track: Track, slot: int, feeds: Mapping[str, FeedState]) -> bool:
    """§5.28: ordered, or within 6 h before the order's start, and a meter is missing whose source is not down."""
    start, begin = slot * timeline.local.slot_s, track.order.valid_from
    if slot not in track.slots and not begin - BEFORE_MIN * 60 <= start < begin:
        return False
    sources = {m.meter_id: m.source for m in timeline.rules.registry.meters}
    missing = timeline.measured[slot].missing
    return any(slot not in feeds[sources[meter_id]].down for meter_id in missing)


def _last_ordered(timeline: Timeline, track: Track) -> int | None:
    """Last slot of an order that has ended at as_of, None while it runs."""
    if not track.windows or not track.windows[-1].is_last:
        return None
    behind = track.windows[-1].end // timeline.local.slot_s
    return behind - 1 if behind <= timeline.until else None


def offline_episodes(timeline: Timeline, track: Track, feeds: Mapping[str, FeedState]) -> list[Episode]:
    """§5.28: opens at 2 h of adjacent slots that count, closes at full coverage or at the order's end."""
    local = timeline.local
    final_slot = _last_ordered(timeline, track)
    found: list[Episode] = []
    run: list[int] = []
    gap: list[int] = []  # slots of the open alert that count; empty = none is open
    opened, grade = 0, 1
    ordered_missing: dict[object, int] = {}
    for slot in range(timeline.horizon.start, timeline.until):
        does_count = counts_offline(timeline, track, slot, feeds)
        day = local.day_of_slot(slot)
        needed, of_day = (local.slots_in(timeline.asks(Rule.OFFLINE, n, slot)) for n in ("open_min", "day_missing_min"))
        long_min, near_h = (timeline.asks(Rule.OFFLINE, n, slot) for n in ("escalate_min", "near_start_h"))
        if does_count and slot in track.slots:
            ordered_missing[day] = ordered_missing.get(day, 0) + 1
        if does_count and gap:
            gap.append(slot)
        elif does_count:
            run.append(slot)
            if len(run) >= needed:
                gap, run, opened, grade = run, [], slot, 1
        else:
            run = []
        if does_count and gap:
            is_long = (slot + 1 - gap[0]) * local.slot_s >= long_min * 60
            is_near = abs(gap[0] * local.slot_s - track.order.valid_from) <= near_h * 3600
            if is_long or is_near or ordered_missing.get(day, 0) >= of_day:
                grade = 2
        reason: CloseReason | None = None
        if gap and timeline.measured[slot].coverage == 1 and not does_count:
            reason = CloseReason.COVERAGE
        elif gap and slot == final_slot:
            reason = CloseReason.ORDER_END
        if reason is not None:
            end_s = timeline.end_of(slot)
            found.append(Episode(Rule.OFFLINE, grade, gap[0], opened, gap[-1], end_s, reason))
            gap = []
        if slot == final_slot:
            break
    if gap:
        found.append(Episode(Rule.OFFLINE, grade, gap[0], opened, gap[-1]))
    return found


def outage_episodes(timeline: Timeline, verdicts: Verdicts, track: Track) -> list[Episode]:
    """§2.11, §5.26: a run of ordered slots whose verdict is outage or unknown: outage. Information."""
    final_slot = _last_ordered(timeline, track)
    found: list[Episode] = []
    run: list[int] = []
    for slot in range(timeline.horizon.start, timeline.until):
        if slot not in track.slots:
            continue
        found_here = verdicts[slot]
        is_unknown_outage = found_here.verdict == Verdict.UNKNOWN and Reason.OUTAGE in found_here.reasons
        reason: CloseReason | None = None
        if found_here.verdict == Verdict.OUTAGE or is_unknown_outage:
            run.append(slot)
        elif run and timeline.measured[slot].coverage == 1 and not timeline.measured[slot].is_outage:
            reason = CloseReason.CLEARED
        if run and reason is None and slot == final_slot:
            reason = CloseReason.ORDER_END
        if reason is not None:
            found.append(Episode(Rule.OUTAGE, 1, run[0], run[0], run[-1], timeline.end_of(slot), reason))
            run = []
    if run:
        found.append(Episode(Rule.OUTAGE, 1, run[0], run[0], run[-1]))
    return found


def bad_data_episodes(timeline: Timeline) -> list[Episode]:
    """§2.6, §2.12: slots at which a value of a meter was set aside; closes at the first good slot of coverage 1."""
    found: list[Episode] = []
    run: list[int] = []
    for slot in range(timeline.horizon.start, timeline.until):
        now = timeline.measured[slot]
        if now.is_bad:
            run.append(slot)
        elif run and now.coverage == 1:
            found.append(Episode(Rule.BAD_DATA, 1, run[0], run[0], run[-1], timeline.end_of(slot), CloseReason.CLEARED))
            run = []
    if run:
        found.append(Episode(Rule.BAD_DATA, 1, run[0], run[0], run[-1]))
    return found
