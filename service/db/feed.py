"""Publishing of alert events: the counter row makes ``seq`` contiguous in commit order (RELIABILITY §3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CHANNEL = "cuofeng_feed"


_COLUMNS = {
    **dict.fromkeys(("alert_id", "type"), "text"),
    **dict.fromkeys(("occurred_at", "published_at"), "timestamptz"),
    "backfill": "boolean",
    **dict.fromkeys(("county", "actor", "reason", "alert"), "text"),
}
_APPEND = text(
    f"INSERT INTO alert_events (seq, {', '.join(_COLUMNS)})"
    f" SELECT CAST(:before AS bigint) + n, {', '.join(c for c in _COLUMNS if c != 'alert')}, alert::jsonb FROM unnest("
    + ", ".join(f"CAST(:{c} AS {kind}[])" for c, kind in _COLUMNS.items())
    + f") WITH ORDINALITY AS r({', '.join(_COLUMNS)}, n) ORDER BY n"
)
_FOLLOW = text(
    "UPDATE alerts a SET last_seq = r.seq FROM unnest(CAST(:ids AS text[]), CAST(:seqs AS bigint[]))"
    " AS r(alert_id, seq) WHERE a.alert_id = r.alert_id"
)


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
    columns = {name: [getattr(e, name) for e in events] for name in _COLUMNS}
    columns["alert"] = [msgspec.json.encode(e.alert).decode() for e in events]
    await connection.execute(_APPEND, {"before": first - 1, **columns})
    last_seq = {e.alert_id: first + i for i, e in enumerate(events)}
    await connection.execute(_FOLLOW, {"ids": list(last_seq), "seqs": list(last_seq.values())})
    await connection.execute(text("SELECT pg_notify(:channel, :seq)"), {"channel": CHANNEL, "seq": str(head)})
    return first + len(events) - 1
