"""Liveness, readiness, metrics, the stream's state, and the description of the API itself."""

import asyncio

from fastapi import FastAPI, Request
from starlette.responses import Response

from detectors.errors import InfrastructureError
from service.api import schemas
from service.api.answers import answer, instant, standing
from service.api.description import describe
from service.api.parts import parts_of
from service.api.problems import problem_response
from service.api.query import NoParameters
from service.observability.metrics import CONTENT_TYPE

#: A probe waits no longer for the database than this (seconds).
READY_TIMEOUT_S = 5.0


def register(app: FastAPI) -> None:
    """Add the routes."""

    @app.get("/livez", response_model=schemas.StateAnswer, dependencies=[NoParameters], tags=["health"])
    async def livez() -> Response:
        """The process answers."""
        return answer({"status": "alive"})

    @app.get(
        "/readyz",
        response_model=schemas.StateAnswer,
        responses=schemas.problems(503),
        dependencies=[NoParameters],
        tags=["health"],
    )
    async def readyz(request: Request) -> Response:
        """Whether answers may be trusted: readings are read and judged, clocks agree. `faults` names what stands still
        in words of a closed list, and tells no more: nobody is asked for a key here.
        """
        parts = parts_of(request)
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                faults: tuple[str, ...] = parts.health.faults(await parts.health.current())
        except (InfrastructureError, TimeoutError):
            faults = ("database_away",)
        if not parts.feed.is_watching:
            faults = (*faults, "feed_unwatched")
        if faults:
            return problem_response(503, "not ready", headers={"Retry-After": "5"}, faults=faults)
        return answer({"status": "ready"})

    @app.get(
        "/v1/status",
        response_model=schemas.StatusAnswer,
        responses=schemas.problems(401, 403, 503),
        dependencies=[NoParameters],
        tags=["health"],
    )
    async def status(request: Request) -> Response:
        """How far the stream is read and judged, partition by partition."""
        parts = parts_of(request)
        health = await parts.health.current()
        zone = parts.zone
        return answer(
            {
                **standing(parts, health),
                "now": instant(parts.clock.now(), zone),
                "faults": parts.health.faults(health),
                "processes": [
                    {
                        "role": h.role,
                        "process": h.process,
                        "heard_ago_s": round(h.heard_ago_s, 1),
                        "moved_ago_s": round(h.moved_ago_s, 1),
                    }
                    for h in health.heartbeats
                ],
                "partitions": [
                    {
                        "topic": p.topic,
                        "partition": p.part,
                        "next_offset": p.next_offset,
                        "lag_records": p.lag_records,
                        "watermark": instant(p.watermark, zone),
                        "committed_at": instant(p.committed_at, zone),
                        "stopped_reason": p.stopped_reason,
                    }
                    for p in health.partitions
                ],
            }
        )

    @app.get(
        "/metrics",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **schemas.problems(401, 403)},
        response_class=Response,
        dependencies=[NoParameters],
        tags=["health"],
    )
    async def metrics(request: Request) -> Response:
        """Prometheus text format; docs/metrics.md lists every metric."""
        parts = parts_of(request)
        parts.metrics.feed_watched.set(parts.feed.is_watching)
        return Response(await parts.exporter.payload() + parts.metrics.render(), media_type=CONTENT_TYPE)

    @app.get(
        "/v1/openapi.json",
        responses=schemas.problems(401, 403),
        response_class=Response,
        dependencies=[NoParameters],
        include_in_schema=False,
    )
    async def openapi(request: Request) -> Response:
        """This description."""
        return answer(describe(request.app))
