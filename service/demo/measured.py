"""The two measured plants that the demo ships (``service/demo/data``), as mean kW per quarter-hour of each local day.

The clock labels of the sources (Seoul, Berlin) are read as plant-local wall clock: what is taken over is the shape of
a working day, not the instant. Days of another length than 24 h (summer time) are left out.
"""

import csv
import gzip
import io
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

SLOTS_PER_DAY = 96
#: The year's energy of the metalworking plant is 499.57 MWh; the source is scaled to 1 MWh (data/README.md).
_METALWORKING_KW_PER_W = 499.57 / 1000
#: kWh in a quarter-hour -> mean kW.
_KW_PER_QUARTER_KWH = 4.0

_SOURCES = {
    "steel": ("steel_2018.csv.gz", _KW_PER_QUARTER_KWH),
    "metalworking": ("metalworking_2018.csv.gz", _METALWORKING_KW_PER_W),
}
#: Reference period of the baselines: disjoint from every judged day (those begin on 2018-09-22).
REFERENCE = (date(2018, 3, 1), date(2018, 9, 20))
#: Long stops of the meter, first and last day cut: what "idle" means for the plant. None of them is judged.
LONG_STOPS = {
    "steel": ((date(2018, 2, 15), date(2018, 2, 18)), (date(2018, 8, 1), date(2018, 8, 5))),
    "metalworking": ((date(2018, 1, 1), date(2018, 1, 7)), (date(2018, 3, 30), date(2018, 4, 1))),
}


@dataclass(frozen=True, slots=True)
class Template:
    """A measured plant. ``days``: mean kW of the 96 quarter-hours of each local day of 2018."""

    name: str
    days: dict[date, F64]
    running_kw: float  # mean load of the working hours of the reference days
    max_kw: float  # 99.5th percentile of the reference days
    idle_kw: float  # 95th percentile of the long stops
    day_kwh: float  # mean energy of a reference day


def _read(name: str) -> dict[date, F64]:
    file, kw_per_unit = _SOURCES[name]
    packed = (files("service.demo") / "data" / file).read_bytes()
    days: dict[date, F64] = {}
    for row in csv.DictReader(io.StringIO(gzip.decompress(packed).decode("utf-8"))):
        values = np.array([float(v) for v in row["values"].split(";")]) * kw_per_unit
        if len(values) == SLOTS_PER_DAY:
            days[date.fromisoformat(row["date"])] = values
    return days


def reference_days(days: dict[date, F64]) -> list[date]:
    """Monday to Friday in ``REFERENCE``; those below half the median energy (holidays) are dropped."""
    weekdays = [d for d in days if REFERENCE[0] <= d <= REFERENCE[1] and d.weekday() < 5]
    least = 0.5 * np.median([days[d].sum() for d in weekdays])
    return [d for d in weekdays if days[d].sum() > least]


def night_energies(plant: Template) -> tuple[float, float]:
    """Mean and deviation of the energy above idle of the nights, 22:00 to 06:00, before reference days, kWh."""
    nights = [
        np.concatenate([plant.days[d - timedelta(days=1)][88:], plant.days[d][:24]])
        for d in reference_days(plant.days)
        if d - timedelta(days=1) in plant.days
    ]
    above = np.maximum(np.array(nights) - plant.idle_kw, 0.0).sum(axis=1) / 4
    return float(above.mean()), float(above.std(ddof=1))


@cache
def template(name: str) -> Template:
    """The plant ``steel`` or ``metalworking`` with the baseline of its reference period.

    Working hours: the quarter-hours whose mean over the reference days is above half of the highest. Idle: the long
    stops.
    """
    days = _read(name)
    reference = np.array([days[d] for d in reference_days(days)])
    profile = reference.mean(axis=0)
    stops = np.concatenate([v for d, v in days.items() if any(a <= d <= b for a, b in LONG_STOPS[name])])
    return Template(
        name=name,
        days=days,
        running_kw=float(reference[:, profile > 0.5 * profile.max()].mean()),
        max_kw=float(np.percentile(reference, 99.5)),
        idle_kw=float(np.percentile(stops, 95)),
        day_kwh=float(reference.sum() / 4 / len(reference)),
    )
