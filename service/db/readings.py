"""Readings into the store: COPY, and a contest for the keys that are there already.

Nearly every row brings a new key: COPY straight into the table takes it, twice as fast as an INSERT that is ready for
conflicts. Where a key is there already the COPY is undone; then the rows go into a staging table, one INSERT takes the
new keys, and for the others the standing rows are locked, read together with their conflicts, and settled in memory
(``service.db.contest``). ``service.db.optimism`` guesses which rows can go straight.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.readings import F64, I8, I32, I64, Bool, ReadingColumns
from detectors.vocab import Scale
from service.db.contest import Came, Candidates, Settled, is_among, settle, settle_new
from service.db.copying import TakenError, as_rows, copy_in, copy_out, epoch_milliseconds, pg_microseconds, row_dtype
from service.db.optimism import Optimism

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


@dataclass(frozen=True, slots=True)
class Ready:
    """Arrived readings settled among themselves; K keys in the order of (meter, kind, ts)."""

    arrived: Arrived
    rows: Candidates
    settled: Settled
    copy: npt.NDArray[np.void]  # (K) what stands, as COPY rows
    changed: ReadingColumns  # (K) what changes if no key was there before

    def __len__(self) -> int:
        return len(self.arrived)


def make_ready(arrived: Arrived) -> Ready:
    """Everything that needs no connection: for a thread."""
    came = np.full(len(arrived), Came.ARRIVED, np.int8)
    rows = Candidates(arrived.readings, arrived.factor, arrived.part, arrived.offset, came)
    settled = settle_new(rows)
    winners = rows.take(settled.winner)
    return Ready(arrived, rows, settled, _as_rows(winners, settled.had_evidence), _changed(winners, settled))


FactorAt = Callable[[I32, I64], F64]
"""Multiplier of meter numbers at times; NaN where there is none."""


async def store(
    connection: AsyncConnection, arrived: Arrived | Ready, factor_at: FactorAt, optimism: Optimism | None = None
) -> Stored:
    """Take the readings in. The caller's transaction has executed a statement already, and commits.

    optimism: what earlier batches of the same stream have shown; None: no straight COPY.

    Raises:
        ContentionError, InfrastructureError: run the whole transaction again; see ``service.db.sessions``.
    """
    if len(arrived) == 0:
        return Stored(np.empty(0, np.int8), ReadingColumns.empty())
    ready = make_ready(arrived) if isinstance(arrived, Arrived) else arrived
    mine, left = ready.settled, np.arange(len(ready.copy))
    if optimism is not None:
        left = await _copy_straight(connection, ready, optimism)
    if len(left) or len(mine.losers):
        for statement in _STAGES:
            await connection.execute(statement)
    if len(left):
        await copy_in(connection, "stage_new", _COLUMNS, ready.copy[left])
        inserted = (await connection.execute(_INSERT)).rowcount
        if inserted < len(left):
            return await _collide(connection, ready.rows, mine, factor_at)
    await _write_conflicts(connection, ready.rows.take(mine.losers))
    return Stored(mine.fate, ready.changed)


async def _copy_straight(connection: AsyncConnection, ready: Ready, optimism: Optimism) -> I64:
    """Try it with the rows that are expected to be new; the numbers of those that are not in."""
    is_newest = optimism.are_newest(ready.changed)
    left = []
    for tries, rows in ((optimism.newest, np.flatnonzero(is_newest)), (optimism.older, np.flatnonzero(~is_newest))):
        went_in = False
        if len(rows) and tries.again():
            went_in = await _all_or_none(connection, ready.copy if len(rows) == len(ready.copy) else ready.copy[rows])
            tries.learn(went_in=went_in)
        if not went_in:
            left.append(rows)
    optimism.note(ready.changed)
    return np.concatenate([np.empty(0, np.int64), *left])


async def _all_or_none(connection: AsyncConnection, rows: npt.NDArray[np.void]) -> bool:
    """Whether all rows went into the table; if not, none did."""
    await connection.execute(text("SAVEPOINT straight"))
    try:
        await copy_in(connection, "readings", _COLUMNS, rows)
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
    collides = is_among(rows.readings, stood.readings)
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
    new_losers = mine.losers[~is_among(rows.readings.take(mine.losers), stood.readings)]
    await _write_conflicts(connection, Candidates.concat([again.take(result.losers), rows.take(new_losers)]))
    fresh = ~is_among(rows.readings.take(mine.winner), stood.readings)
    changed = [_changed(winners, result), _changed(rows.take(mine.winner), mine).take(fresh)]
    return Stored(fate, ReadingColumns.concat(changed))


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
    return spans if settled.changed.all() else spans.take(settled.changed)


async def _write_conflicts(connection: AsyncConnection, losers: Candidates) -> None:
    if len(losers):
        await copy_in(connection, "stage_lost", _COLUMNS, _as_rows(losers, np.zeros(len(losers), np.bool_)))
        await connection.execute(_LOSE)


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
