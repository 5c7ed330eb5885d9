"""`shift`: an ordered scope falls, and other accounts of its enterprise take its production over (转移生产).

A whole local day, all of it measured: the scope used at most 0.7 of its day_kwh, the enterprise as much as it is wont
to within 10 %, and what is outside the scope rose by at least half of what the scope fell. Only a fall that the
enterprise would show is looked at (0.1 of its day): else an honest stop of a small part leaves the total where it was
as well. The rise must also be twice the error by which the baselines missed left-out days, where a fit has told it.
"""

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


def flags(
    own_wh: I64,
    all_wh: I64,
    own_day_wh: F64,
    all_day_wh: F64,
    noise_wh: F64,
    *,
    drop: float | F64 = 0.3,
    total: float | F64 = 0.1,
    least: float | F64 = 0.1,
    taken: float | F64 = 0.5,
    sigma: float | F64 = 2.0,
) -> npt.NDArray[np.bool_]:
    """Days on which production was moved, any shape.

    own_wh, all_wh: energy of the scope and of its enterprise, the scope included. own_day_wh, all_day_wh: what they use
    on such a day by their baselines, NaN unknown. noise_wh: error of the latter, 0 where no fit tells it. Thresholds in
    shares (``detectors.thresholds``), each a number or an array beside the days.
    """
    fall = own_day_wh - own_wh
    rise = (all_wh - own_wh) - (all_day_wh - own_day_wh)
    with np.errstate(invalid="ignore"):
        found = own_wh <= (1 - drop) * own_day_wh
        found &= np.abs(all_wh - all_day_wh) <= total * all_day_wh
        found &= fall >= least * all_day_wh
        found &= (rise >= taken * fall) & (rise >= sigma * noise_wh)
    return np.asarray(found, np.bool_)
