"""What the audit of the list asks of readings, judged days and the quarantine, in bulk."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.days import SLOT, load_kw, unpacked_columns
from detectors.vocab import QUALITY_CLASS, Kind, Quality
from service.db.packed_days import LONGEST_DAY_S, PACKED

#: Kinds that tell of a load.
_LOAD_KINDS = [int(k) for k in (Kind.ENERGY_INT, Kind.POWER_AVG, Kind.ENERGY_REG, Kind.POWER_INST)]
_EVIDENCE = [int(q) for q in Quality if QUALITY_CLASS[q] == 0]
_LOOKED_AT = ("wh", "evidence", "meters", "facts", "verdict")
#: Day rows unpacked at once.
_CHUNK = 5000

# One probe a meter and kind: no index serves "all meters since yesterday".
_LAST_VALID = (
    "SELECT m.no, extract(epoch FROM max(last.ts))::bigint FROM unnest(CAST(:nos AS integer[])) AS m (no)"
    " CROSS JOIN unnest(CAST(:kinds AS smallint[])) AS k (kind) CROSS JOIN LATERAL"
    " (SELECT r.ts FROM readings r WHERE r.meter_no = m.no AND r.kind = k.kind AND r.q = ANY(:evidence)"
    " AND r.ts <= :until{and_after} ORDER BY r.ts DESC LIMIT 1) AS last GROUP BY m.no"
)


async def last_valid_readings(
    connection: AsyncConnection, meter_nos: Sequence[int], *, after_s: int, until_s: int
) -> dict[int, int]:
    """meter_no -> ts of its latest reading with evidence up to ``until_s``, epoch seconds; meters without are absent.

    after_s: those heard since then are asked for first, in the newest months only; the rest, few, in all of them.
    """
    given = {
        "nos": list(meter_nos),
        "kinds": _LOAD_KINDS,
        "evidence": _EVIDENCE,
        "until": datetime.fromtimestamp(until_s, UTC),
    }
    recent = await connection.execute(
        text(_LAST_VALID.format(and_after=" AND r.ts > :after")),
        given | {"after": datetime.fromtimestamp(after_s, UTC)},
    )
    found = {int(no): int(ts) for no, ts in recent}
    rest = [no for no in meter_nos if no not in found]
    if rest:
        older = await connection.execute(text(_LAST_VALID.format(and_after="")), given | {"nos": rest})
        found |= {int(no): int(ts) for no, ts in older}
    return found


async def judged_loads(
    connection: AsyncConnection, scope_ids: Sequence[str], first: date, last: date, slot_s: int
) -> list[tuple[list[str], npt.NDArray[np.float64]]]:
    """Loads of scopes on the local days from ``first`` to ``last``, in chunks: the scope of each row, and [rows, slots]
    in kW, NaN where not known."""
    rows = (
        await connection.execute(
            text(
                f"SELECT s.scope_id, {PACKED} AS packed FROM scope_days d JOIN scopes s USING (scope_no)"
                " WHERE d.day BETWEEN :first AND :last AND d.slot_s = :slot_s AND s.scope_id = ANY(:ids)"
                " ORDER BY s.scope_id, d.day"
            ),
            {"first": first, "last": last, "slot_s": slot_s, "ids": list(scope_ids)},
        )
    ).all()
    return [_loads(rows[low : low + _CHUNK], slot_s) for low in range(0, len(rows), _CHUNK)]


def _loads(rows: Sequence[tuple[str, bytes]], slot_s: int) -> tuple[list[str], npt.NDArray[np.float64]]:
    width = LONGEST_DAY_S // slot_s
    lengths = np.array([len(packed) for _, packed in rows], np.int64)
    columns, counts = unpacked_columns(b"".join(packed for _, packed in rows), lengths, width, _LOOKED_AT)
    slots = np.zeros((len(rows), width), SLOT)
    for name, values in columns.items():
        slots[name] = values
    loads = load_kw(slots, slot_s)
    loads[np.arange(width)[None, :] >= counts[:, None]] = np.nan
    return [scope_id for scope_id, _ in rows], loads


async def unknown_meters(connection: AsyncConnection) -> list[tuple[str, str, int, int]]:
    """Meters that the registry does not know and whose readings are held: (meter_id, source, rows, ts of the oldest
    record), by meter."""
    rows = await connection.execute(
        text(
            "SELECT q.meter_id, min(q.source), sum(q.row_count)::bigint, extract(epoch FROM min(q.record_ts))::bigint"
            " FROM quarantine q WHERE q.state = 'held' AND q.code = 'unknown_meter' AND q.meter_id IS NOT NULL"
            " AND NOT EXISTS (SELECT FROM meters m WHERE m.meter_id = q.meter_id) GROUP BY q.meter_id ORDER BY 1"
        )
    )
    return [(row[0], row[1], int(row[2]), int(row[3])) for row in rows]
