"""``GET /v1/alerts/{id}/evidence.svg`` and ``GET /v1/scopes/{id}/evidence.svg``: what was measured, as a picture."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Path, Query, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from detectors.registry import Registry
from detectors.world import compile_world
from service.api import schemas_evidence as schemas
from service.api.access import bounded_county, identity_of
from service.api.conditional import tagged_text
from service.api.parts import parts_of
from service.api.problems import ProblemError
from service.api.query import LanguageQuery, PictureSpanQuery, Text
from service.calendar import office_day_type
from service.db.alerts import read_alert
from service.db.plant_registry import load_plant
from service.db.plants import read_scope
from service.db.scope_days_read import SlotView, read_series
from service.db.sessions import reading
from service.pictures.alert_span import SPAN_LIMIT_DAYS, alert_slots
from service.pictures.drawing import draw
from service.pictures.evidence import evidence
from service.pictures.words import Language

SVG = "image/svg+xml"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a picture is made of."""

    registry: Registry
    scope_id: str
    views: list[SlotView]
    first_slot: int
    n_slots: int
    alert: Mapping[str, Any] | None = None


def register(app: FastAPI) -> None:
    """Add the routes."""

    @app.get(
        "/v1/alerts/{alert_id}/evidence.svg",
        response_class=Response,
        responses=schemas.PICTURE_ANSWERS,
        tags=["alerts"],
    )
    async def alert_evidence(
        request: Request, alert_id: Annotated[Text, Path()], query: Annotated[LanguageQuery, Query()]
    ) -> Response:
        """The evidence of an alert as a picture: load, cap, baseline and idle level, order windows, verdicts and what
        the data is worth, 2 h before and after it; of a rule about a day the whole local day. Without scripts and
        fonts of its own. A silent slot is a gap in the line, never 0."""
        parts = parts_of(request)
        county = bounded_county(identity_of(request), None)
        async with reading(parts.engine) as connection:
            found = await read_alert(connection, alert_id, county=county)
            if found is None:
                raise ProblemError(404, "no such alert")
            alert = msgspec.json.decode(found.alert)
            first_slot, n_slots = alert_slots(alert, parts.settings.slot_s, parts.zone)
            asked = await _asked(connection, alert["scope_id"], county, first_slot, n_slots, alert)
        if asked is None:
            raise ProblemError(404, "this alert belongs to no scope: there is no load to draw")
        return await _answer(request, asked, parts.settings.slot_s, query.lang)

    @app.get(
        "/v1/scopes/{scope_id}/evidence.svg",
        response_class=Response,
        responses=schemas.PICTURE_ANSWERS,
        tags=["plants"],
    )
    async def scope_evidence(
        request: Request, scope_id: Annotated[Text, Path()], query: Annotated[PictureSpanQuery, Query()]
    ) -> Response:
        """The same picture of a scope over the slots that lie wholly in [from, to), 31 days at most."""
        parts = parts_of(request)
        slot_s = parts.settings.slot_s
        first_slot = -(-int(query.from_.timestamp() * 1000) // (slot_s * 1000))
        n_slots = int(query.to.timestamp()) // slot_s - first_slot
        if n_slots < 1:
            raise ProblemError(400, "no slot lies wholly between `from` and `to`")
        if n_slots * slot_s > SPAN_LIMIT_DAYS * 86_400:
            raise ProblemError(400, f"one picture holds {SPAN_LIMIT_DAYS} days at most")
        async with reading(parts.engine) as connection:
            county = bounded_county(identity_of(request), None)
            asked = await _asked(connection, scope_id, county, first_slot, n_slots, None)
        if asked is None:
            raise ProblemError(404, "no such scope")
        return await _answer(request, asked, slot_s, query.lang)


async def _asked(
    connection: AsyncConnection,
    scope_id: str,
    county: str | None,
    first_slot: int,
    n_slots: int,
    alert: Mapping[str, Any] | None,
) -> _Asked | None:
    """Rows for a picture; None where the reader's county has no such scope."""
    scope = await read_scope(connection, scope_id, county=county)
    if scope is None:
        return None
    views = await read_series(connection, scope_id, first_slot=first_slot, last_slot=first_slot + n_slots - 1)
    registry = await load_plant(connection, scope.plant_id)
    return _Asked(registry, scope_id, list(views), first_slot, n_slots, alert)


async def _answer(request: Request, asked: _Asked, slot_s: int, language: Language) -> Response:
    # In a thread: a month of slots is tens of milliseconds of work, and the feed's readers wait on this loop.
    text = await asyncio.to_thread(_drawn, asked, slot_s, language)
    return tagged_text(request, text, SVG)


def _drawn(asked: _Asked, slot_s: int, language: Language) -> str:
    world = compile_world(asked.registry, slot_s, office_day_type(asked.registry))
    shown = evidence(world, asked.scope_id, asked.views, asked.first_slot, asked.n_slots, asked.alert)
    return draw(shown, language)
