"""What evaluation reads and writes: claims of dirty scopes, readings of a day, day rows with their carry."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.alerts import NOTHING_CARRIED, Carry
from detectors.judge import DayResult
from detectors.readings import ReadingColumns
from service.db.copying import copy_out, copy_records_in, epoch_milliseconds, row_dtype

I64 = npt.NDArray[np.int64]

_READING = row_dtype(
    [
        ("meter_no", ">i4"),
        ("kind", ">i2"),
        ("ts", ">i8"),
        ("value", ">f8"),
        ("q", ">i2"),
        ("rev", ">i4"),
        ("coll", ">i8"),
        ("scale", ">i2"),
        ("period_s", ">i4"),
        ("had_evidence", "u1"),
    ]
)
_DAY_COLUMNS = (
    "scope_no",
    "day",
    "first_slot",
    "slot_s",
    "as_of",
    "verdict",
    "reasons",
    "order_id",
    "order_ids",
    "baseline_versions",
    "energy_wh",
    "cap_wh",
    "coverage",
    "violating_slots",
    "slots",
    "carry",
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Slots [first_slot, last_slot] of a scope to judge again. is_due: their time is over, no data asks for it."""

    scope_no: int
    first_slot: int
    last_slot: int
    is_due: bool


async def claim(connection: AsyncConnection, before_slot: int, limit: int, not_after: datetime) -> list[Mark]:
    """Take the marks of up to ``limit`` scopes that begin before ``before_slot``; live slots go first. What of a mark
    lies behind it (a register reaches a day ahead) stays marked.

    The scopes' rows stay locked until the caller commits, so no other process judges them meanwhile; marks written
    after this statement are claimed next time. not_after: marks younger than this may still grow, and wait.
    """
    scopes = await connection.execute(
        text(
            "SELECT s.scope_no FROM scopes s JOIN (SELECT scope_no, max(last_slot) AS newest FROM dirty_scopes"
            " WHERE first_slot < :before AND marked_at <= :not_after GROUP BY scope_no ORDER BY newest DESC LIMIT :n) d"
            " USING (scope_no) FOR NO KEY UPDATE OF s SKIP LOCKED"
        ),
        {"before": before_slot, "n": limit, "not_after": not_after},
    )
    claimed = [row[0] for row in scopes]
    if not claimed:
        return []
    marks = await connection.execute(
        text(
            "WITH taken AS (DELETE FROM dirty_scopes WHERE scope_no = ANY(:scopes) AND first_slot < :before"
            " RETURNING scope_no, first_slot, last_slot, marked_at, due_slot IS NOT NULL AS is_due),"
            " rest AS (INSERT INTO dirty_scopes (scope_no, first_slot, last_slot, marked_at)"
            " SELECT scope_no, :before, max(last_slot), min(marked_at) FROM taken WHERE last_slot >= :before"
            " GROUP BY scope_no)"
            " SELECT scope_no, first_slot, last_slot, is_due FROM taken"
        ),
        {"scopes": claimed, "before": before_slot},
    )
    return [Mark(*row) for row in marks]


async def first_marked_slot(connection: AsyncConnection) -> int | None:
    """Earliest slot that is marked; None where nothing is."""
    first = await connection.scalar(text("SELECT min(first_slot) FROM dirty_scopes"))
    return None if first is None else int(first)


async def load_readings(
    connection: AsyncConnection, meter_nos: Sequence[int], row_of_no: Mapping[int, int], after_s: int, until_s: int
) -> ReadingColumns:
    """Standing readings of meters with ts in (after_s, until_s]; ``meter`` = the row that ``row_of_no`` gives."""
    if not meter_nos:
        return ReadingColumns.empty()
    rows = await copy_out(
        connection,
        "SELECT meter_no, kind, ts, value, q, rev, coll, scale, period_s, had_evidence FROM readings"
        " WHERE meter_no = ANY($1::integer[]) AND ts > $2 AND ts <= $3",
        _READING,
        list(meter_nos),
        datetime.fromtimestamp(after_s, UTC),
        datetime.fromtimestamp(until_s, UTC),
    )
    numbers, place = np.unique(rows["meter_no"].astype(np.int64), return_inverse=True)
    row = np.array([row_of_no[int(n)] for n in numbers], np.int32)
    return ReadingColumns(
        meter=row[place] if len(numbers) else np.empty(0, np.int32),
        kind=rows["kind"].astype(np.int8),
        ts=epoch_milliseconds(rows["ts"].astype(np.int64)) // 1000,
        value=rows["value"].astype(np.float64),
        q=rows["q"].astype(np.int8),
        rev=rows["rev"].astype(np.int32),
        coll=epoch_milliseconds(rows["coll"].astype(np.int64)),
        scale=rows["scale"].astype(np.int8),
        period_s=rows["period_s"].astype(np.int32),
        had_evidence=rows["had_evidence"].astype(np.bool_),
    )


async def load_carries(connection: AsyncConnection, scope_nos: Sequence[int], day: date) -> dict[int, Carry]:
    """The carry that each scope's row of ``day`` hands on; scopes without a row are left out."""
    rows = await connection.execute(
        text("SELECT scope_no, carry FROM scope_days WHERE day = :day AND scope_no = ANY(:scopes)"),
        {"day": day, "scopes": list(scope_nos)},
    )
    return {no: Carry.from_json(json.loads(carry)) if carry else NOTHING_CARRIED for no, carry in rows}


def carry_bytes(carry: Carry) -> bytes | None:
    """A carry as stored; None where nothing is carried."""
    if carry == NOTHING_CARRIED:
        return None
    return json.dumps(carry.to_json(), separators=(",", ":"), sort_keys=True).encode()


async def save_day(
    connection: AsyncConnection, result: DayResult, scope_nos: Sequence[int], slot_s: int, as_of: int
) -> None:
    """Write the rows of a judged day; an older row of the scope and day is replaced and its revision raised."""
    await connection.execute(
        text("CREATE TEMPORARY TABLE IF NOT EXISTS judged_days (LIKE scope_days) ON COMMIT DELETE ROWS")
    )
    await connection.execute(text("TRUNCATE judged_days"))
    when = datetime.fromtimestamp(as_of, UTC)
    await copy_records_in(
        connection, "judged_days", (*_DAY_COLUMNS, "revision"), _day_records(result, scope_nos, slot_s, when)
    )
    columns = ", ".join(_DAY_COLUMNS)
    changes = ", ".join(f"{c} = excluded.{c}" for c in _DAY_COLUMNS[2:])
    await connection.execute(
        text(
            f"INSERT INTO scope_days ({columns}) SELECT {columns} FROM judged_days ORDER BY scope_no"
            f" ON CONFLICT (scope_no, day) DO UPDATE SET {changes}, revision = scope_days.revision + 1"
        )
    )


def _day_records(
    result: DayResult, scope_nos: Sequence[int], slot_s: int, as_of: datetime
) -> Iterable[tuple[Any, ...]]:
    for s, scope_no in enumerate(scope_nos):
        row = result.rows[s]
        yield (
            scope_no,
            result.day,
            result.first_slot,
            slot_s,
            as_of,
            row.verdict,
            row.reasons,
            row.order_id,
            list(result.order_ids[s]),
            list(result.baseline_versions[s]),
            row.energy_wh,
            row.cap_wh,
            row.coverage,
            row.violating_slots,
            result.slots[s].tobytes(),
            carry_bytes(result.carries[s]),
            1,
        )
