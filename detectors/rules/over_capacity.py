"""`over_capacity` (grade 1): a plant under no order draws more than it ever did. Load above 110 % of the baseline's
maximum in 6 of 8 quarter-hours: capacity was added without notice (擅自扩大产能). Only where a maximum is given: 1.1 R
that stands for a missing one accuses nobody. Opens and closes as the n-of-m rules do (``detectors.rules.over``).
"""

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def flags(load_wh: F64, max_wh: F64, *, factor: float | F64) -> npt.NDArray[np.bool_]:
    """Slots over ``factor`` x maximum, [..., T]. load_wh: NaN where a slot is ordered or not fully measured; max_wh:
    NaN where none is given."""
    with np.errstate(invalid="ignore"):
        return np.asarray(load_wh > np.rint(factor * max_wh), np.bool_)
