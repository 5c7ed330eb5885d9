"""The fast implementation behind the interface of the reference judgement."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from detectors.alerts import Alert
from detectors.days import coverage, load_kw
from detectors.history import History
from detectors.judge import DayResult
from detectors.reading_days import ReadingDays
from detectors.readings import ReadingColumns
from detectors.registry import Registry
from detectors.vocab import Reason, Verdict
from detectors.world import DayType, World, compile_world
from tests.oracles.rows import AlertRow, DayRow, DayTypes, Judgement, Reading, SlotRow


def columns_of(registry: Registry, readings: Sequence[Reading]) -> ReadingColumns:
    """Readings of known meters as columns; meter = row of the registry."""
    row = {m.meter_id: i for i, m in enumerate(registry.meters)}
    known = [r for r in readings if r.meter_id in row]
    return ReadingColumns(
        meter=np.array([row[r.meter_id] for r in known], np.int32),
        kind=np.array([r.kind for r in known], np.int8),
        ts=np.array([r.ts for r in known], np.int64),
        value=np.array([np.nan if r.value is None else r.value for r in known], np.float64),
        q=np.array([r.q for r in known], np.int8),
        rev=np.array([r.rev for r in known], np.int32),
        coll=np.array([r.coll_ms for r in known], np.int64),
        scale=np.array([r.scale for r in known], np.int8),
        period_s=np.array([r.period_s for r in known], np.int32),
        had_evidence=np.zeros(len(known), np.bool_),
    )


def fast(
    registry: Registry,
    readings: Sequence[Reading],
    as_of: int,
    slot_s: int = 900,
    day_types: DayTypes | None = None,
) -> Judgement:
    """Judge with ``detectors``."""
    world = compile_world(registry, slot_s, _day_type(day_types))
    columns = columns_of(world.registry, [r for r in readings if r.ts <= as_of])
    history = History(world, ReadingDays.of(world, columns), as_of)
    slots: list[SlotRow] = []
    days: list[DayRow] = []
    for result in history:
        slots += _slot_rows(world, result)
        days += _day_rows(world, result)
    slots.sort(key=lambda r: (r.scope_id, r.slot_end))
    days.sort(key=lambda r: (r.scope_id, r.day))
    alerts = [alert_row(world, a, as_of) for a in history.alerts.values()]
    alerts.sort(key=lambda a: (a.scope_id, a.rule, a.order_id or "", a.first_slot_end))
    return Judgement(tuple(slots), tuple(days), tuple(alerts))


def _day_type(day_types: DayTypes | None) -> DayType | None:
    if day_types is None:
        return None
    if isinstance(day_types, Mapping):
        named = day_types

        def look_up(day: date) -> str:
            return named.get(day, "restday" if day.weekday() >= 5 else "workday")

        return look_up
    return day_types


def _reasons(bits: int) -> frozenset[Reason]:
    return frozenset(r for r in Reason if bits & r)


def _slot_rows(world: World, result: DayResult) -> list[SlotRow]:
    rows = []
    loads, covered = load_kw(result.slots, world.slot_s), coverage(result.slots)
    for s, scope_id in enumerate(world.scope_ids):
        for t in range(result.slots.shape[1]):
            slot = result.slots[s, t]
            rows.append(
                SlotRow(
                    scope_id,
                    (result.first_slot + t + 1) * world.slot_s,
                    None if np.isnan(loads[s, t]) else float(loads[s, t]),
                    float(covered[s, t]),
                    None if np.isnan(slot["cap_kw"]) else float(slot["cap_kw"]),
                    Verdict(int(slot["verdict"])),
                    _reasons(int(slot["reasons"])),
                    result.order_ids[s][slot["order"]] if slot["order"] >= 0 else None,
                    result.baseline_versions[s][slot["baseline"]]
                    if slot["baseline"] >= 0 and slot["order"] >= 0
                    else None,
                )
            )
    return rows


def _day_rows(world: World, result: DayResult) -> list[DayRow]:
    return [
        DayRow(
            scope_id,
            result.day,
            None if row.energy_wh is None else row.energy_wh / 1000,
            None if row.cap_wh is None else row.cap_wh / 1000,
            row.coverage,
            Verdict(row.verdict),
            _reasons(row.reasons),
            row.order_id,
            row.violating_slots * world.slot_s / 3600,
        )
        for scope_id, row in zip(world.scope_ids, result.rows, strict=True)
    ]


def alert_row(world: World, alert: Alert, as_of: int) -> AlertRow:
    """One alert as the reference shows it."""
    slot_s = world.slot_s
    scope = next((s for s in world.registry.scopes if s.scope_id == alert.scope_id), None)

    def end(slot: int) -> int:
        return (slot + 1) * slot_s

    return AlertRow(
        alert.alert_id(slot_s),
        alert.scope_id,
        scope.plant_id if scope else "",
        alert.rule,
        alert.grade,
        alert.order_id,
        alert.condition,
        end(alert.first_slot),
        end(alert.opened_slot),
        end(alert.last_slot),
        None if alert.closed_slot is None else end(alert.closed_slot),
        None if alert.peak_wh is None else alert.peak_wh * 3.6 / slot_s,
        alert.peak_cap_kw,
        None if alert.over_wh is None else alert.over_wh / 1000,
        alert.coverage,
        alert.evidence(world.zone, slot_s, as_of),
        alert.close_reason,
        alert.order_revision,
        alert.baseline_version,
    )
