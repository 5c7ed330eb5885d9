"""``GET /v1/plants``: the list, with what each scope does at the last judged slot."""

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from service.api import schemas
from service.api.access import bounded_county, identity_of
from service.api.answers import answer, empty_slot_document, slot_document, standing
from service.api.parts import Parts, parts_of
from service.api.query import PlantsQuery
from service.api.tokens import filter_hash
from service.db.plants import PlantRow, read_plants
from service.db.scope_days_read import SlotView, read_slot
from service.db.sessions import reading


def register(app: FastAPI) -> None:
    """Add the route."""

    @app.get("/v1/plants", response_model=schemas.PlantsAnswer, responses=schemas.LIST_ERRORS, tags=["plants"])
    async def list_plants(request: Request, query: Annotated[PlantsQuery, Query()]) -> Response:
        """Plants by id, with their scopes, the verdict of each at `data_as_of`, and the ids of their open alerts."""
        parts = parts_of(request)
        county = bounded_county(identity_of(request), query.county)
        hashed = filter_hash({"county": county, "plant_id": query.plant_id, "list": "plants"})
        after = None
        if query.cursor is not None:
            (after,) = parts.tokens.open_page_cursor(query.cursor, hashed, 1)
        health = await parts.health.current()
        slot = None if health.judged_slots is None else health.judged_slots - 1
        async with reading(parts.engine) as connection:
            found = await read_plants(
                connection, county=county, limit=query.limit + 1, after=after, plant_id=query.plant_id
            )
            page = found[: query.limit]
            ids = [scope.scope_id for plant in page for scope in plant.scopes]
            views: dict[str, SlotView] = {}
            if slot is not None:
                views = await read_slot(connection, slot, parts.settings.slot_s, scope_ids=ids)
        following = parts.tokens.page_cursor([page[-1].plant_id], hashed) if len(found) > query.limit else None
        return answer(
            {
                "plants": [_plant(parts, plant, slot, views) for plant in page],
                "next": following,
                **standing(parts, health),
            }
        )


def _plant(parts: Parts, plant: PlantRow, slot: int | None, views: dict[str, SlotView]) -> dict[str, Any]:
    return {
        "plant_id": plant.plant_id,
        "name": plant.name,
        "county": plant.county,
        "industry": plant.industry,
        "contract_kw": plant.contract_kw,
        "lon": plant.lon,
        "lat": plant.lat,
        "open_alerts": list(plant.open_alerts),
        "leading_alert": plant.leading_alert,
        "scopes": [
            {
                "scope_id": scope.scope_id,
                "name": scope.name,
                "kind": scope.kind,
                "current": _current(parts, slot, views.get(scope.scope_id)),
            }
            for scope in plant.scopes
        ],
    }


def _current(parts: Parts, slot: int | None, view: SlotView | None) -> dict[str, Any] | None:
    """The last judged slot; None before anything was judged."""
    if slot is None:
        return None
    return empty_slot_document(slot, parts) if view is None else slot_document(view, parts)
