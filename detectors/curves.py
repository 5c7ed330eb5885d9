"""Registers and intervals longer than a slot as curves of energy over time, many meters at once (SEMANTICS §2.8).

A curve is known at its points; a slot or a span has an energy where the curve is known at both of its edges and nothing
breaks it between. So all that is asked of curves is which point lies at an edge: a table [meters, edges], once.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.slots import Grid, local_days

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Intervals between neighbouring points of a curve, in (begin_s, end_s]."""

    of: I64  # place among the curves' rows
    begin_s: I64
    end_s: I64


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves of R meters, their points in order."""

    row: I64  # [R] rows of ``MeterSlots``
    first_edge: int  # slot whose start is column 0 of ``at``: a local midnight
    at: I64  # [R, E] the point at each edge of slots, -1 = none
    chain: I64  # [points] a new number wherever the curve breaks
    wh: F64  # [points]
    falls: I64  # [points] how often any curve went down before the point
    pieces: Pieces

    @staticmethod
    def of(row: I64, ts: I64, chain: I64, wh: F64, falls: I64, pieces: Pieces, grid: Grid) -> "Curves":
        """From points sorted by row; of points at the same instant the last counts. pieces.of: as ``row``."""
        rows, place = np.unique(row, return_inverse=True)
        days = local_days(grid.zone, int(grid.starts_s[0]), int(grid.starts_s[-1]), grid.slot_s)
        first, end = days[0].first_slot, days[-1].end_slot
        at = np.full((len(rows), end - first + 1), -1, np.int64)
        edge, rest = np.divmod(ts, grid.slot_s)
        inside = np.flatnonzero((rest == 0) & (edge >= first) & (edge <= end))
        at[place[inside], edge[inside] - first] = inside
        of = np.searchsorted(rows, pieces.of)
        return Curves(rows, first, at, chain, wh, falls, Pieces(of, pieces.begin_s, pieces.end_s))

    def between(self, place: I64, first: I64, last: I64) -> tuple[Bool, I64, I64]:
        """Whether a curve is known, without a break, from the start of a slot to that of another; the points there."""
        low, high = self.at[place, first - self.first_edge], self.at[place, last - self.first_edge]
        known = (low >= 0) & (high >= 0)
        known[known] = self.chain[low[known]] == self.chain[high[known]]
        return known, low, high


def longest_s(curves: Curves, wanted: Bool, grid: Grid) -> I64:
    """Length of the longest piece over each slot of the wanted rows, [R, T]; 0 where none is."""
    pieces = curves.pieces
    first = np.maximum(pieces.begin_s // grid.slot_s - grid.first_slot, 0)
    last = np.minimum(-(-pieces.end_s // grid.slot_s) - 1 - grid.first_slot, grid.n - 1)
    counts = np.where(wanted[pieces.of], np.maximum(last - first + 1, 0), 0)
    found = np.zeros((len(curves.row), grid.n), np.int64)
    if counts.any():
        which = np.repeat(np.arange(len(counts)), counts)
        column = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        cell = pieces.of[which] * grid.n + column
        np.maximum.at(found.reshape(-1), cell, (pieces.end_s - pieces.begin_s)[which])
    return found


@dataclass(frozen=True, slots=True)
class SpanMeans:
    """What spans of a day tell of slots: one element a slot."""

    row: I64  # of ``MeterSlots``
    column: I64
    wh: I64
    falls: Bool  # the curve goes down within the span


def span_means(curves: Curves, open_slots: Bool, enough: I64, grid: Grid) -> tuple[SpanMeans, I64, I64]:
    """Means of spans tiled from local midnight, and (row, column) of slots of a day that the curve covers though no
    span of it suffices.

    open_slots: [R, T], asked for. enough: [R], slots of a span whose 2 u_kw is below the threshold. A span is never
    shorter than the pieces over the slot.
    """
    longest = longest_s(curves, np.asarray(open_slots.any(axis=1), np.bool_), grid)
    n = np.maximum(enough[:, None], -(-longest // grid.slot_s))
    place, column = np.nonzero(open_slots & (longest > 0) & (n > 1))
    n = n[place, column]
    day_first, day_n = _days(grid)
    begin, length = day_first[column], day_n[column]
    too_long = n > length
    first = np.where(too_long, 0, (column + grid.first_slot - begin) // n * n)
    last = np.minimum(first + n, length)
    known, low, high = curves.between(place, begin + first, begin + last)
    coarse, good = known & too_long, known & ~too_long & (last - first == n)
    low, high = low[good], high[good]
    wh = np.rint((curves.wh[high] - curves.wh[low]) / n[good]).astype(np.int64)
    means = SpanMeans(curves.row[place[good]], column[good], wh, curves.falls[high] > curves.falls[low])
    return means, curves.row[place[coarse]], column[coarse]


def _days(grid: Grid) -> tuple[I64, I64]:
    """First slot and length of the local day of each slot, [T]."""
    first, length = np.zeros(grid.n, np.int64), np.zeros(grid.n, np.int64)
    for day in local_days(grid.zone, int(grid.starts_s[0]), int(grid.starts_s[-1]), grid.slot_s):
        low, high = np.clip([day.first_slot - grid.first_slot, day.end_slot - grid.first_slot], 0, grid.n)
        first[low:high], length[low:high] = day.first_slot, day.n_slots
    return first, length
