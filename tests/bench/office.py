"""A running office for a measurement: database with registry, processes of the service, and how to wait for them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.db.engine import make_engine
from service.db.migrate import migrate
from service.db.registry import apply_registry
from service.embedded import EmbeddedPostgres
from tests.bench.messages import PARTITIONS
from tests.bench.processes import Process, cpu_s, peak_mib
from tests.bench.world import World

LOOK_S = 0.05
#: No measurement waits longer for anything.
LIMIT_S = 900.0

Prepare = Callable[[AsyncEngine, World], Awaitable[None]]
"""Lays something into the database before the processes start."""


@dataclass(frozen=True, slots=True)
class Office:
    """The database of a world, and the processes at work on it by their role."""

    world: World
    engine: AsyncEngine
    settings: Mapping[str, str]
    postgres_pid: int
    processes: dict[str, list[Process]]

    async def scalar(self, query: str, **values: object) -> int:
        """The first value of a query's first row; 0 for null."""
        async with self.engine.connect() as connection:
            return int(await connection.scalar(text(query), values) or 0)

    async def until(
        self, is_reached: Callable[[], Awaitable[bool]], *, every_s: float = LOOK_S, limit_s: float = LIMIT_S
    ) -> float:
        """Wait; ``perf_counter`` of the moment. Raises RuntimeError when a process ended, TimeoutError after a time."""
        async with asyncio.timeout(limit_s):
            while not await is_reached():
                for process in (p for processes in self.processes.values() for p in processes if p.pid):
                    process.must_run()
                await asyncio.sleep(every_s)
        return perf_counter()

    async def taken(self) -> int:
        """Messages whose effects are in the database."""
        return await self.scalar("SELECT coalesce(sum(next_offset), 0) FROM cursors")

    async def is_taken(self, messages: int) -> bool:
        """Whether so many are."""
        return await self.taken() >= messages

    async def has_no_marks(self) -> bool:
        """Whether nothing waits for its judgement."""
        return not await self.scalar("SELECT EXISTS (SELECT FROM dirty_scopes) OR EXISTS (SELECT FROM recounts)")

    async def has_joined(self) -> bool:
        """Whether every partition has an owner, and every member a partition as far as there are enough."""
        members = min(len(self.processes["ingest"]), PARTITIONS)
        async with self.engine.connect() as connection:
            row = (await connection.execute(text("SELECT count(owner), count(DISTINCT owner) FROM cursors"))).one()
        return bool(row[0] == PARTITIONS and row[1] == members)

    async def is_evaluating(self) -> bool:
        """Whether an evaluating process has a session."""
        name = "cuofeng-evaluate"
        return bool(await self.scalar("SELECT count(*) FROM pg_stat_activity WHERE application_name = :n", n=name))

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far, by role and ``postgres``."""
        spent = {role: cpu_s(p.pid for p in processes) for role, processes in self.processes.items() if processes}
        return spent | {"postgres": cpu_s([self.postgres_pid])}

    def peak_mib(self) -> dict[str, float]:
        """Peak resident memory of the largest process of each role."""
        return {role: max(peak_mib(p.pid) for p in ps) for role, ps in self.processes.items() if ps}


@asynccontextmanager
async def office(
    bootstrap: str, topic: str, world: World, *, ingest: int = 1, evaluate: int = 1, prepare: Prepare | None = None
) -> AsyncIterator[Office]:
    """A fresh database with the world's registry, and so many processes of each role; all is gone at the end.

    The evaluating processes are up before the ingesting ones start, and these own the partitions when the body begins.
    """
    with EmbeddedPostgres() as postgres:
        engine = make_engine(postgres.url, name="bench", pool_size=5, statement_timeout_s=LIMIT_S)
        settings = {
            "CUOFENG_DATABASE_URL": postgres.url,
            "CUOFENG_KAFKA_BOOTSTRAP": bootstrap,
            "CUOFENG_KAFKA_TOPIC": topic,
            "CUOFENG_KAFKA_DLQ_TOPIC": f"{topic}.dlq",
            "CUOFENG_KAFKA_GROUP": f"{topic}.{uuid4().hex[:8]}",  # a group of its own waits for no member that left
        }
        async with AsyncExitStack() as stack:
            stack.push_async_callback(engine.dispose)
            await migrate(engine)
            async with engine.begin() as connection:
                await apply_registry(connection, world.registry(), world.begin_s)
            if prepare is not None:
                await prepare(engine, world)
            processes = {
                role: [Process(role, [sys.executable, "-m", "consumers", role], settings) for _ in range(n)]
                for role, n in (("evaluate", evaluate), ("ingest", ingest))
            }
            found = Office(world, engine, settings, postgres.pid, processes)
            for process in processes["evaluate"]:
                stack.enter_context(process)
            if evaluate:
                await found.until(found.is_evaluating)
            for process in processes["ingest"]:
                stack.enter_context(process)
            if ingest:
                await found.until(found.has_joined, every_s=0.01)
            yield found
