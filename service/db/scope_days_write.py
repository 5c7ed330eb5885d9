"""Judged days into the database: binary COPY rows, since a burst writes a hundred thousand of them."""

import json
import struct
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.alerts import NOTHING_CARRIED, Carry
from detectors.days import packed
from detectors.judge import DayResult
from service.db.copying import as_rows, copy_rows_in, pg_microseconds, row_dtype

_HEAD = [("scope_no", ">i4"), ("day", ">i4"), ("first_slot", ">i8"), ("slot_s", ">i4"), ("as_of", ">i8")]
_HEAD += [("verdict", ">i2"), ("reasons", ">i8"), ("coverage", ">f8"), ("violating_slots", ">i4")]
_TAIL = ["order_id", "order_ids", "baseline_versions", "energy_wh", "cap_wh", "packed", "carry"]
_COLUMNS = [name for name, _ in _HEAD] + _TAIL
_ROW = row_dtype(_HEAD)
_LIST = ", ".join(_COLUMNS)
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in [*_COLUMNS[2:], "slots"])
_STAGE = text(
    f"CREATE TEMPORARY TABLE IF NOT EXISTS judged_days ON COMMIT DELETE ROWS AS SELECT {_LIST} FROM scope_days"
    " WITH NO DATA"
)
_SAVE = text(
    f"INSERT INTO scope_days ({_LIST}, slots) SELECT {_LIST}, ''::bytea FROM judged_days ORDER BY scope_no"
    f" ON CONFLICT (scope_no, day) DO UPDATE SET {_CHANGES}, revision = scope_days.revision + 1"
)
_DAY_0 = date(2000, 1, 1)  # PostgreSQL counts from there
_TEXT_OID = 25
_LENGTH, _WH, _KW = struct.Struct(">i"), struct.Struct(">iq"), struct.Struct(">id")
_NULL = _LENGTH.pack(-1)


async def save_day(
    connection: AsyncConnection, result: DayResult, scope_nos: Sequence[int], slot_s: int, as_of: int
) -> None:
    """Write the rows of a judged day; an older row of the scope and day is replaced and its revision raised."""
    await connection.execute(_STAGE)
    await connection.execute(text("TRUNCATE judged_days"))
    await copy_rows_in(connection, "judged_days", _COLUMNS, _rows(result, scope_nos, slot_s, as_of))
    await connection.execute(_SAVE)


def _rows(result: DayResult, scope_nos: Sequence[int], slot_s: int, as_of: int) -> Iterator[bytes]:
    rows, count = result.rows, len(scope_nos)
    head = as_rows(
        _ROW,
        {
            "scope_no": np.array(scope_nos, np.int32),
            "day": np.full(count, (result.day - _DAY_0).days),
            "first_slot": np.full(count, result.first_slot),
            "slot_s": np.full(count, slot_s),
            "as_of": pg_microseconds(np.full(count, as_of * 1000, np.int64)),
            "verdict": rows.verdict,
            "reasons": rows.reasons,
            "coverage": rows.coverage,
            "violating_slots": rows.violating_slots,
        },
    )
    head["_fields"] = len(_COLUMNS)
    heads, size = head.tobytes(), _ROW.itemsize
    orders, energy, has_energy, cap = (v.tolist() for v in (rows.order, rows.energy_wh, rows.has_energy, rows.cap_wh))
    slots = packed(result.slots)
    texts: dict[tuple[str, ...], bytes] = {}
    for s in range(count):
        yield heads[s * size : (s + 1) * size]
        yield _NULL if orders[s] < 0 else _value(rows.order_ids[orders[s]].encode())
        for names in (result.order_ids[s], result.baseline_versions[s]):
            if names not in texts:
                texts[names] = _text_array(names)
            yield texts[names]
        yield _WH.pack(8, energy[s]) if has_energy[s] else _NULL
        yield _KW.pack(8, cap[s]) if cap[s] == cap[s] else _NULL
        yield _value(slots[s])
        yield _NULL if result.carries[s] == NOTHING_CARRIED else _value(carry_bytes(result.carries[s]))


def carry_bytes(carry: Carry) -> bytes:
    """A carry as stored; equal ones give equal bytes."""
    return json.dumps(carry.to_json(), separators=(",", ":"), sort_keys=True).encode()


def _value(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _text_array(texts: Sequence[str]) -> bytes:
    """Binary text[]: dimensions, no nulls, type, then size and lower bound where there is one, and the texts."""
    head = struct.pack(">iii", 1 if texts else 0, 0, _TEXT_OID) + (struct.pack(">ii", len(texts), 1) if texts else b"")
    return _value(head + b"".join(_value(t.encode()) for t in texts))
