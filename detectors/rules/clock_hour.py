"""The hour that summer time leaves out (`bad_data`): where the clock jumps from 2 to 3 there are no readings of that
hour, and systems that count 24 h fill them in with the value before, or with 0. So the same value through the whole
hour behind the jump is no evidence. A filled-in zero is found as a dropout.
"""

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def flags(load_wh: F64, *, jump: int, n_hour: int) -> Bool:
    """Slots of a filled-in hour, [R, T].

    load_wh: NaN where nothing is known. jump: column of the first slot behind the jump; n_hour: slots left out.
    Interval starts and ends are both in use as stamps, so a slot more on either side belongs to it.
    """
    result = np.zeros(load_wh.shape, np.bool_)
    first, behind = max(0, jump - 1), min(load_wh.shape[1], jump + n_hour + 1)
    for at in range(first, behind - n_hour + 1):
        window = load_wh[:, at : at + n_hour]
        result[:, at : at + n_hour] |= (window == window[:, :1]).all(axis=1)[:, None]
    return result
