"""Publishing of alert events: the counter row makes ``seq`` contiguous in commit order (RELIABILITY §3)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CHANNEL = "cuofeng_feed"


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One entry of the change feed before it has a seq. ``alert``: the whole alert of CONTRACTS §4 as of this event."""

    alert_id: str
    type: str
    occurred_at: datetime
    published_at: datetime
    backfill: bool
    county: str | None
    alert: dict[str, Any]
    actor: str | None = None
    reason: str | None = None


async def publish(connection: AsyncConnection, events: Sequence[AlertEvent]) -> int:
    """Append events and return the seq of the last one; ``alerts.last_seq`` follows. Call it last: it takes the feed's
    lock, which is held until the caller commits."""
    if not events:
        return int(await connection.scalar(text("SELECT seq FROM feed_head")) or 0)
    head = await connection.scalar(text("UPDATE feed_head SET seq = seq + :n RETURNING seq"), {"n": len(events)})
    first = int(head or 0) - len(events) + 1
    await connection.execute(
        text(
            "INSERT INTO alert_events"
            " (seq, alert_id, type, occurred_at, published_at, backfill, county, actor, reason, alert)"
            " VALUES (:seq, :alert_id, :type, :occurred_at, :published_at, :backfill, :county, :actor, :reason,"
            " CAST(:alert AS jsonb))"
        ),
        [
            {
                "seq": first + i,
                "alert_id": e.alert_id,
                "type": e.type,
                "occurred_at": e.occurred_at,
                "published_at": e.published_at,
                "backfill": e.backfill,
                "county": e.county,
                "actor": e.actor,
                "reason": e.reason,
                "alert": json.dumps(e.alert, ensure_ascii=False),
            }
            for i, e in enumerate(events)
        ],
    )
    last_seq = {e.alert_id: first + i for i, e in enumerate(events)}
    await connection.execute(
        text("UPDATE alerts SET last_seq = :seq WHERE alert_id = :alert_id"),
        [{"alert_id": alert_id, "seq": seq} for alert_id, seq in last_seq.items()],
    )
    await connection.execute(text("SELECT pg_notify(:channel, :seq)"), {"channel": CHANNEL, "seq": str(head)})
    return first + len(events) - 1
