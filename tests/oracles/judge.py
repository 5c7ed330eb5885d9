"""The slow reference judgement: SEMANTICS word by word, in plain loops. See README.md beside this file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from detectors.registry import Registry
from tests.oracles.alerts import feed_alert, known_load_kw, scope_alert
from tests.oracles.caps import Rules
from tests.oracles.data_health import (
    FeedState,
    bad_data_episodes,
    feed_episodes,
    offline_episodes,
    outage_episodes,
)
from tests.oracles.day_verdicts import day_row, load_episodes
from tests.oracles.energy import MeterSeries, series_of
from tests.oracles.local_time import LocalTime
from tests.oracles.over_capacity import capacity_alerts
from tests.oracles.rows import AlertRow, DayRow, DayTypes, Judgement, Reading, SlotRow
from tests.oracles.shift import shift_alerts
from tests.oracles.slot_rules import Episode
from tests.oracles.step_up import step_episodes
from tests.oracles.timeline import Timeline, make_timeline
from tests.oracles.treatment import treatment_alerts
from tests.oracles.verdicts import Verdicts, judge_slots
from tests.oracles.windows import effective_orders
from tests.oracles.winner import winners


def default_as_of(readings: Sequence[Reading]) -> int:
    """§1.3: a back-test's default as_of is the last interval end among accepted readings."""
    return max(r.ts for r in readings)


def visible(readings: Sequence[Reading], as_of: int) -> list[Reading]:
    """§1.3: an explicit as_of also hides readings collected after it."""
    return [r for r in readings if r.coll_ms <= as_of * 1000]


def first_day_start(registry: Registry, readings: Sequence[Reading], local: LocalTime) -> int | None:
    """§6.33: local midnight of the earliest reading or order start; None without any."""
    days = [local.day_of_slot((r.ts - 1) // local.slot_s) for r in readings]
    days += [local.wall(o.valid_from).date() for o in effective_orders(registry.orders)]
    return local.midnight(min(days)) if days else None


def _slot_rows(timeline: Timeline, verdicts: Verdicts) -> list[SlotRow]:
    """§6.33: each slot up to as_of."""
    rows = []
    for slot in range(timeline.horizon.start, timeline.until):
        found = verdicts[slot]
        taker, shown = found.taker, found.shown
        baseline = shown.baseline if shown is not None else None
        rows.append(
            SlotRow(
                scope_id=timeline.scope.scope_id,
                slot_end=timeline.end_of(slot),
                load_kw=known_load_kw(timeline, verdicts, slot),
                coverage=timeline.measured[slot].coverage,
                cap_kw=taker.cap_kw if taker is not None else None,
                verdict=found.verdict,
                reasons=found.reasons,
                order_id=shown.order.order_id if shown is not None else None,
                baseline_version=baseline.version if baseline is not None else None,
            )
        )
    return rows


def _scope_alerts(timeline: Timeline, verdicts: Verdicts, feeds: Mapping[str, FeedState]) -> list[AlertRow]:
    """Every alert of a scope, load rules and data-health rules."""
    episodes = load_episodes(timeline, timeline.measured, verdicts, timeline.until)
    rows = []
    for track in timeline.tracks:
        found = episodes[track.order.order_id]
        found = [*found, *step_episodes(timeline, verdicts, track)]
        found = [*found, *offline_episodes(timeline, track, feeds), *outage_episodes(timeline, verdicts, track)]
        rows += [scope_alert(timeline, verdicts, track, e) for e in found]
    return rows + [scope_alert(timeline, verdicts, None, e) for e in bad_data_episodes(timeline)]


def _day_row(timeline: Timeline, verdicts: Verdicts, episodes: Mapping[str, list[Episode]], day: date) -> DayRow:
    """A day sees the first slots of the next with its own eyes (``tests.oracles.data_faults``)."""
    if day in timeline.views:
        timeline = replace(timeline, measured=timeline.views[day])
        verdicts = judge_slots(timeline, timeline.measured)
        episodes = load_episodes(timeline, timeline.measured, verdicts, timeline.until)
    return day_row(timeline, verdicts, dict(episodes), day)


def judge(
    registry: Registry,
    readings: Sequence[Reading],
    as_of: int,
    slot_s: int = 900,
    day_types: DayTypes | None = None,
) -> Judgement:
    """Judge every scope of a registry (default scopes added by the caller) up to ``as_of``.

    §1.4: as_of is the clock; a reading whose ts lies after it does not exist yet. Readings of unknown meters wait in
    quarantine and do not exist either. Order of the readings is free.
    """
    local = LocalTime(ZoneInfo(registry.zone), slot_s)
    known = {m.meter_id for m in registry.meters}
    accepted = [r for r in readings if r.meter_id in known and r.ts <= as_of]
    begin = first_day_start(registry, accepted, local)
    until = as_of // slot_s
    if begin is None or begin // slot_s >= until:
        return Judgement((), (), ())
    last_day = local.day_of_slot(until - 1)
    horizon = range(-(-begin // slot_s), local.slots_of(last_day + timedelta(days=1)).stop)
    won = winners(registry, accepted)
    series: dict[str, MeterSeries] = {
        m.meter_id: series_of(registry, m, [w for w in won if w.reading.meter_id == m.meter_id], local)
        for m in registry.meters
    }
    past = range(horizon.start, until)
    feeds = {
        source: FeedState(registry, source, series, past, local, as_of)
        for source in sorted({m.source for m in registry.meters})
    }
    rules = Rules(registry, local, day_types)
    slots: list[SlotRow] = []
    days: list[DayRow] = []
    alerts: list[AlertRow] = []
    for source, feed in feeds.items():
        alerts += [feed_alert(source, feed, e, local, as_of) for e in feed_episodes(feed, past, local)]
    for scope in sorted(registry.scopes, key=lambda s: s.scope_id):
        timeline = make_timeline(rules, scope, series, won, horizon, until, as_of)
        verdicts = judge_slots(timeline, timeline.measured)
        slots += _slot_rows(timeline, verdicts)
        episodes = load_episodes(timeline, timeline.measured, verdicts, until)
        days += [_day_row(timeline, verdicts, episodes, day) for day in timeline.days if day <= last_day]
        alerts += _scope_alerts(timeline, verdicts, feeds)
        alerts += capacity_alerts(timeline, verdicts)
        alerts += shift_alerts(timeline, series) + treatment_alerts(timeline, series)
    alerts.sort(key=lambda a: (a.scope_id, a.rule, a.order_id or "", a.first_slot_end))
    return Judgement(tuple(slots), tuple(days), tuple(alerts))
