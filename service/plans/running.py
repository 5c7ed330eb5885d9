"""Whether a load looks like a running plant. Pure.

On a local day, of the slots whose load is known: *top* is the mean of the highest, *quiet* that of the lowest ones, two
hours each. The day runs where top is a good share of the contract capacity, and either clearly above the quiet hours
(shifts) or no quiet hour is below that share (kilns that never rest). A plant looks running on ``days`` such days.
What it misses: a plant that runs on less than the share of its capacity, or for less than two hours a day.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RunningThresholds:
    """Defaults of this project: no regulation gives a number for "running"."""

    span_days: int = 7
    days: int = 2
    hours: float = 2.0  # of top and of quiet
    known_hours: float = 12.0  # a day of which less is known says nothing
    contract_share: float = 0.20  # of the contract capacity
    above_quiet: float = 1.5  # top over quiet
    least_kw: float = 50.0  # instead of the share, where no contract capacity is known
    origin: str = "[D]"


DEFAULTS = RunningThresholds()


@dataclass(frozen=True, slots=True)
class DayLook:
    """Top and quiet load of one local day, kW; NaN where too little is known."""

    top_kw: float
    quiet_kw: float


@dataclass(frozen=True, slots=True)
class RunningLook:
    """What was seen of a plant or account. days: on which it ran; top_kw, quiet_kw: of the highest of them."""

    days: int
    top_kw: float
    quiet_kw: float
    contract_kw: float | None


def day_looks(loads_kw: F64, slot_s: int, thresholds: RunningThresholds = DEFAULTS) -> tuple[F64, F64]:
    """Top and quiet load of days. loads_kw: [N, T], NaN = not known; both results [N], NaN where less than
    ``known_hours`` of a day are known."""
    n, width = loads_kw.shape
    count = round(thresholds.hours * 3600 / slot_s)
    if n == 0 or width < count:
        return np.full(n, np.nan), np.full(n, np.nan)
    known = (~np.isnan(loads_kw)).sum(axis=1)
    low = np.sort(loads_kw, axis=1)  # NaN last
    quiet = low[:, :count].mean(axis=1)
    places = known[:, None] - 1 - np.arange(count)[None, :]
    top = np.take_along_axis(low, np.maximum(places, 0), axis=1).mean(axis=1)
    enough = known >= max(count, thresholds.known_hours * 3600 / slot_s)
    return np.where(enough, top, np.nan), np.where(enough, quiet, np.nan)


def running_look(
    days: Iterable[DayLook], contract_kw: float | None, thresholds: RunningThresholds = DEFAULTS
) -> RunningLook | None:
    """None: it does not look running."""
    ran = [day for day in days if day_runs(day, contract_kw, thresholds)]
    if len(ran) < thresholds.days:
        return None
    highest = max(ran, key=lambda day: day.top_kw)
    return RunningLook(len(ran), highest.top_kw, highest.quiet_kw, contract_kw)


def day_runs(day: DayLook, contract_kw: float | None, thresholds: RunningThresholds = DEFAULTS) -> bool:
    """Whether one day runs; a day of which too little is known does not."""
    bar = thresholds.least_kw if contract_kw is None else thresholds.contract_share * contract_kw
    if not day.top_kw >= bar or day.top_kw <= 0:
        return False
    return day.top_kw >= thresholds.above_quiet * day.quiet_kw or day.quiet_kw >= bar
