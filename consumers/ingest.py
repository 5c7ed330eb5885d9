"""Ingest: records of the partitions that the group hands us, batch by batch into the database.

One loop polls; each partition has at most one worker, which decodes the next batch in a thread while the previous one
commits. Everything about order and repetition is settled by the database: this loop may die at any point.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

import numpy as np
import structlog

from consumers import ownership
from consumers.partition import Partition
from consumers.ports import Feed, FeedError, OutOfRangeError, RawRecord
from consumers.progress import Progress
from consumers.pulse import Pulse, unless_stopped
from consumers.transaction import FencedError
from consumers.writer import Work, Writer
from detectors.readings import Bool
from service.db import cursors

log = structlog.get_logger(__name__)
POLL_S = 0.2
HAND_OVER_S = 5.0
SHUTDOWN_S = 5.0
FAILED_S = 1.0
START_BACKOFF_S = 2.0


@dataclass(slots=True, eq=False)
class Ingest:
    """One member of the group. ``run`` returns when ``stop`` is set, and raises when this process must end."""

    feed: Feed
    writer: Writer
    member: str
    stop: asyncio.Event
    pulse: Pulse = field(default_factory=Pulse)
    progress: Progress = field(default_factory=Progress)
    partitions: dict[int, Partition] = field(default_factory=dict)
    _failure: BaseException | None = None
    _is_joined: bool = False
    _is_paused: bool = False
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Join, ingest until told to stop, leave.

        Raises:
            FatalFeedError: a rebalance failed, or the stream stands still.
        """
        work, watch = asyncio.create_task(self._ingest()), asyncio.create_task(self._watch_for_ever())
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            (watch if watch.done() else work).result()
        finally:
            watch.cancel()
            work.cancel()
            await asyncio.wait((work, watch))

    async def _ingest(self) -> None:
        await self.writer.patiently(self.writer.reload_index)
        await self._join()
        self._is_joined = True
        ticker = asyncio.create_task(self._tick_for_ever())
        try:
            while not self.stop.is_set():
                if self._failure is not None:
                    raise self._failure
                await self._poll_once()
        finally:
            ticker.cancel()
            with suppress(asyncio.CancelledError):
                await ticker
            patience_s = SHUTDOWN_S if self.stop.is_set() else FAILED_S
            late = await self._finish(list(self.partitions.values()), patience_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=FAILED_S)
            with suppress(Exception):
                await self._hint()
            await self.feed.stop()

    async def _join(self) -> None:
        while not self.stop.is_set():
            try:
                await unless_stopped(self.stop, self.feed.start(self), None)
            except FeedError as error:
                log.warning("broker away", error=str(error))
                await asyncio.sleep(START_BACKOFF_S * random.uniform(0.5, 1.0))
            else:
                return

    # What the feed asks of the owner of partitions.

    async def assigned(self, parts: Sequence[int]) -> Mapping[int, int]:
        """Claim the partitions: an older owner is fenced from here on. Only a first start asks the broker anything:
        a rebalance must not fail because it is busy."""
        self.writer.metrics.rebalances.inc()
        self.progress.claiming_from = monotonic()
        for part in parts:
            self.partitions[part] = await ownership.take(self.writer, self.feed, self.member, part)
        self.progress.claiming_from = None
        offsets = {part: self.partitions[part].cursor for part in parts}
        log.info("assigned", member=self.member, offsets=offsets)
        return offsets

    def waits(self, part: int) -> bool:
        """Whether the partition is stopped."""
        return part not in self.partitions or not self.partitions[part].is_running

    async def revoked(self, parts: Sequence[int]) -> None:
        """Begin nothing more for them, and let what is in work end, but not for long: the database fences."""
        gone = [self.partitions.pop(part) for part in parts if part in self.partitions]
        for partition in gone:
            partition.is_lost = True
            partition.pending = []
        await self._finish(gone, HAND_OVER_S)

    # The loop.

    async def _poll_once(self) -> None:
        limit = self.writer.settings.batch_records
        self._pause_while_away()
        running = [p.part for p in self.partitions.values() if p.room(limit)]
        is_busy = any(p.task is not None for p in self.partitions.values())
        if is_busy and not running and not self._is_paused:
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
            return
        try:
            found = await unless_stopped(
                self.stop, self.feed.poll([] if self._is_paused else running, POLL_S, limit), {}
            )
        except FeedError as error:
            self.writer.metrics.poll_errors.inc()
            log.warning("poll failed", error=str(error))
            if isinstance(error, OutOfRangeError):
                await self._stop_out_of_range(error.parts)
            self._seek_back()
            await asyncio.sleep(POLL_S)
            return
        for part, records in found.items():
            self._take_in(part, records)
        for partition in self.partitions.values():
            if partition.pending and partition.task is None and partition.is_running:
                partition.task = asyncio.create_task(self._work(partition))

    def _take_in(self, part: int, records: Sequence[RawRecord]) -> None:
        partition = self.partitions.get(part)
        if partition is None or not partition.is_running:
            return
        if not partition.take_in(records):
            self.writer.metrics.gaps.inc()
            log.warning("gap", partition=part, expected=partition.read_to)
            self.feed.seek(part, partition.read_to)

    async def _stop_out_of_range(self, parts: Sequence[int]) -> None:
        """The topic was truncated or made anew, or its records expired before they were read: stop, and say which."""
        bounds = await self.feed.bounds(parts)
        for partition in [self.partitions[part] for part in parts if part in self.partitions]:
            first, end = bounds[partition.part]
            what = "expired" if partition.read_to < first else "truncated"
            await self._stop_partition(partition, f"{what}: {partition.read_to} is not in {first} to {end}")

    def _seek_back(self) -> None:
        """Records may have been dropped on the way: read again from what we really have."""
        for partition in self.partitions.values():
            if partition.is_running:
                self.feed.seek(partition.part, partition.read_to)

    async def _work(self, partition: Partition) -> None:
        """Everything that waits of one partition; decodes one batch ahead of the commit."""
        commit: asyncio.Task[None] | None = None
        try:
            while partition.pending and partition.is_running:
                records = partition.next_batch(self.writer.settings.batch_records)
                self._wake.set()
                work = await self.writer.prepare(partition.part, records)
                if commit is not None:
                    await commit
                    commit = None
                excess = partition.poison.first_excess(_refused(work))
                if excess is not None:
                    work = await self.writer.prepare(partition.part, records[: excess + 1])
                    await self._commit(partition, work)
                    await self._stop_partition(partition, "poison: too many messages are no readings")
                    return
                commit = asyncio.create_task(self._commit(partition, work))
            if commit is not None:
                await commit
                commit = None
        except FencedError as error:
            self.writer.metrics.batches.labels("fenced").inc()
            log.warning("fenced", partition=partition.part, error=str(error))
            partition.is_lost = True
            partition.pending = []
            if self.partitions.get(partition.part) is partition:
                self.feed.pause([partition.part])
        except asyncio.CancelledError:
            if commit is not None:
                commit.cancel()
            raise
        except Exception as error:
            self._failure = error
            raise
        finally:
            if commit is not None:
                await asyncio.wait([commit])
            partition.task = None
            self._wake.set()

    async def _commit(self, partition: Partition, work: Work) -> None:
        await self.writer.commit(partition, work)
        partition.poison.note(_refused(work))
        partition.moved_at = self.progress.committed_at = monotonic()

    async def _stop_partition(self, partition: Partition, reason: str) -> None:
        """Say so and wait for an operator; never skip, never reset."""
        log.error("partition stopped", partition=partition.part, reason=reason, cursor=partition.cursor)
        partition.stopped_reason = reason
        partition.rewind()
        self.feed.pause([partition.part])
        await ownership.stop(self.writer, partition, reason)

    # Once a second.

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            try:
                await self._tick()
                self.pulse.moved()
            except FeedError as error:
                log.warning("offsets unknown", error=str(error))
                self._excuse()
            except FencedError:
                continue
            except Exception as error:
                self._failure = error
                self._wake.set()
                raise

    async def _tick(self) -> None:
        now_s = self.writer.clock.now()
        if await self.writer.patiently(self.writer.registry_changed):
            await self.writer.patiently(self.writer.reload_index)
        bounds = await self.feed.bounds(list(self.partitions))
        for partition in list(self.partitions.values()):
            if not partition.is_running:
                await self._look_again(partition)
            elif partition.part in bounds:
                partition.end_offset = bounds[partition.part][1]
                await self._tell(partition, now_s)
        await self._hint()

    def _pause_while_away(self) -> None:
        """Fetch nothing while the database does not answer, but keep polling: the group must not miss us."""
        if self.writer.is_away:
            self.feed.pause(list(self.partitions))
            self._is_paused = True
        elif self._is_paused:
            self._is_paused = False
            running = [p for p in self.partitions.values() if p.is_running]
            for partition in running:
                partition.moved_at = monotonic()
                self.feed.seek(partition.part, partition.read_to)
            self.feed.resume([p.part for p in running])

    async def _tell(self, partition: Partition, now_s: float) -> None:
        """Tell how far the partition goes; stop it where the topic ends before it."""
        end = partition.end_offset or 0
        shown = self.feed.high_watermark(partition.part)
        if shown is not None and partition.cursor > max(shown, end) and partition.task is None:
            await self._stop_partition(partition, f"truncated: cursor {partition.cursor} is behind the end {end}")
            return
        caught_up = partition.cursor >= end
        if caught_up:
            partition.moved_at = monotonic()
        if not await self.writer.patiently(lambda: self.writer.tell(partition, end, now_s if caught_up else None)):
            await self._look_again(partition)

    async def _watch_for_ever(self) -> None:
        """End this process when it stands still though there is something to do. Asks no server, so that nothing can
        hold it up; that no round of ``_tick`` comes to its end is the pulse's to tell."""
        while True:
            await asyncio.sleep(min(1.0, self.progress.limit_s / 4))
            if self.writer.is_away or not self._is_joined:
                self._excuse()
            self.progress.check(self.partitions.values())

    def _excuse(self) -> None:
        """A server is away: nothing can move."""
        self.pulse.excuse()
        self.progress.excuse(self.partitions.values())

    async def _look_again(self, partition: Partition) -> None:
        """Whether to go on elsewhere: an operator resumed a stopped partition, or the database went back to an older
        backup and its cursor with it (RELIABILITY §2). Where another member is the owner, it is not ours to say."""
        found = await ownership.read(self.writer, partition.part)
        if self.partitions.get(partition.part) is not partition or partition.task is not None:
            return
        if partition.stopped_reason is not None:
            if found is None or found.stopped_reason is not None:
                return
        elif found is not None and (found.epoch > partition.epoch or _stands(partition, found)):
            return
        else:
            log.warning("the database went back", partition=partition.part, cursor=partition.cursor)
            self.writer.went_back()
        partition.is_lost = True
        partition.pending = []
        fresh = await ownership.take(self.writer, self.feed, self.member, partition.part)
        self.partitions[partition.part] = fresh
        if fresh.is_running:
            self.feed.seek(fresh.part, fresh.cursor)
            self.feed.resume([fresh.part])
            log.info("partition resumed", partition=fresh.part, cursor=fresh.cursor)

    async def _hint(self) -> None:
        try:
            await self.feed.hint({p.part: p.cursor for p in self.partitions.values()})
        except Exception as error:
            self.writer.metrics.hint_errors.inc()
            log.info("commit hint failed", error=repr(error))

    async def _finish(self, partitions: Sequence[Partition], timeout_s: float) -> "set[asyncio.Task[None]]":
        """Wait for what is in work; what takes longer, and is returned, is left to the fence."""
        for partition in partitions:
            partition.pending = []
        tasks = [p.task for p in partitions if p.task is not None]
        return (await asyncio.wait(tasks, timeout=timeout_s))[1] if tasks else set()


def _stands(partition: Partition, found: cursors.Claim) -> bool:
    return not partition.is_lost and (found.epoch, found.next_offset) == (partition.epoch, partition.cursor)


def _refused(work: Work) -> Bool:
    refused = np.zeros(len(work.records), np.bool_)
    refused[list(work.prepared.refused)] = True
    return refused
