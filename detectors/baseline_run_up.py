"""Whether a plant ran up before a season: a high baseline is worth money to it (DOMAIN §4).

The same weeks of the year before are the measure. Where the period is long enough, its last four weeks are held against
them beside the rest of the period: growth of a whole year moves both, a season of the trade comes every year, a run-up
moves the last weeks alone. A rise all over the period is asked about as well, as what it is: growth, or a longer
run-up. Either is a question to the plant, never a verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from detectors.baseline_days import energies_kwh, leave_out_by_calendar, period_of
from detectors.baseline_types import DayKind, DayLoads, RunUp

F64 = npt.NDArray[np.float64]

#: A rise above this share, and above so many standard errors of the means, is asked about.
RISE, ERRORS = 0.15, 2.0
#: Working days needed on either side, and of either part.
LEAST_DAYS = 5
#: The weeks in which a baseline is run up.
LAST = timedelta(weeks=4)


def run_up(
    latest: Sequence[DayLoads], year_before: Sequence[DayLoads], *, slot_s: int, min_coverage: float = 0.9
) -> RunUp:
    """Compare the working days of a reference period with those of the same days a year before, its last four weeks by
    themselves where they and the rest have five days on either side.

    The periods are laid upon each other by their last days; the last four weeks end with the last working day that
    counts. Holidays, the weeks round 春节 and days with a reason or without evidence are left out on both sides. Low
    days are kept: fewer idle days than a year ago are a run-up too.

    Raises:
        ValueError: a day given twice, or a ``slot_s`` that does not tile a day.
    """
    now, before = (_worked(days, slot_s, min_coverage) for days in (latest, year_before))
    if not (now.is_enough and before.is_enough):
        zh = f"无法与上年同期比较：可用工作日本期 {len(now)} 天、上年 {len(before)} 天，各需 {LEAST_DAYS} 天。"
        en = (
            f"Cannot be compared with the year before: {len(now)} working days now and {len(before)} then can be used,"
            f" {LEAST_DAYS} of each are needed."
        )
        return RunUp(None, None, None, False, zh, en)
    whole = _Rise(now, before)
    parts = _parts(now, before, max(d.day for d in year_before) - max(d.day for d in latest))
    return _of_period(whole) if parts is None else _of_last_weeks(whole, *parts)


@dataclass(frozen=True, slots=True)
class _Worked:
    """Working days that count: dates in order, and energies, kWh."""

    days: tuple[date, ...]
    kwh: F64

    def __len__(self) -> int:
        return len(self.days)

    @property
    def is_enough(self) -> bool:
        return len(self) >= LEAST_DAYS and self.mean > 0

    @property
    def mean(self) -> float:
        return float(self.kwh.mean())

    @property
    def variance(self) -> float:
        """Of the mean, as a share of its square: that of its logarithm."""
        return float(self.kwh.var(ddof=1) / len(self) / self.kwh.mean() ** 2)

    def within(self, begin: date, end: date) -> "_Worked":
        """Days after ``begin``, up to ``end``."""
        mine = np.array([begin < d <= end for d in self.days], np.bool_)
        return _Worked(tuple(d for d, is_in in zip(self.days, mine.tolist(), strict=True) if is_in), self.kwh[mine])


@dataclass(frozen=True, slots=True)
class _Rise:
    """Days now and a year ago."""

    now: _Worked
    before: _Worked

    @property
    def share(self) -> float:
        return self.now.mean / self.before.mean - 1

    @property
    def is_clear(self) -> bool:
        """Whether the mean rose by more than its scatter explains."""
        error = np.sqrt(sum(float(w.kwh.var(ddof=1)) / len(w) for w in (self.now, self.before)))
        return self.share > RISE and self.now.mean - self.before.mean > ERRORS * error

    def is_clear_beside(self, rest: "_Rise") -> bool:
        """The same, as a multiple of what became of the rest."""
        ratio = (1 + self.share) / (1 + rest.share)
        error = np.sqrt(sum(w.variance for w in (self.now, self.before, rest.now, rest.before)))
        return ratio > 1 + RISE and float(np.log(ratio)) > ERRORS * error


def _parts(now: _Worked, before: _Worked, year: timedelta) -> tuple[_Rise, _Rise] | None:
    """The last weeks and the rest; None where one of them has too few days. year: from a day now to the same day of the
    year before."""
    end = now.days[-1]
    cut = end - LAST
    last = _Rise(now.within(cut, end), before.within(cut + year, end + year))
    rest = _Rise(now.within(date.min, cut), before.within(date.min, cut + year))
    is_told = all(w.is_enough for rise in (last, rest) for w in (rise.now, rise.before))
    return (last, rest) if is_told else None


def _of_period(whole: _Rise) -> RunUp:
    now, before, share = whole.now.mean, whole.before.mean, whole.share
    zh = f"工作日平均电量 {now:.0f} kWh，上年同期 {before:.0f} kWh，变化 {share:+.0%}。"
    en = f"A working day took {now:.0f} kWh on average, {before:.0f} a year before ({share:+.0%})."
    if whole.is_clear:
        zh += "采暖季前用电明显上升：增长或冲高基准，请向企业核实。"
        en += " It ran clearly more before the season: growth, or a run-up for a higher baseline. Ask the plant."
    else:
        zh += "未见明显冲高。"
        en += " No clear run-up."
    return RunUp(round(share, 4), round(now, 3), round(before, 3), whole.is_clear, zh, en)


def _of_last_weeks(whole: _Rise, last: _Rise, rest: _Rise) -> RunUp:
    now, before, share = last.now.mean, last.before.mean, last.share
    is_run_up = last.is_clear_beside(rest)
    zh = (
        f"最近四周工作日平均电量 {now:.0f} kWh，上年同期 {before:.0f} kWh，变化 {share:+.0%}；"
        f"此前变化 {rest.share:+.0%}。"
    )
    en = (
        f"A working day of the last four weeks took {now:.0f} kWh on average, {before:.0f} a year before"
        f" ({share:+.0%}); the days before them changed by {rest.share:+.0%}."
    )
    if is_run_up:
        zh += "采暖季前四周用电明显冲高，此前并无同样变化，请向企业核实。"
        en += " It ran up in the last weeks, and not before: is that for a higher baseline? Ask the plant."
    elif whole.is_clear:
        zh += "整个参考期用电明显高于上年：增长或较早冲高基准，请向企业核实。"
        en += " It took clearly more all over the period: growth, or a longer run-up. Ask the plant."
    else:
        zh += "未见明显冲高。"
        en += " No clear run-up."
    is_suspicious = is_run_up or whole.is_clear
    return RunUp(
        round(share, 4), round(now, 3), round(before, 3), is_suspicious, zh, en, rest_share=round(rest.share, 4)
    )


def _worked(days: Sequence[DayLoads], slot_s: int, min_coverage: float) -> _Worked:
    period = period_of(days, slot_s, min_coverage)
    leave_out_by_calendar(period)
    mine = period.counts & period.is_kind(DayKind.WORKDAY)
    named = zip(period.days, mine.tolist(), strict=True)
    return _Worked(tuple(d for d, is_in in named if is_in), energies_kwh(period)[mine])
