"""Baselines of the cases: fitted by the product from the readings of the reference period, once a site and period.

``tests/quality/test_quality.py`` holds that ``cuofeng backtest --baseline-from --baseline-to`` fits the same.
"""

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from detectors.baseline import DayLoads, baselines_of, fit_baseline
from detectors.registry import ALWAYS, Baseline, Registry
from detectors.slots import local_day
from service.calendar import office_day_kind
from tests.quality.natural import Span
from tests.quality.sites import SLOT_S, Site

#: One baseline, or one a day type; empty: the product could fit none.
Fitted = tuple[Baseline, ...]


def fitted(site: Site, reference: Span) -> Fitted:
    """What the product learns of a site's reference period."""
    days = [d for d in site.days() if reference.first <= d.first_slot and d.end_slot <= reference.end]
    return _fit(site.zone, [(d.day, site.of(d.first_slot, d.end_slot)) for d in days])


def fitted_daily(begin: date, day_kwh: npt.NDArray[np.float64], zone: str) -> Fitted:
    """The same from energies of days, from ``begin`` on; 1 stands for no value."""
    days = [begin + timedelta(days=i) for i in range(len(day_kwh))]
    loads = np.where(day_kwh == 1, np.nan, day_kwh / 24)
    return _fit(
        zone,
        [
            (day, np.full(local_day(zone, day, SLOT_S).n_slots, kw))
            for day, kw in zip(days, loads.tolist(), strict=True)
        ],
    )


def _fit(zone: str, days: list[tuple[date, npt.NDArray[np.float64]]]) -> Fitted:
    kind_of = office_day_kind(Registry(zone=zone))
    loads = [DayLoads(day, kind_of(day), kw) for day, kw in days]
    return baselines_of(fit_baseline(loads, slot_s=SLOT_S), "scope", "fitted", ALWAYS)
