"""``GET /v1/alert-events``: the change feed (CONTRACTS §4, RELIABILITY §3)."""

import time
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from service.api import schemas
from service.api.access import bounded_county, identity_of
from service.api.answers import answer, instant, standing, stored
from service.api.parts import Parts, parts_of
from service.api.problems import ProblemError
from service.api.query import FeedQuery
from service.api.tokens import FeedCursor, filter_hash
from service.db.feed_read import FeedFilter, FeedHead, FeedPage, StoredEvent, read_events, read_head
from service.db.health import Health
from service.db.sessions import reading


def register(app: FastAPI) -> None:
    """Add the route."""

    @app.get("/v1/alert-events", response_model=schemas.FeedAnswer, responses=schemas.FEED_ERRORS, tags=["feed"])
    async def alert_events(request: Request, query: Annotated[FeedQuery, Query()]) -> Response:
        """Alert events behind a cursor, in order, none left out; with `wait` the answer comes when there is one.

        Folding the events by alert id gives `GET /v1/alerts`. `scanned_to_seq` and `head_seq` prove absence to a reader
        who sees only a part of the feed.
        """
        parts = parts_of(request)
        county = bounded_county(identity_of(request), query.county)
        feed_filter = FeedFilter(county, query.plant_id, query.rule)
        hashed = feed_hash(feed_filter)
        deadline_s = time.monotonic() + query.wait
        after = None if query.after is None else parts.tokens.open_feed_cursor(query.after)
        if after is not None and after.filter_hash != hashed:
            raise ProblemError(400, "this cursor belongs to another filter or another reader")
        while True:
            health, head, page = await _read(parts, after, hashed, query.limit, feed_filter)
            left_s = deadline_s - time.monotonic()
            if page.events or page.has_more or left_s <= 0:
                return answer(_document(parts, health, head, page, hashed))
            after = FeedCursor(head.store_epoch, page.scanned_to_seq, hashed)
            if not await parts.feed.wait_beyond(page.scanned_to_seq, left_s):
                deadline_s = time.monotonic()


def feed_hash(feed_filter: FeedFilter) -> bytes:
    """What ties a feed cursor to its filter."""
    return filter_hash({"county": feed_filter.county, "plant_id": feed_filter.plant_id, "rule": feed_filter.rule})


async def _read(
    parts: Parts, after: FeedCursor | None, hashed: bytes, limit: int, feed_filter: FeedFilter
) -> tuple[Health, FeedHead, FeedPage]:
    """A page. The health is looked at first: whatever it calls judged is then in the feed."""
    health = await parts.health.current()
    async with reading(parts.engine) as connection:
        head = await read_head(connection)
        begin = head.first_seq - 1 if after is None else _resumed(parts, after, head, hashed)
        return health, head, await read_events(connection, head, after=begin, limit=limit, feed_filter=feed_filter)


def _resumed(parts: Parts, after: FeedCursor, head: FeedHead, hashed: bytes) -> int:
    """Seq to go on behind. Raises ProblemError 409 for another store's cursor, 410 for one older than retention."""
    resync = parts.tokens.feed_cursor(FeedCursor(head.store_epoch, head.first_seq - 1, hashed))
    point = {"cursor": resync, "seq": head.first_seq - 1}
    if after.store_epoch != head.store_epoch or after.seq > head.seq:
        raise ProblemError(409, "this cursor belongs to another store; begin again at the resync point", resync=point)
    if after.seq < head.first_seq - 1:
        raise ProblemError(
            410, "events behind this cursor are no longer kept; begin again at the resync point", resync=point
        )
    return after.seq


def _document(parts: Parts, health: Health, head: FeedHead, page: FeedPage, hashed: bytes) -> dict[str, Any]:
    return {
        "events": [_event(parts, event) for event in page.events],
        "next": parts.tokens.feed_cursor(FeedCursor(head.store_epoch, page.scanned_to_seq, hashed)),
        "scanned_to_seq": page.scanned_to_seq,
        "head_seq": head.seq,
        "has_more": page.has_more,
        **standing(parts, health),
    }


def _event(parts: Parts, event: StoredEvent) -> dict[str, Any]:
    document: dict[str, Any] = {
        "seq": event.seq,
        "type": event.type,
        "occurred_at": instant(event.occurred_at, parts.zone),
        "backfill": event.backfill,
    }
    if event.actor is not None:
        document |= {"actor": event.actor, "reason": event.reason}
    return {**document, "alert": stored(event.alert)}
