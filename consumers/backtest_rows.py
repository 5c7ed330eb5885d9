"""The rows of a back-test's files (CONTRACTS §3): names for codes, three decimals, times with local offset."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

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

_VERDICTS = [code(v) for v in Verdict]


@lru_cache(maxsize=1_000_000)
def instant_text(zone: str, epoch_s: int) -> str:
    """RFC 3339 with the zone's offset."""
    return datetime.fromtimestamp(epoch_s, ZoneInfo(zone)).isoformat()


@lru_cache(maxsize=65_536)
def _reasons_text(bits: int) -> str:
    return ";".join(reason_codes(bits))


def decimals(value: float | None) -> str:
    """Three decimals; empty for what is not known."""
    if value is None or value != value:
        return ""
    text = f"{value:.3f}"
    return "0.000" if text == "-0.000" else text


#: For what repeats itself.
_decimals_again = lru_cache(maxsize=65_536)(decimals)


def slot_columns(
    world: World, results: Sequence[DayResult], scope: int, place: int, begin: int | None, end: int | None
) -> Iterator[list[list[str]]]:
    """Columns of ``slots`` for one scope, a day at a time. place: of the scope in the results."""
    slot_s, scope_id = world.slot_s, world.scope_ids[scope]
    for result in results:
        slots = result.slots[place]
        numbers = result.first_slot + np.arange(len(slots))
        inside = np.ones(len(slots), np.bool_)
        if begin is not None:
            inside &= numbers * slot_s >= begin
        if end is not None:
            inside &= numbers * slot_s < end
        slots, numbers = slots[inside], numbers[inside]
        orders = (*result.order_ids[place], "")
        versions = (*result.baseline_versions[place], "")
        shown = np.where(slots["order"] >= 0, slots["baseline"], -1)
        yield [
            [scope_id] * len(slots),
            [instant_text(world.zone, (int(n) + 1) * slot_s) for n in numbers],
            [decimals(v) for v in load_kw(slots, slot_s).tolist()],
            [decimals(v) for v in coverage(slots).tolist()],
            [decimals(v) for v in slots["cap_kw"].tolist()],
            [_VERDICTS[v] for v in slots["verdict"].tolist()],
            [_reasons_text(b) for b in slots["reasons"].tolist()],
            [orders[i] for i in slots["order"].tolist()],
            [versions[i] for i in shown.tolist()],
        ]


def day_columns(
    world: World, results: Sequence[DayResult], scopes: npt.NDArray[np.int64], places: Sequence[int]
) -> list[list[str]]:
    """Columns of ``days``: each scope with all its days. scopes: those of the results; places: their order here."""

    def along(*columns: npt.NDArray[Any]) -> list[Any]:
        values: list[Any] = np.stack(columns)[:, places].T.reshape(-1).tolist()
        return values

    rows = [r.rows for r in results]
    order_ids = (*world.order_ids, "")
    hours = world.slot_s / 3600
    energy_kwh = along(*(np.where(r.has_energy, r.energy_wh / 1000, np.nan) for r in rows))
    names = [world.scope_ids[s] for s in scopes[places].tolist()]
    return [
        [name for name in names for _ in results],
        [r.day.isoformat() for r in results] * len(names),
        [decimals(v) for v in energy_kwh],
        [_decimals_again(v) for v in along(*(r.cap_wh / 1000 for r in rows))],
        [_decimals_again(v) for v in along(*(r.coverage for r in rows))],
        [_VERDICTS[v] for v in along(*(r.verdict for r in rows))],
        [_reasons_text(v) for v in along(*(r.reasons for r in rows))],
        [order_ids[v] for v in along(*(r.order for r in rows))],
        [_decimals_again(v * hours) for v in along(*(r.violating_slots for r in rows))],
    ]


def touching(alerts: Iterable[Alert], slot_s: int, begin: int | None, end: int | None) -> list[Alert]:
    """The alerts whose slots touch ``[begin, end)``; None: unbounded."""
    return [
        a
        for a in alerts
        if (begin is None or (a.last_slot + 1) * slot_s > begin) and (end is None or a.first_slot * slot_s < end)
    ]


def alert_rows(
    world: World, alerts: Iterable[Alert], as_of: int, begin: int | None, end: int | None
) -> list[tuple[Any, ...]]:
    """Lines of ``alerts``, by scope, first slot, rule and order; those that touch ``[begin, end)``."""
    slot_s, zone = world.slot_s, world.zone
    plant_of = {s.scope_id: s.plant_id for s in world.registry.scopes}

    def end_text(slot: int | None) -> str:
        return "" if slot is None else instant_text(zone, (slot + 1) * slot_s)

    kept = touching(alerts, slot_s, begin, end)
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
