"""Alerts: the current fold, one alert with its history and evidence series, and acknowledging."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Header, Path, Query, Request
from starlette.responses import Response

from service.api import schemas
from service.api.access import bounded_county, identity_of
from service.api.answers import answer, instant, slot_document, standing, stored
from service.api.parts import Parts, parts_of
from service.api.problems import ProblemError
from service.api.query import AlertsQuery, NoParameters, Text
from service.api.routes.feed import feed_hash
from service.api.tokens import FeedCursor, filter_hash
from service.db.alerts import (
    Acknowledgement,
    AckOutcome,
    AckRequest,
    AlertFilter,
    acknowledge,
    read_alert,
    read_alerts,
)
from service.db.feed_read import FeedFilter, read_head, read_history
from service.db.scope_days_read import read_series
from service.db.sessions import ContentionError, reading, writing

#: Shown before the first and after the last slot of an alert (seconds).
CONTEXT_S = 2 * 3600
#: Slots of an evidence series, at most: a month of quarter hours. Of a longer alert the latest are shown.
SERIES_LIMIT = 31 * 96
ATTEMPTS = 3

_REFUSED = {
    AckOutcome.MISSING: (404, "no such alert"),
    AckOutcome.STALE: (412, "the alert has changed since; read it again"),
    AckOutcome.NOT_NEW: (409, "the alert was acknowledged before"),
    AckOutcome.KEY_REUSED: (422, "this Idempotency-Key belongs to another request"),
}


def register(app: FastAPI) -> None:
    """Add the routes."""

    @app.get("/v1/alerts", response_model=schemas.AlertsAnswer, responses=schemas.LIST_ERRORS, tags=["alerts"])
    async def list_alerts(request: Request, query: Annotated[AlertsQuery, Query()]) -> Response:
        """Alerts as their last event shows them, the latest opened first."""
        parts = parts_of(request)
        county = bounded_county(identity_of(request), query.county)
        given = query.model_dump(exclude={"limit", "cursor"}) | {"county": county}
        hashed = filter_hash({**given, "list": "alerts"})
        before = None
        if query.cursor is not None:
            opened_at, alert_id = parts.tokens.open_page_cursor(query.cursor, hashed, 2)
            before = (datetime.fromisoformat(opened_at), alert_id)
        wanted = AlertFilter(
            county=county,
            opened_from=query.from_,
            opened_to=query.to,
            is_open=query.open or False,
            **{name: given[name] for name in _SAME_NAMES},
        )
        health = await parts.health.current()
        async with reading(parts.engine) as connection:
            head = await read_head(connection)
            found = await read_alerts(connection, wanted, limit=query.limit + 1, before=before)
        page = found[: query.limit]
        keys = [page[-1].opened_at.isoformat(), page[-1].alert_id] if len(found) > query.limit else None
        following = None if keys is None else parts.tokens.page_cursor(keys, hashed)
        return answer(
            {
                "alerts": [stored(a.alert) for a in page],
                "next": following,
                "feed": parts.tokens.feed_cursor(FeedCursor(head.store_epoch, head.seq, feed_hash(FeedFilter(county)))),
                **standing(parts, health),
            },
        )

    @app.get(
        "/v1/alerts/{alert_id}",
        response_model=schemas.AlertAnswer,
        responses=schemas.ITEM_ERRORS,
        dependencies=[NoParameters],
        tags=["alerts"],
    )
    async def show_alert(request: Request, alert_id: Annotated[Text, Path()]) -> Response:
        """One alert with its events and, per slot, what it was judged by, 2 h before and after included."""
        parts = parts_of(request)
        county = bounded_county(identity_of(request), None)
        async with reading(parts.engine) as connection:
            found = await read_alert(connection, alert_id, county=county)
            if found is None:
                raise ProblemError(404, "no such alert")
            history = await read_history(connection, alert_id)
            alert = msgspec.json.decode(found.alert)
            first_slot, last_slot, is_cut = _series_span(alert, parts.settings.slot_s)
            series = await read_series(connection, alert["scope_id"], first_slot=first_slot, last_slot=last_slot)
        return answer(
            {
                "alert": stored(found.alert),
                "events": [
                    {
                        "seq": e.seq,
                        "type": e.type,
                        "occurred_at": instant(e.occurred_at, parts.zone),
                        "published_at": instant(e.published_at, parts.zone),
                        "backfill": e.backfill,
                        "actor": e.actor,
                        "reason": e.reason,
                        "alert": stored(e.alert),
                    }
                    for e in history
                ],
                "series": [slot_document(view, parts) for view in series],
                "series_is_cut": is_cut,
            },
            headers={"ETag": found.etag},
        )

    @app.post(
        "/v1/alerts/{alert_id}/acknowledge",
        response_model=schemas.AckAnswer,
        responses=schemas.ACK_ERRORS,
        dependencies=[NoParameters],
        tags=["alerts"],
    )
    async def acknowledge_alert(
        request: Request,
        alert_id: Annotated[Text, Path()],
        body: schemas.AckBody,
        idempotency_key: Annotated[Text | None, Header(description="the same key answers the same")] = None,
        if_match: Annotated[Text | None, Header(description="ETag of `GET /v1/alerts/{id}`")] = None,
    ) -> Response:
        """Say that somebody has seen the alert and why; published as an event `acknowledged`."""
        parts, identity = parts_of(request), identity_of(request)
        wanted = AckRequest(
            alert_id=alert_id,
            county=bounded_county(identity, None),
            actor=body.actor,
            reason=body.reason,
            at=datetime.fromtimestamp(parts.clock.now(), UTC),
            key_id=identity.key_id,
            if_match=None if if_match in (None, "*") else if_match,
            idempotency_key=idempotency_key,
            request_digest=hashlib.sha256(msgspec.json.encode([alert_id, body.actor, body.reason, if_match])).digest(),
        )
        done = await _acknowledge(parts, wanted)
        if done.outcome in _REFUSED:
            status, detail = _REFUSED[done.outcome]
            raise ProblemError(status, detail)
        headers = {"ETag": done.etag or ""}
        if done.outcome is AckOutcome.REPLAYED:
            headers["Idempotency-Replayed"] = "true"
        return answer(done.body, headers=headers)


_SAME_NAMES = ("plant_id", "scope_id", "rule", "grade", "condition", "evidence", "work", "order_id")


async def _acknowledge(parts: Parts, wanted: AckRequest) -> Acknowledgement:
    """One transaction; run again when another one won. Only ``DONE`` is committed."""
    for attempt in range(ATTEMPTS):
        try:
            async with writing(parts.engine) as connection:
                done = await acknowledge(connection, wanted)
                if done.outcome is not AckOutcome.DONE:
                    await connection.rollback()
                return done
        except ContentionError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _series_span(alert: dict[str, Any], slot_s: int) -> tuple[int, int, bool]:
    """First and last slot number of the evidence series, and whether the limit cut it."""
    begin_s = datetime.fromisoformat(alert["first_slot_end"]).timestamp() - CONTEXT_S
    end_s = datetime.fromisoformat(alert["last_slot_end"]).timestamp() + CONTEXT_S
    first, last = int(begin_s // slot_s) - 1, int(end_s // slot_s) - 1
    return max(first, last - SERIES_LIMIT + 1), last, last - first + 1 > SERIES_LIMIT
