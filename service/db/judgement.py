"""What evaluation reads and writes: claims of dirty scopes, readings of a day, day rows with their carry."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.alerts import Carry
from detectors.days import unpacked_columns
from detectors.known import LOAD_FIELDS
from detectors.readings import ReadingColumns, is_narrow, narrow
from detectors.vocab import QUALITY_CLASS, Kind, Quality
from service.db.copying import copy_out, epoch_milliseconds, row_dtype
from service.db.packed_days import PACKED

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

# Every column costs: the small ones go as one, see `load_readings`.
_COLUMNS = (
    "meter_no, ts, value,"
    " (period_s::bigint << 32) | (kind | (q << 8) | (scale::integer << 16) | (had_evidence::integer << 24))"
)
_OF_ONE_SPAN = (
    f"SELECT {_COLUMNS} FROM readings WHERE meter_no = ANY($1::integer[]) AND kind = ANY($2::smallint[])"
    " AND ts > to_timestamp($3::bigint) AND ts <= to_timestamp($4::bigint)"
)
_ANY = text(
    "SELECT EXISTS (SELECT FROM readings WHERE meter_no = ANY(CAST(:meters AS integer[]))"
    " AND kind = ANY(CAST(:kinds AS smallint[])) AND ts <= to_timestamp(CAST(:s AS bigint)))"
)
_COUNTS = (
    "SELECT ts, period_s, count(*) FROM readings WHERE meter_no = ANY($1::integer[]) AND kind = ANY($2::smallint[])"
    " AND ts > to_timestamp($3::bigint) AND ts <= to_timestamp($4::bigint) AND q = ANY($5::smallint[])"
    " GROUP BY kind, ts, period_s"
)
_REACHING = (
    "SELECT meter_no, ts, period_s FROM readings WHERE meter_no = ANY($1::integer[]) AND kind = ANY($2::smallint[])"
    " AND ts > to_timestamp($3::bigint) AND ts <= to_timestamp($4::bigint) AND q = ANY($5::smallint[])"
    " AND period_s > extract(epoch FROM ts) - $6::bigint"
)
# OFFSET 0 keeps the planner from turning it round.
_OF_SPANS = (
    "SELECT r.* FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS m(no, after_s, until_s), LATERAL"
    f" (SELECT {_COLUMNS} FROM readings WHERE meter_no = m.no AND kind = ANY($4::smallint[])"
    " AND ts > to_timestamp(m.after_s) AND ts <= to_timestamp(m.until_s)"
    " AND ts > to_timestamp($5::bigint) AND ts <= to_timestamp($6::bigint) OFFSET 0) r"
)
# Said outright: of a month that was never analysed the planner would read all. Many rows lie on few pages, since they
# came in at the same time.
_BY_PAGE, _BY_METER, _ANYHOW = (
    text(
        f"SELECT set_config('enable_seqscan', '{whole}', true), set_config('enable_indexscan', '{index}', true),"
        f" set_config('enable_bitmapscan', '{bitmap}', true), set_config('max_parallel_workers_per_gather', '0', true)"
    )
    for whole, index, bitmap in (("off", "off", "on"), ("off", "on", "off"), ("on", "on", "on"))
)

_OF_EVIDENCE = [int(q) for q in Quality if QUALITY_CLASS[q] == 0]
_READING = row_dtype(
    [
        ("meter_no", ">i4"),
        ("ts", ">i8"),
        ("value", ">f8"),
        ("rest", ">i8"),
    ]
)
_COUNT = row_dtype([("ts", ">i8"), ("period_s", ">i4"), ("meters", ">i8")])
_EVIDENCE = row_dtype([("meter_no", ">i4"), ("ts", ">i8"), ("period_s", ">i4")])
_MARK = row_dtype(
    [("scope_no", ">i4"), ("first_slot", ">i8"), ("last_slot", ">i8"), ("is_due", "u1"), ("recounts", "u1")]
)


@dataclass(frozen=True, slots=True)
class Marks:
    """N spans of slots [first_slot, last_slot] of scopes to judge again. is_due: their time is over, no data asks for
    them. recounts: so many meters as before need not speak there."""

    scope_no: I64
    first_slot: I64
    last_slot: I64
    is_due: Bool
    recounts: Bool

    def __len__(self) -> int:
        return len(self.scope_no)

    def take(self, rows: Any) -> "Marks":
        """The rows named by an index array or a mask."""
        return Marks(*(getattr(self, name)[rows] for name in self.__slots__))

    def from_slot(self, slot: int) -> "Marks":
        """What of them lies at a slot or behind it."""
        kept = self.take(self.last_slot >= slot)
        return replace(kept, first_slot=np.maximum(kept.first_slot, slot))


async def claim(
    connection: AsyncConnection,
    from_slot: int,
    before_slot: int,
    limit: int,
    not_after: datetime,
    after_scope: int = -1,
    begun: tuple[int, int] | None = None,
) -> Marks:
    """Take the marks of up to ``limit`` scopes in [from_slot, before_slot), by number from behind ``after_scope`` on:
    the readings of neighbours lie on the same pages. What of a mark lies outside (a register reaches a day ahead) stays
    marked. begun: a scope needs a mark that begins in [first, second).

    The scopes' rows stay locked until the caller commits, so no other process judges them meanwhile; marks written
    after this statement are claimed next time. not_after: marks younger than this may still grow, and wait.
    """
    scopes = await connection.execute(
        text(
            # The limit counts what is left after the locked ones.
            "SELECT s.scope_no FROM (SELECT DISTINCT scope_no FROM dirty_scopes WHERE first_slot >= :begun_from"
            " AND first_slot < :begun_before AND last_slot >= :from AND marked_at <= :not_after) d"
            " JOIN scopes s USING (scope_no) ORDER BY scope_no <= :after, scope_no LIMIT :n"
            " FOR NO KEY UPDATE OF s SKIP LOCKED"
        ),
        {
            "begun_from": begun[0] if begun else 0,
            "begun_before": min(begun[1], before_slot) if begun else before_slot,
            "from": from_slot,
            "n": limit,
            "not_after": not_after,
            "after": after_scope,
        },
    )
    claimed = [row[0] for row in scopes]
    if not claimed:
        none = np.empty(0, np.int64)
        return Marks(none, none, none, none.astype(np.bool_), none.astype(np.bool_))
    rows = await copy_out(
        connection,
        "WITH taken AS (DELETE FROM dirty_scopes WHERE scope_no = ANY($1::integer[]) AND first_slot < $3"
        " AND last_slot >= $2 RETURNING scope_no, first_slot, last_slot, marked_at, recounts, due_slot),"
        " later AS (INSERT INTO dirty_scopes (scope_no, first_slot, last_slot, marked_at)"
        " SELECT scope_no, $3, max(last_slot), min(marked_at) FROM taken WHERE last_slot >= $3 GROUP BY scope_no),"
        " older AS (INSERT INTO dirty_scopes (scope_no, first_slot, last_slot, marked_at, recounts, due_slot)"
        " SELECT scope_no, first_slot, $2 - 1, marked_at, recounts, due_slot FROM taken WHERE first_slot < $2)"
        " SELECT scope_no, greatest(first_slot, $2), last_slot, due_slot IS NOT NULL, recounts FROM taken",
        _MARK,
        claimed,
        from_slot,
        before_slot,
    )
    return Marks(
        rows["scope_no"].astype(np.int64),
        rows["first_slot"].astype(np.int64),
        rows["last_slot"].astype(np.int64),
        rows["is_due"].astype(np.bool_),
        rows["recounts"].astype(np.bool_),
    )


async def load_readings(connection: AsyncConnection, meter_nos: I64, after_s: I64, until_s: I64) -> ReadingColumns:
    """Standing readings of meters with ts in (after_s, until_s], one span a meter, perhaps some around it; ``meter`` is
    the meter_no; ``rev`` and ``coll``, which only decide who stands, are 0."""
    if len(meter_nos) == 0:
        return ReadingColumns.empty()
    kinds = [int(k) for k in Kind]
    after, until = int(after_s.min()), int(until_s.max())
    if (until - after) * len(meter_nos) <= 2 * int((until_s - after_s).sum()):
        await connection.execute(_BY_PAGE)
        rows = await copy_out(connection, _OF_ONE_SPAN, _READING, meter_nos.tolist(), kinds, after, until)
    else:
        await connection.execute(_BY_METER)
        spans = (meter_nos.tolist(), after_s.tolist(), until_s.tolist())
        rows = await copy_out(connection, _OF_SPANS, _READING, *spans, kinds, after, until)
    rest = narrow(rows["rest"].astype(np.int64))
    some = rest[:1] if is_narrow(rest) else rest

    def small(first_bit: int, dtype: type, bits: int = 8) -> npt.NDArray[Any]:
        return np.broadcast_to((some >> first_bit & (1 << bits) - 1).astype(dtype), rest.shape)

    return ReadingColumns(
        meter=rows["meter_no"].astype(np.int32),
        kind=small(0, np.int8),
        ts=epoch_milliseconds(rows["ts"].astype(np.int64)) // 1000,
        value=rows["value"].astype(np.float64),
        q=small(8, np.int8),
        rev=np.broadcast_to(np.int32(0), rest.shape),
        coll=np.broadcast_to(np.int64(0), rest.shape),
        scale=small(16, np.int8),
        period_s=small(32, np.int32, bits=32),
        had_evidence=small(24, np.bool_),
    )


async def has_readings(connection: AsyncConnection, meter_nos: I64, until_s: int) -> bool:
    """Whether any of the meters has a reading with ts up to ``until_s``."""
    await connection.execute(_BY_METER)
    found = await connection.scalar(_ANY, {"meters": meter_nos.tolist(), "kinds": [int(k) for k in Kind], "s": until_s})
    await connection.execute(_ANYHOW)
    return bool(found)


async def count_readings(
    connection: AsyncConnection, meter_nos: I64, kinds: Sequence[Kind], after_s: int, until_s: int
) -> tuple[I64, I64, I64]:
    """How many of the meters have evidence with the same kind, ts in (after_s, until_s] and period: groups as ts and
    period, seconds, and number of meters."""
    await connection.execute(_BY_PAGE)
    numbers, codes = meter_nos.tolist(), [int(k) for k in kinds]
    rows = await copy_out(connection, _COUNTS, _COUNT, numbers, codes, after_s, until_s, _OF_EVIDENCE)
    ts = epoch_milliseconds(rows["ts"].astype(np.int64)) // 1000
    return ts, rows["period_s"].astype(np.int64), rows["meters"].astype(np.int64)


async def load_evidence(
    connection: AsyncConnection, meter_nos: I64, kinds: Sequence[Kind], after_s: int, until_s: int, before_s: int
) -> tuple[I64, I64, I64]:
    """What the meters have of evidence with ts in (after_s, until_s] and a period that began before ``before_s``:
    meter_no, ts and period, seconds."""
    await connection.execute(_BY_PAGE)
    numbers, codes = meter_nos.tolist(), [int(k) for k in kinds]
    rows = await copy_out(connection, _REACHING, _EVIDENCE, numbers, codes, after_s, until_s, _OF_EVIDENCE, before_s)
    ts = epoch_milliseconds(rows["ts"].astype(np.int64)) // 1000
    return rows["meter_no"].astype(np.int64), ts, rows["period_s"].astype(np.int64)


async def load_slots(
    connection: AsyncConnection,
    scope_nos: I64,
    day: date,
    slot_s: int,
    n_slots: int,
    names: Sequence[str] = LOAD_FIELDS,
) -> tuple[I64, dict[str, npt.NDArray[Any]], I64]:
    """What is stored of the loads of a local day: the places in ``scope_nos`` (sorted) that have a row, the fields
    ``names`` as [rows, n_slots] arrays, and how many slots each row has."""
    row = (
        await connection.execute(
            text(
                "SELECT string_agg(int4send(scope_no), ''), string_agg(int4send(length(d)), ''), string_agg(d, '')"
                f" FROM (SELECT scope_no, {PACKED} AS d FROM scope_days"
                " WHERE day = :day AND slot_s = :slot_s AND scope_no = ANY(:scopes) ORDER BY scope_no) rows"
            ),
            {"day": day, "slot_s": slot_s, "scopes": scope_nos.tolist()},
        )
    ).one()
    nos, lengths = (np.frombuffer(part or b"", ">i4").astype(np.int64) for part in row[:2])
    columns, counts = unpacked_columns(row[2] or b"", lengths, n_slots, names)
    return np.searchsorted(scope_nos, nos), columns, counts


async def load_carries(
    connection: AsyncConnection, scope_nos: Sequence[int], days: Sequence[date]
) -> list[dict[int, Carry]]:
    """For each day the carry that each scope's row hands on; scopes that hand on nothing are left out."""
    rows = await connection.execute(
        text(
            "SELECT day, scope_no, carry FROM scope_days"
            " WHERE day = ANY(:days) AND scope_no = ANY(:s) AND carry IS NOT NULL"
        ),
        {"days": list(days), "s": list(scope_nos)},
    )
    found: dict[date, dict[int, Carry]] = {day: {} for day in days}
    for day, no, carry in rows:
        found[day][no] = Carry.from_json(json.loads(carry))
    return list(found.values())
