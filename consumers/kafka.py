"""Kafka: the only module that speaks to it. Every line here answers a trap of RELIABILITY §1.

No deserializer and no automatic commit; offsets come from the database, so ``auto_offset_reset`` is "none"; what a
rebalance listener raises would only be logged, so it is kept and raised by the next ``poll``.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    MessageSizeTooLargeError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAlreadyExistsError,
)

from consumers.batches import take_whole
from consumers.ports import FatalFeedError, FeedError, Headers, OutOfRangeError, Owner, Records

#: A rebalance waits so long for a member that is inside its longest batch (RELIABILITY §1).
REBALANCE_TIMEOUT_S = 90.0
HINT_TIMEOUT_S = 2.0
BOUNDS_TIMEOUT_S = 5.0
FETCH_BYTES = 16 << 20
MAX_REQUEST_BYTES = 32 << 20
TOPIC_TIMEOUT_S = 20.0
LOOK_TIMEOUT_MS = 5_000


#: Eager, as all of aiokafka's are; sticky has open bugs (RELIABILITY §1.6).
ASSIGNORS = (RoundRobinPartitionAssignor,)


class KafkaFeed(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types; subscribe() wants this base
    """One member of the consumer group of one topic. Use from one event loop."""

    def __init__(self, *, bootstrap: str, topic: str, group: str, member: str, session_timeout_s: float) -> None:
        self._topic = topic
        self._owner: Owner | None = None
        self._fatal: BaseException | None = None
        self._rebalancing = False
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=group,
            client_id=member,
            enable_auto_commit=False,
            auto_offset_reset="none",
            session_timeout_ms=int(session_timeout_s * 1000),
            heartbeat_interval_ms=int(min(3.0, session_timeout_s / 3) * 1000),
            rebalance_timeout_ms=int(REBALANCE_TIMEOUT_S * 1000),
            metadata_max_age_ms=30_000,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=4 * FETCH_BYTES,
            fetch_max_wait_ms=100,
            isolation_level="read_committed",
            partition_assignment_strategy=ASSIGNORS,
        )

    async def start(self, owner: Owner) -> None:
        """Join the group. Raises ``FeedError`` when the broker does not answer."""
        self._owner = owner
        try:
            await self._consumer.start()
        except KafkaError as error:
            await self._consumer.stop()
            raise FeedError(f"the broker does not answer: {error}") from error
        take_whole(self._consumer)
        self._consumer.subscribe([self._topic], listener=self)

    async def stop(self) -> None:
        """Leave the group."""
        await self._consumer.stop()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by aiokafka before a rebalance."""
        self._rebalancing = True
        try:
            if self._owner is not None:
                await self._owner.revoked([tp.partition for tp in revoked])
        except BaseException as error:
            self._fatal = error
            raise

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by aiokafka after a rebalance, while ``getmany`` runs on: pause before the first await."""
        tps = sorted(assigned)
        self._consumer.pause(*tps)
        try:
            if self._owner is not None:
                offsets = await self._owner.assigned([tp.partition for tp in tps])
                for tp in tps:
                    self._consumer.seek(tp, offsets[tp.partition])
                self._consumer.resume(*(tp for tp in tps if not self._owner.waits(tp.partition)))
            self._rebalancing = False
        except BaseException as error:
            self._fatal = error
            raise

    async def poll(self, parts: Sequence[int], timeout_s: float, max_records: int) -> Mapping[int, Records]:
        """See ``Feed.poll``."""
        if self._fatal is not None:
            raise FatalFeedError(f"a rebalance failed: {self._fatal!r}") from self._fatal
        assigned = self._consumer.assignment()
        wanted = [tp for tp in map(self._tp, parts) if tp in assigned]
        try:
            found = await self._consumer.getmany(*wanted, timeout_ms=int(timeout_s * 1000), max_records=max_records)
        except NoOffsetForPartitionError:
            # Told of a paused partition that is still being claimed; the claim's seek settles it.
            await asyncio.sleep(timeout_s)
            return {}
        except OffsetOutOfRangeError as error:
            raise OutOfRangeError([tp.partition for tp in error.args[0]]) from error
        except KafkaError as error:
            raise FeedError(f"reading failed: {error!r}") from error
        return {tp.partition: Records.concat(records) for tp, records in found.items()}

    def seek(self, part: int, offset: int) -> None:
        """Read on from ``offset``; nothing if the partition is not ours any more."""
        if self._tp(part) in self._consumer.assignment():
            self._consumer.seek(self._tp(part), offset)

    def pause(self, parts: Sequence[int]) -> None:
        """Fetch nothing of the partitions; what was fetched already is fetched again later."""
        self._consumer.pause(*self._ours(parts))

    def resume(self, parts: Sequence[int]) -> None:
        """Fetch again."""
        self._consumer.resume(*self._ours(parts))

    async def bounds(self, parts: Sequence[int]) -> Mapping[int, tuple[int, int]]:
        """See ``Feed.bounds``."""
        tps = [self._tp(part) for part in parts]
        if not tps:
            return {}
        try:
            async with asyncio.timeout(BOUNDS_TIMEOUT_S):
                first = await self._consumer.beginning_offsets(tps)
                end = await self._consumer.end_offsets(tps)
        except (KafkaError, TimeoutError) as error:
            raise FeedError(f"the broker does not tell its offsets: {error!r}") from error
        # The embedded broker tells the end of a partition as the beginning of its last batch + 1.
        return {
            tp.partition: (first[tp], max(end[tp], self.high_watermark(tp.partition) or 0))
            for tp in tps
            if tp in first and tp in end
        }

    def high_watermark(self, part: int) -> int | None:
        """See ``Feed.high_watermark``."""
        tp = self._tp(part)
        found: int | None = self._consumer.highwater(tp) if tp in self._consumer.assignment() else None
        return found

    async def hint(self, offsets: Mapping[int, int]) -> None:
        """See ``Feed.hint``. Not during a rebalance: a late answer of an old generation would reset the membership."""
        ours = {tp: offset for tp, offset in ((self._tp(p), o) for p, o in offsets.items()) if tp in self._assigned()}
        if ours and not self._rebalancing:
            async with asyncio.timeout(HINT_TIMEOUT_S):
                await self._consumer.commit(ours)

    def _assigned(self) -> "frozenset[TopicPartition]":
        return frozenset(self._consumer.assignment())

    def _ours(self, parts: Sequence[int]) -> list[TopicPartition]:
        return [tp for tp in map(self._tp, parts) if tp in self._consumer.assignment()]

    def _tp(self, part: int) -> TopicPartition:
        return TopicPartition(self._topic, part)


class Producer:
    """Sends records and knows when the broker has them. ``async with`` starts and stops it."""

    def __init__(self, bootstrap: str, *, compression: str | None = None, linger_ms: int = 5) -> None:
        """compression: gzip, lz4, snappy or zstd."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            compression_type=compression,
            linger_ms=linger_ms,
            max_batch_size=1 << 18,
            max_request_size=MAX_REQUEST_BYTES,
        )

    async def __aenter__(self) -> Self:
        try:
            await self._producer.start()
        except KafkaError as error:
            await self._producer.stop()
            raise FeedError(f"the broker does not answer: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        timestamp_ms: int | None = None,
        partition: int | None = None,
    ) -> "asyncio.Future[Any]":
        """Queue one record; the future is done when the broker has it, and then has ``partition`` and ``offset``.

        Raises:
            FeedError: it cannot be queued. The future raises ``FeedError``'s causes, aiokafka's errors.
            TooLargeError: it is larger than this producer sends.
        """
        try:
            future: asyncio.Future[Any] = await self._producer.send(
                topic, value=value, key=key, headers=list(headers), timestamp_ms=timestamp_ms, partition=partition
            )
        except MessageSizeTooLargeError as error:
            raise TooLargeError(str(error)) from error
        except KafkaError as error:
            raise FeedError(f"sending failed: {error!r}") from error
        return future

    async def deliver(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), timestamp_ms: int | None = None
    ) -> None:
        """Send one record and wait until the broker has it. Raises ``FeedError`` or ``TooLargeError``."""
        future = await self.send(topic, key, value, headers, timestamp_ms)
        try:
            await future
        except MessageSizeTooLargeError as error:
            raise TooLargeError(str(error)) from error
        except KafkaError as error:
            raise FeedError(f"sending failed: {error!r}") from error

    async def flush(self) -> None:
        """Wait until everything queued was sent."""
        await self._producer.flush()


async def ensure_topic(bootstrap: str, topic: str, partitions: int = 1) -> None:
    """Create a topic unless it is there; on three brokers where there are as many.

    Raises:
        FeedError: the broker does not answer, or does not let us.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        if topic in await admin.list_topics():
            return
        brokers = (await admin.describe_cluster())["brokers"]
        wanted = NewTopic(name=topic, num_partitions=partitions, replication_factor=min(3, len(brokers)))
        answer = await admin.create_topics([wanted])
        refusals = [code for _name, code, *_ in answer.topic_errors if code not in (0, TopicAlreadyExistsError.errno)]
        if refusals:
            raise FeedError(f"topic {topic} cannot be created: error {refusals[0]}")
    except KafkaError as error:
        raise FeedError(f"topic {topic} cannot be created: {error!r}") from error
    finally:
        await admin.close()


class TooLargeError(FeedError):
    """The broker or the producer refuses a record of this size."""


async def create_topics(bootstrap: str, names: Sequence[str], partitions: int) -> None:
    """Create topics and wait until the broker shows all their partitions. Raises ``FeedError``.

    Their records never expire: replayed ones carry the timestamps of their time, and a broker that counts age by those
    would delete them before they are read.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        kept = {"retention.ms": "-1"}
        wanted = [NewTopic(name=n, num_partitions=partitions, replication_factor=1, topic_configs=kept) for n in names]
        await admin.create_topics(wanted)
        async with asyncio.timeout(TOPIC_TIMEOUT_S):
            while True:
                shown = await admin.describe_topics(list(names))
                if all(t["error_code"] == 0 and len(t["partitions"]) == partitions for t in shown):
                    return
                await asyncio.sleep(0.05)
    except (KafkaError, TimeoutError) as error:
        raise FeedError(f"the topics {', '.join(names)} cannot be created: {error!r}") from error
    finally:
        await admin.close()


@dataclass(frozen=True, slots=True)
class TopicLook:
    """What a broker tells of a topic and a group. ``bounds``: first and end offset by partition; None: no such topic.
    ``retention_ms``: negative: for ever; None: the broker does not tell."""

    bounds: Mapping[int, tuple[int, int]] | None
    retention_ms: int | None
    members: int
    has_dead_letters: bool


async def look_at(bootstrap: str, topic: str, dead_letters: str, group: str) -> TopicLook:
    """Ask for all that ``cuofeng doctor`` wants to know; changes nothing. Raises ``FeedError``."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=LOOK_TIMEOUT_MS)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, request_timeout_ms=LOOK_TIMEOUT_MS)
    try:
        await admin.start()
        # Asked for by name, a missing topic would be made by some brokers.
        names = await admin.list_topics()
        members = await _members(admin, group)
        if topic not in names:
            return TopicLook(None, None, members, dead_letters in names)
        await consumer.start()
        shown = (await admin.describe_topics([topic]))[0]["partitions"]
        tps = [TopicPartition(topic, p["partition"]) for p in shown]
        first, end = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        bounds = {tp.partition: (first[tp], end[tp]) for tp in tps}
        return TopicLook(bounds, await _retention_ms(admin, topic), members, dead_letters in names)
    except (KafkaError, TimeoutError) as error:
        raise FeedError(f"the broker does not tell: {error!r}") from error
    finally:
        await consumer.stop()
        await admin.close()


async def _members(admin: AIOKafkaAdminClient, group: str) -> int:
    try:
        (described,) = (await admin.describe_consumer_groups([group]))[0].groups
    except GroupCoordinatorNotAvailableError:
        return 0  # a new cluster: there has not been any group yet
    return len(described[5])


async def _retention_ms(admin: AIOKafkaAdminClient, topic: str) -> int | None:
    try:
        asked = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": None})
        (answer,) = await admin.describe_configs([asked])
    except KafkaError:
        return None  # the embedded broker does not know the question
    values = [entry[1] for resource in answer.resources for entry in resource[4] if entry[0] == "retention.ms"]
    return int(values[0]) if values else None


async def delete_topics(bootstrap: str, names: Sequence[str]) -> None:
    """Delete topics. Raises ``FeedError``."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        await admin.delete_topics(list(names))
    except KafkaError as error:
        raise FeedError(f"the topics {', '.join(names)} cannot be deleted: {error!r}") from error
    finally:
        await admin.close()
