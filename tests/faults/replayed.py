"""The same topic read into an empty database, in order and without any fault."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.evaluate import run as evaluate
from consumers.process import run as ingest
from service.clock import VirtualClock
from service.db import cursors
from service.db.engine import make_engine
from service.db.migrate import migrate
from service.db.registry import apply_registry
from service.db.scratch import create_database, drop_database
from tests.faults.story import SLOT_S
from tests.faults.world import World

TIMEOUT_S = 90.0


@asynccontextmanager
async def replayed_database(world: World, records: int) -> AsyncIterator[str]:
    """Address of a database in which all of the world's records were read and judged; dropped at the end."""
    name = f"cuofeng_replayed_{uuid.uuid4().hex[:8]}"
    url = make_url(world.database_url).set(database=name).render_as_string(hide_password=False)
    await create_database(world.engine, name)
    engine = make_engine(url, name="harness-replay", pool_size=8)
    try:
        await migrate(engine)
        async with engine.begin() as connection:
            await apply_registry(connection, world.story.registry, world.story.begin_s, slot_s=SLOT_S)
        await _replay(world, engine, records)
        yield url
    finally:
        await engine.dispose()
        await drop_database(world.engine, name)


async def _replay(world: World, engine: AsyncEngine, records: int) -> None:
    settings = world.settings.model_copy(
        update={
            "kafka_group": f"replay-{uuid.uuid4().hex[:8]}",
            "kafka_dlq_topic": f"{world.settings.kafka_topic}.replayed",
            "batch_records": 40_000,
        }
    )
    stop, clock = asyncio.Event(), VirtualClock(world.now_s)
    tasks = [
        asyncio.create_task(ingest(engine, settings, clock, stop, bootstrap=world.bootstrap)),
        asyncio.create_task(evaluate(engine, settings, clock, stop)),
    ]
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not await world.is_judged(engine) or await _read(engine) < records:
                for task in tasks:
                    if task.done():
                        task.result()
                await _resume(engine)
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def _read(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT coalesce(sum(next_offset), 0) FROM cursors")) or 0)


async def _resume(engine: AsyncEngine) -> None:
    """What the operator did."""
    async with engine.begin() as connection:
        stopped = (
            await connection.execute(text("SELECT topic, part FROM cursors WHERE stopped_reason IS NOT NULL"))
        ).all()
        for topic, part in stopped:
            await cursors.resume(connection, topic, part)
