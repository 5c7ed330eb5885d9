"""Runs of flagged slots with nothing but unknown slots between them: what spikes and dropouts are made of."""

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


def spans(flagged: Bool, other: Bool) -> tuple[I64, I64]:
    """First and last flagged column of the run that each flagged slot belongs to, [..., T]; -1 and T elsewhere.

    other: slots that are known and not flagged; they end a run, unknown ones do not.
    """
    first = _begins(flagged, other)
    n = flagged.shape[-1]
    last = n - 1 - _begins(flagged[..., ::-1], other[..., ::-1])[..., ::-1]
    return np.where(flagged, first, -1), np.where(flagged, last, n)


def short(flagged: Bool, other: Bool, *, n_max: int | I64) -> Bool:
    """Flagged slots whose run is at most ``n_max`` slots long, from its first to its last flagged slot."""
    first, last = spans(flagged, other)
    return np.asarray(flagged & (last - first < n_max), np.bool_)


def _begins(flagged: Bool, other: Bool) -> I64:
    """Column of the first flagged slot since the last other one, [..., T]."""
    columns = np.arange(flagged.shape[-1])
    seen_other = np.maximum.accumulate(np.where(other, columns, -1), axis=-1)
    seen = np.maximum.accumulate(np.where(flagged, columns, -1), axis=-1)
    before = np.full_like(seen, -1)
    before[..., 1:] = seen[..., :-1]
    is_first = flagged & (before <= seen_other)
    return np.asarray(np.maximum.accumulate(np.where(is_first, columns, -1), axis=-1), np.int64)
