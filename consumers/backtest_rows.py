"""The rows of a back-test's files (CONTRACTS §3): names for codes, three decimals, times with local offset."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from detectors.alerts import Alert
from detectors.days import coverage, load_kw
from detectors.judge import DayResult
from detectors.vocab import Verdict, code, reason_codes
from detectors.world import World

SLOT_COLUMNS = (
    "scope_id", "slot_end", "load_kw", "coverage", "cap_kw", "verdict", "reasons", "order_id", "baseline_version",
)  # fmt: skip
DAY_COLUMNS = (
    "scope_id", "date", "energy_kwh", "cap_kwh", "coverage", "verdict", "reasons", "order_id", "violating_hours",
)  # fmt: skip
ALERT_COLUMNS = (
    "alert_id", "scope_id", "plant_id", "rule", "grade", "order_id", "condition", "first_slot_end",
    "opened_at_slot_end", "last_slot_end", "closed_slot_end", "peak_kw", "cap_kw", "energy_over_kwh", "coverage",
    "evidence", "close_reason", "order_revision", "baseline_version",
)  # fmt: skip

_VERDICTS = np.array([code(v) for v in Verdict])


@lru_cache(maxsize=1_000_000)
def instant_text(zone: str, epoch_s: int) -> str:
    """RFC 3339 with the zone's offset."""
    return datetime.fromtimestamp(epoch_s, ZoneInfo(zone)).isoformat()


@lru_cache(maxsize=65_536)
def _reasons_text(bits: int) -> str:
    return ";".join(reason_codes(bits))


def decimals(value: float | None) -> str:
    """Three decimals; empty for what is not known."""
    if value is None or np.isnan(value):
        return ""
    return f"{value + 0.0:.3f}" if round(value, 3) != 0 else "0.000"


def slot_columns(
    world: World, results: Sequence[DayResult], scope: int, begin: int | None, end: int | None
) -> Iterator[list[list[str]]]:
    """Columns of ``slots`` for one scope, a day at a time."""
    slot_s, scope_id = world.slot_s, world.scope_ids[scope]
    for result in results:
        slots = result.slots[scope]
        numbers = result.first_slot + np.arange(len(slots))
        inside = np.ones(len(slots), np.bool_)
        if begin is not None:
            inside &= numbers * slot_s >= begin
        if end is not None:
            inside &= numbers * slot_s < end
        slots, numbers = slots[inside], numbers[inside]
        orders = (*result.order_ids[scope], "")
        versions = (*result.baseline_versions[scope], "")
        shown = np.where(slots["order"] >= 0, slots["baseline"], -1)
        yield [
            [scope_id] * len(slots),
            [instant_text(world.zone, (int(n) + 1) * slot_s) for n in numbers],
            [decimals(v) for v in load_kw(slots, slot_s).tolist()],
            [decimals(v) for v in coverage(slots).tolist()],
            [decimals(v) for v in slots["cap_kw"].tolist()],
            _VERDICTS[slots["verdict"]].tolist(),
            [_reasons_text(b) for b in slots["reasons"].tolist()],
            [orders[i] for i in slots["order"].tolist()],
            [versions[i] for i in shown.tolist()],
        ]


def day_lines(world: World, results: Sequence[DayResult], scope: int) -> Iterator[tuple[str, ...]]:
    """Lines of ``days`` for one scope."""
    hours = world.slot_s / 3600
    for result in results:
        row = result.rows[scope]
        yield (
            world.scope_ids[scope],
            result.day.isoformat(),
            decimals(None if row.energy_wh is None else row.energy_wh / 1000),
            decimals(None if row.cap_wh is None else row.cap_wh / 1000),
            decimals(row.coverage),
            code(Verdict(row.verdict)),
            _reasons_text(row.reasons),
            row.order_id or "",
            decimals(row.violating_slots * hours),
        )


def alert_rows(
    world: World, alerts: Iterable[Alert], as_of: int, begin: int | None, end: int | None
) -> list[tuple[Any, ...]]:
    """Lines of ``alerts``, by scope, first slot, rule and order; those that touch ``[begin, end)``."""
    slot_s, zone = world.slot_s, world.zone
    plant_of = {s.scope_id: s.plant_id for s in world.registry.scopes}

    def end_text(slot: int | None) -> str:
        return "" if slot is None else instant_text(zone, (slot + 1) * slot_s)

    kept = [
        a
        for a in alerts
        if (begin is None or (a.last_slot + 1) * slot_s > begin) and (end is None or a.first_slot * slot_s < end)
    ]
    kept.sort(key=lambda a: (a.scope_id, a.first_slot, a.rule.value, a.order_id or ""))
    return [
        (
            a.alert_id(slot_s),
            a.scope_id,
            plant_of.get(a.scope_id, ""),
            a.rule.value,
            str(a.grade),
            a.order_id or "",
            a.condition.value,
            end_text(a.first_slot),
            end_text(a.opened_slot),
            end_text(a.last_slot),
            end_text(a.closed_slot),
            decimals(None if a.peak_wh is None else a.peak_wh * 3.6 / slot_s),
            decimals(a.peak_cap_kw),
            decimals(None if a.over_wh is None else a.over_wh / 1000),
            decimals(a.coverage),
            a.evidence(zone, slot_s, as_of).value,
            a.close_reason.value if a.close_reason else "",
            "" if a.order_revision is None else str(a.order_revision),
            a.baseline_version or "",
        )
        for a in kept
    ]
