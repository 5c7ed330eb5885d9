"""Data faults of a reference period, day by day: what a meter did, not a plant (DOMAIN §4, §5).

Each test compares a scope with itself, needs no contract capacity and no baseline, and errs on the side of dropping: a
good day that is lost costs little, a bad one that stays moves the baseline for a season.
"""

import numpy as np
import numpy.typing as npt

from detectors.baseline_days import Period, timeline
from detectors.baseline_levels import ZERO_SHARE, rough_running_kw, runs_of, standing_still, top_kw
from detectors.baseline_types import DropReason

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Zeros are a habit where they come on this share of the days, in so many runs of an hour.
ZERO_DAYS, ZERO_RUNS = 0.2, 5
#: A spike is above so many times the 99th percentile, in this share of the slots at most, and in short runs.
SPIKE_TIMES, SPIKE_SHARE, SPIKE_H = 2.0, 0.001, 2
#: A fault of level: base and peak of the day both at this share of that of busy days or less, by one factor (to within
#: so many times; a coarse register rounds it), in the shape of those days (correlation).
LEVEL_SHARE, LEVEL_ALIKE, LEVEL_SHAPE = 0.45, 2.5, 0.75
#: Busy days: this share of the days, those of the highest peaks. Few are enough: a fault may last most of a period.
BUSY_SHARE = 0.2
#: A day without a shape: its peak is less than so many times its base.
FLAT = 1.3
#: A base below this share of the peaks says nothing of a factor.
LEAST_BASE = 0.02
#: Idling varies where a plant stood still for so many times as long as one value lasted, and for so many hours in all.
IDLE_TIMES, IDLE_H = 4, 24
#: Stuck: one value for so many hours, and for so many times as long as on the median day that leaves idling.
STUCK_H, STUCK_TIMES = 3, 4


def zeros_believed(period: Period) -> bool:
    """Whether this plant idles at 0: zeros are its habit, or without them it idles at 1 % of its load or less.

    A silent meter that a system writes as 0 reads as a kept stop; so zeros that come once in a while are no evidence.
    """
    zeros = period.kw == 0
    if not zeros.any() or not (period.kw > 0).any():
        return True
    runs = runs_of(np.nan_to_num(timeline(period), nan=1.0) == 0)
    long = int((runs[:, 1] - runs[:, 0] >= period.per_hour).sum())
    days = (zeros.sum(axis=1) >= period.per_hour).sum()
    if long >= ZERO_RUNS and days >= ZERO_DAYS * period.shows.sum():
        return True
    x, kw = timeline(period), np.where(zeros, np.nan, period.kw)
    x[x == 0] = np.nan
    top = top_kw(kw)
    found = standing_still(x, top, slot_s=period.slot_s)
    return found.reason == "learned" and found.median_kw <= ZERO_SHARE * rough_running_kw(x, top)


def spikes(period: Period) -> Bool:
    """Slots far above anything else, [D, n]: a few in all, and short."""
    known = period.kw[~np.isnan(period.kw)]
    nothing = np.zeros(period.kw.shape, np.bool_)
    if len(known) == 0:
        return nothing
    k = round(0.99 * (len(known) - 1))
    limit = SPIKE_TIMES * float(np.partition(known, k)[k])
    if not 0 < limit < known.max():
        return nothing
    with np.errstate(invalid="ignore"):
        high = period.kw > limit
    if high.sum() > max(SPIKE_SHARE * len(known), SPIKE_H * period.per_hour):
        return nothing
    runs = runs_of(high.reshape(-1))
    return nothing if (runs[:, 1] - runs[:, 0]).max() > SPIKE_H * period.per_hour else high


def at_a_fraction(period: Period) -> Bool:
    """Days at a fraction of their level, [D]: base and peak fell by one factor and the shape of a day stayed.

    A plant that stops keeps its base and loses its shape. Where the base is next to nothing, or a day has no shape,
    there is nothing to tell by, and nothing is said. A base as low beside days of unproven zeros is the same fault.
    """
    result = np.zeros(len(period.days), np.bool_)
    shows = np.flatnonzero(period.shows)
    if len(shows) < 10:
        return result
    kw = np.where(np.isnan(period.kw[shows]), np.inf, period.kw[shows])
    order = np.sort(kw, axis=1)
    counts = np.isfinite(kw).sum(axis=1)
    bases, peaks = (order[np.arange(len(shows)), np.maximum(0, (q * (counts - 1)).astype(int))] for q in (0.1, 0.9))
    busy = peaks >= np.quantile(peaks, 1 - BUSY_SHARE)
    peak, base = float(np.median(peaks[busy])), float(np.median(bases[busy]))
    if not base > LEAST_BASE * peak or peak < FLAT * base:
        return result
    shape = np.nan_to_num(_median_profile(period.kw[shows[busy]]))
    fell = (peaks <= LEVEL_SHARE * peak) & (bases <= LEVEL_SHARE * base) & (bases > 0) & (peaks >= FLAT * bases)
    for d in np.flatnonzero(fell).tolist():
        factors = sorted((peaks[d] / peak, bases[d] / base))
        known = np.isfinite(kw[d])
        alike = factors[1] <= LEVEL_ALIKE * factors[0]
        result[shows[d]] = alike and _correlation(kw[d][known], shape[known]) >= LEVEL_SHAPE
    low = bases <= LEVEL_SHARE * base
    lost = np.array([r == DropReason.ZEROS for r in period.reasons])
    beside = np.concatenate([lost[1:], [False]]) | np.concatenate([[False], lost[:-1]])
    result[shows] |= low & beside[shows]
    return _with_edges(result, shows, low)


def stuck(period: Period, idle_kw: float | None) -> tuple[Bool, float | None]:
    """Days with one value above idle for far longer than usual here, [D], and the longest such run of the others in h.

    A coarse register makes equal values normal, and a meter that tells of whole days has nothing else: only what is
    long for this scope counts, by the days on which it was above idle at all.
    """
    x = timeline(period)
    low = -np.inf if idle_kw is None else idle_kw
    with np.errstate(invalid="ignore"):
        same = (x[1:] == x[:-1]) & (x[1:] > low)
    runs = runs_of(same)
    rows = np.flatnonzero(~np.isnan(x.reshape(-1, period.n)).all(axis=1))
    own = np.flatnonzero(period.shows)
    length = np.ones(len(x))
    for begin, end in runs[runs[:, 1] - runs[:, 0] > 1].tolist():
        length[begin : end + 1] = end - begin + 1
    of_day = length.reshape(-1, period.n).max(axis=1)[rows]
    result = np.zeros(len(period.days), np.bool_)
    if len(own) == 0:
        return result, None
    with np.errstate(invalid="ignore"):
        leaves_idle = (period.kw[own] > low).any(axis=1)
    usual = float(np.median(of_day[leaves_idle])) if leaves_idle.any() else 1.0
    limit = max(STUCK_H * period.per_hour, STUCK_TIMES * usual)
    result[own[of_day > limit]] = True
    kept = of_day[of_day <= limit]
    return result, float(kept.max()) / period.per_hour if len(kept) else None


def idle_equal_h(period: Period, idle_kw: float | None) -> float | None:
    """The longest run of equal values at idle, h. None where idling was not learned, or never lasted long beside such a
    run: then it may be one value for as long as the plant stands still."""
    if idle_kw is None:
        return None
    x = timeline(period)
    with np.errstate(invalid="ignore"):
        idles = (x > 0) & (x <= idle_kw)
    runs = runs_of(idles)
    same = runs_of(idles[1:] & idles[:-1] & (x[1:] == x[:-1]))
    longest = int((same[:, 1] - same[:, 0] + 1).max(initial=1))
    lasts = int((runs[:, 1] - runs[:, 0]).max(initial=0))
    if lasts < IDLE_TIMES * longest or idles.sum() < IDLE_H * period.per_hour:
        return None
    return longest / period.per_hour


def _median_profile(kw: F64) -> F64:
    """Median of each slot over days, NaN passed over; without warnings where a slot has none."""
    rising = np.sort(kw, axis=0)  # NaN last
    counts = (~np.isnan(kw)).sum(axis=0)
    columns = np.arange(kw.shape[1])
    low, high = rising[np.maximum(0, (counts - 1) // 2), columns], rising[np.minimum(counts // 2, len(kw) - 1), columns]
    return np.asarray(np.where(counts > 0, (low + high) / 2, np.nan), np.float64)


def _correlation(a: F64, b: F64) -> float:
    """Pearson's; 0 where one of them is flat."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def _with_edges(faulty: Bool, shows: npt.NDArray[np.int64], is_low: Bool) -> Bool:
    """Faulty days, and days with as low a base before and behind them: a spell has weekends, and ends within a day."""
    result = faulty.copy()
    for begin, end in runs_of(is_low | faulty[shows]).tolist():
        spell = shows[begin:end]
        result[spell] = bool(faulty[spell].any())
    return result
