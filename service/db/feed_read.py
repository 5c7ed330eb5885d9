"""Reading the change feed: an immutable prefix, page by page (RELIABILITY §3)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

#: Events that one page looks through at most, so that a narrow filter cannot hold a connection for long.
SCAN_LIMIT = 50_000

_SELECT = (
    "SELECT seq, type, occurred_at, published_at, backfill, actor, reason, CAST(alert AS text) AS alert"
    " FROM alert_events"
)


@dataclass(frozen=True, slots=True)
class FeedHead:
    """State of the feed. ``first_seq``: the oldest event still kept; ``seq`` + 1 when there is none."""

    store_epoch: uuid.UUID
    seq: int
    first_seq: int


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """What a reader may and wants to see; None = everything."""

    county: str | None = None
    plant_id: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as published. ``alert``: JSON text."""

    seq: int
    type: str
    occurred_at: datetime
    published_at: datetime
    backfill: bool
    actor: str | None
    reason: str | None
    alert: str


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Matching events in (after, scanned_to_seq], all of them."""

    events: Sequence[StoredEvent]
    scanned_to_seq: int
    has_more: bool


async def read_head(connection: AsyncConnection) -> FeedHead:
    """Where the feed ends and begins. Every event up to ``seq`` is visible to later statements."""
    row = (await connection.execute(text("SELECT store_epoch, seq FROM feed_head"))).one()
    first = await connection.scalar(text("SELECT min(seq) FROM alert_events"))
    return FeedHead(row.store_epoch, int(row.seq), int(row.seq) + 1 if first is None else int(first))


async def read_events(
    connection: AsyncConnection, head: FeedHead, *, after: int, limit: int, feed_filter: FeedFilter
) -> FeedPage:
    """The next page behind ``after``: at most ``limit`` events, at most ``SCAN_LIMIT`` looked through."""
    until = min(head.seq, after + SCAN_LIMIT)
    conditions = ["seq > :after", "seq <= :until"]
    wanted: dict[str, object] = {"after": after, "until": until, "n": limit + 1}
    tests = {
        "county": "county = :county",
        "plant_id": "alert ->> 'plant_id' = :plant_id",
        "rule": "alert ->> 'rule' = :rule",
    }
    for name, test in tests.items():
        value = getattr(feed_filter, name)
        if value is not None:
            conditions.append(test)
            wanted[name] = value
    rows = await connection.execute(
        text(f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY seq LIMIT :n"),
        wanted,
    )
    events = [StoredEvent(*row) for row in rows]
    if len(events) > limit:
        events = events[:limit]
        return FeedPage(events, events[-1].seq, True)
    return FeedPage(events, until, until < head.seq)


async def read_history(connection: AsyncConnection, alert_id: str, *, limit: int = 1000) -> Sequence[StoredEvent]:
    """Events of one alert, the oldest first."""
    rows = await connection.execute(
        text(f"{_SELECT} WHERE alert_id = :id ORDER BY seq LIMIT :n"),
        {"id": alert_id, "n": limit},
    )
    return [StoredEvent(*row) for row in rows]
