"""The fast path: records that are in order in every word become arrays; the rest is left for ``consumers.strict``.

msgspec lets the last of two equal keys win and skips what it does not know without looking into it. So a record only
counts as understood when the keys in its bytes are exactly as many as the fields that came out. Then no key stands
twice and none was skipped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from consumers.rows import Rows
from consumers.timestamps import TimeCache
from consumers.wire import (
    IS_POWER,
    IS_REGISTER,
    KIND_FAMILY,
    KINDS,
    MAX_FRAME_SLOTS,
    QUALITIES,
    QUALITY_OF_BYTE,
    SCALES,
    UNIT_FACTOR,
    UNIT_FAMILY,
    UNITS,
    Frame,
    Short,
    Single,
    Slot,
)
from consumers.words import Taken, are_said, codes_of, floats_of, ints_of, letters_fit, meters_of, times_of
from detectors.readings import F64, I8, I32, I64, Bool, ReadingColumns
from detectors.vocab import Quality
from service.db.meter_index import MeterIndex

_SHORTS = msgspec.json.Decoder(Short).decode
_N, _M = int(Quality.N), int(Quality.M)


@dataclass(frozen=True, slots=True)
class Block:
    """What became of some records: rows, and the numbers of those that were not understood."""

    rows: Rows
    left_over: list[int]
    unknown: dict[tuple[int, int], str]


@dataclass(frozen=True, slots=True)
class _Shared:
    """The fields that the three forms share, one element a record; ``present`` counts the keys they account for."""

    clean: Bool
    present: I64
    kind: I8
    family: I8
    unit: I8
    scale: I8
    rev: I32
    coll: I64
    t_factor: F64


def shorts(bodies: list[bytes]) -> list[Short] | None:
    """The bodies, if they are short forms and nothing else."""
    try:
        for body in (bodies[0], bodies[len(bodies) // 2], bodies[-1]):
            _SHORTS(body)
        return list(map(_SHORTS, bodies))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def short_rows(taken: Taken[Short], index: MeterIndex, times: TimeCache) -> Block:
    """Short forms: all but the value is the registry's."""
    parsed, n = taken.parsed, len(taken.parsed)
    ids = [p.meter_id for p in parsed]
    meter, strange = meters_of(ids, index)
    ts = times_of([p.ts for p in parsed], times)
    value = floats_of([p.kw for p in parsed]) + 0.0
    kind, scale = _of_registry(meter, index)
    clean = ~strange & (ts >= 0) & (IS_POWER[kind] | (meter < 0)) & ~np.isinf(value)
    clean &= taken.are_whole(np.full(n, 3))
    q = np.where(np.isnan(value), np.int8(_N), np.int8(_M))
    period_s = _period(np.zeros(n, np.int32), kind, meter, index)
    rev = np.zeros(n, np.int32)
    readings = _readings(meter, kind, ts // 1000, value, q, rev, taken.stamps, scale, period_s)
    return _one_each(taken.numbers, clean, readings, np.full(n, np.nan), ids)


def singles(taken: Taken[Single], index: MeterIndex, times: TimeCache) -> Block:
    """Records of one reading each."""
    parsed = taken.parsed
    shared = _shared(parsed, taken.stamps, times)
    ids = [p.meter_id for p in parsed]
    meter, strange = meters_of(ids, index)
    ts = times_of([p.ts for p in parsed], times)
    kw = floats_of([p.kw for p in parsed])
    value = floats_of([p.value for p in parsed])
    period_s = ints_of([p.period_s for p in parsed], np.int32)
    q = codes_of([p.q for p in parsed], QUALITIES, absent=-1)
    is_short, is_long = ~np.isinf(kw), ~np.isinf(value)
    present = shared.present + (2 + is_short + is_long + (period_s != 0) + (q != -1)).astype(np.int64)

    of_registry = _of_registry(meter, index)
    kind = np.where(is_short, of_registry[0], shared.kind)
    scale = np.where(is_short, of_registry[1], shared.scale)
    plain = (shared.kind == -1) & (shared.unit == -1) & (shared.scale == -1) & (IS_POWER[kind] | (meter < 0))
    value = np.where(is_short, kw + 0.0, _in_base_unit(value, shared.unit))
    q = np.where(q == -1, np.where(np.isnan(value), _N, _M), q).astype(np.int8)
    clean = (
        shared.clean
        & ~strange
        & (ts >= 0)
        & (is_short ^ is_long)
        & np.where(is_short, plain, _fits(shared))
        & (q >= 0)
        & ((q == _N) == np.isnan(value))
        & ~np.isinf(value)
        & taken.are_whole(present)
    )
    period_s = _period(period_s, kind, meter, index)
    readings = _readings(meter, kind, ts // 1000, value, q, shared.rev, shared.coll, scale, period_s)
    return _one_each(taken.numbers, clean, readings, shared.t_factor, ids)


def _of_registry(meter: I32, index: MeterIndex) -> tuple[I8, I8]:
    """Kind and scale of the meters; 0 where it has none such."""
    if index.meter_no.size == 0:
        return np.zeros(len(meter), np.int8), np.zeros(len(meter), np.int8)
    known = meter >= 0
    return np.where(known, index.kind[meter], np.int8(0)), np.where(known, index.scale[meter], np.int8(0))


def _one_each(numbers: Sequence[int], clean: Bool, readings: ReadingColumns, t_factor: F64, ids: list[str]) -> Block:
    record, position = np.asarray(numbers, np.int32), np.full(len(clean), -1, np.int32)
    rows = Rows(record, position, readings, t_factor)
    left_over: list[int] = []
    if not clean.all():
        rows = rows.take(np.flatnonzero(clean))
        left_over = record[~clean].tolist()
    unknown = np.flatnonzero(clean & (readings.meter < 0)).tolist()
    return Block(rows, left_over, {(numbers[i], -1): ids[i] for i in unknown})


def frames(taken: Taken[Frame], index: MeterIndex, times: TimeCache) -> Block:
    """Records of one meter and many slots each."""
    parsed = taken.parsed
    shared = _shared(parsed, taken.stamps, times)
    meter, strange = meters_of([p.meter_id for p in parsed], index)
    t0 = times_of([p.t0 for p in parsed], times)
    step_s = ints_of([p.step_s for p in parsed], np.int32)
    counts = ints_of([len(p.values) for p in parsed], np.int64)
    present = shared.present + 4 + are_said([p.q for p in parsed])
    clean = shared.clean & ~strange & (t0 >= 0) & (step_s > 0) & (counts > 0) & (counts <= MAX_FRAME_SLOTS)
    clean &= _fits(shared) & taken.are_whole(present)
    clean &= letters_fit([p.q for p in parsed], counts)
    flat = _Flat.of(parsed, counts, shared, clean)
    clean &= flat.clean
    position = flat.position
    ts = (t0 // 1000)[flat.owner] + position * step_s[flat.owner].astype(np.int64)
    kind = shared.kind[flat.owner]
    readings = _readings(
        meter[flat.owner],
        kind,
        ts,
        flat.value,
        flat.q,
        shared.rev[flat.owner],
        shared.coll[flat.owner],
        shared.scale[flat.owner],
        step_s[flat.owner],
    )
    return _block(taken.numbers, clean, flat, readings, shared, lambda record, _: parsed[record].meter_id)


def slots(taken: Taken[Slot], index: MeterIndex, times: TimeCache) -> Block:
    """Records of many meters and one time each."""
    parsed = taken.parsed
    shared = _shared(parsed, taken.stamps, times)
    ts = times_of([p.ts for p in parsed], times)
    period_s = ints_of([p.period_s for p in parsed], np.int32)
    counts = ints_of([len(p.values) for p in parsed], np.int64)
    same_length = counts == ints_of([len(p.meter_id) for p in parsed], np.int64)
    present = shared.present + 3 + (period_s != 0) + are_said([p.q for p in parsed])
    clean = shared.clean & (ts >= 0) & (counts > 0) & same_length & _fits(shared) & taken.are_whole(present)
    clean &= letters_fit([p.q for p in parsed], counts)
    flat = _Flat.of(parsed, counts, shared, clean)
    ids = [m for p, good in zip(parsed, clean, strict=True) if good for m in p.meter_id]
    meter, strange = meters_of(ids, index)
    clean &= flat.clean
    clean[flat.owner[strange]] = False
    kind = shared.kind[flat.owner]
    readings = _readings(
        meter,
        kind,
        (ts // 1000)[flat.owner],
        flat.value,
        flat.q,
        shared.rev[flat.owner],
        shared.coll[flat.owner],
        shared.scale[flat.owner],
        _period(period_s[flat.owner], kind, meter, index),
    )
    return _block(
        taken.numbers, clean, flat, readings, shared, lambda record, position: parsed[record].meter_id[position]
    )


@dataclass(frozen=True, slots=True)
class _Flat:
    """Values of the clean records side by side."""

    owner: I64  # number of the record among the parsed ones
    position: I64
    value: F64
    q: I8
    clean: Bool  # a record: every value of it is in order

    @staticmethod
    def of(parsed: "Sequence[Frame | Slot]", counts: I64, shared: _Shared, clean: Bool) -> "_Flat":
        """Values, units applied, and qualities of the records that are clean so far."""
        kept = np.flatnonzero(clean)
        size = counts[kept]
        owner = np.repeat(kept, size)
        position = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
        numbers: list[float | None] = []
        letters: list[str] = []
        for i in kept.tolist():
            record = parsed[i]
            numbers += record.values
            letters.append(record.q if len(record.q) == len(record.values) else (record.q or " ") * len(record.values))
        value = _in_base_unit(np.array(numbers, np.float64), shared.unit[owner])
        q = QUALITY_OF_BYTE[np.frombuffer("".join(letters).encode("ascii", "replace"), np.uint8)]
        said = are_said([p.q for p in parsed])[owner]
        is_null = np.isnan(value)
        q = np.where(said, q, np.where(is_null, _N, 0)).astype(np.int8)
        wrong = (q < 0) | ((q == _N) != is_null) | np.isinf(value)
        still_clean = np.ones(len(parsed), np.bool_)
        still_clean[owner[wrong]] = False
        return _Flat(owner, position, value, q, still_clean)


def _block(
    numbers: Sequence[int],
    clean: Bool,
    flat: _Flat,
    readings: ReadingColumns,
    shared: _Shared,
    meter_id: Callable[[int, int], str],
) -> Block:
    row = np.flatnonzero(clean[flat.owner])
    owner, position = flat.owner[row], flat.position[row]
    rows = Rows(
        np.asarray(numbers, np.int32)[owner], position.astype(np.int32), readings.take(row), shared.t_factor[owner]
    )
    unknown = {
        (numbers[owner[i]], int(position[i])): meter_id(int(owner[i]), int(position[i]))
        for i in np.flatnonzero(rows.readings.meter < 0)
    }
    return Block(rows, [numbers[i] for i in np.flatnonzero(~clean).tolist()], unknown)


def _shared(parsed: Sequence[Any], stamps: I64, times: TimeCache) -> _Shared:
    has_factor = isinstance(parsed[0], Single | Frame)
    kind = codes_of([p.kind for p in parsed], KINDS, absent=-1)
    unit = codes_of([p.unit for p in parsed], UNITS, absent=-1)
    scale = codes_of([p.scale for p in parsed], SCALES, absent=-1)
    rev = ints_of([p.rev for p in parsed], np.int32)
    version = ints_of([p.v for p in parsed], np.int8)
    texts = [p.coll for p in parsed]
    has_coll = are_said(texts)
    coll = stamps
    if has_coll.all():
        coll = times_of(texts, times)
    elif has_coll.any():
        coll = np.where(has_coll, times_of([t or "-" for t in texts], times), stamps)
    t_factor = np.full(len(parsed), np.nan)
    present = (kind != -1).astype(np.int64) + (unit != -1) + (scale != -1) + (rev != -1) + (version != 0) + has_coll
    if has_factor:
        t_factor = floats_of([p.t_factor for p in parsed])
        present += ~np.isnan(t_factor)
        present += are_said([p.asset_no for p in parsed])
    clean = (kind >= -1) & (unit >= -1) & (scale >= -1) & ((coll >= 0) | ~has_coll)
    return _Shared(clean, present, kind, KIND_FAMILY[kind], unit, scale, np.maximum(rev, 0), coll, t_factor)


def _in_base_unit(value: F64, unit: I8) -> F64:
    """kW, kWh, V, A; infinite where that is too large; never -0."""
    with np.errstate(over="ignore"):
        converted: F64 = value * UNIT_FACTOR[unit] + 0.0
    return converted


def _fits(shared: _Shared) -> Bool:
    """Kind and unit are said and belong together; power and energy say their scale."""
    has_scale = (shared.scale >= 0) | (shared.family > 1)
    fits: Bool = (shared.kind >= 0) & (shared.unit >= 0) & (UNIT_FAMILY[shared.unit] == shared.family) & has_scale
    return fits


def _period(period_s: I32, kind: I8, meter: I32, index: MeterIndex) -> I32:
    """The period said, else the registry's; a register without one may come at any time."""
    if index.meter_no.size == 0 or period_s.all():
        return period_s
    of_registry = np.where((meter >= 0) & ~IS_REGISTER[kind], index.period_s[np.maximum(meter, 0)], 0)
    return np.where(period_s == 0, of_registry, period_s).astype(np.int32)


def _readings(
    meter: I32, kind: I8, ts: I64, value: F64, q: I8, rev: I32, coll: I64, scale: I8, period_s: I32
) -> ReadingColumns:
    return ReadingColumns(meter, kind, ts, value, q, rev, coll, scale, period_s, np.zeros(len(ts), np.bool_))
