"""``GET /v1/days/{date}``: the day verdicts of all scopes."""

from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from starlette.responses import Response

from service.api import schemas
from service.api.access import bounded_county, identity_of
from service.api.answers import answer, instant, standing
from service.api.parts import Parts, parts_of
from service.api.query import Day, PageQuery
from service.api.tokens import filter_hash
from service.db.scope_days_read import DayView, read_days
from service.db.sessions import reading


def register(app: FastAPI) -> None:
    """Add the route."""

    @app.get("/v1/days/{day}", response_model=schemas.DaysAnswer, responses=schemas.LIST_ERRORS, tags=["days"])
    async def list_days(
        request: Request, day: Annotated[Day, Path()], query: Annotated[PageQuery, Query()]
    ) -> Response:
        """What every scope did on a local day, by scope id. A day that goes on is judged as far as `as_of`."""
        parts = parts_of(request)
        county = bounded_county(identity_of(request), query.county)
        hashed = filter_hash({"county": county, "day": day, "list": "days"})
        after = None
        if query.cursor is not None:
            (after,) = parts.tokens.open_page_cursor(query.cursor, hashed, 1)
        health = await parts.health.current()
        async with reading(parts.engine) as connection:
            found = await read_days(connection, day, county=county, limit=query.limit + 1, after=after)
        page = found[: query.limit]
        following = parts.tokens.page_cursor([page[-1].scope_id], hashed) if len(found) > query.limit else None
        return answer(
            {
                "date": day.isoformat(),
                "days": [_day(parts, view) for view in page],
                "next": following,
                **standing(parts, health),
            }
        )


def _day(parts: Parts, view: DayView) -> dict[str, Any]:
    return {
        "scope_id": view.scope_id,
        "plant_id": view.plant_id,
        "county": view.county,
        "date": view.day.isoformat(),
        "energy_kwh": view.energy_kwh,
        "cap_kwh": view.cap_kwh,
        "coverage": round(view.coverage, 3),
        "verdict": view.verdict,
        "reasons": view.reasons,
        "order_id": view.order_id,
        "violating_hours": view.violating_hours,
        "as_of": instant(view.as_of, parts.zone),
        "revision": view.revision,
    }
