"""Batches into the database, whatever happens on the way: the one place that retries (RELIABILITY §2).

- the registry changed: prepare anew, once more;
- another transaction won: again, after a moment;
- the connection died: the outcome is unknown, so read the cursor before anything else;
- the database refuses the data: halve the batch until the one record is found, and refuse that;
- fenced: somebody else goes on from here.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from time import perf_counter
from typing import TypeVar

import numpy as np
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.partition import Partition
from consumers.ports import RawRecord
from consumers.prepare import Arrivals, Prepared, prepare, refuse, stamps_of
from consumers.records import Caches
from consumers.transaction import FencedError, Move, OnStep, StaleIndexError, commit_batch, no_step
from detectors.errors import InfrastructureError
from detectors.quality import Fault, Limits
from detectors.vocab import code
from service.clock import Clock
from service.db import cursors
from service.db.copying import DataError
from service.db.meter_index import MeterIndex, load_meter_index, registry_version
from service.db.partitions import ensure_partitions
from service.db.sessions import ContentionError, reading, writing
from service.observability.ingest_metrics import IngestMetrics
from service.settings import Settings

log = structlog.get_logger(__name__)
T = TypeVar("T")
MAX_BACKOFF_S = 5.0
_DATA_CLASSES = ("22", "23")


@dataclass(slots=True)
class Work:
    """A batch on its way: its records, and what they were made into."""

    records: Sequence[RawRecord]
    prepared: Prepared
    now_s: float


@dataclass(slots=True, eq=False)
class Writer:
    """Prepares and commits batches of any partition of one topic. Use from one event loop."""

    engine: AsyncEngine
    settings: Settings
    clock: Clock
    metrics: IngestMetrics
    on_step: OnStep = no_step
    index: MeterIndex = field(default_factory=MeterIndex.empty)
    is_away: bool = False  # the database does not answer
    _months: set[date] = field(default_factory=set)
    _caches: Caches = field(default_factory=Caches)
    _reloading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _decoding: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    _writing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    @property
    def limits(self) -> Limits:
        """Thresholds of the row checks."""
        return Limits(
            future_skew_s=self.settings.future_skew_s,
            horizon_s=self.settings.horizon_days * 86400,
            frozen_before_s=self.index.frozen_before_s,
        )

    async def reload_index(self) -> bool:
        """Read the registry again where it changed; whether it had. Who asks meanwhile waits for the same."""
        async with self._reloading:
            if self.index.rows and not await self.registry_changed():
                return False
            async with reading(self.engine) as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ")
                fresh = await load_meter_index(connection, self.index)
            changed = fresh.version != self.index.version or not self.index.rows
            self.index = fresh
            return changed

    async def registry_changed(self) -> bool:
        """Whether the registry has another version than the index."""
        async with reading(self.engine) as connection:
            return await registry_version(connection) != self.index.version

    def went_back(self) -> None:
        """The database is an older one: months that were made since then are gone."""
        self._months.clear()

    async def tell(self, partition: Partition, end_offset: int, watermark_s: float | None) -> bool:
        """Write down how far a partition goes; False: its cursor stands elsewhere, or is another's. watermark_s:
        everything sent before it was read; None: unknown."""
        async with writing(self.engine) as connection:
            return await cursors.tell(
                connection,
                topic=self.settings.kafka_topic,
                part=partition.part,
                epoch=partition.epoch,
                next_offset=partition.cursor,
                end_offset=end_offset,
                watermark_s=watermark_s,
            )

    async def prepare(self, part: int, records: Sequence[RawRecord]) -> Work:
        """Decode and check in a thread: the loop's heartbeats go on."""
        came = Arrivals(self.settings.kafka_topic, part, self.clock.now())
        async with self._decoding:
            prepared = await asyncio.to_thread(
                prepare, records, came, self.index, self._caches, self.limits, self.settings.slot_s
            )
        return Work(records, prepared, came.now_s)

    async def commit(self, partition: Partition, work: Work) -> None:
        """Commit a batch, for as long as it takes. Raises ``FencedError`` when the partition is another's."""
        records = work.records
        while True:
            try:
                if work.prepared.index.version != self.index.version:
                    work = await self.prepare(partition.part, records)
                await self.ensure_months(work.prepared)
                async with self._writing:
                    await self._commit_once(partition, work)
            except StaleIndexError:
                self.metrics.batches.labels("retried").inc()
                await self.patiently(self.reload_index)
            except ContentionError:
                self.metrics.batches.labels("retried").inc()
                await asyncio.sleep(random.uniform(0.01, 0.1))
            except InfrastructureError as error:
                self.metrics.batches.labels("retried").inc()
                if await self._was_committed(partition, records[-1].offset + 1, error):
                    partition.cursor = records[-1].offset + 1
                    return
            except (DataError, DBAPIError) as error:
                if not _is_data(error):
                    raise
                await self._bisect(partition, work, error)
                return
            else:
                return

    async def _commit_once(self, partition: Partition, work: Work) -> None:
        started = perf_counter()
        to_offset = work.records[-1].offset + 1
        move = Move(
            topic=self.settings.kafka_topic,
            part=partition.part,
            epoch=partition.epoch,
            from_offset=partition.cursor,
            to_offset=to_offset,
            # A sender's clock that is ahead must not say that the future was read.
            watermark_s=min(float(stamps_of(work.records[-1:], work.now_s)[0]) / 1000, work.now_s),
            now_s=self.clock.now(),
            end_offset=partition.end_offset,
        )
        lines = await commit_batch(
            self.engine,
            move,
            work.prepared,
            slot_s=self.settings.slot_s,
            quarantine_cap=self.settings.quarantine_cap,
            optimism=partition.optimism,
            on_step=self.on_step,
        )
        partition.cursor = to_offset
        self.metrics.batch_seconds.observe(perf_counter() - started)
        self.metrics.batches.labels("committed").inc()
        for line, count in lines.items():
            self.metrics.rows.labels(str(line.outcome)).inc(count)
            if line.code:
                self.metrics.quarantined.labels(line.code).inc(count)
        for flag, count in work.prepared.flags.items():
            self.metrics.flags.labels((flag.name or "").lower()).inc(count)
        if len(work.prepared.lateness_s):
            self.metrics.lateness.observe(float(np.median(work.prepared.lateness_s)))
        log.info("batch", partition=partition.part, to_offset=to_offset, rows=sum(lines.values()))

    async def _was_committed(self, partition: Partition, to_offset: int, error: Exception) -> bool:
        """After a lost connection: read the cursor and compare. Raises ``FencedError`` where it is neither."""
        log.warning("outcome unknown", partition=partition.part, error=repr(error))

        async def look() -> cursors.Claim | None:
            async with reading(self.engine) as connection:
                return await cursors.read(connection, self.settings.kafka_topic, partition.part)

        await asyncio.sleep(random.uniform(0.05, 0.2))
        found = await self.patiently(look)
        if found is None or found.epoch != partition.epoch or found.next_offset not in (partition.cursor, to_offset):
            raise FencedError(f"partition {partition.part} stands elsewhere: {found}")
        return found.next_offset == to_offset

    async def _bisect(self, partition: Partition, work: Work, error: Exception) -> None:
        """The database refuses something in this batch: find the record, refuse it, keep the rest."""
        self.metrics.batches.labels("bisected").inc()
        records = work.records
        if len(records) == 1:
            if any(entry.code == code(Fault.BAD_BATCH) for entry in work.prepared.entries):
                raise error  # even the refusal is refused: a bug of ours
            log.error("record refused by the database", partition=partition.part, offset=records[0].offset)
            came = Arrivals(self.settings.kafka_topic, partition.part, self.clock.now())
            await self.commit(partition, Work(records, refuse(records[0], came, self.index, str(error)), came.now_s))
            return
        half = len(records) // 2
        for piece in (records[:half], records[half:]):
            await self.commit(partition, await self.prepare(partition.part, piece))

    async def ensure_months(self, batch: Prepared) -> None:
        """Create the partitions that the batch's readings fall into."""
        ts = batch.arrived.readings.ts
        months = {
            _month(int(m)) for m in np.unique(ts.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64))
        }
        for month in sorted(months - self._months):
            await self.ensure_month(month)

    async def ensure_month(self, month: date) -> None:
        """Create one month's partitions."""
        async with writing(self.engine) as connection:
            await ensure_partitions(connection, month, month)
        self._months.add(month)

    async def patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Repeat until the database answers, with capped backoff and jitter."""
        backoff_s = 0.1
        while True:
            try:
                result = await work()
            except InfrastructureError as error:
                if not isinstance(error, ContentionError):
                    self._set_away(True, error)
                await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))
                backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)
            else:
                self._set_away(False, None)
                return result

    def _set_away(self, is_away: bool, error: Exception | None) -> None:
        if is_away != self.is_away:
            log.warning("database away" if is_away else "database back", error=repr(error) if error else None)
        self.is_away = is_away
        self.metrics.database_away.set(is_away)


def _month(months_since_1970: int) -> date:
    return datetime(1970 + months_since_1970 // 12, months_since_1970 % 12 + 1, 1, tzinfo=UTC).date()


def _is_data(error: Exception) -> bool:
    """Whether the database refuses the data itself; anything else is a bug, and bugs crash."""
    if isinstance(error, DataError):
        return True
    return str(getattr(getattr(error, "orig", None), "sqlstate", ""))[:2] in _DATA_CLASSES
