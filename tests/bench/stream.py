"""Catch-up of a backlog: what the bare client drains, what ingest commits, what is committed and judged.

Ingest and evaluation are processes of their own, as in an office; this process only watches the database.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.db.engine import make_engine
from service.db.migrate import migrate
from service.db.registry import apply_registry
from service.embedded import EmbeddedPostgres
from tests.bench.messages import PARTITIONS, Form, count
from tests.bench.processes import Process, consumer, cpu_s, peak_mib
from tests.bench.world import SLOT_S, World

LOOK_S = 0.05
#: No measurement waits longer for anything.
LIMIT_S = 900.0

Prepare = Callable[[AsyncEngine, World], Awaitable[None]]
"""Lays something into the database before the processes start."""


@dataclass(frozen=True, slots=True)
class Caught:
    """A finished catch-up. cpu_s: by ``ingest``, ``evaluate``, ``postgres``; peak_mib: of the largest process."""

    readings: int
    wall_s: float
    cpu_s: Mapping[str, float]
    peak_mib: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Readings per second."""
        return self.readings / self.wall_s


async def drain_rate(bootstrap: str, topic: str, messages: int) -> float:
    """Messages/s of the bare client, nothing done with them."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="none", enable_auto_commit=False)
    await consumer.start()
    try:
        parts = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        consumer.assign(parts)
        for part in parts:
            consumer.seek(part, 0)
        seen, begun = 0, perf_counter()
        while seen < messages:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=40_000)).values():
                seen += len(records)
        return seen / (perf_counter() - begun)
    finally:
        await consumer.stop()


def settings_of(database_url: str, bootstrap: str, topic: str) -> dict[str, str]:
    """What the processes are told."""
    return {
        "CUOFENG_DATABASE_URL": database_url,
        "CUOFENG_KAFKA_BOOTSTRAP": bootstrap,
        "CUOFENG_KAFKA_TOPIC": topic,
        "CUOFENG_KAFKA_DLQ_TOPIC": f"{topic}.dlq",
        "CUOFENG_KAFKA_GROUP": f"{topic}.{uuid4().hex[:8]}",  # a group of its own waits for no member that left
    }


@asynccontextmanager
async def office(database_url: str, world: World, prepare: Prepare | None = None) -> AsyncIterator[AsyncEngine]:
    """A migrated database with the world's registry."""
    engine = make_engine(database_url, name="bench", pool_size=5, statement_timeout_s=LIMIT_S)
    try:
        await migrate(engine)
        async with engine.begin() as connection:
            await apply_registry(connection, world.registry(), world.begin_s)
        if prepare is not None:
            await prepare(engine, world)
        yield engine
    finally:
        await engine.dispose()


async def catch_up(
    bootstrap: str,
    topic: str,
    world: World,
    *,
    judge: bool,
    form: Form = Form.SHORT,
    consumers: int = 1,
    prepare: Prepare | None = None,
) -> Caught:
    """From the broker to committed, or to committed and judged up to the world's end, with a fresh database.

    consumers: processes of each role. The clock runs from the moment every partition has its owner; joining a group
    is not what is measured.
    """
    with EmbeddedPostgres() as postgres, ExitStack() as stack:
        settings = settings_of(postgres.url, bootstrap, topic)
        async with office(postgres.url, world, prepare) as engine:
            roles = {"ingest": consumers, "evaluate": consumers if judge else 0}
            running = {role: [consumer(role, settings) for _ in range(n)] for role, n in roles.items()}
            everybody = [process for processes in running.values() for process in processes]
            for process in running["evaluate"]:
                stack.enter_context(process)
            await until(lambda: _connected(engine, "cuofeng-evaluate", roles["evaluate"]), everybody[consumers:])
            for process in running["ingest"]:
                stack.enter_context(process)
            await until(lambda: _has_joined(engine, consumers), everybody, every_s=0.01)
            pids = {role: [p.pid for p in processes] for role, processes in running.items()}
            pids["postgres"] = [postgres.pid]
            before, begun, taken = {r: cpu_s(p) for r, p in pids.items()}, perf_counter(), await _taken(engine)
            messages = count(world, form)
            await until(lambda: _is_taken(engine, messages), everybody)
            if judge:
                await until(lambda: _is_judged(engine, world), everybody)
            wall_s = perf_counter() - begun
            spent = {role: cpu_s(p) - before[role] for role, p in pids.items()}
            peaks = {role: max(map(peak_mib, p)) for role, p in pids.items() if p and role != "postgres"}
            await _check(engine, world, judge=judge)
    share = 1 - taken / messages
    return Caught(int(world.readings * share), wall_s, spent, peaks)


async def until(
    is_reached: Callable[[], Awaitable[bool]], processes: list[Process], *, every_s: float = LOOK_S
) -> None:
    """Wait. Raises RuntimeError when a process ended, TimeoutError after ``LIMIT_S``."""
    async with asyncio.timeout(LIMIT_S):
        while not await is_reached():
            for process in processes:
                process.must_run()
            await asyncio.sleep(every_s)


async def _scalar(engine: AsyncEngine, query: str, **values: object) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text(query), values) or 0)


async def _connected(engine: AsyncEngine, name: str, processes: int) -> bool:
    sessions = "SELECT count(DISTINCT application_name) FROM pg_stat_activity WHERE application_name = :name"
    return processes == 0 or bool(await _scalar(engine, sessions, name=name))


async def _has_joined(engine: AsyncEngine, members: int) -> bool:
    """Whether every partition has an owner, and every member a partition as far as there are enough."""
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT count(owner), count(DISTINCT owner) FROM cursors"))).one()
    return bool(row[0] == PARTITIONS and row[1] == min(members, PARTITIONS))


async def _taken(engine: AsyncEngine) -> int:
    return await _scalar(engine, "SELECT coalesce(sum(next_offset), 0) FROM cursors")


async def _is_taken(engine: AsyncEngine, messages: int) -> bool:
    return await _taken(engine) >= messages


async def _is_judged(engine: AsyncEngine, world: World) -> bool:
    """No mark is left, and the clock's part (silence) is done up to the world's end."""
    if await _scalar(engine, "SELECT count(*) FROM (SELECT 1 FROM dirty_scopes LIMIT 1) one"):
        return False
    return await _scalar(engine, "SELECT min(next_slot) FROM ticks") * SLOT_S >= world.end_s


async def _check(engine: AsyncEngine, world: World, *, judge: bool) -> None:
    """Nothing is fast that is not right: every reading is there, and every alert that the world holds."""
    stored = await _scalar(engine, "SELECT count(*) FROM readings")
    if stored != world.readings:
        raise RuntimeError(f"{stored} readings are stored, {world.readings} were sent")
    if judge:
        rule = "SELECT count(*) FROM alerts WHERE rule = 'stop_run' AND condition <> 'retracted'"
        alerts = await _scalar(engine, rule)
        if alerts != world.stop_runs():
            raise RuntimeError(f"{alerts} alerts of stop_run are stored, the readings hold {world.stop_runs()}")
