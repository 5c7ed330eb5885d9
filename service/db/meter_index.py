"""What ingest must know of the registry: one immutable value of arrays, loaded anew whenever the registry changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.quality import NOTHING_FROZEN
from detectors.readings import F64, I8, I32, I64, Bool
from detectors.registry import ALWAYS, FOREVER
from detectors.vocab import Role

#: Composite keys ``row * SPAN + epoch_s`` sort by row, then by time.
SPAN = 1 << 40
UNKNOWN_SOURCE = "unknown"
#: Row of a record's key where it has none.
NO_KEY = -2


@dataclass(frozen=True, slots=True)
class Intervals:
    """Validities of the meters, sorted by (row, valid_from): what holds for a meter at a time."""

    row: I64
    valid_from: I64
    valid_to: I64
    payload: npt.NDArray[Any]

    @staticmethod
    def of(rows: "list[tuple[int, int, int, float]]", dtype: npt.DTypeLike) -> "Intervals":
        """From (row, valid_from, valid_to, payload) in any order."""
        rows = sorted(rows)
        return Intervals(
            np.array([r[0] for r in rows], np.int64),
            np.array([r[1] for r in rows], np.int64),
            np.array([r[2] for r in rows], np.int64),
            np.array([r[3] for r in rows], dtype),
        )


@dataclass(frozen=True, slots=True)
class MeterIndex:
    """Meters by row 0..M-1; ``rows`` finds the row of an id. Arrays have one element a meter."""

    version: int
    zone: str
    rows: Mapping[str, int]
    meter_no: I32
    kind: I8
    scale: I8
    period_s: I32
    source: I32  # index into sources
    sources: tuple[str, ...]
    has_reverse: Bool
    multipliers: Intervals  # payload: factor; not overlapping
    members: Intervals  # payload: scope_no; a meter may be in several scopes
    _row_of_no: I32 = field(repr=False)
    _by_key: dict[bytes | None, int] = field(default_factory=dict, repr=False, compare=False)
    frozen_before_s: int = NOTHING_FROZEN  # readings up to this time belong to months that were put away

    @property
    def rows_by_key(self) -> Mapping[bytes | None, int]:
        """Rows by the keys of records; ``NO_KEY`` where there is none."""
        if not self._by_key:
            self._by_key[None] = NO_KEY
            self._by_key.update((meter_id.encode(), row) for meter_id, row in self.rows.items())
        return self._by_key

    def factor_at(self, row: I32, ts: I64) -> F64:
        """综合倍率 of the meters at their times; NaN where the registry has none. row -1: unknown meter."""
        found = np.full(len(row), np.nan)
        table = self.multipliers
        if len(table.row) == 0 or len(row) == 0:
            return found
        keys = table.row * SPAN + table.valid_from
        at = np.searchsorted(keys, row.astype(np.int64) * SPAN + np.maximum(ts, 0), side="right") - 1
        at_safe = np.maximum(at, 0)
        valid = (at >= 0) & (table.row[at_safe] == row) & (ts < table.valid_to[at_safe])
        found[valid] = table.payload[at_safe[valid]]
        return found

    def rows_of_numbers(self, meter_no: I32) -> I32:
        """Rows of meter numbers of this registry; -1 where a number is not in it."""
        known = (meter_no >= 0) & (meter_no < len(self._row_of_no))
        rows = np.full(len(meter_no), -1, np.int32)
        rows[known] = self._row_of_no[meter_no[known]]
        return rows

    def memberships(self, row: I32, since: I64, until: I64) -> tuple[I64, I64]:
        """Scopes that count the meters at any time from ``since`` to ``until``: (index into the arguments, scope_no),
        one element a membership."""
        table = self.members
        first = np.searchsorted(table.row, row, side="left")
        count = np.searchsorted(table.row, row, side="right") - first
        which = np.repeat(np.arange(len(row)), count)
        start_of_run = np.repeat(np.cumsum(count) - count, count)
        member = np.repeat(first, count) + np.arange(len(which)) - start_of_run
        valid = (table.valid_from[member] <= until[which]) & (since[which] <= table.valid_to[member])
        return which[valid], table.payload[member[valid]].astype(np.int64)

    @staticmethod
    def empty(zone: str = "Asia/Shanghai") -> "MeterIndex":
        """No meter at all."""
        return MeterIndex(
            version=0,
            zone=zone,
            rows={},
            meter_no=np.empty(0, np.int32),
            kind=np.empty(0, np.int8),
            scale=np.empty(0, np.int8),
            period_s=np.empty(0, np.int32),
            source=np.empty(0, np.int32),
            sources=(UNKNOWN_SOURCE,),
            has_reverse=np.empty(0, np.bool_),
            multipliers=Intervals.of([], np.float64),
            members=Intervals.of([], np.int64),
            _row_of_no=np.empty(0, np.int32),
        )


METERS = text(
    "SELECT m.meter_id, m.meter_no, m.plant_id, m.kind, m.scale, m.period_s, m.source, m.role,"
    " EXISTS (SELECT 1 FROM meters r WHERE r.plant_id = m.plant_id AND r.role = 'reverse') AS plant_reverses"
    " FROM meters m ORDER BY m.meter_no"
)
MULTIPLIERS = text(
    "SELECT meter_id, extract(epoch FROM valid_from)::bigint, extract(epoch FROM valid_to)::bigint, factor"
    " FROM multipliers"
)
MEMBERS = text(
    "SELECT sm.meter_id, s.scope_no, extract(epoch FROM sm.valid_from)::bigint, extract(epoch FROM sm.valid_to)::bigint"
    " FROM scope_meters sm JOIN scopes s USING (scope_id)"
)
# The default scope of a plant, where nobody named its members (SEMANTICS §2.9).
DEFAULT_MEMBERS = text(
    "SELECT m.meter_id, s.scope_no FROM meters m JOIN scopes s ON s.scope_id = m.plant_id"
    " WHERE m.role IN ('supply', 'generation', 'reverse')"
    " AND NOT EXISTS (SELECT 1 FROM scope_meters sm WHERE sm.scope_id = m.plant_id)"
)
# Line meters by which the units of a scope are counted, though the scope does not sum them: `detectors.lines`. Those of
# orders that stand no more are marked in vain.
LINE_MEMBERS = text(
    "SELECT DISTINCT m.meter_id, s.scope_no FROM meters m JOIN scopes s USING (plant_id)"
    " JOIN orders o USING (scope_id) WHERE m.role = 'line' AND m.line_id IS NOT NULL AND o.control = 'units'"
    " AND NOT EXISTS (SELECT 1 FROM scope_meters sm WHERE sm.scope_id = s.scope_id AND sm.meter_id = m.meter_id)"
)
# Accounts of the same enterprise that an ordered scope does not sum: `detectors.enterprises`. A day is compared with
# the usual one, so without a day_kwh there is nothing to look at.
SIBLINGS = text(
    "SELECT DISTINCT m.meter_id, s.scope_no FROM orders o JOIN scopes s USING (scope_id) JOIN plants p USING (plant_id)"
    " JOIN plants q ON coalesce(q.uscc, 'plant ' || q.plant_id) = coalesce(p.uscc, 'plant ' || p.plant_id)"
    " JOIN meters m ON m.plant_id = q.plant_id"
    " WHERE o.control IN ('stop', 'limit', 'cap', 'units') AND m.role IN ('supply', 'generation', 'reverse')"
    " AND EXISTS (SELECT 1 FROM baselines b WHERE b.scope_id = s.scope_id AND b.day_kwh IS NOT NULL)"
    " AND NOT (s.scope_id = m.plant_id"
    " AND NOT EXISTS (SELECT 1 FROM scope_meters sm WHERE sm.scope_id = s.scope_id))"
)
# Treatment and the production that belongs to it tell of their plant, with and without an order: `detectors.treatment`.
TREATED = text(
    "SELECT m.meter_id, s.scope_no FROM meters m JOIN scopes s ON s.scope_id = m.plant_id"
    " WHERE m.role IN ('treatment', 'production', 'line')"
    " AND EXISTS (SELECT 1 FROM meters t WHERE t.plant_id = m.plant_id AND t.role = 'treatment')"
)
# What a meter that no scope counts at all times has to say may still be that its source is not down (SEMANTICS §5.29):
# its plant's scope is looked at.
PLANT_SCOPES = text("SELECT m.meter_id, s.scope_no FROM meters m JOIN scopes s ON s.scope_id = m.plant_id")


async def registry_version(connection: AsyncConnection, *, lock: bool = False) -> int:
    """Version of the registry. lock: no import may commit before the caller does, so that whatever the caller decides
    by this version is seen by the import's own marks and re-checks."""
    statement = "SELECT version FROM registry_state" + (" FOR SHARE" if lock else "")
    return int(await connection.scalar(text(statement)) or 0)


def _rows_of(meter_ids: Sequence[str], before: MeterIndex | None) -> tuple[Mapping[str, int], dict[bytes | None, int]]:
    """Row of each id, and of each key as far as these were asked for."""
    if before is None:
        return {meter_id: row for row, meter_id in enumerate(meter_ids)}, {}
    if list(before.rows) == meter_ids:
        return before.rows, before._by_key
    same = {meter_id: meter_id for meter_id in before.rows}
    return {same.get(meter_id, meter_id): row for row, meter_id in enumerate(meter_ids)}, {}


async def load_meter_index(connection: AsyncConnection, before: MeterIndex | None = None) -> MeterIndex:
    """Read the index; one consistent state if the caller's transaction is a repeatable read.

    before: the index that it takes the place of. Its texts and keys are used again: a hundred thousand new ones, each
    between objects that live for a moment, would leave the memory of these in pieces with every change of the registry.
    """
    state = (
        await connection.execute(
            text("SELECT version, zone, extract(epoch FROM frozen_before)::bigint AS frozen_s FROM registry_state")
        )
    ).one()
    meters = (await connection.execute(METERS)).all()
    rows, by_key = _rows_of([m.meter_id for m in meters], before)
    sources = (UNKNOWN_SOURCE, *sorted({m.source for m in meters} - {UNKNOWN_SOURCE}))
    source_index = {name: i for i, name in enumerate(sources)}
    multipliers = [
        (rows[meter_id], valid_from, FOREVER if valid_to is None else valid_to, factor)
        for meter_id, valid_from, valid_to, factor in await connection.execute(MULTIPLIERS)
    ]
    members = [
        (rows[meter_id], ALWAYS if first is None else first, FOREVER if last is None else last, scope_no)
        for meter_id, scope_no, first, last in await connection.execute(MEMBERS)
    ]
    members += [
        (rows[meter_id], ALWAYS, FOREVER, scope_no)
        for statement in (DEFAULT_MEMBERS, LINE_MEMBERS, SIBLINGS, TREATED)
        for meter_id, scope_no in await connection.execute(statement)
    ]
    counted = {row for row, first, last, _ in members if first == ALWAYS and last == FOREVER}
    members += [
        (rows[meter_id], ALWAYS, FOREVER, scope_no)
        for meter_id, scope_no in await connection.execute(PLANT_SCOPES)
        if rows[meter_id] not in counted
    ]
    numbers = np.array([m.meter_no for m in meters], np.int32)
    row_of_no = np.full(int(numbers.max()) + 1 if len(numbers) else 0, -1, np.int32)
    row_of_no[numbers] = np.arange(len(numbers), dtype=np.int32)
    return MeterIndex(
        version=state.version,
        zone=state.zone,
        rows=rows,
        meter_no=numbers,
        kind=np.array([m.kind for m in meters], np.int8),
        scale=np.array([m.scale for m in meters], np.int8),
        period_s=np.array([m.period_s for m in meters], np.int32),
        source=np.array([source_index[m.source] for m in meters], np.int32),
        sources=sources,
        has_reverse=np.array(
            [m.role in (Role.GENERATION, Role.REVERSE) or m.plant_reverses for m in meters], dtype=np.bool_
        ),
        multipliers=Intervals.of(multipliers, np.float64),
        members=Intervals.of(members, np.int64),
        _row_of_no=row_of_no,
        _by_key=by_key,
        frozen_before_s=NOTHING_FROZEN if state.frozen_s is None else state.frozen_s,
    )
