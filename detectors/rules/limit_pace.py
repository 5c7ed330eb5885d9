"""`limit_pace` (grade 1): the day's energy cap will break at the present pace. At least 80 % of the day cap is used,
and the mean load of the last hour would break it before the day's judged slots end (SEMANTICS §5.27). Where the
baseline was fitted, its profile tells how much of a day usually comes after this hour, and the lower of the two counts:
a one-shift plant does not work on until midnight. A warning to the plant: a day that keeps its cap after it is
compliant.
"""

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def flags(
    used_wh: npt.NDArray[np.int64],
    hour_wh: npt.NDArray[np.float64],
    slots_left: npt.NDArray[np.int64],
    day_cap_wh: npt.NDArray[np.float64],
    *,
    used_share: float | F64 = 0.8,
    tolerance: float | F64 = 0.03,
    slots_per_hour: int = 4,
    rest_wh: F64 | None = None,
) -> Bool:
    """Slots at which the day cap is not broken yet, and will be.

    used_wh: [..., T] so far. hour_wh: [..., T] energy of the hour that ends with the slot, NaN where not all measured.
    slots_left: [..., T] judged slots of the day after this one. day_cap_wh: [...], NaN unknown.
    used_share, tolerance: one, or one each, [...]. rest_wh: [..., T] what the rest of the day takes by the profile, at
    the height of the last hour; NaN where none tells.
    """
    limit = np.rint(day_cap_wh * (1 + tolerance))[..., None]
    least = (used_share * day_cap_wh)[..., None]
    with np.errstate(invalid="ignore"):
        near = (used_wh >= least) & (used_wh <= limit)  # before and behind, a pace tells nothing
        hour = hour_wh[near]
        ahead = hour / slots_per_hour * slots_left[near]
        if rest_wh is not None:
            ahead = np.fmin(ahead, np.where(np.isnan(hour), np.nan, rest_wh[near]))
        found = np.zeros_like(near)
        found[near] = used_wh[near] + ahead > np.broadcast_to(limit, near.shape)[near]
        return found
