"""From the broker's acknowledgement of a reading to its alert on the HTTP change feed, while readings arrive steadily.

Each second one slot of 2,000 plants comes in, spread over the second; the slots lie in the last hours, so that their
time is over. Every second some plants send their third slot over a stop order's cap: that reading opens an alert.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt
from aiokafka import AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.kafka import create_topics
from service.clock import SystemClock
from service.db.registry_load import load_registry
from tests.bench.api import Client, serving
from tests.bench.catchup import REST_S, TOPIC, broker_of
from tests.bench.history import lay_readings, mark
from tests.bench.messages import PARTITIONS, singles
from tests.bench.office import Office, office
from tests.bench.report import Result
from tests.bench.world import BY_DAY_H, DAY_SLOTS, MIDNIGHT_H, RUN_SLOTS, World

GROUPS = 20  # a second's readings are sent in so many pieces
WARM_S = 3  # seconds before the first plant crosses
LINGER_MS = 5
OVER_DKW = 9_000
#: Slots that did not come yet are not missing: those of this measurement are days old when they come.
DELAY_MIN = 60 * 24 * 60
SEEN_WITHIN_S = 120.0
REFILL_S = 0.25


@dataclass(frozen=True, slots=True)
class Course:
    """``plants`` plants over ``seconds`` slots; every other one, in turn, is over its cap for three of them."""

    plants: int
    seconds: int

    def first_over(self) -> npt.NDArray[np.int64]:
        """[plants] the second in which each crosses; -1: never."""
        first = np.full(self.plants, -1)
        stopped = np.arange(1, self.plants, 2)
        first[stopped] = WARM_S + np.arange(len(stopped)) * (self.seconds - WARM_S - RUN_SLOTS) // len(stopped)
        return first

    def loads_dkw(self, world: World, second: int) -> npt.NDArray[np.int64]:
        """[plants] loads of a second's slot."""
        first = self.first_over()
        over = (first >= 0) & (first <= second) & (second < first + RUN_SLOTS)
        calm = np.where(np.arange(self.plants) % 2 == 1, 250, 3_900)
        return np.where(over, OVER_DKW, calm)

    def opening(self, second: int) -> set[str]:
        """Meters whose reading of this second opens an alert."""
        return {f"MP{i:08d}" for i in np.flatnonzero(self.first_over() + RUN_SLOTS - 1 == second) if i % 2}


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds of each alert: whole, and up to the moment at which the judgement that found it began. late_days: scope
    days of other plants judged meanwhile. hour: of the local day at the end."""

    whole_s: npt.NDArray[np.float64]
    before_s: npt.NDArray[np.float64]
    late_days: int
    hour: int

    def result(self, name: str, percentile: int, course: Course) -> Result:
        """A line of the table."""
        before_s, behind_s = np.median(self.before_s), np.median(self.whole_s - self.before_s)
        size = f"{course.plants} readings/s for {course.seconds} s of {self.hour} h, {len(self.whole_s)} alerts"
        size += f"; medians: {before_s:.2f} s until its judgement begins, {behind_s:.2f} s from there"
        size += f"; {self.late_days} late scope-days judged meanwhile" if self.late_days else ""
        return Result(name, float(np.percentile(self.whole_s, percentile)), "s", size)


def lines(options: argparse.Namespace) -> Iterator[Result]:
    """``latency_p50 latency_p99`` and the p99 beside a backlog of late data, by day and behind local midnight."""
    course = Course(options.rate, options.latency_s)
    with broker_of(options) as broker:
        for hour, of in ((BY_DAY_H, ""), (MIDNIGHT_H, "_midnight")):
            topic = f"{TOPIC}.{hour}h"
            calm = asyncio.run(measure(broker.bootstrap, f"{topic}.calm", course, hour, late_days=0))
            yield calm.result(f"latency{of}_p50", 50, course)
            yield calm.result(f"latency{of}_p99", 99, course)
            busy = asyncio.run(measure(broker.bootstrap, f"{topic}.busy", course, hour, late_days=options.late_days))
            yield busy.result(f"latency{of}_backlog_p99", 99, course)


async def measure(bootstrap: str, topic: str, course: Course, hour: int, *, late_days: int) -> Waits:
    """Send the course and follow the feed.

    hour: of the local day at the course's end. late_days: days of history of as many other plants that are marked again
    whenever all are judged; 0: none.
    Raises RuntimeError when an alert does not show up.
    """
    await create_topics(bootstrap, [topic], PARTITIONS)
    history = late_days * DAY_SLOTS
    plants = course.plants * (2 if late_days else 1)
    world = World.ending_at(SystemClock().now() - REST_S, plants, history + course.seconds, DELAY_MIN, hour=hour)
    late = range(course.plants, 2 * course.plants)

    async def prepare(engine: AsyncEngine, world: World) -> None:
        if late_days:
            await lay_readings(engine, world, late, range(history))

    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(office(bootstrap, topic, world, prepare=prepare))
        port, key = await stack.enter_async_context(serving(found))
        acked: dict[str, float] = {}
        seen: dict[str, float] = {}
        readers = [asyncio.create_task(_read(port, key, seen))]
        if late_days:
            readers.append(asyncio.create_task(_keep_marked(found, late, range(history))))
        try:
            await _send(bootstrap, topic, world, course, acked)
            await found.until(_have_seen(seen, acked, readers), limit_s=SEEN_WITHIN_S)
        finally:
            for task in readers:
                task.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
        judged = await found.scalar(
            "SELECT coalesce(sum(revision), 0) FROM scope_days d JOIN scopes s USING (scope_no)"
            " WHERE CAST(substr(s.scope_id, 2) AS integer) >= :first",
            first=late.start,
        )
        began = await _judged_at(found)
    whole_s = np.array([seen[scope] - at for scope, at in acked.items()])
    return Waits(whole_s, np.array([began[scope] - at for scope, at in acked.items()]), judged, hour)


async def _judged_at(found: Office) -> dict[str, float]:
    """When the judgement began that opened each scope's first ``stop_run``, epoch seconds."""
    opened = (
        "SELECT alert ->> 'scope_id', extract(epoch FROM min(published_at))::float8 FROM alert_events"
        " WHERE type = 'opened' AND alert ->> 'rule' = 'stop_run' GROUP BY 1"
    )
    async with found.engine.connect() as connection:
        return {row[0]: row[1] for row in await connection.execute(text(opened))}


def _have_seen(
    seen: dict[str, float], acked: dict[str, float], readers: list["asyncio.Task[None]"]
) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        for task in readers:
            if task.done():
                task.result()
        return acked.keys() <= seen.keys()

    return look


async def _send(bootstrap: str, topic: str, world: World, course: Course, acked: dict[str, float]) -> None:
    """Send the course in real time; when each opening reading was acknowledged goes into ``acked``, by scope, epoch
    seconds."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=LINGER_MS)
    await producer.start()
    clock = SystemClock()
    first_slot = world.slots - course.seconds
    try:
        begun = perf_counter()
        for second in range(course.seconds):
            messages = list(singles(world, first_slot + second, course.loads_dkw(world, second)))
            opening = course.opening(second)
            for group in range(GROUPS):
                await asyncio.sleep(begun + second + group / GROUPS - perf_counter())
                stamp_ms = int(clock.now() * 1000)
                for part, _stamp, key, value, _headers in messages[group::GROUPS]:
                    sent = await producer.send(topic, value, key=key, partition=part, timestamp_ms=stamp_ms)
                    if (meter := key.decode()) in opening:
                        scope = f"P{int(meter[2:])}"
                        sent.add_done_callback(lambda done, scope=scope: acked.update({scope: clock.now()}))
        await producer.flush()
    finally:
        await producer.stop()


async def _read(port: int, key: str, seen: dict[str, float]) -> None:
    """Follow the feed; when each scope's first ``stop_run`` was on a page goes into ``seen``, epoch seconds."""
    clock = SystemClock()
    cursor: str | None = None
    async with Client(port, key) as client:
        while True:
            page = await client.page(cursor, wait_s=30)
            now, cursor = clock.now(), page["next"]
            for event in page["events"]:
                if event["type"] == "opened" and event["alert"]["rule"] == "stop_run":
                    seen.setdefault(event["alert"]["scope_id"], now)


async def _keep_marked(found: Office, plants: range, slots: range) -> None:
    """Late data without end: whenever the plants' history is judged, all of it is marked again."""
    async with found.engine.connect() as connection:
        stored = await load_registry(connection)
    numbers = [stored.scope_no[f"P{i}"] for i in plants]
    waiting = "SELECT count(*) FROM (SELECT 1 FROM dirty_scopes WHERE scope_no = ANY(:scopes) LIMIT 1) one"
    while True:
        if not await found.scalar(waiting, scopes=numbers):
            await mark(found.engine, found.world, stored, plants, slots)
        await asyncio.sleep(REFILL_S)
