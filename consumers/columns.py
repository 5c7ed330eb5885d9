"""The fast path: records that are in order in every word become arrays; the rest is left for ``consumers.strict``.

msgspec lets the last of two equal keys win and skips what it does not know without looking into it. So a record only
counts as understood when the keys in its bytes are exactly as many as the fields that came out: every key costs at
least one `":` and there is no blank before a colon. Then no key stands twice and none was skipped.
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
    Single,
    Slot,
)
from consumers.words import codes_of, decode_all, ints_of, keys_match, letters_fit, meters_of, times_of
from detectors.readings import F64, I8, I32, I64, Bool, ReadingColumns
from detectors.vocab import Quality
from service.db.meter_index import MeterIndex

_SINGLE = msgspec.json.Decoder(Single)
_FRAME = msgspec.json.Decoder(Frame)
_SLOT = msgspec.json.Decoder(Slot)
_N = int(Quality.N)


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


def singles(numbers: Sequence[int], bodies: list[bytes], stamps: I64, index: MeterIndex, times: TimeCache) -> Block:
    """Records of one reading each. numbers: of the records in their batch; stamps: their timestamps, epoch ms."""
    parsed = decode_all(_SINGLE.decode, bodies, Single())
    n = len(parsed)
    shared = _shared(parsed, stamps, times)
    meter, strange = meters_of([p.meter_id for p in parsed], index)
    ts = times_of([p.ts for p in parsed], times)
    kw = np.array([p.kw for p in parsed], np.float64)
    value = np.array([p.value for p in parsed], np.float64)
    period_s = ints_of([p.period_s for p in parsed], np.int32)
    q = codes_of([p.q for p in parsed], QUALITIES, absent=-1)
    is_short, is_long = ~np.isinf(kw), ~np.isinf(value)
    present = shared.present + (2 + is_short + is_long + (period_s != 0) + (q != -1)).astype(np.int64)

    known = np.maximum(meter, 0)
    of_registry = index.meter_no.size > 0
    kind = np.where(is_short, index.kind[known] if of_registry else 0, shared.kind).astype(np.int8)
    kind[is_short & (meter < 0)] = 0
    scale = np.where(is_short, index.scale[known] if of_registry else 0, shared.scale).astype(np.int8)
    scale[is_short & (meter < 0)] = 0
    plain = (shared.kind == -1) & (shared.unit == -1) & (shared.scale == -1) & (IS_POWER[kind] | (meter < 0))
    value = np.where(is_short, kw + 0.0, _in_base_unit(value, shared.unit))
    q = np.where(q == -1, np.where(np.isnan(value), _N, 0), q).astype(np.int8)
    clean = (
        shared.clean
        & ~strange
        & (ts >= 0)
        & (is_short ^ is_long)
        & np.where(is_short, plain, _fits(shared))
        & (q >= 0)
        & ((q == _N) == np.isnan(value))
        & ~np.isinf(value)
    )
    clean &= keys_match(bodies, present)
    row = np.flatnonzero(clean)
    rows = Rows(
        np.asarray(numbers, np.int32)[row],
        np.full(len(row), -1, np.int32),
        _readings(
            meter, kind, ts // 1000, value, q, shared.rev, shared.coll, scale, _period(period_s, kind, meter, index)
        ).take(row),
        shared.t_factor[row],
    )
    unknown = {(numbers[i], -1): parsed[i].meter_id for i in np.flatnonzero(clean & (meter < 0)).tolist()}
    return Block(rows, [numbers[i] for i in range(n) if not clean[i]] if len(row) < n else [], unknown)


def frames(numbers: Sequence[int], bodies: list[bytes], stamps: I64, index: MeterIndex, times: TimeCache) -> Block:
    """Records of one meter and many slots each."""
    parsed = decode_all(_FRAME.decode, bodies, Frame())
    shared = _shared(parsed, stamps, times)
    meter, strange = meters_of([p.meter_id for p in parsed], index)
    t0 = times_of([p.t0 for p in parsed], times)
    step_s = ints_of([p.step_s for p in parsed], np.int32)
    counts = ints_of([len(p.values) for p in parsed], np.int64)
    present = shared.present + 4 + np.array([p.q != "" for p in parsed], np.int64)
    clean = shared.clean & ~strange & (t0 >= 0) & (step_s > 0) & (counts > 0) & (counts <= MAX_FRAME_SLOTS)
    clean &= _fits(shared) & keys_match(bodies, present)
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
    return _block(numbers, clean, flat, readings, shared, lambda record, _: parsed[record].meter_id)


def slots(numbers: Sequence[int], bodies: list[bytes], stamps: I64, index: MeterIndex, times: TimeCache) -> Block:
    """Records of many meters and one time each."""
    parsed = decode_all(_SLOT.decode, bodies, Slot())
    shared = _shared(parsed, stamps, times)
    ts = times_of([p.ts for p in parsed], times)
    period_s = ints_of([p.period_s for p in parsed], np.int32)
    counts = ints_of([len(p.values) for p in parsed], np.int64)
    same_length = counts == ints_of([len(p.meter_id) for p in parsed], np.int64)
    present = shared.present + 3 + (period_s != 0) + np.array([p.q != "" for p in parsed], np.int64)
    clean = shared.clean & (ts >= 0) & (counts > 0) & same_length & _fits(shared) & keys_match(bodies, present)
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
    return _block(numbers, clean, flat, readings, shared, lambda record, position: parsed[record].meter_id[position])


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
        said = np.array([p.q != "" for p in parsed], np.bool_)[owner]
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
    has_coll = np.array([t != "" for t in texts], np.bool_)
    coll = stamps
    if has_coll.any():
        coll = np.where(has_coll, times_of([t or "-" for t in texts], times), stamps)
    t_factor = np.full(len(parsed), np.nan)
    present = (kind != -1).astype(np.int64) + (unit != -1) + (scale != -1) + (rev != -1) + (version != 0) + has_coll
    if has_factor:
        t_factor = np.array([p.t_factor for p in parsed], np.float64)
        present += ~np.isnan(t_factor)
        present += np.array([p.asset_no != "" for p in parsed], np.bool_)
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
    if index.meter_no.size == 0:
        return period_s
    of_registry = np.where((meter >= 0) & ~IS_REGISTER[kind], index.period_s[np.maximum(meter, 0)], 0)
    return np.where(period_s == 0, of_registry, period_s).astype(np.int32)


def _readings(
    meter: I32, kind: I8, ts: I64, value: F64, q: I8, rev: I32, coll: I64, scale: I8, period_s: I32
) -> ReadingColumns:
    return ReadingColumns(meter, kind, ts, value, q, rev, coll, scale, period_s, np.zeros(len(ts), np.bool_))
