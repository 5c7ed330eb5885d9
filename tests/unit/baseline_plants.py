"""Made plants and the shipped measured ones, as days for a baseline."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from detectors.baseline import DayKind, DayLoads
from service.demo.measured import template

F64 = npt.NDArray[np.float64]
Load = Callable[[date, np.random.Generator], F64]

MONDAY = date(2017, 6, 5)
SLOTS = 96
HOUR = np.arange(SLOTS) / 4


def weekday_kind(day: date) -> DayKind:
    """By the week alone."""
    return DayKind.WORKDAY if day.weekday() < 5 else DayKind.RESTDAY


def made(load: Load, n: int = 60, seed: int = 0, first: date = MONDAY) -> list[DayLoads]:
    """``n`` days of a made plant; each day's noise depends on the date alone."""
    days = [first + timedelta(days=i) for i in range(n)]
    return [
        DayLoads(d, weekday_kind(d), np.round(load(d, np.random.default_rng([seed, d.toordinal()])), 2)) for d in days
    ]


def noise(rng: np.random.Generator, sd: float) -> F64:
    """White noise of a day."""
    return np.asarray(rng.normal(0, sd, SLOTS), np.float64)


def shift(running: float, idle: float, begin: float = 8, end: float = 17, days: Sequence[int] = range(5)) -> Load:
    """A shop that works from ``begin`` to ``end`` on some days of the week."""

    def load(day: date, rng: np.random.Generator) -> F64:
        works = np.isin(np.arange(SLOTS), np.arange(begin * 4, end * 4)) & (day.weekday() in days)
        return np.asarray(np.where(works, running + noise(rng, running / 20), idle + noise(rng, idle / 15)), np.float64)

    return load


def kiln(level: float = 1000.0) -> Load:
    """A kiln that never stops."""
    return lambda day, rng: level + noise(rng, level / 30)


def with_days(days: Sequence[DayLoads], change: Callable[[DayLoads], F64 | None]) -> list[DayLoads]:
    """Days with other loads where ``change`` gives some."""
    result = []
    for day in days:
        kw = change(day)
        result.append(day if kw is None else DayLoads(day.day, day.kind, kw, day.reason))
    return result


def shipped(name: str, first: date, last: date) -> list[DayLoads]:
    """Days of a measured plant of the demo, ``first`` to ``last``."""
    return [DayLoads(d, weekday_kind(d), kw) for d, kw in template(name).days.items() if first <= d <= last]
