"""Alerts: the current fold of their events, and the work people do on them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.db.audit import append_audit
from service.db.feed import AlertEvent, publish

#: Conditions of an alert that is not over.
OPEN_CONDITIONS = ("pending", "firing", "recovering")


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts; None = any. ``opened_from`` and ``opened_to`` bound opened_at_slot_end, half-open."""

    county: str | None = None
    plant_id: str | None = None
    scope_id: str | None = None
    rule: str | None = None
    grade: int | None = None
    condition: str | None = None
    evidence: str | None = None
    work: str | None = None
    order_id: str | None = None
    opened_from: datetime | None = None
    opened_to: datetime | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert as its last event showed it. ``alert``: JSON text of CONTRACTS §4."""

    alert_id: str
    opened_at: datetime
    etag: str
    alert: str


class AckOutcome(StrEnum):
    """What became of an acknowledgement."""

    DONE = "done"
    REPLAYED = "replayed"  # the same request was answered before; nothing was written
    MISSING = "missing"  # no such alert for this reader
    STALE = "stale"  # If-Match names another state
    NOT_NEW = "not_new"  # somebody was there before
    KEY_REUSED = "key_reused"  # the Idempotency-Key belongs to another request


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The answer to an acknowledgement; ``body`` is set for ``DONE`` and ``REPLAYED``."""

    outcome: AckOutcome
    body: dict[str, Any] | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class AckRequest:
    """Who acknowledges what, and how it may be repeated. ``county``: the reader's bound, None = any."""

    alert_id: str
    county: str | None
    actor: str
    reason: str
    at: datetime
    key_id: str
    if_match: str | None
    idempotency_key: str | None
    request_digest: bytes


def etag_of(revision: int, last_seq: int) -> str:
    """Strong entity tag of an alert's state."""
    return f'"r{revision}s{last_seq}"'


_TESTS = {
    "county": "a.county = :county",
    "plant_id": "a.plant_id = :plant_id",
    "scope_id": "a.scope_id = :scope_id",
    "rule": "a.rule = :rule",
    "grade": "a.grade = :grade",
    "condition": "a.condition = :condition",
    "evidence": "a.evidence = :evidence",
    "work": "a.work = :work",
    "order_id": "a.order_id = :order_id",
    "opened_from": "a.opened_at_slot_end >= :opened_from",
    "opened_to": "a.opened_at_slot_end < :opened_to",
}
_SELECT = (
    "SELECT a.alert_id, a.opened_at_slot_end, a.revision, a.last_seq, CAST(e.alert AS text) AS alert"
    " FROM alerts a JOIN alert_events e ON e.seq = a.last_seq"
)


async def read_alerts(
    connection: AsyncConnection, wanted: AlertFilter, *, limit: int, before: tuple[datetime, str] | None = None
) -> Sequence[StoredAlert]:
    """At most ``limit`` alerts, the latest opened first. ``before``: (opened_at, alert_id) of the last one seen."""
    conditions, values = ["TRUE"], {"n": limit}
    parameters: dict[str, object] = dict(values)
    for name, test in _TESTS.items():
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(test)
            parameters[name] = value
    if wanted.is_open:
        conditions.append("a.condition = ANY(:open_conditions)")
        parameters["open_conditions"] = list(OPEN_CONDITIONS)
    if before is not None:
        conditions.append("(a.opened_at_slot_end, a.alert_id) < (:before_at, :before_id)")
        parameters["before_at"], parameters["before_id"] = before
    rows = await connection.execute(
        text(
            f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY a.opened_at_slot_end DESC, a.alert_id DESC LIMIT :n"
        ),
        parameters,
    )
    return [StoredAlert(r.alert_id, r.opened_at_slot_end, etag_of(r.revision, r.last_seq), r.alert) for r in rows]


async def read_alert(connection: AsyncConnection, alert_id: str, *, county: str | None) -> StoredAlert | None:
    """One alert, or None when there is none in the reader's county."""
    row = (
        await connection.execute(
            text(f"{_SELECT} WHERE a.alert_id = :id AND (CAST(:county AS text) IS NULL OR a.county = :county)"),
            {"id": alert_id, "county": county},
        )
    ).one_or_none()
    if row is None:
        return None
    return StoredAlert(row.alert_id, row.opened_at_slot_end, etag_of(row.revision, row.last_seq), row.alert)


async def acknowledge(connection: AsyncConnection, request: AckRequest) -> Acknowledgement:
    """Acknowledge an alert: work state, event, audit line and stored answer in the caller's transaction.

    Write nothing more after it, and roll back unless the outcome is ``DONE``. The alert's row is locked first, so two
    equal requests take turns and the second is answered from the first one's stored answer.
    """
    locked = (
        await connection.execute(
            text("SELECT county, work, revision, last_seq FROM alerts WHERE alert_id = :id FOR UPDATE"),
            {"id": request.alert_id},
        )
    ).one_or_none()
    if locked is None or (request.county is not None and locked.county != request.county):
        return Acknowledgement(AckOutcome.MISSING)
    if (stored := await _stored_answer(connection, request)) is not None:
        return stored
    if request.if_match is not None and request.if_match != etag_of(locked.revision, locked.last_seq):
        return Acknowledgement(AckOutcome.STALE)
    if locked.work != "new":
        return Acknowledgement(AckOutcome.NOT_NEW)
    shown = (
        await connection.execute(
            text("SELECT CAST(alert AS text) AS alert, backfill FROM alert_events WHERE seq = :seq"),
            {"seq": locked.last_seq},
        )
    ).one()
    alert = {**json.loads(shown.alert), "work": "acknowledged"}
    revision = await connection.scalar(
        text(
            "UPDATE alerts SET work = 'acknowledged', revision = revision + 1 WHERE alert_id = :id RETURNING revision"
        ),
        {"id": request.alert_id},
    )
    await append_audit(
        connection,
        at=request.at,
        actor=request.actor,
        action="alert.acknowledge",
        subject=request.alert_id,
        detail={"key_id": request.key_id, "reason": request.reason},
    )
    event = AlertEvent(
        request.alert_id,
        "acknowledged",
        request.at,
        request.at,
        shown.backfill,
        locked.county,
        alert,
        actor=request.actor,
        reason=request.reason,
    )
    seq = await publish(connection, [event])
    etag = etag_of(int(revision or 0), seq)
    body = {"alert": alert, "seq": seq}
    if request.idempotency_key is not None and not await _store_answer(connection, request, {**body, "etag": etag}):
        return Acknowledgement(AckOutcome.KEY_REUSED)
    return Acknowledgement(AckOutcome.DONE, body, etag)


async def _stored_answer(connection: AsyncConnection, request: AckRequest) -> Acknowledgement | None:
    """What the same Idempotency-Key was answered before."""
    if request.idempotency_key is None:
        return None
    row = (
        await connection.execute(
            text(
                "SELECT request_digest, CAST(body AS text) AS body FROM idempotency_keys"
                " WHERE key_id = :key_id AND idempotency_key = :key"
            ),
            {"key_id": request.key_id, "key": request.idempotency_key},
        )
    ).one_or_none()
    if row is None:
        return None
    if bytes(row.request_digest) != request.request_digest:
        return Acknowledgement(AckOutcome.KEY_REUSED)
    body = json.loads(row.body)
    return Acknowledgement(AckOutcome.REPLAYED, {"alert": body["alert"], "seq": body["seq"]}, body["etag"])


async def _store_answer(connection: AsyncConnection, request: AckRequest, body: dict[str, Any]) -> bool:
    """Keep the answer under the Idempotency-Key; False when another request took the key meanwhile."""
    kept = await connection.scalar(
        text(
            "INSERT INTO idempotency_keys (key_id, idempotency_key, request_digest, status, body)"
            " VALUES (:key_id, :key, :digest, 200, CAST(:body AS jsonb)) ON CONFLICT DO NOTHING RETURNING key_id"
        ),
        {
            "key_id": request.key_id,
            "key": request.idempotency_key,
            "digest": request.request_digest,
            "body": json.dumps(body, ensure_ascii=False),
        },
    )
    return kept is not None
