"""A grid cut into spans of slots in which no order, window, baseline or exemption begins or ends.

What the registry says is worked out once a span instead of once a slot: most days have three, the day and its margins.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.slots import Grid

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spans:
    """K spans; each is seen at its first slot."""

    starts_s: I64  # [K] start of the first slot
    ends_s: I64  # [K] end of the first slot
    lengths: I64  # [K] slots
    of_slot: I64  # [T] the span of each slot
    day: slice  # the spans of the grid's day

    @property
    def n(self) -> int:
        """How many."""
        return len(self.lengths)

    def wide(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """[..., K] -> [..., T]."""
        return np.repeat(values, self.lengths, axis=-1)

    def wide_day(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """[..., K] -> the day's own slots."""
        return np.repeat(values[..., self.day], self.lengths[self.day], axis=-1)


def cut(grid: Grid, instants: Iterable[I64]) -> Spans:
    """Cut where the grid's day begins and ends, and around each instant: a slot that holds one stands alone, and so
    does the slot before it, which is the last to end by then."""
    first_s, n = int(grid.starts_s[0]), grid.n
    cuts = {0, grid.margin, grid.margin + grid.today.n_slots}
    for some in instants:
        near = some[(some >= first_s - grid.slot_s) & (some <= first_s + (n + 1) * grid.slot_s)]
        for column in np.unique((near - first_s) // grid.slot_s).tolist():
            cuts.update((column - 1, column, column + 1))
    firsts = np.array(sorted(c for c in cuts if 0 <= c < n), np.int64)
    lengths = np.diff(firsts, append=n)
    low, high = np.searchsorted(firsts, [grid.margin, grid.margin + grid.today.n_slots])
    starts = first_s + firsts * grid.slot_s
    return Spans(
        starts, starts + grid.slot_s, lengths, np.repeat(np.arange(len(firsts)), lengths), slice(int(low), int(high))
    )
