"""A slot boundary with many meters: from the first append until every reading is committed and every plant judged.

The same office then tells how much memory each role took at its peak.
"""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.kafka import create_topics
from service.clock import SystemClock
from service.db.registry_load import load_registry
from tests.bench.api import Client, serving
from tests.bench.catchup import TOPIC, broker_of
from tests.bench.history import lay_readings, mark
from tests.bench.messages import PARTITIONS, producing, send, singles
from tests.bench.office import Office, office
from tests.bench.report import Result
from tests.bench.world import BY_DAY_H, DAY_SLOTS, MIDNIGHT_H, World

#: The slot's readings are on time, and silence of the hours before is not judged.
DELAY_MIN = 2 * 24 * 60
SCRAPES = 3


@dataclass(frozen=True, slots=True)
class Burst:
    """Seconds, and MiB at the peak of each role, the service too once it was scraped."""

    wall_s: float
    peak_mib: dict[str, float]


def lines(options: argparse.Namespace) -> Iterator[Result]:
    """``burst``, with ``--burst-day`` also ``burst_day``, ``burst_midnight``; ``rss`` of each role, and the largest."""
    plants = options.burst_meters
    cases = [("burst", 0, BY_DAY_H), *([("burst_day", 1, BY_DAY_H)] if options.burst_day else [])]
    for name, days, hour in (*cases, ("burst_midnight", 0, MIDNIGHT_H)):
        with broker_of(options) as broker:
            done = asyncio.run(measure(broker.bootstrap, f"{TOPIC}.burst", plants, days * DAY_SLOTS, hour))
        before = "a judged day of history" if days else "no history"
        yield Result(name, done.wall_s, "s", f"{plants} meters, one slot, {before}, at {hour} h")
    size = f"peak resident, {plants} meters"
    for role, peak in done.peak_mib.items():
        yield Result(f"rss.{role}", peak, "MiB", size)
    yield Result("rss", max(done.peak_mib.values()), "MiB", f"{size}, the largest of the roles")


async def measure(bootstrap: str, topic: str, plants: int, history: int, hour: int) -> Burst:
    """history: slots before the burst that are laid down and judged first. hour: of the local day. Raises RuntimeError
    when what is judged is not what was sent."""
    await create_topics(bootstrap, [topic], PARTITIONS)
    world = World.ending_at(SystemClock().now(), plants, history + 1, DELAY_MIN, hour=hour)

    async def prepare(engine: AsyncEngine, world: World) -> None:
        if history:
            await lay_readings(engine, world, range(plants), range(history))
            async with engine.connect() as connection:
                stored = await load_registry(connection)
            await mark(engine, world, stored, range(plants), range(history))

    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(office(bootstrap, topic, world, prepare=prepare))
        await found.until(lambda: _is_quiet(found))
        begun_wh = await _energy_wh(found)
        loads = world.loads_dkw(history)
        messages = list(singles(world, history, loads))
        async with producing(bootstrap) as producer:
            begun = perf_counter()
            await send(producer, topic, iter(messages))
            await found.until(lambda: found.is_taken(plants))
            ended = await found.until(found.has_no_marks)
        judged_wh = await _energy_wh(found) - begun_wh
        if judged_wh != int(np.sum(loads) * 25):
            raise RuntimeError(f"{judged_wh} Wh were judged, {int(np.sum(loads) * 25)} Wh were sent")
        port, key = await stack.enter_async_context(serving(found))
        async with Client(port, key) as client:
            for _ in range(SCRAPES):
                await client.get("/metrics")
        return Burst(ended - begun, found.peak_mib())


async def _is_quiet(found: Office) -> bool:
    """The registry is compiled, the clock's part was done, and nothing waits."""
    return bool(await found.scalar("SELECT count(*) FROM ticks")) and await found.has_no_marks()


async def _energy_wh(found: Office) -> int:
    return await found.scalar("SELECT sum(energy_wh) FROM scope_days")
