"""Day energies by the method of a baseline, how well they meet left-out days, and the nights (DOMAIN §4).

Mean, median and Mid-6-of-10 (KPX) do not reward a plant for running up before a season; the best k of n days would.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.baseline_days import Period

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

#: Mid-6-of-10: of the latest ten days, without the two highest and the two lowest.
OF_DAYS, CUT_EACH = 10, 2
#: The later half of the days is left out, in so many blocks, each told from all days before it.
BLOCKS = 5
#: Up to these errors confidence is high, medium; with fewer days it is low in any case.
HIGH, MEDIUM, ENOUGH_DAYS = 0.10, 0.25, 10
#: A night, hours of the local clock, and the fewest nights of which a spread is told.
NIGHT_FROM_H, NIGHT_TO_H, LEAST_NIGHTS = 22, 6, 5


@dataclass(frozen=True, slots=True)
class Error:
    """How well earlier days tell later ones, shares of the mean; None: too few days."""

    rrmse: float | None
    bias: float | None


def middle_days(energies: F64) -> I64:
    """Places of the six middle ones of the latest ten energies, ascending; of fewer, all but the two at either end."""
    first = max(0, len(energies) - OF_DAYS)
    order = first + np.argsort(energies[first:], kind="stable")
    return np.sort(order[CUT_EACH:-CUT_EACH]) if len(order) > 2 * CUT_EACH else np.sort(order)


def typical(energies: F64, method: str) -> float:
    """Day energy by a method. energies: by date; at least one."""
    if method == "median":
        return float(np.median(energies))
    if method == "mid6of10":
        return float(energies[middle_days(energies)].mean())
    return float(energies.mean())


def error_of(energies: F64, method: str, given_kwh: float | None = None) -> Error:
    """Errors of the later half of the days, each block told from all days before it; given_kwh: of a value by hand.

    So a baseline that drifts shows: its bias is what it is above (+) or below the days that follow.
    """
    n = len(energies)
    mean = float(energies.mean()) if n else 0.0
    if mean <= 0:
        return Error(None, None)
    if given_kwh is not None:
        errors = given_kwh - energies
    elif n < 4:
        return Error(None, None)
    else:
        blocks = np.array_split(np.arange((n + 1) // 2, n), min(BLOCKS, n // 2))
        errors = np.concatenate([typical(energies[: int(b[0])], method) - energies[b] for b in blocks])
        mean = float(energies[(n + 1) // 2 :].mean())
        if mean <= 0:
            return Error(None, None)
    return Error(float(np.sqrt((errors * errors).mean())) / mean, float(errors.mean()) / mean)


def told_rrmse(rrmse: float | None, days: int) -> float | None:
    """The error that a fit tells of so many days: of fewer than ten none below 25 % x 10 / days can be claimed.

    Left out of so few, two to four days look alike by chance: measured fits of 5 to 9 days missed the next forty by
    twice the error that they showed of themselves (docs/baselines.md).
    """
    return rrmse if rrmse is None or days >= ENOUGH_DAYS else max(rrmse, round(MEDIUM * ENOUGH_DAYS / days, 4))


def confidence_of(rrmse: float | None, days: int) -> str:
    """Grade of a fit: ``high`` to 10 %, ``medium`` to 25 %, ``low`` above, untold, or with fewer than ten days."""
    if rrmse is None or days < ENOUGH_DAYS or rrmse > MEDIUM:
        return "low"
    return "high" if rrmse <= HIGH else "medium"


def profile_kw(loads: F64, method: str, day_kwh: float) -> F64:
    """Load of each slot of a day, [n], whose energy is ``day_kwh``. loads: [D, n] without NaN."""
    shape = np.median(loads, axis=0) if method == "median" else loads.mean(axis=0)
    energy = float(shape.mean()) * 24
    return np.asarray(shape * (day_kwh / energy) if energy > 0 else shape, np.float64)


def night_energies(period: Period, kw: F64, idle_kw: float) -> F64:
    """Energy above idle of the night that ends in each day, [D] kWh; NaN where not all of it is known.

    kw: [D, n]. The evening belongs to the day before, which must be the one before it in the calendar.
    """
    evening = kw[:, round(NIGHT_FROM_H * period.per_hour) :]
    morning = kw[:, : round(NIGHT_TO_H * period.per_hour)]
    above = np.full(len(kw), np.nan)
    if len(kw):
        before = np.maximum(evening - idle_kw, 0).sum(axis=1)
        above[1:] = np.where(period.is_next()[1:], before[:-1], np.nan)
        above += np.maximum(morning - idle_kw, 0).sum(axis=1)
    return above / period.per_hour


def night_spread(energies: F64) -> tuple[float | None, float | None]:
    """Mean and standard deviation of nights, kWh; None with fewer than five."""
    known = energies[~np.isnan(energies)]
    if len(known) < LEAST_NIGHTS:
        return None, None
    return float(known.mean()), float(known.std(ddof=1))
