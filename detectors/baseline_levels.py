"""Running level and idle level of a plant, learned from how it stood still (DOMAIN §4).

Two classes of loads are not enough: ramps, breaks and half-worked nights lie between, and the "low" class reaches far
into production. So what is looked at is how low the plant stayed for **eight hours on end**: around each slot, the
lowest ceiling that held for 8 h (a morphological closing of the third-largest load of any hour, which is what
``stop_run`` opens by). These ceilings lie in clusters with an empty valley between: the lowest cluster is standing
still. It is taken for that only if it lasted long enough, and lies well below half of the running level, or is as
steady as no part load is and lasts over whole days: a plant with a high base load.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detectors.baseline_valleys import first_valley
from detectors.slots import DAY_S

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

#: The plant stood still for so long, and no less.
STILL_H = 8
#: ``stop_run`` opens at so many minutes over the cap among so many (SEMANTICS §5.24).
N_MIN, M_MIN = 45, 60
#: Cut from the beginning of a run: half of it, at least and at most so long (a stop's ramp-down grace is 4 h).
CUT_H = (1, 4)
CUT_END_H = 1
#: Standing still is believed from so many hours, cut, and as many stops; or from a single stop of so many hours.
LEAST_H, LEAST_STOPS, LONG_STOP_H = 12, 2, 24
#: A low cluster whose median is above this share of the running level may be part load ...
HIGHEST_MEDIAN = 0.35
#: ... unless it moves from slot to slot by no more than this share of what it does while running (production at half
#: load moves half as much or more; idling adds nothing), and stood so over whole days as often as stops are asked for.
#: Above the second share it is part load in any case.
STEADY, HIGHEST_STEADY = 0.25, 0.65
#: A plant that ran on fewer than this share of the days, rest days included, may as well work at its low level, where
#: that is above this share of R (below it nothing is violating anyway, SEMANTICS §3.14).
RAN_SHARE, RARELY_FROM = 0.5, 0.15
#: Over this share of R a stop is violating where nothing is known of a plant's idling (SEMANTICS §3.14); what is
#: learned lets no more through, unless idling and a quarter of the plant's own work take more.
HIGHEST_CAP = 0.5
#: The highest ceilings of this share of stops are passed over.
CEILING_QUANTILE = 0.98
#: Idling lies below the idle level plus the margin for this share of the time.
TIME_QUANTILE = 0.99
#: Where idling and a run of a quarter of the plant are equally far away: that is where a stop's cap belongs.
FOUND_SHARE = 0.25
#: A plant that idles at no more than this share of R proves its own zeros (SEMANTICS §2.11): where it reads 0 at times,
#: its idle level is not lifted above this.
ZERO_SHARE = 0.01
#: Margin of a stop's cap over the idle level, share of R (SEMANTICS §3.14).
MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class Standing:
    """How a plant stands still. ``reason`` other than ``learned``: it was not seen to, and nothing else is set."""

    reason: str  # learned | never_stops | too_high | too_little | too_rare
    split_kw: float = np.nan
    median_kw: float = np.nan
    usual_kw: float = np.nan  # third-largest of an hour, 99 % of the time
    ceiling_kw: float = np.nan  # third-largest of an hour, highest of a stop, 98 % of the stops
    hours: float = 0.0
    stops: int = 0
    reads_zero: bool = False  # a reading of exactly 0 is among its idling
    is_steady: bool = False  # whole days, and far steadier than running: idling also where it is high


def top_kw(kw: F64) -> float:
    """Load of the busy hours of busy days: the median, over the busier half of the days, of the day's 90th percentile.

    kw: [D, n], rows of NaN are passed over; NaN where nothing is known.
    """
    shown = kw[~np.isnan(kw).all(axis=1)]
    if len(shown) == 0:
        return float("nan")
    k = round(0.9 * (kw.shape[1] - 1))
    heights = np.partition(np.where(np.isnan(shown), -np.inf, shown), k, axis=1)[:, k]
    return float(np.median(np.sort(heights)[len(heights) // 2 :]))


def rough_running_kw(x: F64, top: float) -> float:
    """Mean of the loads above half of ``top``: the scale for finding the levels."""
    with np.errstate(invalid="ignore"):
        above = x[x > top / 2]
    return float(above.mean()) if top > 0 and len(above) else float("nan")


def standing_still(x: F64, top: float, *, slot_s: int) -> Standing:
    """Learn from loads how the plant stands still. x: [T] kW, NaN unknown."""
    scale = rough_running_kw(x, top)
    if not scale > 0:
        return Standing("never_stops")
    m = max(1, M_MIN * 60 // slot_s)
    bridged, is_bridge = _bridged(x, max(1, 3600 // slot_s))
    held = nth_largest(bridged, max(1, N_MIN * 60 // slot_s), m)
    held[any_within(np.isinf(bridged), m)] = np.inf
    ceilings = lowest_ceilings(held, STILL_H * 3600 // slot_s - m + 1)
    valley = first_valley(ceilings[np.isfinite(ceilings)], scale=scale, top=2 * top, least=LEAST_H * 3600 // slot_s)
    if valley is None:
        return Standing("never_stops")
    held[any_within(is_bridge, m)] = np.nan
    runs = runs_of(ceilings <= valley)
    insides = _insides(held, runs, m, slot_s)
    if not insides:
        return Standing("too_little")
    together = np.concatenate(insides)
    hours, stops = len(together) * slot_s / 3600, len(insides)
    if hours < LEAST_H or (stops < LEAST_STOPS and hours < LONG_STOP_H):
        return Standing("too_little", hours=hours, stops=stops)
    heights = np.array([inside.max() for inside in insides])
    return Standing(
        "learned",
        split_kw=valley,
        median_kw=float(np.median(together)),
        usual_kw=float(np.quantile(together, TIME_QUANTILE)),
        ceiling_kw=float(np.quantile(heights, CEILING_QUANTILE)),
        hours=hours,
        stops=stops,
        reads_zero=bool((x == 0).any()),
        is_steady=_is_steady(x, valley, runs, m, slot_s),
    )


def in_doubt(standing: Standing, x: F64, ran_share: float) -> Standing:
    """The same, without a claim to know idling where the low level is part load, or the plant hardly ever left it.

    x: [T] kW. ran_share: share of the days on which it ran.
    """
    if standing.reason != "learned":
        return standing
    with np.errstate(invalid="ignore"):
        above = x[x > standing.split_kw]
    share = standing.median_kw / float(above.mean()) if len(above) else 0.0
    if ran_share < RAN_SHARE and share > RARELY_FROM:
        return replace(standing, reason="too_rare")
    return replace(standing, reason="too_high") if share > _highest_median(standing) else standing


def _highest_median(standing: Standing) -> float:
    """Up to which share of the running level the lowest cluster is standing still."""
    return HIGHEST_STEADY if standing.is_steady else HIGHEST_MEDIAN


def idle_level_kw(standing: Standing, running_kw: float) -> float | None:
    """The upper level of honest idling, such that it plus 5 % of R separates standing still from running.

    The cap of a stop belongs midway between the highest idling of the stops seen and a run of a quarter of the plant;
    never so low that usual idling reaches it, never below the median. None where the median may be part load.
    """
    low, margin = standing.median_kw, MARGIN * running_kw
    if standing.reason != "learned" or low > _highest_median(standing) * running_kw:
        return None
    found = low + FOUND_SHARE * (running_kw - low)
    level = (min(standing.ceiling_kw, found) + found) / 2 - margin
    if standing.reads_zero and low <= ZERO_SHARE * running_kw:
        level = min(level, ZERO_SHARE * running_kw)
    highest = max(HIGHEST_CAP * running_kw, found) if standing.is_steady else HIGHEST_CAP * running_kw
    return max(low, min(max(level, standing.usual_kw - margin, 0.0), highest - margin))


def nth_largest(x: F64, n: int, m: int) -> F64:
    """The n-th largest of each m adjacent values, [T - m + 1]; where it is over a level, n of m are."""
    if len(x) < m:
        return np.full(0, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(x, m)
    return np.asarray(np.partition(windows, m - n, axis=1)[:, m - n], np.float64)


def lowest_ceilings(x: F64, width: int) -> F64:
    """For each value the lowest maximum of any ``width`` adjacent values that include it, [T]; inf where none do.

    This is the closing of mathematical morphology.
    """
    if len(x) < width:
        return np.full(len(x), np.inf)
    peaks = _sliding(x, width, np.maximum)
    pad = np.full(width - 1, np.inf)
    return _sliding(np.concatenate([pad, peaks, pad]), width, np.minimum)


def runs_of(flags: Bool) -> I64:
    """Runs of flagged values as rows ``[begin, end)``, [N, 2]."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1)


def any_within(flags: Bool, m: int) -> Bool:
    """Windows of m values that hold a flagged one, [T - m + 1]."""
    if len(flags) < m:
        return np.zeros(0, np.bool_)
    sums = np.concatenate([[0], np.cumsum(flags)])
    return np.asarray(sums[m:] > sums[:-m], np.bool_)


def _sliding(x: F64, width: int, take: np.ufunc) -> F64:
    """Maximum or minimum of each ``width`` adjacent values, by doubling."""
    reach, total = 1, x
    while reach < width:
        step = min(reach, width - reach)
        total = take(total[: len(total) - step], total[step:])
        reach += step
    return np.asarray(total, np.float64)


def _bridged(x: F64, longest: int) -> tuple[F64, Bool]:
    """Short gaps bridged between their neighbours, long ones infinite, and which values are no evidence."""
    gaps = np.isnan(x)
    if not gaps.any():
        return x, gaps
    result = np.where(gaps, np.inf, x)
    for begin, end in runs_of(gaps).tolist():
        if end - begin <= longest and begin > 0 and end < len(x):
            result[begin:end] = np.interp(np.arange(begin, end), [begin - 1, end], [x[begin - 1], x[end]])
    return result, gaps


def _insides(held: F64, runs: I64, m: int, slot_s: int) -> list[F64]:
    """What held in each stop, its beginning and end cut, without what rests on no evidence."""
    insides = []
    for begin, end in _cut(runs, m, slot_s):
        inside = held[begin:end]
        inside = inside[np.isfinite(inside)]
        if len(inside):
            insides.append(inside)
    return insides


def _cut(runs: I64, m: int, slot_s: int) -> list[tuple[int, int]]:
    """Runs of windows of m slots without their beginnings and ends."""
    hour = 3600 / slot_s
    found = []
    for begin, end in runs.tolist():
        length = end - begin + m - 1
        cut = round(max(CUT_H[0] * hour, min(length / 2, CUT_H[1] * hour)))
        found.append((begin + cut, end - round(CUT_END_H * hour)))
    return found


def _is_steady(x: F64, split_kw: float, runs: I64, m: int, slot_s: int) -> bool:
    """Whether the load hardly moves inside the stops, by what it does while the plant runs, and stops last whole days.

    Steps from one day into the next are passed over, so that nothing is told by a meter of one value a day.
    """
    whole_day = DAY_S // slot_s
    if np.count_nonzero(runs[:, 1] - runs[:, 0] + m - 1 >= whole_day) < LEAST_STOPS:
        return False
    steps = np.abs(np.diff(x))
    steps[whole_day - 1 :: whole_day] = np.nan
    is_low = np.zeros(len(x), np.bool_)
    for begin, end in _cut(runs, m, slot_s):
        is_low[begin : max(begin, end)] = True
    with np.errstate(invalid="ignore"):
        runs_on = x > split_kw
    low, high = (steps[of[1:] & of[:-1] & ~np.isnan(steps)] for of in (is_low, runs_on))
    return len(low) > 0 and len(high) > 0 and float(low.mean()) <= STEADY * float(high.mean()) and bool(high.any())
