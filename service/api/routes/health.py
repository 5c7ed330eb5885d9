"""Liveness, readiness, metrics, the stream's state, and the description of the API itself."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from service.api import schemas
from service.api.answers import answer, instant, standing
from service.api.description import describe
from service.api.parts import parts_of
from service.api.problems import problem_response
from service.api.query import NoParameters
from service.db.health import LAG_BAR_S
from service.observability.metrics import CONTENT_TYPE


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
        """The database answers, cursors exist and their lag is under the bar. Tells no more: it asks for no key."""
        parts = parts_of(request)
        lag_s = (await parts.health.current()).ingest_lag_s(parts.clock.now())
        if lag_s is None or lag_s > LAG_BAR_S:
            return problem_response(503, "not ready", headers={"Retry-After": "5"})
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
