"""Reading packed days: the slots of a scope, one slot of many scopes, the day verdicts of a date."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.days import coverage, load_kw, unpacked, unpacked_row
from detectors.vocab import Verdict, code, reason_codes
from service.db.packed_days import LONGEST_DAY_S, PACKED

_VERDICTS = [code(verdict) for verdict in Verdict]


@dataclass(frozen=True, slots=True)
class SlotView:
    """A judged slot as people see it. ``slot``: its number. Loads in kW; None = unknown, never 0."""

    slot: int
    load_kw: float | None
    coverage: float
    cap_kw: float | None
    verdict: str
    reasons: list[str]
    order_id: str | None
    baseline_version: str | None


@dataclass(frozen=True, slots=True)
class DayView:
    """A scope's local day (CONTRACTS §3, days.csv). ``as_of``: what the judgement knew."""

    scope_id: str
    plant_id: str
    county: str
    day: date
    energy_kwh: float | None
    cap_kwh: float | None
    coverage: float
    verdict: str
    reasons: list[str]
    order_id: str | None
    violating_hours: float
    as_of: datetime
    revision: int


async def read_series(
    connection: AsyncConnection, scope_id: str, *, first_slot: int, last_slot: int
) -> Sequence[SlotView]:
    """The judged slots of a scope from ``first_slot`` to ``last_slot`` (included), in order; others are left out."""
    rows = await connection.execute(
        text(
            f"SELECT d.first_slot, d.slot_s, d.order_ids, d.baseline_versions, {PACKED} AS packed FROM scope_days d"
            " JOIN scopes s USING (scope_no) WHERE s.scope_id = :scope_id AND d.first_slot <= :last"
            " AND d.first_slot + :longest / d.slot_s > :first ORDER BY d.first_slot"
        ),
        {"scope_id": scope_id, "first": first_slot, "last": last_slot, "longest": LONGEST_DAY_S},
    )
    views: list[SlotView] = []
    for row in rows:
        skipped = max(0, first_slot - row.first_slot)
        slots = unpacked_row(row.packed)[skipped : max(0, last_slot + 1 - row.first_slot)]
        count, start = len(slots), row.first_slot + skipped
        numbers = range(start, start + count)
        views += slot_views(slots, numbers, row.slot_s, [row.order_ids] * count, [row.baseline_versions] * count)
    return views


async def read_slot(
    connection: AsyncConnection, slot: int, slot_s: int, *, scope_ids: Sequence[str] | None = None
) -> dict[str, SlotView]:
    """One slot of many scopes (None = all), by scope_id; scopes that are not judged there are left out."""
    start = datetime.fromtimestamp(slot * slot_s, UTC).date()
    rows = await connection.execute(
        text(
            f"SELECT s.scope_id, d.order_ids, d.baseline_versions, d.first_slot, {PACKED} AS packed"
            " FROM scope_days d JOIN scopes s USING (scope_no)"
            " WHERE d.day BETWEEN :first_day AND :last_day AND d.slot_s = :slot_s AND d.first_slot <= :slot"
            " AND d.first_slot + :longest / d.slot_s > :slot"
            " AND (CAST(:scope_ids AS text[]) IS NULL OR s.scope_id = ANY(:scope_ids))"
        ),
        {
            "slot": slot,
            "slot_s": slot_s,
            "longest": LONGEST_DAY_S,
            "first_day": start - timedelta(days=1),
            "last_day": start + timedelta(days=1),
            "scope_ids": None if scope_ids is None else list(scope_ids),
        },
    )
    found = rows.all()
    lengths = np.array([len(row.packed) for row in found], np.int64)
    slots, counts = unpacked(b"".join(row.packed for row in found), lengths, LONGEST_DAY_S // slot_s)
    at = slot - np.array([row.first_slot for row in found], np.int64)
    judged = np.flatnonzero(at < counts)
    views = slot_views(
        slots[judged, at[judged]],
        [slot] * len(judged),
        slot_s,
        [found[i].order_ids for i in judged.tolist()],
        [found[i].baseline_versions for i in judged.tolist()],
    )
    return {found[i].scope_id: view for i, view in zip(judged.tolist(), views, strict=True)}


def slot_views(
    slots: npt.NDArray[np.void],
    numbers: Sequence[int],
    slot_s: int,
    order_ids: Sequence[Sequence[str]],
    baseline_versions: Sequence[Sequence[str]],
) -> list[SlotView]:
    """Unpack slots (1-d array of ``SLOT``), all at once; the other sequences have one entry per slot."""
    loads, shares = load_kw(slots, slot_s).tolist(), coverage(slots).tolist()
    caps, verdicts, reasons = (slots[name].tolist() for name in ("cap_kw", "verdict", "reasons"))
    orders, baselines = slots["order"].tolist(), slots["baseline"].tolist()
    return [
        SlotView(
            slot=numbers[i],
            load_kw=_number(loads[i]),
            coverage=round(shares[i], 3),
            cap_kw=_number(caps[i]),
            verdict=_VERDICTS[verdicts[i]],
            reasons=reason_codes(reasons[i]) if reasons[i] else [],
            order_id=order_ids[i][orders[i]] if orders[i] >= 0 else None,
            baseline_version=baseline_versions[i][baselines[i]] if baselines[i] >= 0 else None,
        )
        for i in range(len(slots))
    ]


async def read_days(
    connection: AsyncConnection, day: date, *, county: str | None, limit: int, after: str | None = None
) -> Sequence[DayView]:
    """Day verdicts of all scopes at a local date, by scope_id; ``after``: the last scope_id seen."""
    rows = await connection.execute(
        text(
            "SELECT s.scope_id, s.plant_id, p.county, d.day, d.energy_wh, d.cap_wh, d.coverage, d.verdict, d.reasons,"
            " d.order_id, d.violating_slots, d.slot_s, d.as_of, d.revision"
            " FROM scope_days d JOIN scopes s USING (scope_no) JOIN plants p USING (plant_id)"
            " WHERE d.day = :day AND (CAST(:county AS text) IS NULL OR p.county = :county)"
            " AND (CAST(:after AS text) IS NULL OR s.scope_id > :after) ORDER BY s.scope_id LIMIT :n"
        ),
        {"day": day, "county": county, "after": after, "n": limit},
    )
    return [
        DayView(
            scope_id=r.scope_id,
            plant_id=r.plant_id,
            county=r.county,
            day=r.day,
            energy_kwh=None if r.energy_wh is None else round(r.energy_wh / 1000, 3),
            cap_kwh=None if r.cap_wh is None or math.isnan(r.cap_wh) else round(r.cap_wh / 1000, 3),
            coverage=r.coverage,
            verdict=code(Verdict(r.verdict)),
            reasons=reason_codes(r.reasons),
            order_id=r.order_id,
            violating_hours=r.violating_slots * r.slot_s / 3600,
            as_of=r.as_of,
            revision=r.revision,
        )
        for r in rows
    ]


def _number(value: float) -> float | None:
    """Three decimals; NaN is None."""
    return None if math.isnan(value) else round(value, 3)
