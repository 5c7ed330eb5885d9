"""Where the lowest cluster of a plant's levels ends: the first valley of their histogram that means something.

Clusters are merged, the shallowest valley first, until every valley between two of them is at most 0.6 as high as the
lower of its two peaks, the peaks lie a fifth of the running level apart, and every cluster has enough hours. So idling
that wanders stays one cluster, and a night shift at a third of the load is one of its own.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

#: Width of a bin, share of the scale.
BIN = 0.025
#: A valley is at most this share of the lower of its peaks.
DEPTH = 0.6
#: Peaks closer than this share of the scale are one cluster.
APART = 0.2
#: A cluster holds at least this share of all values.
LEAST_SHARE = 0.01


def first_valley(values: F64, *, scale: float, top: float, least: int) -> float | None:
    """The level between the lowest cluster and the next, None where there is only one.

    scale: running level by which widths are measured; values above ``top`` count as there; a cluster has at least
    ``least`` values.
    """
    if len(values) == 0:
        return None
    width = BIN * scale
    places = np.clip(values / width, 0, top / width).astype(np.int64)
    counts = np.bincount(places).astype(np.float64)
    smooth = np.convolve(np.concatenate([[0.0], counts, [0.0]]), [0.25, 0.5, 0.25], "same")
    valleys = _merged(smooth, max(least, LEAST_SHARE * len(values)), APART / BIN)
    return (valleys[0] - 0.5) * width if valleys else None


def _merged(heights: F64, least: float, apart: float) -> list[float]:
    """Places of the valleys that are left, ascending; each in the middle of its lowest stretch."""
    rises = np.diff(heights, prepend=-1.0, append=-1.0)
    peaks = np.flatnonzero((rises[:-1] > 0) & (_next_change(rises[1:]) < 0)).tolist()
    valleys = [_lowest(heights, a, b) for a, b in pairwise(peaks)]
    while valleys:
        edges = [0, *(round(v) for v in valleys), len(heights)]
        masses = [heights[a:b].sum() for a, b in pairwise(edges)]
        worst, place = (-1.0, 0), -1
        for i, valley in enumerate(valleys):
            left, right = peaks[i], peaks[i + 1]
            share = heights[round(valley)] / min(heights[left], heights[right])
            is_small = min(masses[i], masses[i + 1]) < least
            rank = (share, left - right)  # the shallowest, among them the narrowest
            if (share > DEPTH or right - left < apart or is_small) and rank > worst:
                worst, place = rank, i
        if place < 0:
            break
        lower = place if heights[peaks[place]] < heights[peaks[place + 1]] else place + 1
        del peaks[lower], valleys[place]
    return valleys


def _lowest(heights: F64, left: int, right: int) -> float:
    """Middle of the lowest stretch between two peaks."""
    between = heights[left : right + 1]
    low = np.flatnonzero(between == between.min())
    first = int(low[0])
    last = first
    for at in low[1:].tolist():
        if at != last + 1:
            break
        last = at
    return left + (first + last) / 2


def _next_change(rises: F64) -> F64:
    """For each step the first one from it on that is not level."""
    result = rises.copy()
    for i in range(len(result) - 2, -1, -1):
        if result[i] == 0:
            result[i] = result[i + 1]
    return result
