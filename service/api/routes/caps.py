"""``GET /v1/scopes/{id}/caps`` and ``…/caps/explain``: what a scope may run at, over any span, and why."""

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
from service.api.order_documents import order_at_document, rounded
from service.api.parts import Parts, parts_of
from service.api.problems import ProblemError
from service.api.query import AtQuery, SpanQuery, Text
from service.calendar import office_day_type
from service.db.plant_registry import load_plant
from service.db.plants import ScopeRow, read_scope
from service.db.sessions import reading
from service.plans.cap_at import HOLDING, ScopeAt, scope_at
from service.plans.cap_series import CapSeries, CapSpan, DayCap, cap_series
from service.plans.cap_words import Sentence, explained

#: Days of one answer, at most: a season with room. A day is half a millisecond's work or more.
SPAN_LIMIT_DAYS = 200


def register(app: FastAPI) -> None:
    """Add the routes."""

    @app.get(
        "/v1/scopes/{scope_id}/caps",
        response_model=schemas.CapsAnswer,
        responses=schemas.TAGGED_ERRORS,
        tags=["orders"],
    )
    async def scope_caps(
        request: Request, scope_id: Annotated[Text, Path()], query: Annotated[SpanQuery, Query()]
    ) -> Response:
        """The cap of every slot that lies wholly in [from, to), past or ahead, readings or not. One element a span of
        equal cap: it holds at each of its slots. What the judgement uses, worked out by the judgement's own code."""
        parts = parts_of(request)
        slot_s = parts.settings.slot_s
        first_slot = -(-int(query.from_.timestamp() * 1000) // (slot_s * 1000))
        last_slot = int(query.to.timestamp()) // slot_s - 1
        if query.to <= query.from_:
            raise ProblemError(400, "`to` must be later than `from`")
        if (last_slot - first_slot + 1) * slot_s > SPAN_LIMIT_DAYS * 86_400:
            raise ProblemError(400, f"one answer holds {SPAN_LIMIT_DAYS} days at most")
        scope, registry = await _scope(request, parts, scope_id)
        series = CapSeries((), ())
        if first_slot <= last_slot:
            series = await asyncio.to_thread(_series, registry, slot_s, scope_id, first_slot, last_slot)
        body = {
            "scope_id": scope.scope_id,
            "plant_id": scope.plant_id,
            "county": scope.county,
            "slot_s": slot_s,
            "from": instant(query.from_, parts.zone),
            "to": instant(query.to, parts.zone),
            "spans": [_span(parts, span) for span in series.spans],
            "days": [_day(day) for day in series.days],
        }
        return tagged(request, body)

    @app.get(
        "/v1/scopes/{scope_id}/caps/explain",
        response_model=schemas.CapExplanation,
        responses=schemas.TAGGED_ERRORS,
        tags=["orders"],
    )
    async def explain_cap(
        request: Request, scope_id: Annotated[Text, Path()], query: Annotated[AtQuery, Query()]
    ) -> Response:
        """Why a slot has the cap it has, in sentences (zh, en): order, clause and document, baseline and arithmetic,
        tolerance, the orders that hold beside it, exemptions, and what is missing where no cap can be given."""
        parts = parts_of(request)
        at_s = parts.clock.now() if query.at is None else query.at.timestamp()
        slot = int(at_s // parts.settings.slot_s)
        scope, registry = await _scope(request, parts, scope_id)
        at = await asyncio.to_thread(_at, registry, parts.settings.slot_s, scope_id, slot)
        return tagged(request, _explanation(parts, scope, registry, at))


async def _scope(request: Request, parts: Parts, scope_id: str) -> tuple[ScopeRow, Registry]:
    """A scope in the reader's county with its plant's registry rows. ProblemError 404 where there is none."""
    county = bounded_county(identity_of(request), None)
    async with reading(parts.engine) as connection:
        scope = await read_scope(connection, scope_id, county=county)
        if scope is None:
            raise ProblemError(404, "no such scope")
        return scope, await load_plant(connection, scope.plant_id)


def _series(registry: Registry, slot_s: int, scope_id: str, first_slot: int, last_slot: int) -> CapSeries:
    world = compile_world(registry, slot_s, office_day_type(registry))
    return cap_series(world, scope_id, first_slot, last_slot)


def _at(registry: Registry, slot_s: int, scope_id: str, slot: int) -> ScopeAt:
    return scope_at(compile_world(registry, slot_s, office_day_type(registry)), scope_id, slot)


def _span(parts: Parts, span: CapSpan) -> dict[str, Any]:
    slot_s, order = parts.settings.slot_s, span.order
    return {
        "from": instant(span.first_slot * slot_s, parts.zone),
        "to": instant((span.first_slot + span.n_slots) * slot_s, parts.zone),
        "state": span.state,
        "cap_kw": rounded(span.cap_kw),
        "order_id": None if order is None else order.order_id,
        "order_revision": None if order is None else order.revision,
        "control": None if order is None else order.control,
        "measure": None if order is None else order.measure,
        "document": None if order is None else order.document,
        "clause": None if order is None else order.clause,
        "baseline_version": span.baseline_version,
    }


def _day(day: DayCap) -> dict[str, Any]:
    return {"date": day.day.isoformat(), "order_id": day.order.order_id, "cap_kwh": rounded(day.cap_kwh)}


def _explanation(parts: Parts, scope: ScopeRow, registry: Registry, at: ScopeAt) -> dict[str, Any]:
    taking, baseline = at.taking, at.baseline
    exemptions = [e for e in registry.exemptions if e.scope_id == scope.scope_id]
    return {
        "scope_id": scope.scope_id,
        "plant_id": scope.plant_id,
        "county": scope.county,
        "slot_from": instant(at.start_s, parts.zone),
        "slot_to": instant(at.end_s, parts.zone),
        "state": at.state,
        "cap_kw": rounded(at.cap_kw),
        "day_cap_kwh": None if taking is None else rounded(taking.day_cap_kwh),
        "order_id": None if taking is None else taking.order.order_id,
        "baseline": None
        if baseline is None
        else {
            "version": baseline.version,
            "running_kw": baseline.running_kw,
            "idle_kw": baseline.idle_kw,
            "day_kwh": baseline.day_kwh,
            "day_type": baseline.day_type,
            "has_profile": bool(baseline.profile_kw),
            "approved_by": baseline.approved_by,
        },
        "sentences": [_sentence(sentence) for sentence in explained(at)],
        "orders": [order_at_document(parts, o, exemptions) for o in at.orders if o.state in HOLDING],
    }


def _sentence(sentence: Sentence) -> dict[str, Any]:
    return {"about": sentence.about, "order_id": sentence.order_id, "zh": sentence.zh, "en": sentence.en}
