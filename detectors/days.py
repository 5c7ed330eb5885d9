"""The row of a scope and local day: one structured array over the day's slots, stored packed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.loads import Fact
from detectors.vocab import Verdict

I64 = npt.NDArray[np.int64]

#: One slot. wh: signed sum of the meters with evidence. evidence, meters, missing: counts of meters with evidence,
#: valid at the slot, and missing (SEMANTICS §1.4). cap_kw: NaN where none is known. order, baseline: index into the
#: row's order_ids and baseline_versions, -1 = none. facts: ``detectors.loads.Fact`` bits. units_*: lines or cells
#: counted from their own meters (``detectors.unit_counts.Units``), 0 elsewhere.
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
    ]
)
#: Fields that few scopes have: written only where any slot of the row has them.
_RARE = ("units_running", "units_idle", "units_zero")
#: A slot as the first schema wrote it.
PLAIN_SLOT = np.dtype([(name, SLOT[name]) for name in SLOT.names or () if name not in _RARE])


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
    """Share of the scope's meters with evidence, 0..1; 0 where no meter is valid. Any shape of ``SLOT``."""
    meters = slots["meters"].astype(np.float64)
    proven = (meters > 0) & ((slots["facts"] & Fact.ZERO_UNPROVEN) == 0)
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
_HEAD = np.dtype("<u2")
_NARROW, _PLAIN = 1 << 14, 1 << 15
_FIELDS = [(name, SLOT[name]) for name in SLOT.names or ()]
#: Both sure counts as one number: where both are 0 everywhere, nothing rare is there.
_KNOWN_UNITS = np.dtype([("before", f"V{PLAIN_SLOT.itemsize}"), ("units", "<u4"), ("units_zero", "<u2")])
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
        if slots.view(_KNOWN_UNITS)["units"].any():
            for flag, name in _RARE_BITS:
                mask |= np.where(slots[name].any(axis=1), flag, 0)
        low, high = slots["wh"].min(axis=1), slots["wh"].max(axis=1)
        mask |= np.where((low >= -(2**31)) & (high < 2**31), _NARROW, 0)
    result = [b""] * len(slots)
    for shape in np.unique(mask).tolist():
        mine = np.flatnonzero(mask == shape)
        rows = np.empty(len(mine), _row_dtype(shape, count))
        rows["mask"], rows["count"] = shape, count
        for name in (rows.dtype.names or ())[2:]:
            rows[name] = slots[name][mine, 0] if rows[name].ndim == 1 else slots[name][mine]
        data, size = rows.tobytes(), rows.itemsize
        for place, row in enumerate(mine.tolist()):
            result[row] = data[place * size : (place + 1) * size]
    return result


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
    return np.dtype(fields)
