"""`hours_over`: a duty cycle that n-of-m never sees. Raised at the slot that completes 4 h of over slots in a local day
under a stop, cap or power limit (SEMANTICS §5.27)."""

import numpy as np
import numpy.typing as npt


def flags(over: npt.NDArray[np.bool_], *, n: int | npt.NDArray[np.int64] = 16) -> npt.NDArray[np.bool_]:
    """Slots from the n-th over slot of the day on. over: [..., T], the day's own slots. n: one, or one each, [...]."""
    least = n if isinstance(n, int) else n.astype(np.int32)[..., None]
    return np.asarray(np.cumsum(over, axis=-1, dtype=np.int32) >= least, np.bool_)
