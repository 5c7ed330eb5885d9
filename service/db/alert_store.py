"""Alerts as evaluation finds and leaves them; events go through ``service.db.feed`` (I6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_COLUMNS = {
    **dict.fromkeys(("alert_id", "scope_id", "plant_id", "county", "rule"), "text"),
    "grade": "smallint",
    "order_id": "text",
    "order_revision": "integer",
    **dict.fromkeys(("baseline_version", "condition", "evidence", "work"), "text"),
    **dict.fromkeys(("first_slot_end", "opened_at_slot_end", "last_slot_end", "closed_slot_end"), "timestamptz"),
    "close_reason": "text",
    **dict.fromkeys(("peak_kw", "cap_kw", "energy_over_kwh", "coverage"), "double precision"),
    **dict.fromkeys(("thresholds", "summary"), "jsonb"),
    "backfill": "boolean",
    "replaced_by": "text",
    "live": "jsonb",
}
_SAVE = text(
    f"INSERT INTO alerts ({', '.join(_COLUMNS)}, last_seq)"
    f" SELECT {', '.join(f'{c}::jsonb' if kind == 'jsonb' else c for c, kind in _COLUMNS.items())}, 0 FROM unnest("
    + ", ".join(f"CAST(:{c} AS {'text' if kind == 'jsonb' else kind}[])" for c, kind in _COLUMNS.items())
    + f") AS r({', '.join(_COLUMNS)}) ON CONFLICT (alert_id) DO UPDATE SET "
    + ", ".join(f"{c} = excluded.{c}" for c in _COLUMNS if c not in ("alert_id", "backfill"))
    + ", revision = alerts.revision + 1"
)
_SAVE_LIVE = text(
    "UPDATE alerts a SET live = r.live::jsonb FROM unnest(CAST(:ids AS text[]), CAST(:live AS text[]))"
    " AS r(alert_id, live) WHERE a.alert_id = r.alert_id"
)
_STORED = (
    "SELECT a.alert_id, a.scope_id, a.work, e.alert, a.live FROM alerts a JOIN alert_events e ON e.seq = a.last_seq"
)


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
    """Write the published state of alerts, each once; ``last_seq`` is set by ``publish``, which must follow."""
    if views:
        await connection.execute(_SAVE, {c: [_value(view, c, kind) for view in views] for c, kind in _COLUMNS.items()})


async def save_live(connection: AsyncConnection, views: Sequence[dict[str, Any]]) -> None:
    """Keep the judged state of alerts whose next ``updated`` is not due yet."""
    if views:
        await connection.execute(_SAVE_LIVE, {"ids": [v["id"] for v in views], "live": [_json(v) for v in views]})


def _value(view: dict[str, Any], column: str, kind: str) -> Any:
    if column == "live":
        return _json(view)
    value = view.get("id" if column == "alert_id" else column)
    if kind == "jsonb":
        return _json(value or {})
    if kind == "boolean":
        return bool(value)
    return datetime.fromisoformat(value).astimezone(UTC) if value and kind == "timestamptz" else value


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
