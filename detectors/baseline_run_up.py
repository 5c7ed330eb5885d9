"""Whether a plant ran up before a season: a high baseline is worth money to it (DOMAIN §4).

The same weeks of the year before are the measure. Growth of a whole year looks the same, so this is a question to the
plant, never a verdict.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from detectors.baseline_days import energies_kwh, leave_out_by_calendar, period_of
from detectors.baseline_types import DayKind, DayLoads, RunUp

F64 = npt.NDArray[np.float64]

#: A rise above this share, and above so many standard errors of the two means, is asked about.
RISE, ERRORS = 0.15, 2.0
#: Working days needed on either side.
LEAST_DAYS = 5


def run_up(
    latest: Sequence[DayLoads], year_before: Sequence[DayLoads], *, slot_s: int, min_coverage: float = 0.9
) -> RunUp:
    """Compare the working days of the last weeks with those of the same weeks a year before.

    Holidays, the weeks round 春节 and days with a reason or without evidence are left out on both sides. Low days are
    kept: fewer idle days than a year ago are a run-up too.

    Raises:
        ValueError: a day given twice, or a ``slot_s`` that does not tile a day.
    """
    now, before = (_working_energies(days, slot_s, min_coverage) for days in (latest, year_before))
    if len(now) < LEAST_DAYS or len(before) < LEAST_DAYS or before.mean() <= 0:
        zh = f"无法与上年同期比较：可用工作日本期 {len(now)} 天、上年 {len(before)} 天，各需 {LEAST_DAYS} 天。"
        en = (
            f"Cannot be compared with the year before: {len(now)} working days now and {len(before)} then can be used,"
            f" {LEAST_DAYS} of each are needed."
        )
        return RunUp(None, None, None, False, zh, en)
    share = float(now.mean() / before.mean() - 1)
    error = float(np.sqrt(now.var(ddof=1) / len(now) + before.var(ddof=1) / len(before)))
    is_suspicious = share > RISE and float(now.mean() - before.mean()) > ERRORS * error
    zh = f"工作日平均电量 {now.mean():.0f} kWh，上年同期 {before.mean():.0f} kWh，变化 {share:+.0%}。"
    en = f"A working day took {now.mean():.0f} kWh on average, {before.mean():.0f} a year before ({share:+.0%})."
    if is_suspicious:
        zh += "采暖季前用电明显上升：增长或冲高基准，请向企业核实。"
        en += " It ran clearly more before the season: growth, or a run-up for a higher baseline. Ask the plant."
    else:
        zh += "未见明显冲高。"
        en += " No clear run-up."
    return RunUp(round(share, 4), round(float(now.mean()), 3), round(float(before.mean()), 3), is_suspicious, zh, en)


def _working_energies(days: Sequence[DayLoads], slot_s: int, min_coverage: float) -> F64:
    period = period_of(days, slot_s, min_coverage)
    leave_out_by_calendar(period)
    return energies_kwh(period)[period.counts & period.is_kind(DayKind.WORKDAY)]
