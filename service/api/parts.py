"""What the routes work with: made once by the factory, owned by the app's lifespan."""

import asyncio
import time
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.errors import InfrastructureError
from service.api.exporter import Exporter
from service.api.feed_watch import FeedWatch
from service.api.tokens import TokenCodec
from service.clock import Clock
from service.db.health import Fault, Health, read_health
from service.db.keys import Identity, digest_of, find_identity, has_key_form
from service.db.sessions import reading
from service.observability.metrics import ServeMetrics
from service.settings import Settings

#: How long a key's holder is remembered, so also how long a revoked key may live on (seconds).
KEY_CACHE_S = 5.0
#: How long the stream's health is remembered (seconds).
HEALTH_CACHE_S = 0.5


class KeyRing:
    """Finds the holder of a key; a holder is remembered for ``KEY_CACHE_S``, an unknown key never."""

    def __init__(self, engine: AsyncEngine, pepper: str) -> None:
        self._engine = engine
        self._pepper = pepper
        self._known: dict[bytes, tuple[float, Identity]] = {}

    async def identify(self, key: str, *, outlives_database: bool = False) -> Identity | None:
        """The holder, or None for a key that is unknown, expired or revoked.

        outlives_database: while the database is away, a holder that was known before counts. For `/metrics` only, which
        then shows nothing but that the database is away: somebody must be able to see it.
        """
        if not has_key_form(key):
            return None
        digest, now_s = digest_of(key, self._pepper), time.monotonic()
        known = self._known.get(digest)
        if known is not None and now_s - known[0] < KEY_CACHE_S:
            return known[1]
        try:
            async with reading(self._engine) as connection:
                identity = await find_identity(connection, digest)
        except InfrastructureError:
            if outlives_database and known is not None:
                return known[1]
            raise
        if identity is None:
            self._known.pop(digest, None)
        else:
            self._known[digest] = (now_s, identity)
        return identity


class HealthWatch:
    """The stream's health, read at most every ``HEALTH_CACHE_S``. An older look only understates ``data_as_of``."""

    def __init__(self, engine: AsyncEngine, clock: Clock, slot_s: int) -> None:
        self._engine = engine
        self._clock = clock
        self._slot_s = slot_s
        self._seen: tuple[float, Health] | None = None
        self._lock = asyncio.Lock()

    async def current(self) -> Health:
        """Raises InfrastructureError when the database is away."""
        async with self._lock:
            now_s = time.monotonic()
            if self._seen is None or now_s - self._seen[0] >= HEALTH_CACHE_S:
                async with reading(self._engine) as connection:
                    self._seen = (now_s, await read_health(connection, self._slot_s))
            return self._seen[1]

    def faults(self, health: Health) -> tuple[Fault, ...]:
        """Why an empty answer may hide something, now."""
        return health.faults(self._clock.now(), self._slot_s, is_virtual=self._clock.is_virtual)


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a route may use."""

    settings: Settings
    engine: AsyncEngine
    clock: Clock
    zone: ZoneInfo
    keys: KeyRing
    health: HealthWatch
    tokens: TokenCodec
    feed: FeedWatch
    metrics: ServeMetrics
    exporter: Exporter


def parts_of(request: Request) -> Parts:
    """The app's parts."""
    parts = request.app.state.parts
    if not isinstance(parts, Parts):
        raise TypeError("the app was not made by create_app")
    return parts
