"""Talks to the app through its whole stack, in process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from service.api import create_app
from service.clock import VirtualClock
from tests.integration.world import NOON, SETTINGS, World, build_world

ACK_BODY = {"actor": "王工", "reason": "已派人"}


@dataclass(slots=True)
class Service:
    """A running app on a judged world; its clock stands at 12:00:10."""

    app: FastAPI
    client: httpx2.AsyncClient
    engine: AsyncEngine
    world: World
    clock: VirtualClock

    async def get(self, path: str, who: str | None, **query: Any) -> httpx2.Response:
        """GET as somebody."""
        return await self.client.get(path, params=query, headers=self.world.bearer(who) if who else {})

    async def json(self, path: str, who: str, **query: Any) -> Any:
        """Body of a successful GET."""
        response = await self.get(path, who, **query)
        assert response.status_code == 200, response.text
        return response.json()

    async def problem(self, path: str, who: str | None, status: int, **query: Any) -> Any:
        """Body of a refused GET: a problem document of this status."""
        return problem_of(await self.get(path, who, **query), status)

    async def acknowledge(
        self, alert_id: str, who: str, body: dict[str, Any] | None = None, **headers: str
    ) -> httpx2.Response:
        """POST an acknowledgement; header names with underscores."""
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(
            f"/v1/alerts/{alert_id}/acknowledge", json=body or ACK_BODY, headers={**self.world.bearer(who), **extra}
        )


def problem_of(response: httpx2.Response, status: int) -> Any:
    """The problem document of a refused request (RFC 9457)."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["title"]
    assert body["type"] == "about:blank"
    return body


@asynccontextmanager
async def running_service(engine: AsyncEngine) -> AsyncIterator[Service]:
    """Build the world, start the app, end both."""
    world = await build_world(engine)
    clock = VirtualClock(NOON.timestamp() + 10)
    app = create_app(SETTINGS, engine, clock)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://service", timeout=40) as client,
    ):
        yield Service(app, client, engine, world, clock)
