"""What a site does by itself: its two levels, its stops, its stretches of production, its working days.

This is the harness's own rule, made from all of the site's data; the product never sees it, and it never sees the
product's baseline. Labels of the cases rest on it:

- *idle* B is the median of the lower, *running* H that of the upper of two classes of loads (least squares between
  the classes). Only B and H are taken from the split, never its threshold, which is a naive one (DOMAIN §4).
- a slot **runs** above B + 0.25 (H - B); a *stop* is at least 16 h of slots of which none runs;
- *production* fit to be pasted is a stretch in which every slot lies above B + 0.5 (H - B), so that also half of it
  on top of the idle load runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt
from holidays import country_holidays

from detectors.slots import LocalDay
from tests.quality.sites import SLOT_S, Site

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

RUNS_FROM = 0.25
PRODUCES_FROM = 0.5
STOP_H = 16
SLOTS_PER_H = 3600 // SLOT_S


@dataclass(frozen=True, slots=True)
class Span:
    """Slots ``[first, end)``."""

    first: int
    end: int

    @property
    def n(self) -> int:
        """Slots in it."""
        return self.end - self.first

    def meets(self, first: int, end: int) -> bool:
        """Whether it shares a slot with ``[first, end)``."""
        return self.first < end and first < self.end


@dataclass(frozen=True, slots=True, eq=False)
class Nature:
    """What was found in a site's data."""

    site: Site
    idle_kw: float
    running_kw: float
    stops: tuple[Span, ...]
    production: tuple[Span, ...]  # each at least an hour
    days: tuple[LocalDay, ...]
    day_kwh: F64  # of each of ``days``; NaN where a slot is missing
    faults: tuple[Span, ...]  # of the meter, known beforehand

    def level_kw(self, share: float) -> float:
        """The load a share of the way from idle to running."""
        return self.idle_kw + share * (self.running_kw - self.idle_kw)

    def runs(self, load_kw: F64) -> Bool:
        """Slots in which the plant runs; missing ones do not."""
        return np.asarray(np.nan_to_num(load_kw, nan=-np.inf) > self.level_kw(RUNS_FROM), np.bool_)

    def highest_kw(self) -> float:
        """Highest load outside the known faults."""
        load_kw = self.site.load_kw.copy()
        for fault in self.faults:
            load_kw[max(0, fault.first - self.site.first_slot) : max(0, fault.end - self.site.first_slot)] = np.nan
        return float(np.nanmax(load_kw))

    def reference_day_kwh(self, first_slot: int, end_slot: int) -> float:
        """Mean energy of the working days in ``[first_slot, end_slot)`` that lie above half of their median.

        This is what a limit is laid over. Working days: Monday to Friday; in China without public holidays, with
        make-up days, and without the three weeks round 春节. Raises ValueError where there is no such day.
        """
        inside = [
            kwh
            for day, kwh in zip(self.days, self.day_kwh.tolist(), strict=True)
            if first_slot <= day.first_slot
            and day.end_slot <= end_slot
            and works(self.site.zone, day.day)
            and kwh == kwh
        ]
        kept = [kwh for kwh in inside if kwh > 0.5 * float(np.median(inside))]
        if not kept:
            raise ValueError(f"{self.site.name}: no working day in slots {first_slot} to {end_slot}")
        return float(np.mean(kept))

    def rest_day_kwh(self, first_slot: int, end_slot: int) -> float | None:
        """Mean energy of the other days; None where there are fewer than four."""
        kept = [
            kwh
            for day, kwh in zip(self.days, self.day_kwh.tolist(), strict=True)
            if first_slot <= day.first_slot and day.end_slot <= end_slot and not works(self.site.zone, day.day)
        ]
        known = [kwh for kwh in kept if kwh == kwh]
        return float(np.mean(known)) if len(known) >= 4 else None


def nature_of(site: Site, faults: Sequence[Span] = ()) -> Nature:
    """Find the levels, stops and production of a site. faults: spans of its meter's known faults, which are neither."""
    sound_kw = site.load_kw.copy()
    for fault in faults:
        sound_kw[max(0, fault.first - site.first_slot) : max(0, fault.end - site.first_slot)] = np.nan
    idle_kw, running_kw = _levels(sound_kw)
    half = idle_kw + PRODUCES_FROM * (running_kw - idle_kw)
    quarter = idle_kw + RUNS_FROM * (running_kw - idle_kw)
    known = ~np.isnan(sound_kw)
    load_kw = np.nan_to_num(sound_kw)
    days = tuple(site.days())
    sums = [sound_kw[d.first_slot - site.first_slot : d.end_slot - site.first_slot].sum() for d in days]
    return Nature(
        site=site,
        idle_kw=idle_kw,
        running_kw=running_kw,
        stops=tuple(spans_of(known & (load_kw <= quarter), site.first_slot, STOP_H * SLOTS_PER_H)),
        production=tuple(spans_of(known & (load_kw > half), site.first_slot, SLOTS_PER_H)),
        days=days,
        day_kwh=np.array(sums) / SLOTS_PER_H,
        faults=tuple(faults),
    )


@cache
def works(zone: str, day: date) -> bool:
    """Whether a day is a working day."""
    if zone != "Asia/Shanghai":
        return day.weekday() < 5
    chinese = country_holidays("CN")
    near_new_year = any("春节" in chinese.get(day + timedelta(days=d), "") for d in range(-11, 11))
    return chinese.is_working_day(day) and not near_new_year


def spans_of(flags: Bool, first_slot: int, at_least: int = 1) -> list[Span]:
    """Runs of flagged slots of at least so many slots."""
    edges = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    pairs = zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True)
    return [Span(first_slot + a, first_slot + b) for a, b in pairs if b - a >= at_least]


def _levels(load_kw: F64) -> tuple[float, float]:
    """Medians of the two classes that leave the least variance inside them."""
    rising = np.sort(load_kw[~np.isnan(load_kw)])
    n, total = len(rising), float(rising.sum())
    low = np.arange(1, n)
    sums = np.cumsum(rising)[:-1]
    between = low * (n - low) * (sums / low - (total - sums) / (n - low)) ** 2
    cut = int(between.argmax()) + 1
    return float(np.median(rising[:cut])), float(np.median(rising[cut:]))
