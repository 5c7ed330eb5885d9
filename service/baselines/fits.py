"""Fitting many scopes, and a fit as people and programs read it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.baseline import Fit, baselines_of, fit_baseline
from detectors.baseline_words import REASONS, REFUSALS
from detectors.registry import Baseline
from service.baselines.reference import Period, Reference

F64 = npt.NDArray[np.float64]

#: What of a registry row a fit decides; the rest says for whom and from when it holds, and who approved it.
_OF_ROW = tuple(
    f.name for f in fields(Baseline) if f.name not in ("scope_id", "version", "valid_from", "valid_to", "approved_by")
)


@dataclass(frozen=True, slots=True)
class ScopeFit:
    """The fit of one scope. rows: what the registry gets of it, approved by nobody yet; none where it was refused."""

    scope_id: str
    version: str
    period: Period
    valid_from: int
    fit: Fit
    rows: tuple[Baseline, ...]


def fit_version(period: Period) -> str:
    """What a fit's version is called where nobody names it."""
    return f"fit-{period}"


def fit_scopes(
    reference: Reference,
    loads: Iterable[tuple[str, Sequence[F64]]],
    period: Period,
    *,
    slot_s: int,
    method: str,
    version: str,
    valid_from: int,
    year_before: Mapping[str, Sequence[F64]] | None = None,
) -> list[ScopeFit]:
    """Fit scopes. loads: scope and one array a day of the period; year_before: the same of ``period.year_before()``,
    to hold against the run-up of a season."""
    found = []
    days = period.days()
    for scope_id, loads_kw in loads:
        before = None
        if year_before is not None:
            before = reference.day_loads(scope_id, period.year_before().days(), year_before[scope_id])
        fit = fit_baseline(
            reference.day_loads(scope_id, days, loads_kw),
            slot_s=slot_s,
            method=method,
            capacity_kw=reference.capacity_kw(scope_id),
            year_before=before,
        )
        rows = baselines_of(fit, scope_id, version, valid_from)
        found.append(ScopeFit(scope_id, version, period, valid_from, fit, rows))
    return found


def document_of(done: ScopeFit) -> dict[str, Any]:
    """A fit as JSON: numbers, days with their reasons, and the rows that an approval puts into the registry."""
    document: dict[str, Any] = {f.name: getattr(done.fit, f.name) for f in fields(Fit)}
    for name in ("first_day", "last_day"):
        document[name] = None if document[name] is None else document[name].isoformat()
    document["used"] = [day.isoformat() for day in done.fit.used]
    document["dropped"] = [{"day": d.day.isoformat(), "reason": d.reason} for d in done.fit.dropped]
    document["rows"] = [asdict(row) for row in done.fit.rows]
    document["run_up"] = None if done.fit.run_up is None else asdict(done.fit.run_up)
    document["baselines"] = [{name: getattr(row, name) for name in _OF_ROW} for row in done.rows]
    return document


def rows_of(document: Mapping[str, Any], scope_id: str, version: str, valid_from: int, by: str) -> list[Baseline]:
    """The registry rows of a stored fit, approved."""
    rows = []
    for row in document["baselines"]:
        given = {name: row[name] for name in _OF_ROW if name in row}
        given["profile_kw"] = tuple(given.get("profile_kw") or ())
        rows.append(Baseline(scope_id=scope_id, version=version, valid_from=valid_from, approved_by=by, **given))
    return rows


def reason_words(reason: str) -> tuple[str, str]:
    """Why a day is left out, zh and en."""
    return REASONS.get(reason, (reason, reason))


def refusal_words(refusal: str) -> tuple[str, str]:
    """Why nothing can be learned, zh and en."""
    return REFUSALS.get(refusal, (refusal, refusal))
