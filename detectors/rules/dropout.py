"""A dropout (`bad_data`): for 1 h at most the load is at or near zero, below a tenth of the lowest that was ever
believed of this scope, right after a load that is not. A plant does not do that; a reading that failed does, and must
neither read as a stop nor break one. While it lasts and is not too long it counts as one.
"""

import numpy as np
import numpy.typing as npt

from detectors.rules.short_runs import spans

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def flags(load_wh: F64, floor_wh: F64, *, share: float | F64, n_max: int | I64) -> npt.NDArray[np.bool_]:
    """Slots of a dropout, [..., T]. load_wh: NaN where nothing is known; floor_wh: NaN where none was learned.

    n_max: the most slots, and how far back the load before it may lie. A floor of 0 is none: such a plant idles at 0.
    """
    with np.errstate(invalid="ignore"):
        low = np.asarray((load_wh <= share * floor_wh) & (floor_wh > 0), np.bool_)
    other = ~low & ~np.isnan(load_wh)
    first, last = spans(low, other)
    columns = np.arange(load_wh.shape[-1])
    seen = np.maximum.accumulate(np.where(other, columns, -1), axis=-1)  # within a run: the last one before it
    return np.asarray(low & (last - first < n_max) & (seen >= 0) & (first - seen <= n_max), np.bool_)
