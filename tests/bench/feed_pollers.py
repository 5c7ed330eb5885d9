"""The change feed under 50 readers: pages a second while they catch up, and how late a long poll answers."""

import argparse
import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from time import perf_counter

import numpy as np

from service.clock import SystemClock
from service.db.feed import AlertEvent, publish
from service.db.sessions import writing
from tests.bench.api import Client, serving
from tests.bench.office import Office, office
from tests.bench.report import Result
from tests.bench.world import World

POLLERS = 50
EVENTS = 10_000  # laid down before the readers catch up
PAGE = 100
BATCH = 10  # events of one transaction while the readers wait
BATCHES_PER_S = 5


def lines(options: argparse.Namespace) -> Iterator[Result]:
    """``feed_pollers`` (pages/s) and ``feed_pollers_p99`` (s)."""
    pages_per_s, waits = asyncio.run(_measure(options.feed_s))
    pages = POLLERS * EVENTS // PAGE
    yield Result("feed_pollers", pages_per_s, "pages/s", f"{POLLERS} readers at once, {pages} pages of {PAGE} events")
    size = f"commit to page, {POLLERS} long polls, {BATCHES_PER_S} transactions/s of {BATCH} events, {len(waits)} waits"
    yield Result("feed_pollers_p99", float(np.percentile(waits, 99)), "s", size)


async def _measure(seconds: float) -> tuple[float, list[float]]:
    async with AsyncExitStack() as stack:
        # No consumer runs, so no broker is needed: the address is never used.
        found = await stack.enter_async_context(office("127.0.0.1:9", "none", World(1, 1), ingest=0, evaluate=0))
        for _ in range(EVENTS // 1000):
            await _publish(found, 1000)
        port, key = await stack.enter_async_context(serving(found))
        clients = [await stack.enter_async_context(Client(port, key)) for _ in range(POLLERS)]
        begun = perf_counter()
        cursors = await asyncio.gather(*(_catch_up(client) for client in clients))
        pages_per_s = POLLERS * (EVENTS // PAGE) / (perf_counter() - begun)
        committed: dict[int, float] = {}
        last = EVENTS + int(seconds * BATCHES_PER_S) * BATCH
        followers = [
            asyncio.create_task(_follow(client, cursor, last, committed))
            for client, cursor in zip(clients, cursors, strict=True)
        ]
        begun = perf_counter()
        for number in range(int(seconds * BATCHES_PER_S)):
            await asyncio.sleep(begun + number / BATCHES_PER_S - perf_counter())
            head = await _publish(found, BATCH)
            committed[head] = perf_counter()
        seen = await asyncio.gather(*followers)
    return pages_per_s, [at - committed[head] for pages in seen for head, at in pages]


async def _publish(found: Office, count: int) -> int:
    """Publish ``count`` events in one transaction; the feed's head when it is committed."""
    now = datetime.fromtimestamp(SystemClock().now(), UTC)
    alert = {"id": "bench", "scope_id": "P0", "plant_id": "P0", "county": "bench", "rule": "stop_run", "grade": 2}
    alert |= {"summary": {"zh": "停产期间仍在运行", "en": "runs under a stop order"}, "thresholds": json.loads("{}")}
    async with writing(found.engine) as connection:
        return await publish(connection, [AlertEvent("bench", "updated", now, now, False, "bench", alert)] * count)


async def _catch_up(client: Client) -> str:
    cursor: str | None = None
    while True:
        page = await client.page(cursor, limit=PAGE)
        cursor = str(page["next"])
        if not page["has_more"]:
            return cursor


async def _follow(client: Client, cursor: str, last: int, committed: dict[int, float]) -> list[tuple[int, float]]:
    """Long-poll to the event ``last``: for each page the newest seq on it and when it came. Raises RuntimeError when an
    event was left out."""
    seen: list[tuple[int, float]] = []
    before = EVENTS
    while before < last:
        page = await client.page(cursor, wait_s=30)
        now, cursor = perf_counter(), str(page["next"])
        numbers = [event["seq"] for event in page["events"]]
        if numbers != list(range(before + 1, before + 1 + len(numbers))):
            raise RuntimeError(f"behind {before} came {numbers[:3]}…")
        if numbers:
            before = numbers[-1]
            seen.append((before, now))
    return seen
