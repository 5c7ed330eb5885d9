"""The app factory. Nothing happens at import; what runs beside the requests lives in the lifespan."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from service.api import problems
from service.api.access import GuardedRoute
from service.api.exporter import Exporter
from service.api.feed_watch import FeedWatch
from service.api.gate import Gate
from service.api.parts import HealthWatch, KeyRing, Parts
from service.api.release import installed_version
from service.api.routes import (
    alerts,
    audit,
    baselines,
    caps,
    comparisons,
    console,
    days,
    evidence,
    feed,
    health,
    orders,
    plants,
    rulebooks,
    scopes,
    thresholds,
)
from service.api.tokens import TokenCodec
from service.clock import Clock
from service.observability.metrics import ServeMetrics
from service.settings import Settings


def create_app(settings: Settings, engine: AsyncEngine, clock: Clock) -> FastAPI:
    """The service on an engine it does not own: the caller disposes of it."""
    release = installed_version()
    pepper = settings.key_pepper.get_secret_value()
    parts = Parts(
        settings=settings,
        engine=engine,
        clock=clock,
        zone=ZoneInfo(settings.zone),
        keys=KeyRing(engine, pepper),
        health=HealthWatch(engine, clock, settings.slot_s),
        tokens=TokenCodec(pepper),
        feed=FeedWatch(engine),
        metrics=ServeMetrics(release),
        exporter=Exporter(engine, clock, settings.slot_s),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with parts.feed.running(), parts.exporter.running():
            yield

    app = FastAPI(
        title="Cuofeng 错峰",
        version=release,
        description="Alerts, loads and day verdicts of plants under stop and limit orders. Every answer is JSON; every "
        "error is a problem document (RFC 9457); every time has an offset; unknown is null, never 0.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    app.state.parts = parts
    app.router.route_class = GuardedRoute
    app.router.redirect_slashes = False
    problems.install(app)
    for routes in (
        feed,
        alerts,
        evidence,
        audit,
        plants,
        orders,
        rulebooks,
        scopes,
        baselines,
        thresholds,
        caps,
        comparisons,
        days,
        health,
        console,
    ):
        routes.register(app)
    app.add_middleware(Gate, metrics=parts.metrics)
    return app
