"""``GET /v1/scopes/{id}/thresholds``: every number that the rules test a scope by, and where it comes from."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from starlette.responses import Response

from detectors.registry import ALWAYS, FOREVER, Threshold
from detectors.slots import instant as local_instant
from detectors.slots import local_date
from detectors.threshold_table import day_begin
from detectors.thresholds import DEFAULT_ORIGIN, KINDS, ThresholdKind
from service.api.access import bounded_county, identity_of
from service.api.answers import instant
from service.api.conditional import tagged
from service.api.parts import Parts, parts_of
from service.api.problems import ProblemError
from service.api.query import DayQuery, Text
from service.api.schemas_orders import TAGGED_ERRORS
from service.api.schemas_thresholds import ThresholdsAnswer
from service.db.plants import read_scope
from service.db.registry_load import load_part
from service.db.sessions import reading

_ROWS = {"thresholds": "WHERE scope_id IS NULL OR scope_id = :scope_id"}


def register(app: FastAPI) -> None:
    """Add the route."""

    @app.get(
        "/v1/scopes/{scope_id}/thresholds", response_model=ThresholdsAnswer, responses=TAGGED_ERRORS, tags=["plants"]
    )
    async def thresholds(
        request: Request, scope_id: Annotated[Text, Path()], query: Annotated[DayQuery, Query()]
    ) -> Response:
        """Every threshold of every rule as it holds for a scope on a local day: the value set for the scope, else that
        for all, else the default; with its origin and who approved it."""
        parts = parts_of(request)
        at_s = int(parts.clock.now() if query.at is None else query.at.timestamp())
        async with reading(parts.engine) as connection:
            scope = await read_scope(connection, scope_id, county=bounded_county(identity_of(request), None))
            if scope is None:
                raise ProblemError(404, "no such scope")
            registry = await load_part(connection, _ROWS, {"scope_id": scope_id})
        day = local_date(registry.zone, at_s)
        begin_s = local_instant(registry.zone, day, 0)
        rows = [r for r in registry.thresholds if _holds(registry.zone, r, begin_s)]
        body = {
            "scope_id": scope.scope_id,
            "plant_id": scope.plant_id,
            "county": scope.county,
            "date": day.isoformat(),
            "thresholds": [_document(parts, kind, rows) for kind in KINDS],
        }
        return tagged(request, body)


def _holds(zone: str, row: Threshold, begin_s: int) -> bool:
    """Whether a row holds on the local day that begins then."""
    return day_begin(zone, row.valid_from) <= begin_s < day_begin(zone, row.valid_to)


def _document(parts: Parts, kind: ThresholdKind, rows: Sequence[Threshold]) -> dict[str, Any]:
    """One threshold. rows: those that hold; a scope's own goes before that for all."""
    mine = [row for row in rows if (row.rule, row.name) == (kind.rule, kind.name)]
    row = max(mine, key=lambda r: r.scope_id is not None, default=None)
    return {
        "rule": kind.rule,
        "name": kind.name,
        "value": float(kind.default if row is None else row.value),
        "unit": kind.unit,
        "zh": kind.zh,
        "en": kind.en,
        "default": float(kind.default),
        "low": float(kind.low),
        "high": float(kind.high),
        "origin": DEFAULT_ORIGIN if row is None else row.origin,
        "set_for": None if row is None else "all" if row.scope_id is None else "scope",
        "from": None if row is None or row.valid_from <= ALWAYS else instant(row.valid_from, parts.zone),
        "to": None if row is None or row.valid_to >= FOREVER else instant(row.valid_to, parts.zone),
        "approved_by": None if row is None else row.approved_by,
    }
