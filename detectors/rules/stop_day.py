"""`stop_day`: a stopped plant used more in the day than its residual load explains. Raised at the first slot where the
energy of the day's judged slots exceeds 1.2 x the sum of their caps, unless a `stop_run` of the order is open there:
then not that day (SEMANTICS §5.27)."""

import numpy as np
import numpy.typing as npt


def flags(
    used_wh: npt.NDArray[np.int64],
    day_cap_wh: npt.NDArray[np.float64],
    *,
    factor: float | npt.NDArray[np.float64] = 1.2,
) -> npt.NDArray[np.bool_]:
    """Slots at which the day's energy exceeds ``factor`` x cap. used_wh: [..., T]; day_cap_wh: [...], NaN unknown."""
    with np.errstate(invalid="ignore"):
        return np.asarray(used_wh > np.rint(day_cap_wh * factor)[..., None], np.bool_)
