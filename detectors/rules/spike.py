"""A spike (`bad_data`): for 2 h at most the load is above twice the highest that was ever believed of this scope, and
then it is believable again: half-way down to that highest load, or below. Longer is no spike: a plant may have grown.
While it lasts and is not too long it counts as one: a load that nobody ever saw accuses nobody before its end is seen.
"""

import numpy as np
import numpy.typing as npt

from detectors.rules.short_runs import short

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def flags(load_wh: F64, max_wh: F64, *, factor: float | F64, n_max: int | I64) -> npt.NDArray[np.bool_]:
    """Slots of a spike, [..., T]. load_wh: NaN where nothing is known; max_wh: NaN where none was learned."""
    with np.errstate(invalid="ignore"):
        high, near = load_wh > factor * max_wh, load_wh > (1 + factor) / 2 * max_wh
    is_short = short(np.asarray(near, np.bool_), np.asarray(~near & ~np.isnan(load_wh), np.bool_), n_max=n_max)
    return np.asarray(high & is_short, np.bool_)
