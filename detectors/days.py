"""The row of a scope and local day: one structured array over the day's slots, stored packed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.loads import Fact
from detectors.vocab import SUSPECT, Verdict

I64 = npt.NDArray[np.int64]

#: One slot. wh: signed sum of the meters with evidence. evidence, meters, missing: counts of meters with evidence,
#: valid at the slot, and missing (SEMANTICS §1.4). cap_kw: NaN where none is known. order, baseline: index into the
#: row's order_ids and baseline_versions, -1 = none. facts: ``detectors.loads.Fact`` bits. units_*: lines or cells
#: counted from their own meters (``detectors.unit_counts.Units``), 0 elsewhere. treatment, enterprise_*: what meters
#: outside the scope's sum tell (``detectors.heard.Heard``), 0 elsewhere.
SLOT = np.dtype(
    [
        ("wh", "<i8"),
        ("cap_kw", "<f8"),
        ("reasons", "<u4"),
        ("evidence", "<u2"),
        ("meters", "<u2"),
        ("missing", "<u2"),
        ("facts", "<u2"),
        ("verdict", "u1"),
        ("order", "i1"),
        ("baseline", "i1"),
        ("units_running", "<u2"),
        ("units_idle", "<u2"),
        ("units_zero", "<u2"),
        ("treatment", "<u4"),
        ("enterprise_wh", "<i4"),
        ("enterprise_full", "u1"),
    ]
)
#: Fields that few scopes have: written only where any slot of the row has them. Those of ``_EXTRA`` came when the first
#: mask was full, and have a mask of their own, in rows that have any of them.
_RARE = ("units_running", "units_idle", "units_zero")
_EXTRA = ("treatment", "enterprise_wh", "enterprise_full")
#: A slot as the first schema wrote it.
PLAIN_SLOT = np.dtype([(name, SLOT[name]) for name in SLOT.names or () if name not in (*_RARE, *_EXTRA)])


@dataclass(frozen=True, slots=True)
class DayRow:
    """One scope and local day (CONTRACTS §3 days.csv)."""

    verdict: int
    reasons: int
    order_id: str | None
    energy_wh: int | None
    cap_wh: float | None
    coverage: float
    violating_slots: int


def coverage(slots: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    """Share of the scope's meters with evidence, 0..1; 0 where no meter is valid, or none is believed. Any shape of
    ``SLOT``."""
    meters = slots["meters"].astype(np.float64)
    proven = (meters > 0) & ((slots["facts"] & Fact.ZERO_UNPROVEN) == 0) & ((slots["reasons"] & SUSPECT) == 0)
    return np.asarray(np.divide(slots["evidence"], meters, out=np.zeros_like(meters), where=proven), np.float64)


def load_kw(slots: npt.NDArray[np.void], slot_s: int) -> npt.NDArray[np.float64]:
    """Mean load of each slot in kW; NaN unless coverage is 1 or the slot violates (SEMANTICS §2.10). Where counted
    units violate, the load may not be known even as a lower bound."""
    bound = (slots["facts"] & (_BOUND | Fact.ZERO_UNPROVEN)) == _BOUND
    shown = (coverage(slots) == 1.0) | ((slots["verdict"] == Verdict.VIOLATING) & bound)
    return np.asarray(np.where(shown, slots["wh"] * (3.6 / slot_s), np.nan), np.float64)


#: What makes a load known as a lower bound.
_BOUND = Fact.LOWER_BOUND | Fact.SPEAKS
#: A packed row: mask and number of slots, then field by field (``SLOT``'s order) one value where its bit is set in the
#: mask (it is the same in every slot), else one a slot; ``wh`` as int32 where ``_NARROW`` is set. Rare fields the other
#: way round: one value a slot where the bit is set, else nothing. ``_PLAIN``: the mask alone, then ``PLAIN_SLOT``s.
#: ``_MORE``: behind mask and number comes a second mask, of the extra fields: bit k where any slot has the k-th, bit
#: 16 + k where it is the same in every slot. In memory both masks are one number, the second 16 bits up.
_HEAD, _SECOND = np.dtype("<u2"), np.dtype("<u4")
_MORE, _NARROW, _PLAIN = 1 << 13, 1 << 14, 1 << 15
_FIELDS = [(name, SLOT[name]) for name in SLOT.names or () if name not in _EXTRA]
_EXTRA_FIELDS = [(1 << 16 + bit, 1 << 32 + bit, name) for bit, name in enumerate(_EXTRA)]
#: Both sure counts as one number, and extra fields as others: where they are 0 everywhere, nothing rare is there.
_GROUPS = np.dtype(
    [
        ("before", f"V{PLAIN_SLOT.itemsize}"),
        ("units", "<u4"),
        ("units_zero", "<u2"),
        ("extra", "<u8"),
        ("enterprise_full", "u1"),
    ]
)
_RARE_BITS = [(1 << bit, name) for bit, (name, _) in enumerate(_FIELDS) if name in _RARE]


def packed(slots: npt.NDArray[np.void]) -> list[bytes]:
    """Rows of ``SLOT``, [S, T], each as bytes for ``unpacked``; equal rows give equal bytes."""
    count = slots.shape[1]
    mask = np.zeros(len(slots), np.int64)
    if count:
        for bit, (name, kind) in enumerate(_FIELDS):
            if name in _RARE:
                continue
            values = slots[name].view("<i8") if kind == np.float64 else slots[name]  # NaN equals itself
            mask |= np.where((values == values[:, :1]).all(axis=1), 1 << bit, 0)
        groups = slots.view(_GROUPS)
        if groups["units"].any():
            for flag, name in _RARE_BITS:
                mask |= np.where(slots[name].any(axis=1), flag, 0)
        if groups["extra"].any() or groups["enterprise_full"].any():
            mask |= _extra_mask(slots)
        low, high = slots["wh"].min(axis=1), slots["wh"].max(axis=1)
        mask |= np.where((low >= -(2**31)) & (high < 2**31), _NARROW, 0)
    result = [b""] * len(slots)
    for shape in np.unique(mask).tolist():
        mine = np.flatnonzero(mask == shape)
        rows = np.empty(len(mine), _row_dtype(shape, count))
        rows["mask"], rows["count"] = shape & 0xFFFF, count
        if shape & _MORE:
            rows["second"] = shape >> 16
        for name in (rows.dtype.names or ())[3 if shape & _MORE else 2 :]:
            rows[name] = slots[name][mine, 0] if rows[name].ndim == 1 else slots[name][mine]
        data, size = rows.tobytes(), rows.itemsize
        for place, row in enumerate(mine.tolist()):
            result[row] = data[place * size : (place + 1) * size]
    return result


def _extra_mask(slots: npt.NDArray[np.void]) -> I64:
    """Which extra fields each row has, and which of them are the same in every slot."""
    mask = np.zeros(len(slots), np.int64)
    for present, same, name in _EXTRA_FIELDS:
        values = slots[name]
        has_any = values.any(axis=1)
        mask |= np.where(has_any, present | _MORE, 0)
        mask |= np.where(has_any & (values == values[:, :1]).all(axis=1), same, 0)
    return mask


def unpacked(data: bytes, lengths: I64, width: int) -> tuple[npt.NDArray[np.void], I64]:
    """Packed rows, joined, of ``lengths`` bytes each: [S, width] of ``SLOT`` and how many slots each row has; behind
    them are zeros. width: at least the longest row."""
    slots = np.zeros((len(lengths), width), SLOT)
    columns, counts = unpacked_columns(data, lengths, width, SLOT.names or ())
    for name, values in columns.items():
        slots[name] = values
    return slots, counts


def unpacked_row(data: bytes) -> npt.NDArray[np.void]:
    """One packed row: [T] of ``SLOT``."""
    lengths = np.array([len(data)], np.int64)
    _, counts = unpacked_columns(data, lengths, 0, ())
    slots, _ = unpacked(data, lengths, int(counts[0]))
    return slots.reshape(-1)


def unpacked_columns(
    data: bytes, lengths: I64, width: int, names: Sequence[str]
) -> tuple[dict[str, npt.NDArray[Any]], I64]:
    """As ``unpacked``, only some fields, each an array of its own."""
    raw = np.frombuffer(data, np.uint8)
    columns: dict[str, npt.NDArray[Any]] = {n: np.zeros((len(lengths), width), SLOT[n]) for n in names}
    counts = np.zeros(len(lengths), np.int64)
    begin = np.cumsum(lengths) - lengths
    mask = _two_bytes(raw, begin)
    is_plain = mask == _PLAIN
    counts[is_plain] = (lengths[is_plain] - _HEAD.itemsize) // PLAIN_SLOT.itemsize
    counts[~is_plain] = _two_bytes(raw, begin[~is_plain] + _HEAD.itemsize)
    more = np.flatnonzero(~is_plain & ((mask & _MORE) > 0))
    if len(more):
        second = begin[more] + 2 * _HEAD.itemsize
        mask[more] |= (_two_bytes(raw, second) | _two_bytes(raw, second + 2) << 16) << 16
    for shape, count in np.unique(np.stack([mask, counts]), axis=1).T.tolist():
        mine = np.flatnonzero((mask == shape) & (counts == count))
        kind = _row_dtype(shape, count)
        is_all = len(mine) == len(lengths)
        rows = (raw if is_all else raw[begin[mine, None] + np.arange(kind.itemsize)].reshape(-1)).view(kind)
        source = rows["slots"] if shape == _PLAIN else rows
        for name in names:
            if name not in (source.dtype.names or ()):
                continue
            values = source[name]
            columns[name][mine, :count] = values if values.ndim > 1 else values[:, None]
    return columns, counts


def _two_bytes(raw: npt.NDArray[np.uint8], at: I64) -> I64:
    return raw[at].astype(np.int64) | raw[at + 1].astype(np.int64) << 8


def _row_dtype(mask: int, count: int) -> "np.dtype[np.void]":
    if mask == _PLAIN:
        return np.dtype([("mask", _HEAD), ("slots", PLAIN_SLOT, (count,))])
    fields: list[tuple[str, Any] | tuple[str, Any, tuple[int]]] = [("mask", _HEAD), ("count", _HEAD)]
    for bit, (name, kind) in enumerate(_FIELDS):
        narrow = np.dtype("<i4") if name == "wh" and mask & _NARROW else kind
        is_set = bool(mask >> bit & 1)
        if name in _RARE and not is_set:
            continue
        fields.append((name, narrow) if is_set and name not in _RARE else (name, narrow, (count,)))
    if mask & _MORE:
        fields.insert(2, ("second", _SECOND))
        extra = [(name, same) for present, same, name in _EXTRA_FIELDS if mask & present]
        fields += [(name, SLOT[name]) if mask & same else (name, SLOT[name], (count,)) for name, same in extra]
    return np.dtype(fields)
