"""Alerts as evaluation finds and leaves them; events go through ``service.db.feed`` (I6)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_COLUMNS = (
    "alert_id", "scope_id", "plant_id", "county", "rule", "grade", "order_id", "order_revision", "baseline_version",
    "condition", "evidence", "work", "first_slot_end", "opened_at_slot_end", "last_slot_end", "closed_slot_end",
    "close_reason", "peak_kw", "cap_kw", "energy_over_kwh", "coverage", "thresholds", "summary", "backfill",
    "replaced_by",
)  # fmt: skip
_STORED = (
    "SELECT a.alert_id, a.scope_id, a.work, e.alert, a.live FROM alerts a JOIN alert_events e ON e.seq = a.last_seq"
)
_JSON = ("thresholds", "summary")
_TIMES = ("first_slot_end", "opened_at_slot_end", "last_slot_end", "closed_slot_end")


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert as pollers last saw it (``published``), and as it was last judged (``live``)."""

    alert_id: str
    scope_id: str
    work: str
    published: dict[str, Any]
    live: dict[str, Any]


async def stored_alerts(
    connection: AsyncConnection, scope_ids: Sequence[str], opened_from: datetime, also: Sequence[str] = ()
) -> dict[str, StoredAlert]:
    """Alerts of scopes that opened from then on, or are not closed, retracted ones included; locked.

    also: ids that are wanted whenever they opened: an alert that was carried over midnight and has closed since.

    Locked first and read after: a join that waits for a row's lock (an acknowledgement under way) drops the row when
    its last_seq has moved meanwhile.
    """
    locked = await connection.scalars(
        text(
            "SELECT a.alert_id FROM alerts a WHERE a.scope_id = ANY(:scopes) AND (a.opened_at_slot_end >= :since"
            " OR a.alert_id = ANY(:also) OR a.condition IN ('firing', 'recovering', 'pending'))"
            " ORDER BY a.alert_id FOR UPDATE"
        ),
        {"scopes": list(scope_ids), "since": opened_from, "also": list(also)},
    )
    rows = await connection.execute(
        text(_STORED + " WHERE a.alert_id = ANY(:ids) ORDER BY a.alert_id"), {"ids": locked.all()}
    )
    return {row[0]: StoredAlert(*row) for row in rows}


async def provisional_alerts(connection: AsyncConnection, last_before: datetime, limit: int) -> dict[str, StoredAlert]:
    """Provisional alerts whose last slot lies before ``last_before``; locked."""
    rows = await connection.execute(
        text(
            _STORED + " WHERE a.evidence = 'provisional' AND a.condition <> 'retracted' AND a.last_slot_end < :before"
            " ORDER BY a.alert_id LIMIT :n FOR UPDATE OF a SKIP LOCKED"
        ),
        {"before": last_before, "n": limit},
    )
    return {row[0]: StoredAlert(*row) for row in rows}


async def save_alerts(connection: AsyncConnection, views: Sequence[dict[str, Any]]) -> None:
    """Write the published state of alerts; ``last_seq`` is set by ``publish``, which must follow."""
    if not views:
        return
    names = ", ".join(_COLUMNS)
    values = ", ".join(f"CAST(:{c} AS jsonb)" if c in _JSON else f":{c}" for c in _COLUMNS)
    changes = ", ".join(f"{c} = excluded.{c}" for c in _COLUMNS[1:] if c != "backfill")
    await connection.execute(
        text(
            f"INSERT INTO alerts ({names}, live, last_seq) VALUES ({values}, CAST(:live AS jsonb), 0)"
            f" ON CONFLICT (alert_id) DO UPDATE SET {changes}, live = excluded.live, revision = alerts.revision + 1"
        ),
        [_row(view) for view in views],
    )


async def save_live(connection: AsyncConnection, views: Sequence[dict[str, Any]]) -> None:
    """Keep the judged state of alerts whose next ``updated`` is not due yet."""
    if views:
        await connection.execute(
            text("UPDATE alerts SET live = CAST(:live AS jsonb) WHERE alert_id = :alert_id"),
            [{"alert_id": v["id"], "live": json.dumps(v, ensure_ascii=False)} for v in views],
        )


def _row(view: dict[str, Any]) -> dict[str, Any]:
    row = {c: view.get(c) for c in _COLUMNS}
    row["alert_id"] = view["id"]
    for column in _JSON:
        row[column] = json.dumps(view.get(column) or {}, ensure_ascii=False)
    for column in _TIMES:
        if row[column] is not None:
            row[column] = datetime.fromisoformat(str(row[column])).astimezone(UTC)
    row["backfill"] = bool(view.get("backfill", False))
    row["live"] = json.dumps(view, ensure_ascii=False)
    return row
