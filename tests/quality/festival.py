"""春节: do the enterprises of a zone stand still or work, day by day, as a hand could check it?

A stop order lies over each of the larger enterprises from three weeks before New Year's Day to four weeks behind it.
Label of a day: *stop* below 10 % of the site's median, *run* above 50 %; between them and where the value is exactly 1
(zero or missing: the source does not tell) there is none. The median is that of the values above 1 in the reference
period, which ends before the order begins; the product fits its baseline from the same days.

The values of 1 are sent as rows without a value (q = N); in a second run as zeros of a meter that shows no voltage.
Either way nothing proves a zero, and no such day may be called compliant.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from detectors.history import History
from detectors.reading_days import ReadingDays
from detectors.readings import ReadingColumns
from detectors.registry import Meter, Order, Plant, Registry, Source
from detectors.slots import DAY_S, instant
from detectors.vocab import Control, Kind, Quality, Rule, Verdict
from detectors.world import compile_world
from service.calendar import office_day_type
from tests.quality.fit import Fitted, fitted_daily
from tests.quality.product import columns_of
from tests.quality.sites import SLOT_S, Enterprises

ZONE = "Asia/Shanghai"
#: New Year's Day, and from when on days are taken as its reference.
YEARS = ((date(2015, 2, 19), date(2015, 1, 1)), (date(2016, 2, 8), date(2015, 9, 1)))
BEFORE, BEHIND = timedelta(days=21), timedelta(days=28)
#: The larger enterprises: those that the description of the data speaks of.
LEAST_MEDIAN_KWH = 200
STOP_BELOW, RUN_ABOVE = 0.10, 0.50


@dataclass(frozen=True, slots=True)
class Festival:
    """Days of one New Year over all enterprises: label, then what the product said."""

    year: int
    enterprises: int
    days: int  # that have a label
    agreeing: int
    stop_violating: int
    run_compliant: int
    unknown: int  # of days with a label
    missing: int  # days whose value is 1
    missing_compliant: int
    zeros_compliant: int  # the same days sent as zeros without voltage
    worst: tuple[str, ...]

    @property
    def agreement(self) -> float:
        """Share of labelled days on which the product says the same; unknown is not the same."""
        return self.agreeing / self.days


def festivals(data: Enterprises) -> list[Festival]:
    """Both New Years of the data."""
    return [_festival(data, *year) for year in YEARS]


def _festival(data: Enterprises, new_year: date, reference_from: date) -> Festival:
    begin, end = new_year - BEFORE, new_year + BEHIND
    at = {day: i for i, day in enumerate(data.days)}
    reference = data.day_kwh[at[reference_from] : at[begin]]
    judged = data.day_kwh[at[begin] : at[end]]
    days = data.days[at[begin] : at[end]]
    medians = np.array([np.median(v[v > 1]) if (v > 1).sum() >= 10 else 0.0 for v in reference.T])
    kept = np.flatnonzero(medians >= LEAST_MEDIAN_KWH)
    baselines, fitting = [], []
    for i in kept.tolist():
        found = fitted_daily(reference_from, reference[:, i], ZONE)
        if found:
            baselines.append(found)
            fitting.append(i)
    judged = judged[:, fitting]
    share = judged / medians[fitting]
    missing = judged == 1
    stop, run = (share < STOP_BELOW) & ~missing, (share > RUN_ABOVE) & ~missing
    said = _verdicts(judged, days, baselines, np.where(missing, Quality.N, Quality.M))
    zeros = _verdicts(np.where(missing, 0.0, judged), days, baselines, np.full(judged.shape, Quality.M))
    agree = (stop & (said == Verdict.COMPLIANT)) | (run & (said == Verdict.VIOLATING))
    labelled = stop | run
    differing = [(int(n), fitting[i]) for i, n in enumerate((labelled & ~agree).sum(axis=0)) if n]
    names = [str(code) for code in data.ids]
    return Festival(
        year=new_year.year,
        enterprises=len(fitting),
        days=int(labelled.sum()),
        agreeing=int(agree.sum()),
        stop_violating=int((stop & (said == Verdict.VIOLATING)).sum()),
        run_compliant=int((run & (said == Verdict.COMPLIANT)).sum()),
        unknown=int((labelled & (said == Verdict.UNKNOWN)).sum()),
        missing=int(missing.sum()),
        missing_compliant=int((missing & (said == Verdict.COMPLIANT)).sum()),
        zeros_compliant=int((missing & (zeros == Verdict.COMPLIANT)).sum()),
        worst=tuple(f"{names[i]}: {n} days" for n, i in sorted(differing, reverse=True)[:10]),
    )


def _verdicts(
    values: npt.NDArray[np.float64],
    days: tuple[date, ...],
    baselines: list[Fitted],
    quality: npt.NDArray[np.integer],
) -> npt.NDArray[np.uint8]:
    """Verdict of each day and site, [days, sites]."""
    n = values.shape[1]
    ids = [f"e-{i:04d}" for i in range(n)]
    begin, end = instant(ZONE, days[0], 0), instant(ZONE, days[-1], DAY_S)
    registry = Registry(
        zone=ZONE,
        sources=tuple(Source(i, cadence="daily") for i in ids),
        plants=tuple(Plant(i, i, "county") for i in ids),
        meters=tuple(
            Meter(f"{i}-m", i, source=i, kind=Kind.ENERGY_INT, unit="kWh", period_s=DAY_S, resolution_kwh=1.0)
            for i in ids
        ),
        orders=tuple(Order(f"{i}-o", i, Control.STOP, begin, end, ramp_down_h=0) for i in ids),
        baselines=tuple(replace(b, scope_id=i) for i, bs in zip(ids, baselines, strict=True) for b in bs),
    )
    world = compile_world(registry, SLOT_S, office_day_type(registry))
    ts = np.array([instant(ZONE, day, DAY_S) for day in days], np.int64)
    sent = [
        columns_of(i, Kind.ENERGY_INT, ts, np.where(q == Quality.N, np.nan, v), q.astype(np.int8), 0 * ts, DAY_S)
        for i, (v, q) in enumerate(zip(values.T, quality.T, strict=True))
    ]
    readings = ReadingColumns.concat(sent)
    history = History(world, ReadingDays.of(world, readings), end)
    rows = np.array([world.scope_row[i] for i in ids])
    said = {r.day: r.rows.verdict[rows] for r in history.judge(np.arange(len(world.scope_ids), dtype=np.int64))}
    if any(a.rule == Rule.FEED_DOWN for a in history.alerts.values()):
        raise RuntimeError("each site has a source of its own: none can be down")
    return np.stack([said[day] for day in days])
