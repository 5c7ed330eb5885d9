"""Other plants: the real ones transformed, so that nothing may rest on their levels, hours or weekdays. No value is
invented: every slot is a measured one, scaled, moved, rounded or summed. They are reported apart from the real ones.
"""

import numpy as np
import numpy.typing as npt

from tests.quality.case import rng_of
from tests.quality.natural import SLOTS_PER_H
from tests.quality.sites import Site

F64 = npt.NDArray[np.float64]
DAY, WEEK = 24 * SLOTS_PER_H, 7 * 24 * SLOTS_PER_H
TRANSFORMS = ("scaled", "shifted", "other_weekdays", "coarse", "noisy", "two_plants", "high_base", "three_shifts")
#: Plants of development have numbers below, those of evaluation from here on.
FIRST_EVALUATION_PLANT = 1000


def other_plant(sites: list[Site], number: int) -> Site:
    """The transformed plant of a number: which transforms, and of which site, follows from it."""
    transform = TRANSFORMS[number % len(TRANSFORMS)]
    rng = rng_of("other", transform, number)
    site = sites[int(rng.integers(len(sites)))]
    load_kw = site.load_kw.copy() * 10 ** rng.uniform(-1, 2)
    if transform == "shifted":
        load_kw = np.roll(load_kw, int(rng.integers(8, 65)))  # works in the evening, or through the night
    elif transform == "other_weekdays":
        load_kw = np.roll(load_kw, DAY * int(rng.integers(1, 7)))  # its rest days are working days of the calendar
    elif transform == "coarse":
        step = float(np.nanpercentile(load_kw, 95)) / rng.integers(20, 200)
        load_kw = np.round(load_kw / step) * step
    elif transform == "noisy":
        load_kw = np.maximum(0.0, load_kw * (1 + rng.normal(0, rng.uniform(0.02, 0.08), len(load_kw))))
    elif transform == "two_plants":
        load_kw = _two(load_kw, sites[int(rng.integers(len(sites)))].load_kw, rng)
    elif transform == "high_base":
        load_kw = load_kw + float(np.nanpercentile(load_kw, 90)) * rng.uniform(0.2, 0.6)
    elif transform == "three_shifts":
        load_kw = _three_shifts(load_kw)
    return Site(f"other-{number}-{transform}", site.zone, site.first_slot, load_kw, real=False)


def _two(load_kw: F64, beside: F64, rng: np.random.Generator) -> F64:
    """Two works on one meter, the second at a fifth to a half of the first."""
    n = min(len(load_kw), len(beside))
    part = beside[:n] / np.nanmean(beside) * np.nanmean(load_kw) * rng.uniform(0.2, 0.5)
    return np.asarray(load_kw[:n] + np.roll(part, int(rng.integers(0, 9))), np.float64)


def _three_shifts(load_kw: F64) -> F64:
    """A continuous plant: on days that work, the nights repeat the middle of the day before; rest days stay."""
    made = load_kw.copy()
    whole = len(load_kw) // DAY * DAY
    days = load_kw[:whole].reshape(-1, DAY)
    works = days.mean(axis=1) > 0.5 * np.nanpercentile(days.mean(axis=1), 75)
    middle = slice(9 * SLOTS_PER_H, 17 * SLOTS_PER_H)
    for day in np.flatnonzero(works).tolist():
        made[day * DAY : (day + 1) * DAY] = np.tile(days[day, middle], 3)
    return made
