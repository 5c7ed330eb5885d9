"""`limit_day`: the day's energy cap is broken. Certain, and raised, at the first slot where the energy of the day's
judged slots exceeds the day cap x 1.03; later slots never take it back (SEMANTICS §5.27)."""

import numpy as np
import numpy.typing as npt


def flags(
    used_wh: npt.NDArray[np.int64],
    day_cap_wh: npt.NDArray[np.float64],
    *,
    tolerance: float | npt.NDArray[np.float64] = 0.03,
) -> npt.NDArray[np.bool_]:
    """Slots at which the day cap is broken.

    used_wh: [..., T] energy so far. day_cap_wh: [...], NaN where unknown: nothing is flagged. tolerance: one, or one
    each, [...].
    """
    limit = np.rint(day_cap_wh * (1 + tolerance))[..., None]
    with np.errstate(invalid="ignore"):
        return np.asarray(used_wh > limit, np.bool_)
