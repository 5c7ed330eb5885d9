"""Readings as messages, made and sent before a clock runs: whole record batches, encoded once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from aiokafka import AIOKafkaProducer

from consumers.kafka import create_topics
from tests.bench.world import DAY_SLOTS, SLOT_S, T_FACTOR, World

PARTITIONS = 4
#: Uncompressed bytes of a record batch: what a producer with linger and batch.size set for throughput sends.
BATCH_BYTES = 256 << 10
IN_FLIGHT = 32
#: A reading is sent so long after the end of its interval.
SENT_AFTER_S = 30
ZHENGZHOU = timezone(timedelta(hours=8))

Message = tuple[int, int, bytes, bytes, list[tuple[str, bytes]]]
"""Partition, timestamp in ms, key, value, headers."""


class Form(StrEnum):
    """Wire form of FEED §2."""

    SHORT = "short"
    FULL = "full"
    FRAME = "frame"


def count(world: World, form: Form) -> int:
    """Messages that hold the world's readings; frames want whole days."""
    return world.readings // DAY_SLOTS if form is Form.FRAME else world.readings


def instant(epoch_s: int) -> str:
    """RFC 3339 with the office's offset."""
    return datetime.fromtimestamp(epoch_s, ZHENGZHOU).isoformat()


def encode(world: World, form: Form) -> Iterator[Message]:
    """The world's messages in the order of time."""
    if form is Form.FRAME:
        yield from _frames(world)
        return
    for slot in range(world.slots):
        yield from singles(world, slot, world.loads_dkw(slot), form)


def singles(world: World, slot: int, loads_dkw: npt.NDArray[np.int64], form: Form = Form.SHORT) -> Iterator[Message]:
    """A reading of one slot for each load; the meters are the world's first ones."""
    end_s = world.begin_s + (slot + 1) * SLOT_S
    at = instant(end_s)
    stamp_ms = (end_s + SENT_AFTER_S) * 1000
    scale = 10 * T_FACTOR if form is Form.FULL else 10
    values = {dkw: f"{dkw / scale:.4f}" if form is Form.FULL else f"{dkw / scale}" for dkw in set(loads_dkw.tolist())}
    middle, tail = f'","ts":"{at}","kw":', "}"
    if form is Form.FULL:
        middle = f'","ts":"{at}","period_s":900,"kind":"power_inst","value":'
        coll = instant(end_s + SENT_AFTER_S)
        tail = (
            f',"unit":"kW","scale":"secondary","t_factor":{T_FACTOR},"q":"M","rev":0,"coll":"{coll}"'
            ',"asset_no":"A000000000000000000123"}'
        )
    head = '{"v":1,"meter_id":"' if form is Form.FULL else '{"meter_id":"'
    for i, (meter, dkw) in enumerate(zip(world.meter_ids(), loads_dkw.tolist(), strict=False)):
        value = f"{head}{meter}{middle}{values[dkw]}{tail}".encode()
        yield i % PARTITIONS, stamp_ms, meter.encode(), value, []


def _frames(world: World) -> Iterator[Message]:
    headers = [("content-type", b"application/vnd.load.frame.v1+json")]
    for day in range(world.slots // DAY_SLOTS):
        loads = np.stack([world.loads_dkw(day * DAY_SLOTS + s) for s in range(DAY_SLOTS)], axis=1)
        begin_s = world.begin_s + day * DAY_SLOTS * SLOT_S
        coll = instant(begin_s + DAY_SLOTS * SLOT_S + SENT_AFTER_S)
        stamp_ms = (begin_s + DAY_SLOTS * SLOT_S + SENT_AFTER_S) * 1000
        for i, meter in enumerate(world.meter_ids()):
            values = ",".join([f"{dkw / 10}" for dkw in loads[i].tolist()])
            body = (
                f'{{"v":1,"meter_id":"{meter}","kind":"power_inst","unit":"kW","scale":"primary",'
                f'"t0":"{instant(begin_s + SLOT_S)}","step_s":900,"values":[{values}],"q":"M","rev":0,"coll":"{coll}"}}'
            )
            yield i % PARTITIONS, stamp_ms, meter.encode(), body.encode(), headers


@asynccontextmanager
async def producing(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer for whole batches: lz4, acknowledged by all replicas."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        compression_type="lz4",
        max_batch_size=BATCH_BYTES,
        max_request_size=16 << 20,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def fill(bootstrap: str, topic: str, world: World, form: Form = Form.SHORT) -> None:
    """Make the topic and produce the world; all of it is acknowledged when this returns."""
    await create_topics(bootstrap, [topic], PARTITIONS)
    async with producing(bootstrap) as producer:
        await send(producer, topic, encode(world, form))


async def send(producer: AIOKafkaProducer, topic: str, messages: Iterator[Message]) -> None:
    """Send messages in full batches, a bounded number of them at a time."""
    batches = [producer.create_batch() for _ in range(PARTITIONS)]
    waiting: set[asyncio.Future[object]] = set()
    for part, stamp_ms, key, value, headers in messages:
        batch = batches[part]
        if batch.append(timestamp=stamp_ms, key=key, value=value, headers=headers) is None:
            waiting.add(await producer.send_batch(batch, topic, partition=part))
            batches[part] = producer.create_batch()
            batches[part].append(timestamp=stamp_ms, key=key, value=value, headers=headers)
            if len(waiting) >= IN_FLIGHT:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in done:
                    future.result()
    for part, batch in enumerate(batches):
        if batch.record_count():
            waiting.add(await producer.send_batch(batch, topic, partition=part))
    await asyncio.gather(*waiting)
