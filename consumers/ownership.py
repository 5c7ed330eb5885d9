"""Who owns a partition is told by its cursor's row: taken at an assignment, stopped where it cannot go on."""

import asyncio
import random
from time import monotonic

import structlog

from consumers.partition import Partition
from consumers.ports import FatalFeedError, Feed, FeedError
from consumers.writer import Writer
from service.db import cursors
from service.db.sessions import ContentionError, writing

log = structlog.get_logger(__name__)
BACKOFF_S = 2.0
FIRST_OFFSET_TRIES = 5


async def take(writer: Writer, feed: Feed, member: str, part: int) -> Partition:
    """Raise the epoch: older owners are fenced from here on. A first start begins where the partition does.

    Raises:
        FatalFeedError: a first start, and the broker does not tell where that is.
    """
    topic = writer.settings.kafka_topic

    async def claim() -> cursors.Claim | None:
        try:
            async with writing(writer.engine) as connection:
                return await cursors.claim(connection, topic, part, member)
        except ContentionError:
            async with writing(writer.engine) as connection:
                ended = await cursors.end_holder(connection, topic, part)
            log.warning("partition held by a batch that does not end", partition=part, sessions_ended=ended)
            raise

    found = await writer.patiently(claim)
    while found is None:
        first = await _first_offset(feed, part)

        async def insert(first: int = first) -> None:
            async with writing(writer.engine) as connection:
                await cursors.insert_first(connection, topic, part, first)

        await writer.patiently(insert)
        found = await writer.patiently(claim)
    partition = Partition(part, found.epoch, found.next_offset, moved_at=monotonic())
    partition.stopped_reason = found.stopped_reason
    return partition


async def read(writer: Writer, part: int) -> cursors.Claim | None:
    """What the cursor's row says now."""

    async def look() -> cursors.Claim | None:
        async with writing(writer.engine) as connection:
            return await cursors.read(connection, writer.settings.kafka_topic, part)

    return await writer.patiently(look)


async def stop(writer: Writer, partition: Partition, reason: str) -> None:
    """Write why the partition waits for an operator."""

    async def say() -> None:
        async with writing(writer.engine) as connection:
            await cursors.stop(connection, writer.settings.kafka_topic, partition.part, partition.epoch, reason)

    await writer.patiently(say)


async def _first_offset(feed: Feed, part: int) -> int:
    for _ in range(FIRST_OFFSET_TRIES):
        try:
            return (await feed.bounds([part]))[part][0]
        except FeedError as error:
            log.warning("first offset unknown", partition=part, error=str(error))
            await asyncio.sleep(BACKOFF_S * random.uniform(0.5, 1.0))
    raise FatalFeedError(f"the broker does not tell where partition {part} begins")
