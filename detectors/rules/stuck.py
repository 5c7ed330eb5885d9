"""A stuck meter (`bad_data`): the same value for longer than 3 h and than twice the longest such run that this scope
ever showed, above idle or at idle. Where idling was never seen to vary it repeats honestly, and idle values do not
count; nor do zeros, which have rules of their own.
"""

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def flags(load_wh: F64, limit: F64, went_on: Bool, *, begin: int) -> Bool:
    """Slots of a run of equal values of more than ``limit`` slots, [R, T].

    load_wh: NaN where nothing is known. limit: [R, T], of values like each slot's, as it holds at the run's first slot;
    NaN where none was learned: such values do not count. went_on: [R], the slot before the column ``begin`` was stuck:
    then the run that it belongs to goes on from ``begin``, however short.
    """
    with np.errstate(invalid="ignore"):
        counts = (load_wh > 0) & ~np.isnan(limit)
    same = np.zeros(load_wh.shape, np.bool_)
    same[:, 1:] = counts[:, 1:] & (load_wh[:, 1:] == load_wh[:, :-1])
    columns = np.arange(load_wh.shape[1])
    first = np.maximum.accumulate(np.where(same, -1, columns), axis=1)
    is_last = np.ones(load_wh.shape, np.bool_)
    is_last[:, :-1] = ~same[:, 1:]
    ends = np.where(is_last, columns, load_wh.shape[1])
    last = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(invalid="ignore"):
        is_long = last - first + 1 > np.take_along_axis(np.broadcast_to(limit, load_wh.shape), first, axis=1)
    goes_on = went_on[:, None] & (first < begin) & (columns >= begin) & (last > first)
    return np.asarray(counts & (is_long | goes_on), np.bool_)
