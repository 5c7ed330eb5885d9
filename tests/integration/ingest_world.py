"""A small registry, messages, and an ingest process inside the test, for the tests of ingest."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from consumers.kafka import Producer
from consumers.process import run
from consumers.transaction import OnStep, no_step
from service.clock import Clock, VirtualClock
from service.db.engine import make_engine
from service.observability.ingest_metrics import IngestMetrics
from service.settings import Settings

#: 2017-11-16 10:15 in Zhengzhou: the end of a slot.
T0 = 1510798500
NOW = T0 + 120
METERS = 4
FACTOR = 12000.0


async def insert_registry(engine: AsyncEngine, *, first: int = 1, count: int = METERS) -> None:
    """Plants P1..: one meter MP1.. each and the scope of the plant. Even ones are secondary with a multiplier."""
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO sources (source) VALUES ('henan-yc') ON CONFLICT DO NOTHING"))
        for i in range(first, first + count):
            await _insert_meter(connection, i)
        await connection.execute(text("UPDATE registry_state SET version = version + 1"))


async def _insert_meter(connection: AsyncConnection, i: int) -> None:
    values = {"plant": f"P{i}", "meter": f"MP{i}", "scale": 1 - i % 2, "factor": FACTOR}
    for statement in (
        "INSERT INTO plants (plant_id, name, county) VALUES (:plant, :plant, '新密市')",
        "INSERT INTO meters (meter_id, plant_id, source, role, kind, unit, scale, period_s)"
        " VALUES (:meter, :plant, 'henan-yc', 'supply', 3, 'kW', :scale, 900)",
        "INSERT INTO scopes (scope_id, plant_id, name) VALUES (:plant, :plant, :plant)",
        "INSERT INTO scope_meters (scope_id, meter_id) VALUES (:plant, :meter)",
        "INSERT INTO multipliers (meter_id, valid_from, factor) SELECT :meter, '2016-01-01Z', :factor WHERE :scale = 1",
    ):
        needed = {name: value for name, value in values.items() if f":{name}" in statement}
        await connection.execute(text(statement), needed)


def rfc3339(epoch_s: float) -> str:
    """The time in UTC."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat()


def reading(meter: int | str, value: float | None = 1.0, *, ts: int = T0, **more: Any) -> dict[str, Any]:
    """One reading of MP<meter>; primary kW over 15 minutes unless told otherwise."""
    message: dict[str, Any] = {
        "v": 1,
        "meter_id": f"MP{meter}" if isinstance(meter, int) else meter,
        "ts": rfc3339(ts),
        "period_s": 900,
        "kind": "power_inst",
        "value": value,
        "unit": "kW",
        "scale": "primary",
        "q": "M" if value is not None else "N",
        "rev": 0,
        "coll": rfc3339(ts + 60),
    }
    message.update(more)
    return {name: field for name, field in message.items() if field is not ...}


@dataclass(frozen=True, slots=True)
class Message:
    """What a test sends."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = NOW * 1000
    partition: int | None = 0


def message(body: Mapping[str, Any] | bytes | str | None, **more: Any) -> Message:
    """A message of a JSON object, or of bytes as they are."""
    if isinstance(body, Mapping):
        body = json.dumps(body)
    return Message(body.encode() if isinstance(body, str) else body, **more)


async def send(bootstrap: str, topic: str, messages: Iterable[Message], *, compression: str | None = None) -> int:
    """Produce and wait for the broker; how many."""
    async with Producer(bootstrap, compression=compression) as producer:
        futures = [await producer.send(topic, m.key, m.value, m.headers, m.timestamp_ms, m.partition) for m in messages]
        await asyncio.gather(*futures)
    return len(futures)


def make_settings(topic: str, **more: Any) -> Settings:
    """Settings of a test: its topic, a group of its own, short time-outs."""
    values: dict[str, Any] = {
        "kafka_topic": topic,
        "kafka_dlq_topic": f"{topic}.dlq",
        "kafka_group": f"group-{uuid.uuid4().hex[:8]}",
        "session_timeout_s": 6.0,
    }
    return Settings(**(values | more))


@dataclass(slots=True)
class Running:
    """An ingest process inside the test."""

    task: "asyncio.Task[None]"
    stop: asyncio.Event
    metrics: IngestMetrics


@asynccontextmanager
async def ingesting(
    database_url: str,
    bootstrap: str,
    settings: Settings,
    *,
    clock: Clock | None = None,
    on_step: OnStep = no_step,
) -> AsyncIterator[Running]:
    """Ingest in the background; stopped at the end, and then it must have ended well."""
    engine = make_engine(database_url, name="test-ingest")
    stop, metrics = asyncio.Event(), IngestMetrics()
    task = asyncio.create_task(
        run(engine, settings, clock or VirtualClock(NOW), stop, bootstrap=bootstrap, metrics=metrics, on_step=on_step)
    )
    test = asyncio.current_task()
    task.add_done_callback(lambda _: test.cancel() if test is not None and not stop.is_set() else None)
    try:
        yield Running(task, stop, metrics)
        stop.set()
        await asyncio.wait_for(task, 15)
    except asyncio.CancelledError:
        if task.done() and not task.cancelled() and test is not None:
            test.uncancel()
            task.result()
        raise
    finally:
        stop.set()
        task.cancel()
        await asyncio.wait([task], timeout=15)
        await engine.dispose()


async def until(condition: Callable[[], Awaitable[object]], *, timeout_s: float = 40.0, what: str = "") -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in a database
            await asyncio.sleep(0.05)


async def rows(engine: AsyncEngine, query: str, **values: Any) -> Sequence[Any]:
    """Result of a query."""
    async with engine.connect() as connection:
        return (await connection.execute(text(query), values)).all()


async def consumed(engine: AsyncEngine, topic: str) -> int:
    """Records whose effects are committed."""
    found = await rows(engine, "SELECT coalesce(sum(next_offset), 0) FROM cursors WHERE topic = :topic", topic=topic)
    return int(found[0][0])


async def account(engine: AsyncEngine) -> dict[tuple[str, str], int]:
    """Rows by outcome and code, over all sources and hours."""
    found = await rows(
        engine,
        "SELECT outcome, code, sum(row_count)::bigint FROM ingest_account GROUP BY 1, 2 HAVING sum(row_count) <> 0",
    )
    return {(outcome, code): count for outcome, code, count in found}


async def run_until_consumed(
    database_url: str, engine: AsyncEngine, bootstrap: str, settings: Settings, count: int, **more: Any
) -> None:
    """Ingest until so many records of the topic are committed."""
    async with ingesting(database_url, bootstrap, settings, **more) as running:

        async def done() -> bool:
            if running.task.done():
                await running.task
            return await consumed(engine, settings.kafka_topic) >= count

        await until(done)
