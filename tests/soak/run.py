"""The long run: real processes, a steady stream, and everything that happens to a service in its life, in order."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from time import monotonic
from uuid import uuid4

import httpx2
from aiokafka import AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.kafka import create_topics
from detectors.registry import Registry
from detectors.vocab import Kind
from service.clock import SystemClock
from service.db.engine import make_engine
from service.demo.registry_files import write_registry
from service.embedded import ApacheKafka, EmbeddedBroker, EmbeddedPostgres
from service.embedded.process import free_port
from tests.soak.final import problems
from tests.soak.office import NEWCOMERS, SLOT_S, Office
from tests.soak.rows import Course, Row, RowsFile
from tests.soak.staff import Staff
from tests.soak.watch import Latency, Watch

PARTITIONS = 4
TICK_S = 0.05
LINGER_MS = 5
SETTLE_S = 60.0
#: Orders of so many plants change at a time; one round of everything takes at most so long.
CHANGED, ROUND_S = 20, 600.0
SESSION_S = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that was seen. problems: what was lost or judged otherwise; warm_s: samples before do not count."""

    office: Office
    watch: Watch
    problems: list[str]
    sent: int


async def soak(
    rate: int, duration_s: float, every_s: float, work: Path, kafka: ApacheKafka | EmbeddedBroker | None = None
) -> Outcome:
    """Run it all; ``work`` is an empty folder. Raises RuntimeError when a process ends by itself."""
    with kafka or EmbeddedBroker() as broker, EmbeddedPostgres() as postgres:
        async with AsyncExitStack() as stack:
            topic = f"soak-{uuid4().hex[:8]}"
            await create_topics(broker.bootstrap, [topic], PARTITIONS)
            engine = make_engine(postgres.url, name="soak", pool_size=3, statement_timeout_s=SETTLE_S)
            stack.push_async_callback(engine.dispose)
            begin_s = int(SystemClock().now()) // SLOT_S * SLOT_S - SLOT_S
            office = Office(rate, begin_s, duration_s)
            port = free_port()
            address = f"http://127.0.0.1:{port}"
            staff = Staff(
                {
                    "CUOFENG_DATABASE_URL": postgres.url,
                    "CUOFENG_KAFKA_BOOTSTRAP": broker.bootstrap,
                    "CUOFENG_KAFKA_TOPIC": topic,
                    "CUOFENG_KAFKA_DLQ_TOPIC": f"{topic}.dlq",
                    "CUOFENG_KAFKA_GROUP": topic,
                    "CUOFENG_SLOT_S": str(SLOT_S),
                    "CUOFENG_ZONE": office.zone,
                    "CUOFENG_SESSION_TIMEOUT_S": str(SESSION_S),
                }
            )
            stack.callback(staff.stop)
            await staff.command("migrate")
            await _import(staff, office.registry, work / "registry")
            key = (await staff.command("keys", "create", "--role", "city", "--name", "soak")).splitlines()[-1]
            for name in ("ingest-a", "ingest-b", "evaluate-a", "evaluate-b"):
                staff.start(name, "consume", "--role", name.split("-")[0])
            staff.start("serve", "serve", "--port", str(port))
            await _until(staff, lambda: _has_begun(engine, address))
            beside = {"the broker": [broker.pid], "the run itself": [os.getpid()]}
            watch = Watch(engine, staff, Latency(), monotonic(), beside)
            with RowsFile(work / "readings.parquet") as file:
                await _live(office, watch, staff, file, work, (broker.bootstrap, topic), (address, key), every_s)
            await staff.leave("serve")
            as_of = ceil(SystemClock().now() / SLOT_S + 2) * SLOT_S
            found = await problems(engine, work / "readings.parquet", file.rows, as_of, work)
            head = await _scalar(engine, "SELECT count(*) FROM alert_events WHERE seq <= :n", n=len(watch.latency.seqs))
            if watch.latency.seqs != list(range(1, head + 1)) or not head:
                found.append(f"the poller saw {len(watch.latency.seqs)} events, not 1 to {head} in order")
            return Outcome(office, watch, found, file.rows)


async def _live(
    office: Office,
    watch: Watch,
    staff: Staff,
    file: RowsFile,
    work: Path,
    feed: tuple[str, str],
    reader: tuple[str, str],
    every_s: float,
) -> None:
    course = Course(office)
    async with asyncio.TaskGroup() as group, _producing(feed[0]) as producer:
        beside = [
            group.create_task(watch.run(every_s)),
            group.create_task(watch.latency.read(*reader)),
            group.create_task(_happenings(office, course, watch, staff, work)),
        ]
        await _stream(office, course, watch, staff, file, producer, feed[1])
        beside[2].cancel()
        await _import(staff, office.newcomers, work / "newcomers")  # a short run did not come to them
        await _send(list(course.rest()), watch, file, producer, feed[1])
        await _settle(watch, staff)
        await watch.sample()
        for name in ("ingest-a", "ingest-b", "evaluate-a", "evaluate-b"):
            if name in staff.running:
                await staff.leave(name)
        head = await _scalar(watch.engine, "SELECT seq FROM feed_head")
        await _until(staff, lambda: _has_read(watch, head))
        for task in beside:
            task.cancel()


async def _stream(
    office: Office, course: Course, watch: Watch, staff: Staff, file: RowsFile, producer: AIOKafkaProducer, topic: str
) -> None:
    clock = SystemClock()
    before_s = clock.now()
    while monotonic() - watch.begun < office.duration_s:
        await asyncio.sleep(TICK_S)
        staff.must_run()
        now_s = clock.now()
        await _send(list(course.due(before_s, now_s)), watch, file, producer, topic)
        before_s = now_s


async def _send(rows: list[Row], watch: Watch, file: RowsFile, producer: AIOKafkaProducer, topic: str) -> None:
    stamp_ms = int(SystemClock().now() * 1000)
    for row in rows:
        sent = await producer.send(topic, row.body(), partition=row.plant % PARTITIONS, timestamp_ms=stamp_ms)
        if row.kind is Kind.POWER_INST:
            scope = f"P{row.plant}"
            sent.add_done_callback(lambda _, scope=scope: watch.latency.acked.update({scope: monotonic()}))
        watch.sent += 1
    file.add(rows)


async def _happenings(office: Office, course: Course, watch: Watch, staff: Staff, work: Path) -> None:
    """Rounds of: orders that change, processes that die and leave, a source that goes silent, meters that are new."""
    round_s = min(ROUND_S, office.duration_s)
    revision = 2
    for number in range(ceil(office.duration_s / round_s)):
        for share, what in SCRIPT:
            await asyncio.sleep(max(0.0, watch.begun + (number + share) * round_s - monotonic()))
            if what == "orders":
                plants = [(number * 7 + revision * CHANGED + i) % office.plants for i in range(CHANGED)]
                orders = tuple(office.order(p, revision) for p in plants)
                watch.latency.changed.update({f"P{p}": monotonic() for p in plants})
                await _import(staff, Registry(zone=office.zone, orders=orders), work / f"orders-{revision}")
                watch.latency.changed.update({f"P{p}": monotonic() for p in plants})
                revision += 1
            elif what == "silent":
                course.is_south_silent = True
            elif what == "speaks":
                course.speak_again(SystemClock().now())
            elif what == "newcomers":
                watch.latency.changed.update({f"P{p}": 1e12 for p in range(NEWCOMERS)})
                await _import(staff, office.newcomers, work / f"newcomers-{number}")
            else:
                how, name = what.split()
                await (staff.kill if how == "kill" else staff.leave)(name)
                staff.start(name)
            watch.note(what)


SCRIPT = (
    (0.1, "orders"), (0.15, "kill ingest-b"), (0.25, "orders"), (0.3, "leave evaluate-b"), (0.35, "orders"),
    (0.4, "newcomers"), (0.45, "leave ingest-b"), (0.5, "orders"), (0.55, "silent"), (0.6, "orders"),
    (0.65, "kill evaluate-b"), (0.75, "speaks"), (0.8, "orders"), (0.9, "orders"),
)  # fmt: skip


async def _import(staff: Staff, registry: Registry, folder: Path) -> None:
    await asyncio.to_thread(write_registry, registry, folder)
    await staff.command("import", str(folder), within_s=SETTLE_S)


@asynccontextmanager
async def _producing(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=LINGER_MS)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def _until(staff: Staff, is_reached: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SETTLE_S):
        while not await is_reached():
            staff.must_run()
            await asyncio.sleep(TICK_S)


async def _settle(watch: Watch, staff: Staff) -> None:
    """Wait until nothing is left to do. Raises RuntimeError with what is left when that takes too long."""
    deadline = monotonic() + SETTLE_S
    while left := await _unsettled(watch):
        staff.must_run()
        if monotonic() > deadline:
            raise RuntimeError(f"not done {SETTLE_S:.0f} s after the end: {left}")
        await asyncio.sleep(TICK_S)


async def _scalar(engine: AsyncEngine, query: str, **values: object) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text(query), values) or 0)


async def _has_begun(engine: AsyncEngine, address: str) -> bool:
    """Every partition has its owner, two of them, and the service answers."""
    try:
        async with httpx2.AsyncClient(base_url=address) as client:
            await client.get("/livez")
    except httpx2.HTTPError:
        return False
    owners = "SELECT count(DISTINCT owner) FROM cursors HAVING count(owner) = :n"
    return await _scalar(engine, owners, n=PARTITIONS) == 2


async def _unsettled(watch: Watch) -> dict[str, int]:
    """What is not done of all that lies behind us: records to read, rows held, spans of slots to judge."""
    query = (
        "SELECT :sent - (SELECT coalesce(sum(next_offset), 0) FROM cursors) AS records,"
        " (SELECT count(*) FROM quarantine WHERE state IN ('held', 'rejected')) AS held,"
        " (SELECT count(*) FROM dirty_scopes WHERE due_slot IS NULL AND first_slot < :slot) AS marks"
    )
    async with watch.engine.connect() as connection:
        values = {"sent": watch.sent, "slot": int(SystemClock().now()) // SLOT_S}
        row = (await connection.execute(text(query), values)).one()
    return {name: int(count) for name, count in row._mapping.items() if count}


async def _has_read(watch: Watch, head: int) -> bool:
    return len(watch.latency.seqs) >= head
