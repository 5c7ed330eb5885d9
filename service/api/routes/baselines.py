"""``GET /v1/scopes/{id}/baselines``: what a scope is measured against, how it was found and who approved it."""

from typing import Annotated

from fastapi import FastAPI, Path, Query, Request
from starlette.responses import Response

from service.api.access import bounded_county, identity_of
from service.api.conditional import tagged
from service.api.parts import parts_of
from service.api.problems import ProblemError
from service.api.query import BaselinesQuery, Text
from service.api.schemas_baselines import BaselinesAnswer
from service.api.schemas_orders import TAGGED_ERRORS
from service.baselines.documents import scope_baselines
from service.db.baseline_fits import read_fits
from service.db.plants import read_scope
from service.db.registry_load import load_part
from service.db.sessions import reading


def register(app: FastAPI) -> None:
    """Add the route."""

    @app.get(
        "/v1/scopes/{scope_id}/baselines", response_model=BaselinesAnswer, responses=TAGGED_ERRORS, tags=["plants"]
    )
    async def baselines(
        request: Request, scope_id: Annotated[Text, Path()], query: Annotated[BaselinesQuery, Query()]
    ) -> Response:
        """Versions of a scope's baseline: levels by day type, the days they rest on, how well they fit days that were
        left out, and who approved them. Proposals and fits that the data did not carry are among them."""
        parts = parts_of(request)
        async with reading(parts.engine) as connection:
            scope = await read_scope(connection, scope_id, county=bounded_county(identity_of(request), None))
            if scope is None:
                raise ProblemError(404, "no such scope")
            wanted = {"baselines": "WHERE scope_id = :scope_id ORDER BY valid_from, version, day_type"}
            registry = await load_part(connection, wanted, {"scope_id": scope_id})
            fits = await read_fits(connection, scope_ids=[scope_id], version=query.version)
        rows = [row for row in registry.baselines if query.version in (None, row.version)]
        body = {
            "scope_id": scope.scope_id,
            "plant_id": scope.plant_id,
            "county": scope.county,
            "baselines": scope_baselines(rows, fits, registry.zone),
        }
        return tagged(request, body)
