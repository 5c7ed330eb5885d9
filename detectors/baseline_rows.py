"""The rows of a baseline, one a day type, and which of them the registry gets (DOMAIN §4, SEMANTICS §3.15)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detectors.baseline_energies import error_of, middle_days, night_spread, profile_kw, typical
from detectors.baseline_levels import Standing
from detectors.baseline_types import DayTypeRow

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

#: Rest days are told apart from so many on, where their energy differs by this share, and varies by no more than that.
LEAST_REST_DAYS, REST_DIFFERS, REST_VARIES = 4, 0.10, 0.25
#: ... and where half of it is still above what the plant uses standing still, by this factor.
REST_ABOVE_IDLE = 1.1
#: A day is even where its 10th percentile is at least this share of its 90th.
EVEN = 0.75


@dataclass(frozen=True, slots=True)
class Used:
    """Days sorted by date: loads [D, n] with their gaps bridged, energies and nights [D] kWh, and which of them are
    workdays and rest days that count."""

    kw: F64
    energies: F64
    nights: F64
    work: Bool
    rest: Bool


def rows_of_types(
    used: Used, standing: Standing, method: str, running_kw: float, given_kwh: float | None
) -> list[DayTypeRow]:
    """Rows of all day types that have days: ``all``, ``workday``, ``restday``.

    given_kwh: energy of a working day by hand; that of a rest day is then in proportion.
    """
    work, rest = used.work, used.rest
    every = _row("all", work, used, work | rest, method, running_kw, given_kwh)
    rows = [every]
    if work.any():
        night_kwh, night_sd_kwh = _night(used.nights[work])
        rows.append(replace(every, day_type="workday", night_kwh=night_kwh, night_sd_kwh=night_sd_kwh))
    if rest.any():
        own_kw, own_kwh = running_level_kw(used.kw[chosen_days(rest, used.energies, method)], standing, method), None
        if given_kwh is not None:
            share = float(used.energies[rest].mean() / used.energies[work].mean()) if work.any() else 1.0
            own_kw, own_kwh = running_kw, given_kwh * share
        rows.append(_row("restday", rest, used, rest, method, own_kw, own_kwh))
    return rows


def running_level_kw(kw: F64, standing: Standing, method: str) -> float:
    """Load while the plant runs: mean (or median) of the loads above the split.

    Where nothing tells running from standing still: the median, over the days, of the day's busy load. That is its mean
    where the day is even, else its upper quartile or, if that is more, the mean of what is above half of its 90th
    percentile (a furnace that is on for a fifth of the time). So a season of twice the load does not make the others
    look like half a stop.
    """
    if len(kw) == 0:
        return 0.0
    if standing.reason == "learned" and (kw > standing.split_kw).any():
        above = kw[kw > standing.split_kw]
        return float(np.median(above) if method == "median" else above.mean())
    lows, quartiles, heights = np.quantile(kw, (0.1, 0.75, 0.9), axis=1)
    is_high = kw > heights[:, None] / 2
    means = np.where(is_high, kw, 0).sum(axis=1) / np.maximum(is_high.sum(axis=1), 1)
    return float(np.median(np.where(lows >= EVEN * heights, kw.mean(axis=1), np.maximum(quartiles, means))))


def chosen_days(work: Bool, energies: F64, method: str) -> npt.NDArray[np.int64]:
    """Places of the days that a method takes its levels from."""
    places = np.flatnonzero(work)
    return places[middle_days(energies[places])] if method == "mid6of10" else places


def _row(
    day_type: str, days: Bool, used: Used, night_days: Bool, method: str, running_kw: float, given_kwh: float | None
) -> DayTypeRow:
    own = used.energies[days]
    day_kwh = given_kwh if given_kwh is not None else typical(own, method)
    error = error_of(own, method, given_kwh)
    loads = used.kw[chosen_days(days, used.energies, method)]
    profile = profile_kw(loads, method, day_kwh) if len(loads) else np.zeros(0)
    night_kwh, night_sd_kwh = _night(used.nights[night_days])
    return DayTypeRow(
        day_type=day_type,
        day_kwh=kw_of(day_kwh),
        running_kw=kw_of(running_kw),
        profile_kw=tuple(np.round(profile, 3).tolist()),
        days=len(own),
        rrmse=None if error.rrmse is None else round(error.rrmse, 4),
        bias=None if error.bias is None else round(error.bias, 4),
        night_kwh=night_kwh,
        night_sd_kwh=night_sd_kwh,
    )


def _night(energies: F64) -> tuple[float | None, float | None]:
    mean, sd = night_spread(energies)
    return (None if mean is None else kw_of(mean)), (None if sd is None else kw_of(sd))


def applied_types(rows: Sequence[DayTypeRow], standing: Standing) -> tuple[tuple[str, ...], str]:
    """The day types that the registry gets, and why.

    Rest days get a row of their own only where they are worked in a steady way: a row made of idle days, or of worked
    and idle ones, would accuse an honest plant under a limit of its base load, or of the Saturday it is allowed.
    """
    one, two = ("all",), ("workday", "restday")
    rest = next((r for r in rows if r.day_type == "restday"), None)
    if rest is None or rest.days < LEAST_REST_DAYS:
        return one, "few"
    work = rows[0].day_kwh
    if abs(rest.day_kwh - work) <= REST_DIFFERS * work:
        return one, "same"
    idle = standing.median_kw * 24 if standing.reason == "learned" else 0.0
    if rest.day_kwh <= 0 or rest.day_kwh / 2 < REST_ABOVE_IDLE * idle:
        return one, "idle"
    if rest.rrmse is None or rest.rrmse > REST_VARIES:
        return one, "mixed"
    return two, "differs"


def kw_of(value: float) -> float:
    """A level to the watt, an energy to the watt-hour."""
    return round(value, 3)
