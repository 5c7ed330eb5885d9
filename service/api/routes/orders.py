"""``GET /v1/orders`` and ``GET /v1/plants/{id}/orders``: what is ordered, by which clause, and what holds at a time."""

import asyncio
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from starlette.responses import Response

from detectors.registry import Registry
from detectors.world import compile_world
from service.api import schemas_orders as schemas
from service.api.access import bounded_county, identity_of
from service.api.answers import instant
from service.api.conditional import tagged
from service.api.order_documents import exemption_documents, order_at_document, order_document, rounded
from service.api.parts import Parts, parts_of
from service.api.problems import ProblemError
from service.api.query import AtQuery, OrdersQuery, Text
from service.api.tokens import filter_hash
from service.calendar import office_day_type
from service.db.orders_read import OrderFilter, OrderRow, read_orders
from service.db.plant_registry import load_plant
from service.db.plants import read_plants
from service.db.sessions import reading
from service.plans.cap_at import HOLDING, OrderState, ScopeAt, scope_at

#: Orders that ended, or were withdrawn, this long before the instant asked are not shown any more: longer than a
#: season (2017-11-15 to 2018-03-15), shorter than a year.
PAST_S = 200 * 86_400


def register(app: FastAPI) -> None:
    """Add the routes."""

    @app.get("/v1/orders", response_model=schemas.OrdersAnswer, responses=schemas.TAGGED_ERRORS, tags=["orders"])
    async def list_orders(request: Request, query: Annotated[OrdersQuery, Query()]) -> Response:
        """Orders by id, the highest revision of each, with plant, scope and the exemptions that touch them."""
        parts = parts_of(request)
        county = bounded_county(identity_of(request), query.county)
        if query.from_ is not None and query.to is not None and query.to <= query.from_:
            raise ProblemError(400, "`to` must be later than `from`")
        given = query.model_dump(exclude={"limit", "cursor"}) | {"county": county}
        hashed = filter_hash({**given, "list": "orders"})
        after = None
        if query.cursor is not None:
            order_id, revision = parts.tokens.open_page_cursor(query.cursor, hashed, 2)
            after = (order_id, int(revision))
        wanted = OrderFilter(
            begin=query.from_,
            end=query.to,
            is_every_revision=query.revisions == "all",
            **{name: given[name] for name in _SAME_NAMES},
        )
        async with reading(parts.engine) as connection:
            found = await read_orders(connection, wanted, limit=query.limit + 1, after=after)
        page = found[: query.limit]
        keys = [page[-1].order.order_id, str(page[-1].order.revision)] if len(found) > query.limit else None
        following = None if keys is None else parts.tokens.page_cursor(keys, hashed)
        return tagged(request, {"orders": [_order(parts, row) for row in page], "next": following})

    @app.get(
        "/v1/plants/{plant_id}/orders",
        response_model=schemas.PlantOrdersAnswer,
        responses=schemas.TAGGED_ERRORS,
        tags=["orders"],
    )
    async def plant_orders(
        request: Request, plant_id: Annotated[Text, Path()], query: Annotated[AtQuery, Query()]
    ) -> Response:
        """What each scope of a plant is under at a slot, order by order; those to come and those past included."""
        parts = parts_of(request)
        county = bounded_county(identity_of(request), None)
        at_s = parts.clock.now() if query.at is None else query.at.timestamp()
        slot = int(at_s // parts.settings.slot_s)
        async with reading(parts.engine) as connection:
            found = await read_plants(connection, county=county, limit=1, plant_id=plant_id)
            if not found:
                raise ProblemError(404, "no such plant")
            registry = await load_plant(connection, plant_id)
        scopes = await asyncio.to_thread(_scopes_at, registry, parts.settings.slot_s, slot)
        body = {
            "plant_id": plant_id,
            "name": found[0].name,
            "county": found[0].county,
            "slot_from": instant(slot * parts.settings.slot_s, parts.zone),
            "slot_to": instant((slot + 1) * parts.settings.slot_s, parts.zone),
            "scopes": [_scope(parts, registry, at) for at in scopes],
        }
        return tagged(request, body)


_SAME_NAMES = ("county", "plant_id", "scope_id", "control", "clause", "document", "level", "rulebook", "at")
_OVER = frozenset({OrderState.PAST, OrderState.WITHDRAWN})


def _scopes_at(registry: Registry, slot_s: int, slot: int) -> list[ScopeAt]:
    """Every scope of a plant at a slot; in a thread of its own: it is the judgement's own work."""
    world = compile_world(registry, slot_s, office_day_type(registry))
    return [scope_at(world, scope_id, slot) for scope_id in sorted(world.scope_ids)]


def _order(parts: Parts, row: OrderRow) -> dict[str, Any]:
    scope = row.scope
    return {
        **order_document(parts, row.order),
        "is_latest": row.is_latest,
        "plant": {"plant_id": scope.plant_id, "name": row.plant_name, "county": scope.county},
        "scope": {"scope_id": scope.scope_id, "name": scope.name, "kind": scope.kind},
        "exemptions": exemption_documents(parts, row.order, row.exemptions),
    }


def _scope(parts: Parts, registry: Registry, at: ScopeAt) -> dict[str, Any]:
    exemptions = [e for e in registry.exemptions if e.scope_id == at.scope.scope_id]
    shown = at.taking or next((o for o in at.orders if o.state.value == at.state.value), None)
    return {
        "scope_id": at.scope.scope_id,
        "name": at.scope.name,
        "kind": at.scope.kind,
        "state": at.state,
        "cap_kw": rounded(at.cap_kw),
        "order_id": None if shown is None else shown.order.order_id,
        "baseline_version": None if at.baseline is None else at.baseline.version,
        "orders": [
            order_at_document(parts, order, exemptions)
            for order in at.orders
            if order.state in HOLDING or order.state not in _OVER or order.order.valid_to > at.start_s - PAST_S
        ],
    }
