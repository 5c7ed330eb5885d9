"""Baselines that a back-test fits itself, from the readings before the season, where the registry gives none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from consumers.backtest_write import sink
from detectors.baseline import dropped_counts
from detectors.history import History
from detectors.registry import FOREVER, Baseline, Registry
from detectors.slots import instant
from service.baselines.fits import ScopeFit, fit_scopes, fit_version, refusal_words
from service.baselines.reference import Period, Reference, measured_kw, wanted_scopes

F64 = npt.NDArray[np.float64]

#: Scopes whose loads of the whole period are in memory at a time.
BLOCK_SCOPES = 250
#: Columns of ``baselines.csv``, as CONTRACTS §1 names them.
COLUMNS = (
    "scope_id", "version", "from", "to", "running_kw", "max_kw", "idle_kw", "day_kwh", "day_type", "profile_kw",
    "method", "origin", "approved_by", "night_kwh", "night_sd_kwh", "floor_kw", "equal_h", "idle_equal_h", "rrmse",
    "bias",
)  # fmt: skip
_VALIDITY = {"from": "valid_from", "to": "valid_to"}


@dataclass(frozen=True, slots=True)
class BaselineOptions:
    """The reference period, local days [begin, end), and how its days become one."""

    period: Period
    method: str = "mean"


@dataclass(frozen=True, slots=True)
class FittedBaseline:
    """What a report says of a scope's fit. refusal: why there is none, None where there is one."""

    scope_id: str
    version: str
    confidence: str
    rrmse: float | None
    days_used: int
    days_dropped: dict[str, int]  # by reason
    data_hash: str
    refusal: str | None


def fit_missing(
    history: History, registry: Registry, options: BaselineOptions
) -> tuple[Registry, tuple[FittedBaseline, ...]]:
    """The registry with baselines for the scopes that its orders ask for and that have none (``wanted_scopes``), valid
    from the end of the period on, and what became of each. registry: rows as read; the history holds the same.

    Days on which anything of a plant was ordered are dropped as order days, so that no judged day is fitted.
    """
    valid_from = instant(registry.zone, options.period.end, 0)
    wanted = wanted_scopes(registry, valid_from)
    fits = fit_scopes(
        Reference(registry),
        _loads(history, wanted, options.period),
        options.period,
        slot_s=history.world.slot_s,
        method=options.method,
        version=fit_version(options.period),
        valid_from=valid_from,
    )
    rows = tuple(row for fit in fits for row in fit.rows)
    return replace(registry, baselines=(*registry.baselines, *rows)), tuple(_told(fit) for fit in fits)


def write_baselines(registry: Registry, folder: Path) -> None:
    """``baselines.csv``: all baselines that were judged by, as a table of the registry. In place of the registry's own
    it gives the same result without fitting."""
    zone = ZoneInfo(registry.zone)
    rows = sorted(registry.baselines, key=lambda b: (b.scope_id, b.valid_from, b.version, b.day_type))
    with sink(folder, "baselines", COLUMNS, "csv") as out:
        out.write([[_cell(row, name, zone) for row in rows] for name in COLUMNS])


def report_lines(fitted: Sequence[FittedBaseline], most: int) -> list[str]:
    """What became of the fits, as lines of a terminal: in numbers, then scope by scope, those without one first."""
    if not fitted:
        return ["baselines: no scope that an order asks for is without one"]
    failed = [f for f in fitted if f.refusal is not None]
    lines = [f"baselines: {len(fitted) - len(failed)} fitted, {len(failed)} could not be"]
    for fit in [*failed, *(f for f in fitted if f.refusal is None)][:most]:
        left = ", ".join(f"{reason} {count}" for reason, count in fit.days_dropped.items()) or "none"
        days = f"{fit.days_used} days used; left out: {left}"
        if fit.refusal is not None:
            zh, en = refusal_words(fit.refusal)
            lines.append(f"  {fit.scope_id}: {en} / {zh} ({days})")
        else:
            error = "" if fit.rrmse is None else f", RRMSE {fit.rrmse:.1%}"
            lines.append(f"  {fit.scope_id}: {fit.version}, confidence {fit.confidence}{error} ({days})")
    if len(fitted) > most:
        lines.append(f"  and {len(fitted) - most} more")
    return lines


def _loads(history: History, scope_ids: Sequence[str], period: Period) -> Iterator[tuple[str, list[F64]]]:
    world = history.world
    days = period.local_days(world.zone, world.slot_s)
    for begin in range(0, len(scope_ids), BLOCK_SCOPES):
        rows = np.array(sorted(world.scope_row[s] for s in scope_ids[begin : begin + BLOCK_SCOPES]), np.int64)
        by_day = [measured_kw(columns, world.slot_s) for columns in history.measured(rows, days)]
        for place, row in enumerate(rows.tolist()):
            yield world.scope_ids[row], [kw[place] for kw in by_day]


def _told(done: ScopeFit) -> FittedBaseline:
    fit = done.fit
    return FittedBaseline(
        scope_id=done.scope_id,
        version=done.version,
        confidence=fit.confidence,
        rrmse=fit.rrmse,
        days_used=len(fit.used),
        days_dropped=dropped_counts(fit.dropped),
        data_hash=fit.data_hash,
        refusal=fit.refusal,
    )


def _cell(row: Baseline, name: str, zone: ZoneInfo) -> str:
    """Exact: what is read back is what was written."""
    value = getattr(row, _VALIDITY.get(name, name))
    if name in _VALIDITY:
        return "" if value >= FOREVER else datetime.fromtimestamp(value, zone).isoformat()
    if isinstance(value, tuple):
        return ";".join(repr(float(v)) for v in value)
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
