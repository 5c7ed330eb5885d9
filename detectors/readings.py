"""Columns of canonical readings (FEED §1) and the winner among readings of the same key (SEMANTICS §2.6)."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.vocab import QUALITY_CLASS

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int8]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_CLASS = np.array(QUALITY_CLASS, dtype=np.int8)


@dataclass(frozen=True, slots=True)
class ReadingColumns:
    """N readings, one array each; units kW, kWh, V, A after ``unit`` was applied, multipliers not yet applied.

    ``value`` is NaN where there is none (quality N).
    """

    meter: I32  # row of the registry's meters (back-test) or meter_no (database)
    kind: I8  # Kind
    ts: I64  # interval end, epoch seconds UTC
    value: F64
    q: I8  # Quality
    rev: I32
    coll: I64  # collection time, epoch milliseconds UTC
    scale: I8  # Scale
    period_s: I32
    had_evidence: Bool  # a loser of this key was evidence while this winner is not

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, rows: Any) -> "ReadingColumns":
        """The rows named by an index array, a mask or a slice."""
        if isinstance(rows, np.ndarray) and rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        return ReadingColumns(*(_picked(getattr(self, f.name), rows) for f in fields(self)))

    @staticmethod
    def empty() -> "ReadingColumns":
        """No reading."""
        return ReadingColumns(
            np.empty(0, np.int32),
            np.empty(0, np.int8),
            np.empty(0, np.int64),
            np.empty(0, np.float64),
            np.empty(0, np.int8),
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            np.empty(0, np.int8),
            np.empty(0, np.int32),
            np.empty(0, np.bool_),
        )

    @staticmethod
    def concat(parts: "list[ReadingColumns]") -> "ReadingColumns":
        """All rows of the parts, in order."""
        if not parts:
            return ReadingColumns.empty()
        return ReadingColumns(*(_joined([getattr(p, f.name) for p in parts]) for f in fields(ReadingColumns)))


def narrow(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy of a column; where all of it is alike, one value that is repeated without memory (read-only)."""
    if len(column) and (is_narrow(column) or (column == column[0]).all()):
        return np.broadcast_to(column[0], column.shape)
    return column.copy()


def is_narrow(column: npt.NDArray[Any]) -> bool:
    """Whether a column is one value, repeated without memory."""
    return column.strides == (0,) and len(column) > 0


def looked_up(table: npt.NDArray[Any], rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``table[rows]``, narrow where ``rows`` is."""
    return np.broadcast_to(table[rows[0]], rows.shape) if is_narrow(rows) else table[rows]


def _picked(column: npt.NDArray[Any], rows: Any) -> npt.NDArray[Any]:
    if is_narrow(column) and not isinstance(rows, slice):
        return np.broadcast_to(column[0], len(rows))
    picked: npt.NDArray[Any] = column[rows]
    return picked


def _joined(columns: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    filled = [c for c in columns if len(c)]
    if filled and all(is_narrow(c) and c[0] == filled[0][0] for c in filled):
        return np.broadcast_to(filled[0][0], sum(map(len, filled)))
    return np.concatenate(columns)


def evidence_class(q: I8) -> I8:
    """Class of each quality: 0 evidence, 1 {S,Q}, 2 N."""
    return looked_up(_CLASS, q)


def winners(readings: ReadingColumns, factor: F64) -> tuple[ReadingColumns, int]:
    """The winner of each (meter, kind, ts) (SEMANTICS §2.6), sorted by that key, and how many readings lost.

    factor: multiplier of each reading at its time where its scale is secondary, else 1; it only decides between
    readings that are alike in revision, class, collection time and quality.
    """
    n = len(readings)
    order = np.lexsort((readings.ts, readings.kind, readings.meter))
    begins = _begins(readings, order)
    if begins.all():
        return readings.take(order), 0
    group = np.cumsum(begins) - 1
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    best = order[starts]
    lost_evidence = np.zeros(len(starts), np.bool_)
    contested = np.bincount(group, minlength=len(starts)) > 1
    if contested.any():
        rivals = _ranked(readings, factor, order[contested[group]])
        firsts = np.flatnonzero(_begins(readings, rivals))
        best[contested] = rivals[firsts]
        had_evidence = np.minimum.reduceat(evidence_class(readings.q[rivals]), firsts) == 0
        lost_evidence[contested] = had_evidence & (evidence_class(readings.q[best[contested]]) != 0)
    won = readings.take(best)
    return replace(won, had_evidence=won.had_evidence | lost_evidence), n - len(starts)


def _begins(readings: ReadingColumns, order: I64) -> Bool:
    """Where the key differs from the one before, along rows sorted by key."""
    begins = np.ones(len(order), np.bool_)
    for column in (readings.meter, readings.kind, readings.ts):
        if not is_narrow(column):
            along = column[order]
            begins[1:] &= along[1:] == along[:-1]
    begins[1:] = ~begins[1:]
    return begins


def _ranked(readings: ReadingColumns, factor: F64, rows: I64) -> I64:
    """``rows`` sorted by key, and among equal keys the best first."""
    of = readings.take(rows)
    primary = np.nan_to_num(of.value * factor[rows], nan=-np.inf)
    by_rank = (
        of.period_s,
        of.scale,
        -primary,
        of.q,
        -of.coll,
        evidence_class(of.q),
        -of.rev.astype(np.int64),
        of.ts,
        of.kind,
        of.meter,
    )
    return np.asarray(rows[np.lexsort(by_rank)], np.int64)
