"""The traps of aiokafka that RELIABILITY §1 lists, each on a real broker."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from threading import get_ident
from time import monotonic
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.evaluate import Evaluator
from consumers.ingest import Ingest
from consumers.kafka import ASSIGNORS, KafkaFeed
from consumers.ports import FatalFeedError, RawRecord
from consumers.prepare import prepare
from consumers.progress import Progress
from consumers.writer import Writer
from detectors.judge import judge_day
from service.clock import VirtualClock
from service.observability.ingest_metrics import IngestMetrics
from service.settings import Settings
from tests.integration.ingest_world import (
    NOW,
    T0,
    Message,
    account,
    consumed,
    ingesting,
    insert_registry,
    make_settings,
    message,
    reading,
    rows,
    send,
    until,
)
from tests.integration.tcp_proxy import kafka_proxied

pytestmark = pytest.mark.kafka


def some(count: int, *, partition: int = 0, first: int = 0) -> list[Message]:
    """Readings of one meter, one a slot back in time."""
    return [message(reading(1, float(i), ts=T0 - 900 * (first + i)), partition=partition) for i in range(count)]


def make_feed(bootstrap: str, settings: Settings) -> KafkaFeed:
    return KafkaFeed(
        bootstrap=bootstrap,
        topic=settings.kafka_topic,
        group=settings.kafka_group,
        member="test",
        session_timeout_s=settings.session_timeout_s,
    )


class FixedOwner:
    """Claims partitions from given offsets, after a while."""

    def __init__(self, offsets: Mapping[int, int], delay_s: float = 0.0, error: Exception | None = None) -> None:
        self.offsets = offsets
        self.delay_s = delay_s
        self.error = error
        self.is_assigned = False

    async def assigned(self, parts: Sequence[int]) -> Mapping[int, int]:
        await asyncio.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        self.is_assigned = True
        return {part: self.offsets.get(part, 0) for part in parts}

    def waits(self, part: int) -> bool:
        return False

    async def revoked(self, parts: Sequence[int]) -> None:
        self.is_assigned = False


async def read_some(feed: KafkaFeed, count: int) -> list[RawRecord]:
    found: list[RawRecord] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            for records in (await feed.poll([], 0.1, 1000)).values():
                found += records
    return found


@pytest.mark.parametrize("compression", ["gzip", "lz4", "snappy", "zstd"])
async def test_every_compression_is_read(
    database_url: str, engine: AsyncEngine, broker: str, topic: str, compression: str
) -> None:
    await insert_registry(engine)
    await send(broker, topic, some(50), compression=compression)
    async with ingesting(database_url, broker, make_settings(topic)):
        await until(lambda: _consumed(engine, topic, 50))
    assert await account(engine) == {("accepted", ""): 50}


async def _consumed(engine: AsyncEngine, topic: str, count: int) -> bool:
    return await consumed(engine, topic) >= count


async def test_trap_1_a_corrupt_batch_costs_no_other_partitions_record(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    """A byte changes once on the way of one partition: getmany raises and drops what it had of the others."""
    await insert_registry(engine)
    for partition in range(4):
        await send(broker, topic, some(200, partition=partition, first=200 * partition))
    await send(broker, topic, [message(reading(3, 1.0, note="corrupt-me"), partition=2)])
    spoilt: list[int] = []

    def corrupt(body: bytes) -> bytes:
        at = body.find(b"corrupt-me")
        if at < 0 or len(spoilt) >= 3:
            return body
        spoilt.append(at)
        return body[:at] + b"Corrupt-me" + body[at + 10 :]

    async with (
        kafka_proxied(broker, corrupt) as proxy,
        ingesting(database_url, f"127.0.0.1:{proxy.port}", make_settings(topic)) as running,
    ):
        await until(lambda: _consumed(engine, topic, 801))
        errors = running.metrics.registry.get_sample_value("cuofeng_ingest_poll_errors_total")
    assert len(spoilt) == 3
    assert errors is not None
    assert errors >= 1
    assert await account(engine) == {("accepted", ""): 801}


async def test_trap_2_nothing_is_read_before_the_claim_is_done(broker: str, topic: str) -> None:
    """The group has an offset of its own; while the claim waits, not one record from there may come."""
    await send(broker, topic, some(20))
    settings = make_settings(topic)
    first = make_feed(broker, settings)
    await first.start(FixedOwner({}))
    await read_some(first, 20)
    await first.hint({0: 10})
    await first.stop()

    owner = FixedOwner({0: 3}, delay_s=2.0)
    feed = make_feed(broker, settings)
    await feed.start(owner)
    try:
        found: list[int] = []
        async with asyncio.timeout(30):
            while not found:
                got = await feed.poll([], 0.05, 1000)
                assert owner.is_assigned or not got
                found = [r.offset for r in got.get(0, [])]
        assert found[0] == 3
    finally:
        await feed.stop()


async def test_trap_3_a_failed_claim_ends_the_process(broker: str, topic: str) -> None:
    """aiokafka only logs what a listener raises."""
    feed = make_feed(broker, make_settings(topic))
    await feed.start(FixedOwner({}, error=RuntimeError("the claim failed")))
    try:
        with pytest.raises(FatalFeedError, match="the claim failed"):
            await read_some(feed, 1)
    finally:
        await feed.stop()


async def test_trap_4_a_dead_fetcher_is_noticed(engine: AsyncEngine, broker: str, topic: str) -> None:
    """The fetch task is gone, heartbeats go on, getmany returns nothing for ever: lag without progress ends the
    process."""
    await insert_registry(engine)
    settings = make_settings(topic)
    feed = make_feed(broker, settings)
    writer = Writer(engine, settings, VirtualClock(NOW), IngestMetrics())
    ingest = Ingest(feed, writer, "test", asyncio.Event(), progress=Progress(2.0))
    await send(broker, topic, some(5))
    task = asyncio.create_task(ingest.run())
    await until(lambda: _consumed(engine, topic, 5))
    feed._consumer._fetcher._fetch_task.cancel()
    await asyncio.sleep(1)  # an answer that is under way still arrives
    await send(broker, topic, some(5, first=5))
    started = monotonic()
    with pytest.raises(FatalFeedError, match="stands at 5"):
        await asyncio.wait_for(task, 20)
    assert monotonic() - started >= 1.5
    assert await consumed(engine, topic) == 5


def test_trap_6_no_sticky_assignor() -> None:
    """Sticky loses track of who owns what (aiokafka #1175, #1176)."""
    assert (RoundRobinPartitionAssignor,) == ASSIGNORS


async def test_trap_7_nothing_long_runs_on_the_loop(
    database_url: str, engine: AsyncEngine, broker: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoding and judging go on beside the loop that sends the heartbeats."""
    threads: dict[str, set[int]] = {"decode": set(), "judge": set()}

    def noted(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            threads[name].add(get_ident())
            return work(*arguments)

        return run

    monkeypatch.setattr("consumers.writer.prepare", noted("decode", prepare))
    monkeypatch.setattr("consumers.rejudge.judge_day", noted("judge", judge_day))
    await insert_registry(engine)
    await send(broker, topic, some(50))
    settings = make_settings(topic)
    evaluator = Evaluator(engine, settings, VirtualClock(NOW + 3600))

    async def judged() -> bool:
        await evaluator.step()
        return bool(threads["judge"])

    async with ingesting(database_url, broker, settings):
        await until(lambda: _consumed(engine, topic, 50))
        await until(judged)
        await evaluator.end()
    assert threads["decode"]
    assert get_ident() not in threads["decode"] | threads["judge"]


async def test_first_start_writes_cursors_and_the_hint_reaches_the_broker(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    await insert_registry(engine)
    await send(broker, topic, some(7))
    settings = make_settings(topic)
    async with ingesting(database_url, broker, settings):
        await until(lambda: _consumed(engine, topic, 7))
        found = await rows(engine, "SELECT part, next_offset FROM cursors ORDER BY part")
        assert [tuple(r) for r in found] == [(0, 7), (1, 0), (2, 0), (3, 0)]
        await until(lambda: _hinted(broker, settings, 7))
        await until(lambda: _caught_up(engine))
    found = await rows(engine, "SELECT extract(epoch FROM min(watermark))::bigint FROM cursors")
    assert found[0][0] == NOW


async def _hinted(bootstrap: str, settings: Settings, offset: int) -> bool:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=settings.kafka_group, enable_auto_commit=False, auto_offset_reset="none"
    )
    await consumer.start()
    try:
        part = TopicPartition(settings.kafka_topic, 0)
        consumer.assign([part])
        return bool(await consumer.committed(part) == offset)
    finally:
        await consumer.stop()


async def _caught_up(engine: AsyncEngine) -> bool:
    found = await rows(engine, "SELECT count(*) FROM cursors WHERE watermark IS NULL OR end_offset < next_offset")
    return bool(found[0][0] == 0)


async def test_a_truncated_topic_stops_its_partition_and_the_others_go_on(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    await insert_registry(engine)
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO cursors (topic, part, next_offset) VALUES (:topic, 0, 50)"), {"topic": topic}
        )
    await send(broker, topic, some(10))
    await send(broker, topic, some(10, partition=1, first=10))
    async with ingesting(database_url, broker, make_settings(topic)):
        await until(lambda: _reason(engine, "truncated"))
        await until(lambda: _consumed(engine, topic, 60))
    found = await rows(engine, "SELECT next_offset FROM cursors WHERE part = 0")
    assert found[0][0] == 50, "never reset silently"
    assert await account(engine) == {("accepted", ""): 10}


async def _reason(engine: AsyncEngine, word: str) -> bool:
    found = await rows(engine, "SELECT stopped_reason FROM cursors WHERE part = 0")
    return bool(found) and word in (found[0][0] or "")
