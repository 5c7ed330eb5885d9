"""Readings into the store: COPY, and a contest for the keys that are there already.

Nearly every batch brings only new keys: one COPY straight into the table takes it, twice as fast as an INSERT that is
ready for conflicts. Where a key is there already the COPY is undone; then the rows go into a staging table, one INSERT
takes the new keys, and for the others the standing rows are locked, read together with their conflicts, and settled in
memory (``service.db.contest``).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.readings import F64, I8, I32, I64, Bool, ReadingColumns
from detectors.vocab import Scale
from service.db.contest import Came, Candidates, Fate, Settled, key_starts, settle
from service.db.copying import TakenError, as_rows, copy_in, copy_out, epoch_milliseconds, pg_microseconds, row_dtype

_KEY = [("ts", ">i8"), ("meter_no", ">i4"), ("kind", ">i2")]
_VALUE = [("value", ">f8"), ("coll", ">i8"), ("src_offset", ">i8"), ("period_s", ">i4"), ("rev", ">i4")]
_VALUE += [("src_partition", ">i4"), ("q", ">i2"), ("scale", ">i2"), ("had_evidence", "?")]
_COLUMNS = [name for name, _ in _KEY + _VALUE]
_LIST = ", ".join(_COLUMNS)
_ROW = row_dtype(_KEY + _VALUE)
_SAME_KEY = "r.meter_no = s.meter_no AND r.kind = s.kind AND r.ts = s.ts"
_VALUES = ", ".join(f"{name} = s.{name}" for name, _ in _VALUE)
_CONFLICT_LIST = ", ".join(name for name in _COLUMNS if name != "had_evidence")

_STAGES = [
    text(f"CREATE TEMP TABLE IF NOT EXISTS {name} (LIKE readings) ON COMMIT DELETE ROWS")
    for name in ("stage_new", "stage_changed", "stage_lost")
]
_INSERT = text(
    f"INSERT INTO readings ({_LIST}) SELECT {_LIST} FROM stage_new ORDER BY meter_no, kind, ts ON CONFLICT DO NOTHING"
)
# xmin tells the rows of this very transaction, which the INSERT has just taken, from those that stood before.
_STANDING = (
    f"SELECT {', '.join('r.' + name for name in _COLUMNS)} FROM stage_new s JOIN readings r ON {_SAME_KEY}"
    " WHERE r.ts BETWEEN '{first}' AND '{last}' AND r.xmin <> pg_current_xact_id()::xid"
    " ORDER BY r.meter_no, r.kind, r.ts FOR UPDATE OF r"
)
_CONFLICTS = (
    f"SELECT {', '.join('r.' + name for name in _COLUMNS if name != 'had_evidence')}, false"
    f" FROM stage_new s JOIN reading_conflicts r ON {_SAME_KEY}"
)
# The staging tables have no statistics: without this the planner may read whole months.
_BY_INDEX = text("SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)")
_REWRITE = (
    f"UPDATE readings r SET {_VALUES} FROM stage_changed s WHERE {_SAME_KEY}"
    " AND r.ts BETWEEN '{first}' AND '{last}'"
)
_LOSE = text(
    f"INSERT INTO reading_conflicts AS r ({_CONFLICT_LIST}) SELECT {_CONFLICT_LIST} FROM stage_lost"
    " ORDER BY meter_no, kind, ts, value, q, rev, scale, period_s"
    " ON CONFLICT (meter_no, kind, ts, value, q, rev, scale, period_s) DO UPDATE SET coll = EXCLUDED.coll,"
    " src_offset = EXCLUDED.src_offset, src_partition = EXCLUDED.src_partition"
    " WHERE (r.coll, r.src_partition, r.src_offset)"
    " IS DISTINCT FROM (EXCLUDED.coll, EXCLUDED.src_partition, EXCLUDED.src_offset)"
)
# What stands is no conflict.
_RISE = text(
    f"DELETE FROM reading_conflicts r USING stage_changed s WHERE {_SAME_KEY} AND r.value = s.value AND r.q = s.q"
    " AND r.rev = s.rev AND r.scale = s.scale AND r.period_s = s.period_s"
)


@dataclass(frozen=True, slots=True)
class Arrived:
    """N checked readings. readings.meter: meter_no; factor: multiplier at ts where secondary, else 1."""

    readings: ReadingColumns
    factor: F64
    part: I32
    offset: I64

    def __len__(self) -> int:
        return len(self.offset)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of them."""

    fate: I8  # (N) Fate
    changed: ReadingColumns  # one row for each key whose standing value changed; period_s covers what stood before


@dataclass(slots=True)
class Optimism:
    """Whether to try the straight COPY: after a failure some batches are spared it, twice as many each time."""

    spared: int = 0
    failures: int = 0

    def tries(self) -> bool:
        """Whether the next batch tries it."""
        self.spared = max(0, self.spared - 1)
        return self.spared == 0

    def learn(self, *, went_in: bool) -> None:
        """It went in, or it did not."""
        self.failures = 0 if went_in else min(self.failures + 1, 6)
        self.spared = 0 if went_in else 1 << self.failures


FactorAt = Callable[[I32, I64], F64]
"""Multiplier of meter numbers at times; NaN where there is none."""


async def store(
    connection: AsyncConnection, arrived: Arrived, factor_at: FactorAt, optimism: Optimism | None = None
) -> Stored:
    """Take the readings in. The caller's transaction has executed a statement already, and commits.

    optimism: what earlier batches of the same stream have shown; None: no straight COPY.

    Raises:
        ContentionError, InfrastructureError: run the whole transaction again; see ``service.db.sessions``.
    """
    if len(arrived) == 0:
        return Stored(np.empty(0, np.int8), ReadingColumns.empty())
    came = np.full(len(arrived), Came.ARRIVED, np.int8)
    rows = Candidates(arrived.readings, arrived.factor, arrived.part, arrived.offset, came)
    order = np.lexsort((arrived.readings.ts, arrived.readings.kind, arrived.readings.meter))
    begins = key_starts(arrived.readings.take(order))
    if begins.all():
        mine = _alone(rows, order)
    else:
        mine = settle(rows)
    winners = rows.take(mine.winner)
    new = _as_rows(winners, mine.had_evidence)
    for statement in _STAGES:
        await connection.execute(statement)
    if optimism is not None and optimism.tries():
        went_in = await _copy_straight(connection, new)
        optimism.learn(went_in=went_in)
        if went_in:
            await _write_conflicts(connection, rows.take(mine.losers))
            return Stored(mine.fate, _changed(winners, mine))
    await copy_in(connection, "stage_new", _COLUMNS, new)
    inserted = (await connection.execute(_INSERT)).rowcount
    if inserted == len(winners):
        await _write_conflicts(connection, rows.take(mine.losers))
        return Stored(mine.fate, _changed(winners, mine))
    return await _collide(connection, rows, mine, factor_at)


async def _copy_straight(connection: AsyncConnection, new: npt.NDArray[np.void]) -> bool:
    """Whether all rows went in; if not, none did."""
    await connection.execute(text("SAVEPOINT straight"))
    try:
        await copy_in(connection, "readings", _COLUMNS, new)
    except TakenError:
        await connection.execute(text("ROLLBACK TO SAVEPOINT straight"))
        went_in = False
    else:
        went_in = True
    # Without the release, what follows would be a sub-transaction of its own, and xmin not the transaction's.
    await connection.execute(text("RELEASE SAVEPOINT straight"))
    return went_in


async def _collide(connection: AsyncConnection, rows: Candidates, mine: Settled, factor_at: FactorAt) -> Stored:
    """Some keys stood already: settle them again, with what stood and with its conflicts."""
    await connection.execute(_BY_INDEX)
    bounds = _bounds(rows.readings)
    stood = _candidates(await copy_out(connection, _STANDING.format(**bounds), _ROW), Came.STANDING, factor_at)
    old_losers = _candidates(await copy_out(connection, _CONFLICTS, _ROW), Came.CONFLICT, factor_at)
    collides = _is_among(rows.readings, stood.readings)
    again = Candidates.concat([stood, old_losers, rows.take(np.flatnonzero(collides))])
    result = settle(again)
    fate = mine.fate.copy()
    fate[collides] = result.fate[len(stood) + len(old_losers) :]

    winners = again.take(result.winner)
    rewritten = np.flatnonzero(result.rewritten)
    if len(rewritten):
        changes = _as_rows(winners.take(rewritten), result.had_evidence[rewritten])
        await copy_in(connection, "stage_changed", _COLUMNS, changes)
        await connection.execute(text(_REWRITE.format(**bounds)))
        if len(result.risen):
            await connection.execute(_RISE)
    new_losers = mine.losers[~_is_among(rows.readings.take(mine.losers), stood.readings)]
    await _write_conflicts(connection, Candidates.concat([again.take(result.losers), rows.take(new_losers)]))
    fresh = ~_is_among(rows.readings.take(mine.winner), stood.readings)
    changed = [_changed(winners, result), _changed(rows.take(mine.winner), mine).take(fresh)]
    return Stored(fate, ReadingColumns.concat(changed))


def _alone(rows: Candidates, order: I64) -> Settled:
    """No key twice: each row stands."""
    none = np.zeros(len(order), np.bool_)
    return Settled(
        winner=order,
        had_evidence=none,
        changed=~none,
        rewritten=none,
        period_s=rows.readings.period_s[order],
        losers=np.empty(0, np.int64),
        risen=np.empty(0, np.int64),
        fate=np.full(len(order), Fate.ACCEPTED, np.int8),
    )


def _changed(winners: Candidates, settled: Settled) -> ReadingColumns:
    rows = winners.readings
    spans = ReadingColumns(
        rows.meter,
        rows.kind,
        rows.ts,
        rows.value,
        rows.q,
        rows.rev,
        rows.coll,
        rows.scale,
        settled.period_s,
        settled.had_evidence,
    )
    return spans.take(settled.changed)


async def _write_conflicts(connection: AsyncConnection, losers: Candidates) -> None:
    if len(losers):
        await copy_in(connection, "stage_lost", _COLUMNS, _as_rows(losers, np.zeros(len(losers), np.bool_)))
        await connection.execute(_LOSE)


def _is_among(rows: ReadingColumns, others: ReadingColumns) -> Bool:
    """Whether each row's key is the key of one of the others."""
    key = [("meter", np.int32), ("kind", np.int8), ("ts", np.int64)]
    keys, wanted = np.empty(len(rows), key), np.empty(len(others), key)
    for name, _ in key:
        keys[name], wanted[name] = getattr(rows, name), getattr(others, name)
    return np.isin(keys, wanted)


def _bounds(rows: ReadingColumns) -> dict[str, str]:
    first, last = (np.datetime64(int(edge(rows.ts)), "s") for edge in (np.min, np.max))
    return {"first": f"{first}Z", "last": f"{last}Z"}


def _as_rows(winners: Candidates, had_evidence: Bool) -> npt.NDArray[np.void]:
    rows = winners.readings
    return as_rows(
        _ROW,
        {
            "ts": pg_microseconds(rows.ts * 1000),
            "meter_no": rows.meter,
            "kind": rows.kind,
            "value": rows.value,
            "coll": pg_microseconds(rows.coll),
            "src_offset": winners.offset,
            "period_s": rows.period_s,
            "rev": rows.rev,
            "src_partition": winners.part,
            "q": rows.q,
            "scale": rows.scale,
            "had_evidence": had_evidence,
        },
    )


def _candidates(found: npt.NDArray[np.void], came: Came, factor_at: FactorAt) -> Candidates:
    meter, ts = found["meter_no"].astype(np.int32), epoch_milliseconds(found["ts"].astype(np.int64)) // 1000
    scale = found["scale"].astype(np.int8)
    readings = ReadingColumns(
        meter=meter,
        kind=found["kind"].astype(np.int8),
        ts=ts,
        value=found["value"].astype(np.float64),
        q=found["q"].astype(np.int8),
        rev=found["rev"].astype(np.int32),
        coll=epoch_milliseconds(found["coll"].astype(np.int64)),
        scale=scale,
        period_s=found["period_s"].astype(np.int32),
        had_evidence=found["had_evidence"].astype(np.bool_),
    )
    return Candidates(
        readings,
        factor_of(scale, factor_at(meter, ts)),
        found["src_partition"].astype(np.int32),
        found["src_offset"].astype(np.int64),
        np.full(len(found), came, np.int8),
    )


def factor_of(scale: I8, factor: F64) -> F64:
    """What a value is multiplied by for comparison: the multiplier where secondary and known, else 1."""
    return np.where((scale == Scale.SECONDARY) & ~np.isnan(factor), factor, 1.0)
