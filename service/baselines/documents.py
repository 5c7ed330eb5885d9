"""Baselines and their fits as documents: for ``cuofeng baseline show``, for the API, and in rows of a table."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from detectors.baseline_words import DOUBTS
from detectors.registry import FOREVER, Baseline
from service.baselines.fits import ScopeFit, document_of, reason_words, refusal_words, rows_of
from service.db.baseline_fits import FitState, StoredFit

#: Numbers of a baseline, as CONTRACTS §1 names them.
NUMBERS = (
    "running_kw", "max_kw", "idle_kw", "day_kwh", "night_kwh", "night_sd_kwh", "floor_kw", "equal_h", "idle_equal_h",
    "rrmse", "bias",
)  # fmt: skip
#: What a comparison with the year before says; the last is not told by fits that were made before it was.
YEAR_BEFORE = ("share", "kwh", "before_kwh", "is_suspicious", "zh", "en", "rest_share")
#: State of a baseline that no fit of ours has made.
BY_HAND = "by_hand"


def scope_baselines(rows: Sequence[Baseline], fits: Sequence[StoredFit], zone: str) -> list[dict[str, Any]]:
    """One document a scope and version, by scope, validity and version: registry rows, with the fit that made them, and
    fits that nobody has approved. zone: of the times."""
    of_version: dict[tuple[str, str], list[Baseline]] = defaultdict(list)
    for row in rows:
        of_version[row.scope_id, row.version].append(row)
    of_fit = {(fit.scope_id, fit.version): fit for fit in fits}
    found = [
        (_begin(standing, of_fit.get(key)), key, _document(key, standing, of_fit.get(key), zone))
        for key in of_version.keys() | of_fit.keys()
        for standing in [of_version.get(key, [])]
    ]
    return [document for _, _, document in sorted(found, key=lambda f: (f[1][0], f[0], f[1][1]))]


def fit_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a document that tells how a fit was made. document: of ``document_of``."""
    refusal = document["refusal"]
    words = None if refusal is None else refusal_words(refusal)
    run_up = document["run_up"]
    return {
        "method": document["method"],
        "data_hash": document["data_hash"],
        "confidence": document["confidence"],
        "rrmse": _error(document, "rrmse"),
        "bias": _error(document, "bias"),
        "idle_reason": document["idle_reason"],
        "split_kw": document["split_kw"],
        "stops": document["stops"],
        "days_used": document["used"],
        "days_dropped": [
            {"date": d["day"], "reason": d["reason"], "zh": zh, "en": en}
            for d in document["dropped"]
            for zh, en in [reason_words(d["reason"])]
        ],
        "doubts": [
            {"code": code, "zh": zh, "en": en}
            for code in document["doubts"]
            for zh, en in [DOUBTS.get(code, (code, code))]
        ],
        "refusal": None if words is None else {"code": refusal, "zh": words[0], "en": words[1]},
        "year_before": None if run_up is None else {name: run_up.get(name) for name in YEAR_BEFORE},
        "explanation": {"zh": document["zh"], "en": document["en"]},
    }


def fit_rows(done: ScopeFit) -> list[dict[str, Any]]:
    """A fresh fit as rows of a table; its days and words too, for JSON."""
    fit = fit_document(document_of(done))
    state = FitState.PROPOSED if done.rows else FitState.REFUSED
    given = [_row(row) for row in done.rows]
    head = {"scope": done.scope_id, "version": done.version, "state": state.value}
    return [
        {**head, "days_used": len(fit["days_used"]), "days_dropped": len(fit["days_dropped"]), **row, **_quality(fit),
         "fit": fit}
        for row in given or [{}]
    ]  # fmt: skip


def summary_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A document of ``scope_baselines`` as rows of a table, one a day type."""
    fit = document["fit"]
    head = {
        "scope": document["scope_id"],
        "version": document["version"],
        "state": document["state"],
        "from": document["from"],
        "approved_by": document["approved_by"],
    }
    if fit is not None:
        head |= {"days_used": len(fit["days_used"]), "days_dropped": len(fit["days_dropped"])}
    quality = {} if fit is None else _quality(fit)
    return [{**head, **row, **quality} for row in document["rows"] or [{}]]


def _document(key: tuple[str, str], standing: Sequence[Baseline], fit: StoredFit | None, zone: str) -> dict[str, Any]:
    scope_id, version = key
    rows = list(standing)
    if not rows and fit is not None:
        rows = rows_of(fit.fit, scope_id, version, fit.valid_from, fit.decided_by or "")
    ends = {row.valid_to for row in standing}
    first = standing[0] if standing else None
    return {
        "scope_id": scope_id,
        "version": version,
        "state": BY_HAND if fit is None else fit.state.value,
        "from": _time(_begin(standing, fit), zone),
        "to": _time(max(ends), zone) if ends and max(ends) < FOREVER else None,
        "method": first.method if first is not None else (fit.method if fit is not None else None),
        "origin": first.origin if first is not None else None,
        "approved_by": first.approved_by if first is not None else None,
        "approved_at": None if fit is None or fit.decided_at is None else _moment(fit.decided_at, zone),
        "document": None if fit is None else fit.document,
        "rows": [_row(row) for row in rows],
        "fit": None if fit is None else {**_of_stored(fit, zone), **fit_document(fit.fit)},
    }


def _of_stored(fit: StoredFit, zone: str) -> dict[str, Any]:
    return {
        "period_from": fit.period_from.isoformat(),
        "period_to": fit.period_to.isoformat(),
        "made_at": _moment(fit.made_at, zone),
    }


def _row(row: Baseline) -> dict[str, Any]:
    return {
        "day_type": row.day_type,
        **{name: getattr(row, name) for name in NUMBERS},
        "profile_kw": list(row.profile_kw),
    }


def _quality(fit: Mapping[str, Any]) -> dict[str, Any]:
    refusal = fit["refusal"]
    return {"confidence": fit["confidence"], "why": None if refusal is None else refusal["en"]}


def _error(document: Mapping[str, Any], name: str) -> float | None:
    row = next((r for r in document["rows"] if r["day_type"] == "all"), None)
    return None if row is None else row[name]


def _begin(standing: Sequence[Baseline], fit: StoredFit | None) -> int:
    return min([row.valid_from for row in standing] or ([fit.valid_from] if fit is not None else [0]))


def _time(epoch_s: int, zone: str) -> str:
    return datetime.fromtimestamp(epoch_s, ZoneInfo(zone)).isoformat()


def _moment(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).isoformat()
