"""Readings files -> arrays of readings and a full account of the rows that are none (CONTRACTS §2, FEED §4).

The same codes as on the stream. A file may leave out more than a message: what its columns do not say is taken from
the meter's row in the registry, and times may be local times of the registry's zone.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from consumers.file_account import Account, RowFault
from consumers.file_cells import (
    NO_FAULT,
    instants,
    letters,
    meters,
    named,
    numbers,
    wholes,
)
from consumers.file_tables import Batch, Column, read_batches
from consumers.wire import (
    IS_REGISTER,
    KIND_FAMILY,
    KINDS,
    MAX_PERIOD_S,
    MAX_REV,
    SCALES,
    UNIT_FACTOR,
    UNIT_FAMILY,
    UNITS,
)
from consumers.zones import utc_offsets_s
from detectors.quality import Fault, check_rows
from detectors.readings import F64, I8, I32, I64, Bool, ReadingColumns, is_narrow, looked_up
from detectors.registry import Registry
from detectors.vocab import Quality, Role, Scale
from detectors.world import World, compile_world

#: Without coll: a reading this far after the machine's clock is `future_ts` (SEMANTICS §1.3).
FUTURE_S = 86400

_UNIT_OF_FAMILY = np.array([UNITS["kW"], UNITS["kWh"], UNITS["V"], UNITS["A"]], np.int8)


@dataclass(frozen=True, slots=True)
class ReadingsFile:
    """What files hold. ``columns.meter``: row of the registry's meters."""

    columns: ReadingColumns
    has_coll: Bool  # of each row of ``columns``: it says when it was collected
    faults: list[RowFault]  # the first of each code
    fault_counts: Counter[str]  # all of them, by code
    row_count: int  # rows in the files


@dataclass(frozen=True, slots=True)
class _Office:
    """What the registry says of each meter, one element a meter; the last element stands for an unknown one."""

    rows: dict[str, int]
    kind: I8
    unit: I8
    scale: I8
    period_s: I32
    has_reverse: Bool
    world: World
    zone: ZoneInfo

    @staticmethod
    def of(registry: Registry) -> "_Office":
        meters = registry.meters
        reverse = {m.plant_id for m in meters if m.role == Role.REVERSE}
        return _Office(
            rows={m.meter_id: i for i, m in enumerate(meters)},
            kind=np.array([*(m.kind for m in meters), 0], np.int8),
            unit=np.array([*(UNITS[m.unit] for m in meters), 0], np.int8),
            scale=np.array([*(m.scale for m in meters), 0], np.int8),
            period_s=np.array([*(m.period_s for m in meters), 0], np.int32),
            has_reverse=np.array([*(m.plant_id in reverse for m in meters), False], np.bool_),
            world=compile_world(registry),
            zone=ZoneInfo(registry.zone),
        )


def read_readings(
    paths: Sequence[Path], registry: Registry, *, clock_now_s: float, may_use_arrow: bool = True
) -> ReadingsFile:
    """All readings of files at once; arguments as ``readings_in`` takes them."""
    account = Account()
    parts = list(readings_in(paths, registry, account, clock_now_s=clock_now_s, may_use_arrow=may_use_arrow))
    return ReadingsFile(
        columns=ReadingColumns.concat([columns for columns, _ in parts]),
        has_coll=np.concatenate([has_coll for _, has_coll in parts]) if parts else np.empty(0, np.bool_),
        faults=account.examples,
        fault_counts=account.counts,
        row_count=account.rows,
    )


def readings_in(
    paths: Sequence[Path], registry: Registry, account: Account, *, clock_now_s: float, may_use_arrow: bool = True
) -> Iterator[tuple[ReadingColumns, Bool]]:
    """Readings of files in any form and order, a batch at a time, each with whether it says when it was collected.

    account: takes the rows that are none. clock_now_s: the machine's clock, epoch seconds; only rows without coll are
    held against it. Values come in kW, kWh, V or A, multipliers not applied; coll is ts where the file does not say
    it. Raises InputError where a file cannot be read or lacks a column.
    """
    office = _Office.of(registry)
    for path in paths:
        for batch in read_batches(path, may_use_arrow=may_use_arrow):
            account.rows += len(batch) + len(batch.broken)
            account.add_broken(str(path), batch)
            yield _interpret(str(path), batch, office, clock_now_s, account)


def _interpret(
    path: str, batch: Batch, office: _Office, clock_now_s: float, account: Account
) -> tuple[ReadingColumns, Bool]:
    n = len(batch)
    get: Callable[[str], Column | None] = batch.columns.get
    meter = meters(get("meter_id"), n, office.rows)
    ts = instants(get("ts"), n, office.zone)
    kind = named(get("kind"), n, KINDS, Fault.BAD_KIND, "kind")
    unit = named(get("unit"), n, UNITS, Fault.BAD_UNIT, "unit")
    scale = named(get("scale"), n, SCALES, Fault.SCALE_UNKNOWN, "scale")
    value = numbers(get("value"), n, is_typed=batch.is_typed)
    q = letters(get("q"), n)
    rev = wholes(get("rev"), n, 0, MAX_REV, is_typed=batch.is_typed)
    period = wholes(get("period_s"), n, 1, MAX_PERIOD_S, is_typed=batch.is_typed)
    coll = instants(get("coll"), n, office.zone)
    t_factor = numbers(get("t_factor"), n, is_typed=batch.is_typed)

    of = meter.values  # -1 = unknown: the last element of the office's arrays
    is_known = n > 0 and int(of.min()) >= 0

    def own(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What the registry says of each row's meter."""
        is_alike = is_known and bool((column[:-1] == column[0]).all())
        return np.broadcast_to(column[0], n) if is_alike else column[of]

    kinds = kind.or_else(own(office.kind))
    families = looked_up(KIND_FAMILY, kinds)
    usual = _once(lambda u, f: np.where(UNIT_FAMILY[u] == f, u, _UNIT_OF_FAMILY[f]), own(office.unit), families)
    units = unit.or_else(usual)
    own_scale = _once(lambda f, s: np.where(f > 1, np.int8(Scale.PRIMARY), s), families, own(office.scale))
    scales = scale.or_else(own_scale)
    own_period = _once(lambda k, p: np.where(IS_REGISTER[k], np.int32(0), p), kinds, own(office.period_s))
    periods = period.or_else(own_period).astype(np.int32, copy=False)
    with np.errstate(over="ignore"):
        values = value.values * looked_up(UNIT_FACTOR, units) + 0.0
    qualities = q.or_else(_once(lambda e: np.where(e, np.int8(Quality.N), np.int8(0)), value.is_empty))
    ts_s = ts.values // 1000
    has_coll = ~coll.is_empty

    ts = ts.blamed(ts.is_empty, Fault.MISSING_FIELD)
    unit = unit.blamed((kind.code == NO_FAULT) & (looked_up(UNIT_FAMILY, units) != families), Fault.BAD_UNIT)
    t_factor = t_factor.blamed(t_factor.values <= 0, Fault.BAD_NUMBER)
    odd = ((qualities == Quality.N) != value.is_empty) | np.isinf(values)
    value = value.blamed((q.code == NO_FAULT) & odd, Fault.BAD_NUMBER)
    checked = (
        ("meter_id", meter),
        ("ts", ts),
        ("kind", kind),
        ("unit", unit),
        ("scale", scale),
        ("value", value),
        ("q", q),
        ("rev", rev),
        ("period_s", period),
        ("coll", coll),
        ("t_factor", t_factor),
    )
    codes = np.zeros(n, np.int8)
    column_of = np.full(n, -1, np.int8)
    for i, (_, parsed) in enumerate(checked):
        if parsed.code.any():
            fresh = (codes == NO_FAULT) & (parsed.code != NO_FAULT)
            codes[fresh], column_of[fresh] = parsed.code[fresh], i

    # A row without coll is held against the machine's clock only, and is never late.
    latest = np.int64(clock_now_s) + FUTURE_S - 300
    rows = check_rows(
        ts=ts_s,
        period_s=periods,
        kind=kinds,
        value=values,
        scale=scales,
        record_ts_s=replace(coll, values=coll.values // 1000).or_else(np.minimum(ts_s, latest)),
        known=of >= 0,
        factor=_factors(office, of, ts_s, (scales == Scale.SECONDARY) | ~t_factor.is_empty),
        t_factor=t_factor.values,
        has_reverse=own(office.has_reverse),
        utc_offset_s=utc_offsets_s(ts_s, periods, office.zone),
    )
    if rows.code.any():
        fresh = codes == NO_FAULT
        codes[fresh] = rows.code[fresh]
    columns = ReadingColumns(
        meter=of.astype(np.int32),
        kind=kinds,
        ts=rows.ts,
        value=values,
        q=qualities,
        rev=_once(lambda r: r.astype(np.int32), rev.values),
        coll=coll.or_else(rows.ts * 1000),
        scale=scales,
        period_s=periods,
        had_evidence=np.broadcast_to(np.False_, n),
    )
    if not codes.any():
        return columns, has_coll
    account.add_rows(path, batch, codes, [name for name, _ in checked], column_of)
    good = np.flatnonzero(codes == NO_FAULT)
    return columns.take(good), has_coll[good]


def _once(of: Callable[..., npt.NDArray[Any]], *columns: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``of(*columns)`` row by row; worked out once where every column is one value."""
    if all(is_narrow(c) for c in columns):
        return np.broadcast_to(of(*(c[:1] for c in columns))[0], columns[0].shape)
    return of(*columns)


def _factors(office: _Office, meter: I64, ts_s: I64, matters: Bool) -> F64:
    """Multiplier of each row; NaN of unknown meters, of meters without one, and where it does not matter."""
    factor = np.full(len(meter), np.nan)
    rows = np.flatnonzero((meter >= 0) & matters)
    factor[rows] = office.world.factors(meter[rows], ts_s[rows])
    return factor
