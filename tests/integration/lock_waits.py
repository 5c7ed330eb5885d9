"""How long statements wait for locks, seen from the database: how busy the machine is does not count."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

LOOK_S = 0.03
_WAITING = text(
    "SELECT application_name, max(extract(epoch FROM clock_timestamp() - query_start)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock' GROUP BY 1"
)


async def waiting(engine: AsyncEngine) -> dict[str, float]:
    """Seconds that the longest waiting statement of each application has run."""
    async with engine.connect() as connection:
        return {name: float(waited_s) for name, waited_s in await connection.execute(_WAITING)}


@asynccontextmanager
async def lock_waits(engine: AsyncEngine, apart_from: str) -> AsyncIterator[dict[str, float]]:
    """The longest wait of each application that is seen while the body runs, apart from one."""
    longest: dict[str, float] = {}
    stop = asyncio.Event()

    async def watch() -> None:
        while not stop.is_set():
            for name, waited_s in (await waiting(engine)).items():
                if name != apart_from:
                    longest[name] = max(longest.get(name, 0.0), waited_s)
            await asyncio.sleep(LOOK_S)

    task = asyncio.create_task(watch())
    try:
        yield longest
    finally:
        stop.set()
        await task
