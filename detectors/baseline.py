"""Fits the baseline of a scope from the days of a reference period, and turns it into registry rows (DOMAIN §4).

A pure function of the days: the same days in any order give the same fit, byte for byte. How each number is found is
told in docs/baselines.md; the parts are ``baseline_days`` (which days count), ``baseline_faults`` (data that are not
the plant), ``baseline_levels`` (running and idle) and ``baseline_energies`` (day energies, errors, nights).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from detectors.baseline_days import (
    Period,
    drop_thin_days,
    energies_kwh,
    filled,
    leave_out_by_calendar,
    leave_out_low_use,
    period_of,
    ran,
    timeline,
)
from detectors.baseline_energies import confidence_of, night_energies, told_rrmse
from detectors.baseline_faults import at_a_fraction, idle_equal_h, spikes, stuck, zeros_believed
from detectors.baseline_levels import Standing, idle_level_kw, in_doubt, rough_running_kw, standing_still, top_kw
from detectors.baseline_rows import Used, applied_types, chosen_days, kw_of, rows_of_types, running_level_kw
from detectors.baseline_run_up import run_up
from detectors.baseline_types import (
    METHODS,
    DayKind,
    DayLoads,
    DayTypeRow,
    DroppedDay,
    DropReason,
    Fit,
    RunUp,
    dropped_counts,
)
from detectors.baseline_words import with_words
from detectors.registry import FOREVER, Baseline

__all__ = [
    "METHODS",
    "DayKind",
    "DayLoads",
    "DayTypeRow",
    "DropReason",
    "DroppedDay",
    "Fit",
    "RunUp",
    "baselines_of",
    "dropped_counts",
    "fit_baseline",
    "run_up",
]

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

#: Highest load believed: this quantile of the loads of the days that count; lowest: this one of all that show anything.
MAX_QUANTILE, FLOOR_QUANTILE = 0.999, 0.001
#: An idle level above this share of the running level is doubtful: ask for an approved residual load.
DOUBTFUL_IDLE = 0.3


def fit_baseline(
    days: Sequence[DayLoads],
    *,
    slot_s: int,
    method: str = "mean",
    capacity_kw: float | None = None,
    year_before: Sequence[DayLoads] | None = None,
    min_coverage: float = 0.9,
    low_use_share: float = 0.5,
    min_days: int = 5,
) -> Fit:
    """The baseline of one scope from the days of its reference period, in any order.

    method: ``mean``, ``median`` or ``mid6of10`` of the working days that count, or ``capacity``: the running level is
    ``capacity_kw``, given by hand, and day energies are in its proportion. year_before: the same weeks a year ago, to
    be compared with (``run_up``). With fewer than ``min_days`` working days that count the fit is refused.

    Raises:
        ValueError: unknown method, a day given twice, or a ``slot_s`` that does not tile a day.
    """
    if method not in METHODS:
        raise ValueError(f"method {method}: not one of {', '.join(METHODS)}")
    period = period_of(days, slot_s, min_coverage)
    _drop_faults(period, min_coverage)
    top = top_kw(period.kw)
    standing = standing_still(timeline(period), top, slot_s=slot_s)
    scale = rough_running_kw(timeline(period), top)
    is_stuck, equal_h = stuck(period, idle_level_kw(standing, scale))
    if is_stuck.any():
        period.drop(is_stuck, DropReason.STUCK)
        standing = standing_still(timeline(period), top, slot_s=slot_s)
    leave_out_by_calendar(period)
    energies = energies_kwh(period)
    if standing.reason == "learned" and period.counts.any():
        ran_share = float(ran(period, standing.split_kw)[period.counts].mean())
        standing = in_doubt(standing, timeline(period), ran_share)
    leave_out_low_use(period, energies, standing.split_kw if standing.reason == "learned" else None, low_use_share)
    fit = _blank(period, method)
    fit = replace(fit, data_hash=_hash(period, method, capacity_kw, min_coverage, low_use_share))
    refusal = _refusal(period, energies, method, capacity_kw, min_days)
    if refusal is None:
        fit = _learned(fit, period, standing, energies, capacity_kw, equal_h)
    else:
        fit = replace(fit, refusal=refusal, idle_reason=standing.reason)
    if year_before is not None:
        fit = replace(fit, run_up=run_up(days, year_before, slot_s=slot_s))
    return with_words(replace(fit, doubts=_doubts(fit)))


def baselines_of(
    fit: Fit,
    scope_id: str,
    version: str,
    valid_from: int,
    *,
    valid_to: int = FOREVER,
    approved_by: str | None = None,
    origin: str | None = None,
    with_profile: bool = True,
) -> tuple[Baseline, ...]:
    """Registry rows of a fit, one a day type that is applied; none where the fit was refused."""
    if fit.refusal is not None or fit.running_kw is None:
        return ()
    rows = (fit.row(day_type) for day_type in fit.applied)
    return tuple(
        Baseline(
            scope_id=scope_id,
            version=version,
            valid_from=valid_from,
            valid_to=valid_to,
            running_kw=row.running_kw,
            max_kw=fit.max_kw,
            idle_kw=fit.idle_kw,
            day_kwh=row.day_kwh,
            day_type=row.day_type,
            profile_kw=row.profile_kw if with_profile else (),
            method=fit.method,
            origin=origin if origin is not None else f"fit {fit.first_day} {fit.last_day} sha256:{fit.data_hash}",
            approved_by=approved_by,
            night_kwh=row.night_kwh,
            night_sd_kwh=row.night_sd_kwh,
            floor_kw=fit.floor_kw,
            equal_h=fit.equal_h,
            idle_equal_h=fit.idle_equal_h,
            rrmse=row.rrmse,
            bias=row.bias,
        )
        for row in rows
        if row is not None
    )


def _drop_faults(period: Period, min_coverage: float) -> None:
    if not zeros_believed(period):
        period.kw[period.kw == 0] = np.nan
        drop_thin_days(period, min_coverage, DropReason.ZEROS)
    high = spikes(period)
    if high.any():
        period.drop(np.asarray(high.any(axis=1)), DropReason.SPIKE)
    fallen = at_a_fraction(period)
    if fallen.any():
        period.drop(fallen, DropReason.LEVEL)


def _refusal(period: Period, energies: F64, method: str, capacity_kw: float | None, min_days: int) -> str | None:
    if method == "capacity" and not (capacity_kw is not None and capacity_kw > 0):
        return "no_capacity"
    if method == "capacity":
        return None
    if not period.shows.any():
        return "no_days"
    work = _working_days(period)
    if not np.nanmax(period.kw) > 0:
        return "no_load"
    if int(work.sum()) < max(min_days, 1):
        return "few_days"
    return None if float(energies[work].mean()) > 0 else "no_load"


def _working_days(period: Period) -> Bool:
    """Days of which a working day's energy is made, [D]: workdays that count."""
    return np.asarray(period.counts & period.is_kind(DayKind.WORKDAY), np.bool_)


def _learned(
    fit: Fit, period: Period, standing: Standing, energies: F64, capacity_kw: float | None, equal_h: float | None
) -> Fit:
    """Levels and rows of a period that is not refused."""
    work, rest = _working_days(period), period.counts & period.is_kind(DayKind.RESTDAY)
    kw = filled(period)
    running = running_level_kw(kw[chosen_days(work, energies, fit.method)], standing, fit.method)
    given_kwh: float | None = None
    if fit.method == "capacity" and capacity_kw is not None:
        typical_kwh = float(energies[work].mean()) if work.any() else 0.0
        given_kwh = capacity_kw * (typical_kwh / running if running > 0 and typical_kwh > 0 else 24.0)
        running = capacity_kw
    idle = idle_level_kw(standing, running)
    nights = np.full(len(kw), np.nan) if idle is None else night_energies(period, kw, idle)
    rows = rows_of_types(Used(kw, energies, nights, work, rest), standing, fit.method, running, given_kwh)
    applied, why = applied_types(rows, standing)
    rows = [replace(row, rrmse=told_rrmse(row.rrmse, row.days)) for row in rows]
    shown = period.kw[period.shows]
    used = period.kw[work | rest]
    known, counted = shown[~np.isnan(shown)], used[~np.isnan(used)]
    highest = float(np.quantile(counted, MAX_QUANTILE)) if len(counted) else running
    learned = standing.reason == "learned"
    return replace(
        fit,
        running_kw=kw_of(running),
        max_kw=kw_of(max(capacity_kw or 0.0, running) if fit.method == "capacity" else max(highest, running)),
        idle_kw=None if idle is None else kw_of(idle),
        idle_reason="too_high" if learned and idle is None else standing.reason,
        idle_median_kw=kw_of(standing.median_kw) if learned else None,
        idle_hours=round(standing.hours, 2),
        stops=standing.stops,
        split_kw=kw_of(standing.split_kw) if idle is not None else None,
        floor_kw=kw_of(float(np.quantile(known, FLOOR_QUANTILE))) if len(known) else None,
        equal_h=equal_h,
        idle_equal_h=idle_equal_h(period, idle),
        rows=tuple(rows),
        applied=applied,
        applied_reason=why,
        confidence=confidence_of(rows[0].rrmse, rows[0].days),
        used=tuple(period.days[d] for d in np.flatnonzero(work | rest).tolist()),
    )


def _doubts(fit: Fit) -> tuple[str, ...]:
    """Codes of what a reader must know before approving."""
    rest, counts = fit.row("restday"), dropped_counts(fit.dropped)
    found = {
        "few_days": fit.refusal is None and 0 < (fit.rows[0].days if fit.rows else 0) < 10,
        "idle_high": fit.idle_kw is not None and fit.idle_kw > DOUBTFUL_IDLE * (fit.running_kw or 0),
        "idle_of_one_stop": fit.idle_kw is not None and fit.stops == 1,
        "rest_days_mixed": fit.applied_reason == "mixed" and rest is not None,
        "level_fault": counts.get(DropReason.LEVEL, 0) > 0,
        "half_left_out": bool(fit.dropped) and len(fit.dropped) > len(fit.used),
        "drifts": fit.bias is not None and abs(fit.bias) > 0.1,
        "run_up": fit.run_up is not None and fit.run_up.is_suspicious,
    }
    return tuple(code for code, holds in found.items() if holds)


def _blank(period: Period, method: str) -> Fit:
    dropped = tuple(DroppedDay(d, str(r)) for d, r in zip(period.days, period.reasons, strict=True) if r is not None)
    return Fit(
        method=method,
        slot_s=period.slot_s,
        first_day=period.days[0] if period.days else None,
        last_day=period.days[-1] if period.days else None,
        running_kw=None,
        max_kw=None,
        idle_kw=None,
        idle_reason="never_stops",
        idle_median_kw=None,
        idle_hours=0.0,
        stops=0,
        split_kw=None,
        floor_kw=None,
        equal_h=None,
        idle_equal_h=None,
        rows=(),
        applied=(),
        applied_reason="few",
        confidence="low",
        used=(),
        dropped=dropped,
        doubts=(),
        data_hash="",
        refusal=None,
        run_up=None,
        zh="",
        en="",
    )


def _hash(period: Period, method: str, capacity_kw: float | None, min_coverage: float, low_use_share: float) -> str:
    """sha256 of the days that show anything, with what they count for, and of the settings; of no other day."""
    by_hand = capacity_kw if method == "capacity" else None
    settings = [period.slot_s, method, by_hand, min_coverage, low_use_share]
    shown = np.flatnonzero(period.shows)
    days = [f"{period.days[d]} {period.kinds[d]} {period.reasons[d] or ''}" for d in shown.tolist()]
    loads = period.kw[shown] + 0.0  # no negative zero
    loads[np.isnan(loads)] = np.nan  # one NaN of many
    digest = hashlib.sha256("\n".join(["cuofeng baseline 1 " + " ".join(map(repr, settings)), *days, ""]).encode())
    digest.update(loads.astype("<f8").tobytes())
    return digest.hexdigest()
