"""Catch-up of a backlog: what the bare client drains, what ingest commits, what is committed and judged."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.evaluate import run as run_evaluate
from consumers.kafka import Producer
from consumers.process import run as run_ingest
from detectors.registry import Baseline, Meter, Order, Plant, Registry, Source
from detectors.vocab import Control, Measure
from service.clock import VirtualClock
from service.db.engine import make_engine
from service.db.health import read_health
from service.db.migrate import migrate
from service.db.registry import apply_registry
from service.settings import Settings

#: 2017-11-15 00:00 in Zhengzhou.
BEGIN_S = 1510675200
SLOT_S = 900
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits on the topic: single readings of ``meters`` meters, slot after slot."""

    meters: int
    slots: int

    @property
    def readings(self) -> int:
        """Messages in all."""
        return self.meters * self.slots

    @property
    def end_s(self) -> int:
        """End of the last slot."""
        return BEGIN_S + self.slots * SLOT_S


def registry_of(backlog: Backlog) -> Registry:
    """A plant and a meter each, half of them stopped, half limited."""
    numbers = range(backlog.meters)
    return Registry(
        sources=(Source("bench"),),
        plants=tuple(Plant(f"P{i}", f"P{i}", "bench") for i in numbers),
        meters=tuple(Meter(f"M{i}", f"P{i}", source="bench") for i in numbers),
        orders=tuple(
            Order(f"O{i}", f"P{i}", Control.STOP, BEGIN_S, residual_kw=50.0)
            if i % 2
            else Order(f"O{i}", f"P{i}", Control.LIMIT, BEGIN_S, reduction=0.3, measure=Measure.ENERGY)
            for i in numbers
        ),
        baselines=tuple(Baseline(f"P{i}", "v1", 0, 1000.0, idle_kw=40.0, day_kwh=16_000.0) for i in numbers),
    )


async def fill(bootstrap: str, topic: str, backlog: Backlog) -> None:
    """Produce the backlog; record timestamps are the slots' ends."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    await admin.close()
    async with Producer(bootstrap, compression="lz4") as producer:
        for slot in range(backlog.slots):
            ts = BEGIN_S + (slot + 1) * SLOT_S
            futures = []
            for i in range(backlog.meters):
                kw = 20.0 + (i * 7 + slot) % 20 if i % 2 else 500.0 + (i * 13 + slot * 5) % 150
                body = json.dumps({"meter_id": f"M{i}", "ts": _text(ts), "kw": kw}).encode()
                futures.append(await producer.send(topic, f"M{i}".encode(), body, (), (ts + 30) * 1000, i % PARTITIONS))
            await asyncio.gather(*futures)


def _text(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat()


async def drain_rate(bootstrap: str, topic: str, count: int) -> float:
    """Messages/s of the bare client, nothing done with them."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="none", enable_auto_commit=False)
    await consumer.start()
    try:
        parts = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        consumer.assign(parts)
        for part in parts:
            consumer.seek(part, 0)
        seen, begun = 0, perf_counter()
        while seen < count:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=40_000)).values():
                seen += len(records)
        return seen / (perf_counter() - begun)
    finally:
        await consumer.stop()


async def catch_up_rate(database_url: str, bootstrap: str, topic: str, backlog: Backlog, *, judge: bool) -> float:
    """Readings/s from the broker to committed, or to committed and judged up to the end of the backlog."""
    settings = Settings(
        database_url=SecretStr(database_url),
        kafka_topic=topic,
        kafka_dlq_topic=f"{topic}.dlq",
        kafka_group=f"{topic}-{judge}",
    )
    clock = VirtualClock(backlog.end_s + 600)
    engine = make_engine(database_url, name="bench", pool_size=10)
    stop = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []
    try:
        await migrate(engine)
        async with engine.begin() as connection:
            await apply_registry(connection, registry_of(backlog), BEGIN_S)
        tasks.append(asyncio.create_task(run_ingest(engine, settings, clock, stop, bootstrap=bootstrap)))
        if judge:
            tasks.append(asyncio.create_task(run_evaluate(engine, settings, clock, stop)))
        while not await _has_joined(engine):  # noqa: ASYNC110 - what is waited for is in a database
            await asyncio.sleep(0.01)
        begun = perf_counter()
        while not await _is_done(engine, backlog, judge=judge):
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.05)
        return backlog.readings / (perf_counter() - begun)
    finally:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        await engine.dispose()


async def _has_joined(engine: AsyncEngine) -> bool:
    """Whether the member has its partitions: joining a group is not what is measured."""
    async with engine.connect() as connection:
        return bool(await connection.scalar(text("SELECT count(*) FROM cursors")) == PARTITIONS)


async def _is_done(engine: AsyncEngine, backlog: Backlog, *, judge: bool) -> bool:
    async with engine.connect() as connection:
        taken = await connection.scalar(text("SELECT coalesce(sum(next_offset), 0) FROM cursors"))
        if taken < backlog.readings or not judge:
            return bool(taken >= backlog.readings)
        health = await read_health(connection)
        marks = await connection.scalar(text("SELECT count(*) FROM dirty_scopes"))
        return health.judged_slots is not None and health.judged_slots * SLOT_S >= backlog.end_s and not marks
