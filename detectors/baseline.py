"""Fits the baseline of a scope from the days of a reference period, and turns it into registry rows (DOMAIN §4)."""

from collections.abc import Sequence

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
]


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

    Raises:
        ValueError: unknown method, a day given twice, or a ``slot_s`` that does not tile a day.
    """
    raise NotImplementedError


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
    rows = []
    for day_type in fit.applied:
        row = fit.row(day_type)
        if row is None:
            continue
        rows.append(
            Baseline(
                scope_id=scope_id,
                version=version,
                valid_from=valid_from,
                valid_to=valid_to,
                running_kw=fit.running_kw,
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
                rrmse=row.rrmse,
                bias=row.bias,
            )
        )
    return tuple(rows)
