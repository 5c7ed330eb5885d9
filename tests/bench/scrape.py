"""One scrape of /metrics with many plants: while it is ready (what Prometheus waits for), and the first one."""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from statistics import median
from time import perf_counter

from consumers.kafka import create_topics
from service.clock import SystemClock
from service.embedded import EmbeddedBroker
from tests.bench.api import Client, serving
from tests.bench.catchup import TOPIC
from tests.bench.messages import PARTITIONS, producing, send, singles
from tests.bench.office import office
from tests.bench.report import Result
from tests.bench.world import World

SCRAPES = 15
EVERY_S = 1.0
#: Before every scrape the loop answers this; how late, tells whether rendering blocks it.
OTHER = "/livez"


def lines(options: argparse.Namespace) -> Iterator[Result]:
    """``metrics``: the median scrape; ``metrics_first``; ``metrics_loop``: the slowest other answer meanwhile."""
    with EmbeddedBroker() as broker:
        first_s, later, others, size = asyncio.run(_measure(broker.bootstrap, options.metrics_plants))
    told = f"{options.metrics_plants} plants, {size} bytes"
    yield Result("metrics", median(later), "s", f"{told}, median of {len(later)}, slowest {max(later):.3f} s")
    yield Result("metrics_first", first_s, "s", f"{told}, nothing rendered before")
    yield Result("metrics_loop", max(others), "s", f"slowest of {len(others)} answers of {OTHER} during these")


async def _measure(bootstrap: str, plants: int) -> tuple[float, list[float], list[float], int]:
    await create_topics(bootstrap, [TOPIC], PARTITIONS)
    world = World.ending_at(SystemClock().now(), plants, 1)
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(office(bootstrap, TOPIC, world))
        async with producing(bootstrap) as producer:
            await send(producer, TOPIC, singles(world, 0, world.loads_dkw(0)))
        await found.until(lambda: found.is_taken(plants))
        await found.until(found.has_no_marks)
        port, key = await stack.enter_async_context(serving(found))
        client = await stack.enter_async_context(Client(port, key))
        others: list[float] = []
        watching = asyncio.create_task(_watch(await stack.enter_async_context(Client(port, key)), others))
        begun = perf_counter()
        size = len(await client.get("/metrics"))
        first_s = perf_counter() - begun
        later = []
        for _ in range(SCRAPES):
            await asyncio.sleep(EVERY_S)
            begun = perf_counter()
            await client.get("/metrics")
            later.append(perf_counter() - begun)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return first_s, later, others, size


async def _watch(client: Client, others: list[float]) -> None:
    while True:
        begun = perf_counter()
        await client.get(OTHER)
        others.append(perf_counter() - begun)
        await asyncio.sleep(0.02)
