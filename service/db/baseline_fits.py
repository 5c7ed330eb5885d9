"""Fits of baselines: proposed by ``cuofeng baseline fit``, frozen once somebody approved them.

The registry's own table ``baselines`` holds what judgement uses; this one holds how it was found, and what nobody has
approved yet.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class FitState(StrEnum):
    """What became of a fit."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"  # the data carry no baseline


@dataclass(frozen=True, slots=True)
class StoredFit:
    """One fit of one scope. fit: the document of ``service.baselines.fits``. period: local days [from, to).
    decided_by, document: who approved it, by which paper; None until then."""

    scope_id: str
    version: str
    state: FitState
    period_from: date
    period_to: date
    method: str
    valid_from: int  # epoch seconds
    data_hash: str
    confidence: str
    rrmse: float | None
    bias: float | None
    fit: dict[str, Any]
    made_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    document: str | None = None


_COLUMNS = (
    "scope_id, version, state, period_from, period_to, method, extract(epoch FROM valid_from)::bigint, data_hash,"
    " confidence, rrmse, bias, fit::text, made_at, decided_by, decided_at, document"
)


async def keep_fits(connection: AsyncConnection, fits: Sequence[StoredFit]) -> list[StoredFit]:
    """Store fits in the caller's transaction, in place of earlier ones of the same scope and version.

    Returns those that were not stored: their version is approved, and frozen.
    """
    refused = []
    for fit in fits:
        kept = await connection.scalar(
            text(
                "INSERT INTO baseline_fits AS f (scope_id, version, state, period_from, period_to, method, valid_from,"
                " data_hash, confidence, rrmse, bias, fit, made_at) VALUES (:scope_id, :version, :state, :period_from,"
                " :period_to, :method, :valid_from, :data_hash, :confidence, :rrmse, :bias, CAST(:fit AS jsonb),"
                " :made_at) ON CONFLICT (scope_id, version) DO UPDATE SET state = excluded.state,"
                " period_from = excluded.period_from, period_to = excluded.period_to, method = excluded.method,"
                " valid_from = excluded.valid_from, data_hash = excluded.data_hash,"
                " confidence = excluded.confidence, rrmse = excluded.rrmse, bias = excluded.bias, fit = excluded.fit,"
                " made_at = excluded.made_at WHERE f.state <> 'approved' RETURNING 1"
            ),
            {
                "scope_id": fit.scope_id,
                "version": fit.version,
                "state": fit.state.value,
                "period_from": fit.period_from,
                "period_to": fit.period_to,
                "method": fit.method,
                "valid_from": datetime.fromtimestamp(fit.valid_from, UTC),
                "data_hash": fit.data_hash,
                "confidence": fit.confidence,
                "rrmse": fit.rrmse,
                "bias": fit.bias,
                "fit": json.dumps(fit.fit, ensure_ascii=False),
                "made_at": fit.made_at,
            },
        )
        if kept is None:
            refused.append(fit)
    return refused


async def read_fits(
    connection: AsyncConnection, *, scope_ids: Sequence[str] | None = None, version: str | None = None
) -> list[StoredFit]:
    """Fits by scope, then validity; of some scopes or one version only."""
    rows = await connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM baseline_fits"
            " WHERE (CAST(:scope_ids AS text[]) IS NULL OR scope_id = ANY(:scope_ids))"
            " AND (CAST(:version AS text) IS NULL OR version = :version) ORDER BY scope_id, valid_from, version"
        ),
        {"scope_ids": None if scope_ids is None else list(scope_ids), "version": version},
    )
    return [_fit(row) for row in rows]


async def approve_fits(
    connection: AsyncConnection,
    version: str,
    scope_ids: Sequence[str],
    *,
    by: str,
    at: datetime,
    document: str | None,
) -> None:
    """Note the approval of proposed fits; from now on nothing can change them."""
    await connection.execute(
        text(
            "UPDATE baseline_fits SET state = 'approved', decided_by = :by, decided_at = :at, document = :document"
            " WHERE version = :version AND scope_id = ANY(:scope_ids) AND state = 'proposed'"
        ),
        {"by": by, "at": at, "document": document, "version": version, "scope_ids": list(scope_ids)},
    )


def _fit(row: Any) -> StoredFit:
    values = list(row)
    values[2] = FitState(values[2])
    values[6] = int(values[6])
    values[11] = json.loads(values[11])
    return StoredFit(*values)
