"""The measured sites as one unbroken row of slots each: what every case is cut from.

Steel and metalworking ship with the demo; the campus (a faulty meter) and the enterprises are read from a folder of
data where there is one. Nothing is repaired: a slot without a row is NaN.
"""

import csv
import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from detectors.slots import LocalDay, local_date, local_day

F64 = npt.NDArray[np.float64]

SLOT_S = 900
ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "service" / "demo" / "data"
ENTERPRISES = "enterprises_2015_2016_daily.csv.gz"
CAMPUS = "campus_substation_2013_2015_15min.csv.gz"
#: The labels of the campus are a wall clock without offset and hold the hour that summer time leaves out; a zone
#: without summer time takes them as they are (Etc/GMT-1 is UTC+01:00).
CAMPUS_ZONE = "Etc/GMT-1"
#: The metalworking plant is published as W at 1 MWh a year; its year is 499.57 MWh.
METALWORKING_KW_PER_W = 499.57 / 1000


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A site's mean load. ``load_kw[i]`` is that of slot ``first_slot + i``; NaN where there is no row."""

    name: str
    zone: str
    first_slot: int
    load_kw: F64
    real: bool = True  # False: transformed from a real one (``tests.quality.plants``)
    period_s: int = SLOT_S  # what one reading of its meter covers: a slot, or a local day

    @property
    def end_slot(self) -> int:
        """First slot behind the data."""
        return self.first_slot + len(self.load_kw)

    def days(self) -> list[LocalDay]:
        """Local days that lie wholly in the data."""
        first, last = (local_date(self.zone, s * SLOT_S) for s in (self.first_slot, self.end_slot - 1))
        every = (
            local_day(self.zone, date.fromordinal(d), SLOT_S) for d in range(first.toordinal(), last.toordinal() + 1)
        )
        return [d for d in every if d.first_slot >= self.first_slot and d.end_slot <= self.end_slot]

    def of(self, first_slot: int, end_slot: int) -> F64:
        """A copy of the load over ``[first_slot, end_slot)``."""
        if first_slot < self.first_slot or end_slot > self.end_slot:
            raise ValueError(f"{self.name} has no data over slots {first_slot} to {end_slot}")
        return self.load_kw[first_slot - self.first_slot : end_slot - self.first_slot].copy()


def data_folder() -> Path | None:
    """Folder with the data that is not shipped: ``CUOFENG_DATA``, else ``../shared/data``; None where there is none."""
    named = os.environ.get("CUOFENG_DATA")
    if named:
        folder = Path(named)
        if not folder.is_dir():
            raise NotADirectoryError(f"CUOFENG_DATA={named}: no such folder")
        return folder
    beside = ROOT.parent / "shared" / "data"
    return beside if beside.is_dir() else None


def shipped_sites() -> list[Site]:
    """The two plants that the demo ships."""
    return [
        _by_days("steel", "Asia/Seoul", SHIPPED / "steel_2018.csv.gz", 3600 / SLOT_S),
        _by_days("metalworking", "Europe/Berlin", SHIPPED / "metalworking_2018.csv.gz", METALWORKING_KW_PER_W),
    ]


def campus(folder: Path) -> Site:
    """The substation of a campus whose meter fails in many ways (data/README.md)."""
    zone = ZoneInfo(CAMPUS_ZONE)
    rows = [
        (datetime.fromisoformat(row["time_local"]).replace(tzinfo=zone), row["total_kw"])
        for row in _rows(folder / CAMPUS)
    ]
    slots = np.array([int(at.timestamp()) // SLOT_S for at, _ in rows])
    load_kw = np.full(int(slots.max() - slots.min()) + 1, np.nan)
    load_kw[slots - slots.min()] = [float(value) for _, value in rows]
    return Site("campus", CAMPUS_ZONE, int(slots.min()), load_kw)


@dataclass(frozen=True, slots=True, eq=False)
class Enterprises:
    """Daily energies of many sites, [days, sites], as published: 1 stands for zero or missing."""

    days: tuple[date, ...]
    ids: tuple[str, ...]
    day_kwh: F64


def enterprises(folder: Path) -> Enterprises:
    """The enterprises of an industrial zone in Jiangsu."""
    rows = list(_rows(folder / ENTERPRISES))
    ids = tuple(name for name in rows[0] if name != "date")
    values = np.array([[float(row[name]) for name in ids] for row in rows])
    return Enterprises(tuple(date.fromisoformat(row["date"]) for row in rows), ids, values)


def enterprise(data: Enterprises, place: int) -> Site:
    """One enterprise as a site: the mean load of a day in each of its slots; days of 1 are missing."""
    zone, n = "Asia/Shanghai", 86_400 // SLOT_S
    kwh = np.where(data.day_kwh[:, place] == 1, np.nan, data.day_kwh[:, place])
    first = local_day(zone, data.days[0], SLOT_S).first_slot
    return Site(f"enterprise-{data.ids[place]}", zone, first, np.repeat(kwh / 24, n), period_s=86_400)


def _by_days(name: str, zone: str, path: Path, kw_per_unit: float) -> Site:
    days = [(date.fromisoformat(row["date"]), row["values"].split(";")) for row in _rows(path)]
    first = local_day(zone, days[0][0], SLOT_S).first_slot
    load_kw = np.full(local_day(zone, days[-1][0], SLOT_S).end_slot - first, np.nan)
    for day, values in days:
        at = local_day(zone, day, SLOT_S)
        if at.n_slots != len(values):
            raise ValueError(f"{path.name}: {day} has {len(values)} values, its local day {at.n_slots} slots")
        load_kw[at.first_slot - first : at.end_slot - first] = [float(v) * kw_per_unit for v in values]
    return Site(name, zone, first, load_kw)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
