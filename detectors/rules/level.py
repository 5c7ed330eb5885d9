"""A meter at a fraction, or a multiple, of its level (`bad_data`): a CT was changed and the multiplier was not.

A plant that stops or works less keeps its idle load and loses its shape; a meter at a tenth scales both. So a stretch
of a day is a fault of level only if all of this holds:

- for hours no load comes near the height of the profile of the day type;
- the peak of the stretch (90th percentile) is at 0.4, or less, of the profile's in these hours;
- its base (10th percentile) is at half, or less, of the lowest load that was ever believed of this scope: no honest
  idling is;
- base and peak fell by the same factor, to within a few times;
- it rises and falls with the profile (correlation), and the profile itself rises and falls in these hours.

Under a limit, plants work short days, which have another shape, and days of less height. So two more are faults:

- a base at a third of the lowest load believed, or less, off by the same factor as the peak more closely, where the
  load lies above its base in the hours in which the plant is wont to work;
- hardly a load above the lowest believed, a base at an eighth, or less, of the profile's, and all but the profile's
  shape, however flat.

Upward as the first, turned round, with a peak above the highest load ever believed and a rise of its own: hours of one
high load are a load. What began goes on, over flat days too, until two loads in a row are more than the fraction can
explain, or half a day idles where it is wont to.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

#: Base of a stretch: this percentile of its loads; peak: as many from above.
BASE = 0.1
#: The profile of a stretch rises from its base to its peak at least so many times, else there is no shape to keep.
PROFILE_RISES = 1.5
#: Hours on either side in which a plant may be early or late against its profile.
EARLY_LATE_H = 2
#: Loads of a known factor scatter so many times.
SCATTER = 1.5
#: So many places of a sort are tried at which a fault may have begun within a stretch.
MOST_BEGINNINGS = 12
#: Peak and base may use so much of their two limits together: a plant at half of its level, idling too, is near both.
BOTH = 1.6
#: A short day: base at this share of the lowest load believed, factors alike to within so many times, peak so many
#: times the base, and so much of the energy above the base in the working hours of the profile.
SHORT_FLOOR, SHORT_ALIKE, SHORT_RISES, SHORT_HOURS = 1 / 3, 2.0, 2.0, 0.6
#: A low day: base at this share of the profile's, factors alike so many times less closely, peak so many times the
#: base, and this correlation.
LOW_BASE, LOW_ALIKE, LOW_RISES, LOW_SHAPE = 1 / 8, 1.5, 1.3, 0.9


@dataclass(frozen=True, slots=True)
class Limits:
    """What a scope is tested by; shares and times, no units."""

    share: float  # peak at this share of the profile's or less
    rise: float  # upward: base and peak at so many times or more
    floor: float  # base at this share of the lowest load ever believed, or less
    alike: float  # the factors of base and peak differ so many times at most
    shape: float  # least correlation with the profile
    n_min: int  # slots


@dataclass(frozen=True, slots=True)
class Expected:
    """What a day is expected to be, [T]; NaN where nothing was learned."""

    wh: F64  # the profile
    top_wh: F64  # its highest
    low_wh: F64  # its lowest about that time
    floor_wh: F64
    max_wh: F64


@dataclass(frozen=True, slots=True)
class Stretch:
    """Columns ``[first, last]``. is_open: nothing after it in the day says that it is over."""

    first: int
    last: int
    factor: float
    is_open: bool
    goes_on: bool  # from yesterday


def explained(load_wh: F64, expected: Expected, limits: Limits, *, is_up: bool, factor: float | None) -> Bool:
    """Slots that a fault of level explains, [T]. factor: where it is known."""
    with np.errstate(invalid="ignore"):
        if not is_up:
            return np.asarray(load_wh <= limits.share * expected.top_wh, np.bool_)
        found = load_wh >= limits.rise * expected.low_wh
        if factor is not None:
            found |= load_wh >= factor * expected.floor_wh / SCATTER
        return np.asarray(found, np.bool_)


def stretches(
    load_wh: F64, expected: Expected, limits: Limits, day: slice, *, is_up: bool, factor: float | None = None
) -> Iterator[Stretch]:
    """Stretches of a day in which its meter is at a fraction (``is_up``: a multiple) of its level.

    load_wh: [T], NaN where nothing is known. Columns behind the day tell whether a stretch goes on. factor: that of a
    fault which went on when the day began; None: none did.
    """
    known = np.flatnonzero(~np.isnan(load_wh[day.start :]) & ~np.isnan(expected.wh[day.start :])) + day.start
    load, here = load_wh[known], _at(expected, known)
    began = 0
    if factor is not None:
        is_back = _back(explained(load, here, limits, is_up=is_up, factor=factor))
        end = int(is_back.argmax()) if is_back.any() else len(known)
        own = known[:end][known[:end] < day.stop]
        if (end or not len(known)) and not _is_usual(load_wh[own], _at(expected, own), limits, is_up=is_up):
            is_open = end == len(known) or int(known[end]) >= day.stop
            last = len(load_wh) - 1 if end == len(known) else int(known[end]) - 1
            yield Stretch(day.start, last, factor, is_open, True)
            began = end
    fits = explained(load, here, limits, is_up=is_up, factor=None)
    is_back = _back(fits)
    is_back[:began] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[True], is_back, [True]]).astype(np.int8)))
    for begin, end in edges.reshape(-1, 2).tolist():
        inside = known[begin:end][fits[begin:end]]
        own = inside[inside < day.stop]
        for at in _beginnings(load_wh[own], _at(expected, own), limits, is_up=is_up):
            rest = own[at:]
            found = _factor(load_wh[rest], _at(expected, rest), limits, is_up=is_up)
            if found is not None:
                is_open = end == len(known) or int(known[end]) >= day.stop
                last = len(load_wh) - 1 if end == len(known) else int(inside[-1])
                yield Stretch(int(rest[0]), last, found, is_open, False)
                break


def _beginnings(load_wh: F64, expected: Expected, limits: Limits, *, is_up: bool) -> list[int]:
    """Where in a stretch its fault may have begun: with it, where a load falls below the lowest ever believed (upward:
    rises above the highest), or to a fraction of the load before. True idling before it is as low as a fault while the
    plant works."""
    if is_up:
        is_beyond, is_step = load_wh > expected.max_wh, load_wh[1:] >= limits.rise * load_wh[:-1]
    else:
        is_beyond, is_step = load_wh < expected.floor_wh, load_wh[1:] <= limits.share * load_wh[:-1]
    falls = np.flatnonzero(is_beyond[1:] & ~is_beyond[:-1])[:MOST_BEGINNINGS]
    steps = np.flatnonzero(is_step)[:MOST_BEGINNINGS]
    return [0, *(np.union1d(falls, steps) + 1).tolist()]


def _back(fits: Bool) -> Bool:
    """Of known slots in order those that a fault does not explain, each with another beside it."""
    beside = np.zeros(len(fits) + 1, np.bool_)
    beside[1:-1] = ~fits[1:] & ~fits[:-1]
    return beside[1:] | beside[:-1]


def _is_usual(load_wh: F64, expected: Expected, limits: Limits, *, is_up: bool) -> bool:
    """Whether a stretch, twice as long as it takes to find a fault, idles (upward: peaks) as this scope is wont to."""
    if len(load_wh) < 2 * limits.n_min:
        return False
    base, peak = _base_and_peak(load_wh)
    return bool(peak <= expected.max_wh[0] if is_up else base >= expected.floor_wh[0])


def _factor(load_wh: F64, expected: Expected, limits: Limits, *, is_up: bool) -> float | None:
    """By which factor a stretch is off its level; None where it is not, or where that cannot be told."""
    profile = expected.wh
    if len(profile) < limits.n_min:
        return None
    (base, peak), (low, high) = _base_and_peak(load_wh), _base_and_peak(profile)
    if not (low > 0 and base > 0 and high >= PROFILE_RISES * low):
        return None
    share, floor = peak / high, float(expected.floor_wh[0])
    shape = _correlation(load_wh, profile)
    if is_up:
        is_off = min(base / low, share) >= limits.rise and peak > max(expected.max_wh[0], PROFILE_RISES * base)
        is_off &= _alike(base, share, low, floor, limits.alike) and shape >= limits.shape
    else:
        is_off = share <= limits.share and (
            (
                base <= limits.floor * floor
                and share * limits.floor * floor + base * limits.share <= BOTH * limits.share * limits.floor * floor
                and _alike(base, share, low, floor, limits.alike)
                and shape >= limits.shape
            )
            or (
                base <= min(limits.floor, SHORT_FLOOR) * floor
                and _alike(base, share, low, floor, min(limits.alike, SHORT_ALIKE))
                and peak >= SHORT_RISES * base
                and _in_hours(load_wh - base, (profile - low) / (high - low)) >= SHORT_HOURS
            )
            or (
                peak <= floor
                and base <= LOW_BASE * low
                and _alike(base, share, low, floor, limits.alike * LOW_ALIKE)
                and peak >= LOW_RISES * base
                and shape >= max(limits.shape, LOW_SHAPE)
            )
        )
    return float(load_wh.sum() / profile.sum()) if is_off else None


def _alike(base: float, share: float, low: float, floor: float, times: float) -> bool:
    """Whether base and peak are off by one factor: idling lies somewhere between the lowest load believed and the base
    of the profile, a mean of many days."""
    return base <= times * share * low and share * floor <= times * base


def _in_hours(above: F64, works: F64) -> float:
    """How much the plant is wont to work, 0..1, where the load lies above its base; 0 where it does not."""
    above = np.maximum(above, 0.0)
    total = float(above.sum())
    return float((above * np.clip(works, 0.0, 1.0)).sum()) / total if total > 0 else 0.0


def _base_and_peak(values: F64) -> tuple[float, float]:
    rising, n = np.sort(values), len(values)
    return float(rising[(n - 1) // 10]), float(rising[(n - 1) * 9 // 10])


def _correlation(a: F64, b: F64) -> float:
    """Pearson's; 0 where one of them is flat."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def _at(expected: Expected, columns: I64) -> Expected:
    return Expected(
        expected.wh[columns],
        expected.top_wh[columns],
        expected.low_wh[columns],
        expected.floor_wh[columns],
        expected.max_wh[columns],
    )
