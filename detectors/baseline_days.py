"""The days of a reference period side by side, and which of them show nothing of the plant (DOMAIN §4).

A day that an order or an outage covers, a day of a clock change and a day of bad data show nothing: their rows become
NaN. Holidays, the weeks round 春节 and low days stay: they are left out of the energies, but show how the plant idles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from detectors.baseline_types import DayKind, DayLoads, DropReason
from detectors.slots import DAY_S

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

#: Gaps up to this long are bridged between their neighbours when a day's energy or a run is looked at.
BRIDGE_H = 1
_KINDS = tuple(str(k) for k in DayKind)


@dataclass(slots=True)
class Period:
    """D days sorted by date, n slots each.

    kw: [D, n]; a row of NaN shows nothing. reasons: why each day is left out, None while it counts.
    """

    slot_s: int
    days: tuple[date, ...]
    kinds: tuple[str, ...]
    kw: F64
    reasons: list[str | None]

    @property
    def per_hour(self) -> float:
        """Slots in an hour."""
        return 3600 / self.slot_s

    @property
    def n(self) -> int:
        """Slots in a day."""
        return int(self.kw.shape[1])

    @property
    def shows(self) -> Bool:
        """Days that show anything of the plant, [D]."""
        return np.asarray(~np.isnan(self.kw).all(axis=1), np.bool_)

    @property
    def counts(self) -> Bool:
        """Days that nothing leaves out, [D]."""
        return np.array([r is None for r in self.reasons], np.bool_)

    def is_kind(self, *kinds: str) -> Bool:
        """Days of these kinds, [D]."""
        return np.array([k in kinds for k in self.kinds], np.bool_)

    def drop(self, days: Bool, reason: str) -> None:
        """Days that show nothing, for a reason."""
        for d in np.flatnonzero(days).tolist():
            if self.reasons[d] is None:
                self.reasons[d] = reason
            self.kw[d] = np.nan

    def leave_out(self, days: Bool, reason: str) -> None:
        """Days whose energy does not count, for a reason; they still show how the plant idles."""
        for d in np.flatnonzero(days).tolist():
            if self.reasons[d] is None:
                self.reasons[d] = reason

    def is_next(self) -> Bool:
        """Whether each day follows on the one before it in the rows, [D]."""
        ordinals = np.array([d.toordinal() for d in self.days], np.int64)
        return np.concatenate([[False], np.diff(ordinals) == 1]) if len(ordinals) else np.zeros(0, np.bool_)


def period_of(days: Sequence[DayLoads], slot_s: int, min_coverage: float) -> Period:
    """Sort the days and leave out those that a caller's reason, their length or their coverage rules out.

    Raises:
        ValueError: a day given twice, an unknown kind, or slots that do not tile a day.
    """
    if slot_s <= 0 or DAY_S % slot_s:
        raise ValueError(f"slot_s {slot_s}: does not tile a day of {DAY_S} s")
    n = DAY_S // slot_s
    rows = sorted(days, key=lambda d: d.day)
    for one, other in pairwise(rows):
        if one.day == other.day:
            raise ValueError(f"day {one.day}: given twice")
    for row in rows:
        if row.kind not in _KINDS:
            raise ValueError(f"day {row.day}: kind {row.kind} is not one of {', '.join(_KINDS)}")
    period = Period(
        slot_s,
        tuple(r.day for r in rows),
        tuple(str(r.kind) for r in rows),
        np.full((len(rows), n), np.nan),
        [None if r.reason is None else str(r.reason) for r in rows],
    )
    for d, row in enumerate(rows):
        if row.reason is not None:
            continue
        if len(row.kw) != n:
            period.reasons[d] = DropReason.CLOCK_CHANGE
        else:
            period.kw[d] = row.kw
    period.kw[~np.isfinite(period.kw)] = np.nan
    drop_thin_days(period, min_coverage, DropReason.COVERAGE)
    return period


def drop_thin_days(period: Period, min_coverage: float, reason: str) -> None:
    """Leave out the days of which less than ``min_coverage`` of the slots has evidence."""
    known = 1 - np.isnan(period.kw).mean(axis=1)
    period.drop((known < min_coverage) & period.counts, reason)


def leave_out_by_calendar(period: Period) -> None:
    """Public holidays and the weeks round 春节 do not count."""
    period.leave_out(period.is_kind(DayKind.HOLIDAY), DropReason.HOLIDAY)
    period.leave_out(period.is_kind(DayKind.SPRING_RAMP), DropReason.SPRING_RAMP)


def ran(period: Period, split_kw: float) -> Bool:
    """Days on which the plant ran, [D]: 2 h at least above ``split_kw``."""
    with np.errstate(invalid="ignore"):
        return np.asarray((period.kw > split_kw).sum(axis=1) >= 2 * period.per_hour, np.bool_)


def leave_out_low_use(period: Period, energies: F64, split_kw: float | None, share: float) -> None:
    """Working days far below the median of those on which the plant ran do not count.

    energies: [D] kWh. split_kw: None where it is not known: the median is that of all working days.
    """
    workdays = period.counts & period.is_kind(DayKind.WORKDAY)
    measure = workdays if split_kw is None else workdays & ran(period, split_kw)
    if measure.any():
        limit = share * float(np.median(energies[measure]))
        period.leave_out(workdays & (energies < limit), DropReason.LOW_USE)


def energies_kwh(period: Period) -> F64:
    """Energy of each day, [D] kWh, gaps bridged between their neighbours; NaN for a day that shows nothing."""
    return np.asarray(filled(period).mean(axis=1) * 24, np.float64)


def filled(period: Period) -> F64:
    """The loads with each day's gaps bridged between their neighbours, [D, n]; rows that show nothing stay NaN."""
    kw = period.kw.copy()
    gaps = np.isnan(kw)
    for d in np.flatnonzero(gaps.any(axis=1) & ~gaps.all(axis=1)).tolist():
        known = np.flatnonzero(~gaps[d])
        holes = np.flatnonzero(gaps[d])
        kw[d, holes] = np.interp(holes, known, kw[d, known])
    return kw


def timeline(period: Period) -> F64:
    """All days one behind the other, a day of NaN where dates are missing between them, [T]."""
    breaks = np.flatnonzero(~period.is_next())[1:]
    return np.asarray(np.insert(period.kw, breaks, np.nan, axis=0).reshape(-1), np.float64)
