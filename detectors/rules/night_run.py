"""`night_run`: a plant works by night (昼停夜开). The energy above idle of one night, 22:00 to 06:00, exceeds what the
baseline's nights used by more than their spread; or a `stop_run` opens in the night.

Above idle, not the share of the day: a flat idle load has a third of its energy at night, and no honest stop may be
accused for that (DOMAIN §5). The least excess that counts is the stop's margin held all night, 5 % of R.
"""

import numpy as np
import numpy.typing as npt

#: A night may begin this long before the day of its morning.
BEGINS_BEFORE_S = 2 * 3600

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def limit_wh(night_wh: F64, night_sd_wh: F64, running_wh: F64, *, sigmas: float | F64, margin: float | F64) -> F64:
    """Energy above idle that a night may use, any shape; NaN where a level is not known.

    night_wh, night_sd_wh: of the baseline's nights. running_wh: R x the night's hours. margin: share of R.
    """
    return np.asarray(night_wh + np.maximum(sigmas * night_sd_wh, margin * running_wh), np.float64)


def above_wh(load_wh: F64 | npt.NDArray[np.int64], base_wh: F64) -> F64:
    """Energy above ``base_wh`` of each slot, [..., T]; 0 where the load is not known (NaN)."""
    return np.asarray(np.fmax(load_wh - base_wh, 0.0), np.float64)


def flags(load_wh: F64, base_wh: F64, allowed_wh: F64) -> Bool:
    """Slots from the one on at which the energy above ``base_wh`` so far exceeds what the night may use.

    load_wh, base_wh: [..., T] of the night's slots, the load NaN where a slot does not count. allowed_wh: [...], NaN
    where it is not known: nothing is flagged.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(np.cumsum(above_wh(load_wh, base_wh), axis=-1) > allowed_wh[..., None], np.bool_)
