"""``GET /v1/scopes/{id}/load``: the curve of a scope."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request
from starlette.responses import Response

from service.api import schemas
from service.api.access import bounded_county, identity_of
from service.api.answers import answer, empty_slot_document, instant, slot_document, standing
from service.api.parts import parts_of
from service.api.problems import ProblemError
from service.api.query import SpanQuery, Text
from service.db.plants import RunningLoad, read_running_loads, read_scope
from service.db.scope_days_read import read_series
from service.db.sessions import reading

#: Slots of one answer, at most: a hundred days of quarter hours, a week of minutes.
SPAN_LIMIT = 10_080


def register(app: FastAPI) -> None:
    """Add the route."""

    @app.get(
        "/v1/scopes/{scope_id}/load", response_model=schemas.LoadAnswer, responses=schemas.ITEM_ERRORS, tags=["plants"]
    )
    async def scope_load(
        request: Request, scope_id: Annotated[Text, Path()], query: Annotated[SpanQuery, Query()]
    ) -> Response:
        """Load, cap, baseline and verdict of every slot that lies wholly in [from, to). Unknown is null, never 0."""
        parts = parts_of(request)
        slot_s = parts.settings.slot_s
        first_slot = -(-int(query.from_.timestamp() * 1000) // (slot_s * 1000))
        last_slot = int(query.to.timestamp()) // slot_s - 1
        if query.to <= query.from_:
            raise ProblemError(400, "`to` must be later than `from`")
        if last_slot - first_slot + 1 > SPAN_LIMIT:
            raise ProblemError(400, f"one answer holds {SPAN_LIMIT} slots at most")
        health = await parts.health.current()
        async with reading(parts.engine) as connection:
            scope = await read_scope(connection, scope_id, county=bounded_county(identity_of(request), None))
            if scope is None:
                raise ProblemError(404, "no such scope")
            views = {
                v.slot: v for v in await read_series(connection, scope_id, first_slot=first_slot, last_slot=last_slot)
            }
            running = await read_running_loads(connection, scope_id)
        slots = []
        for slot in range(first_slot, last_slot + 1):
            view = views.get(slot)
            document = empty_slot_document(slot, parts) if view is None else slot_document(view, parts)
            version = None if view is None else view.baseline_version
            slots.append({**document, "baseline_kw": running_kw_at(running, version, slot * slot_s)})
        return answer(
            {
                "scope_id": scope.scope_id,
                "plant_id": scope.plant_id,
                "county": scope.county,
                "slot_s": slot_s,
                "from": instant(query.from_, parts.zone),
                "to": instant(query.to, parts.zone),
                "slots": slots,
                **standing(parts, health),
            }
        )


def running_kw_at(running: Sequence[RunningLoad], version: str | None, start_s: int) -> float | None:
    """R valid at a slot's start, kW. The version that was judged by comes first, then day type ``all``, ``workday``."""
    start = datetime.fromtimestamp(start_s, UTC)
    valid = [r for r in running if r.valid_from <= start and (r.valid_to is None or start < r.valid_to)]
    rank = {"all": 0, "workday": 1}
    valid.sort(key=lambda r: (r.version != version, rank.get(r.day_type, 2)))
    return valid[0].running_kw if valid else None
