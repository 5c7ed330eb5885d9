"""The ingest process: the member of the group, and beside it what looks after the quarantine."""

import asyncio
from contextlib import suppress
from datetime import UTC, date, datetime
from time import monotonic

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.dead_letters import deliver_dead_letters
from consumers.ingest import Ingest
from consumers.kafka import KafkaFeed, Producer, ensure_topic
from consumers.ports import FeedError
from consumers.progress import WATCHDOG_S, Progress
from consumers.pulse import beating, process_name
from consumers.recheck import Rechecker
from consumers.transaction import OnStep, no_step
from consumers.writer import Writer
from detectors.errors import InfrastructureError
from service.clock import Clock
from service.db.heartbeats import Role
from service.db.partitions import months_between
from service.observability.ingest_metrics import IngestMetrics
from service.settings import Settings

log = structlog.get_logger(__name__)
CARE_EVERY_S = 1.0
CLOCK_EVERY_S = 5.0
EXPIRE_EVERY_S = 60.0
MONTHS_AHEAD_S = 92 * 86400


async def run(
    engine: AsyncEngine,
    settings: Settings,
    clock: Clock,
    stop: asyncio.Event,
    *,
    bootstrap: str,
    metrics: IngestMetrics | None = None,
    on_step: OnStep = no_step,
    stall_s: float = WATCHDOG_S,
) -> None:
    """Ingest until ``stop`` is set; then finish the batches in work and return.

    Raises:
        FatalFeedError: this process must end and start again (a failed rebalance, or no progress in spite of lag).
        StalledError: the same: database or broker answer, but nothing comes of it.
    """
    member = process_name()
    writer = Writer(engine, settings, clock, metrics or IngestMetrics(), on_step)
    feed = KafkaFeed(
        bootstrap=bootstrap,
        topic=settings.kafka_topic,
        group=settings.kafka_group,
        member=member,
        session_timeout_s=settings.session_timeout_s,
    )
    await writer.patiently(lambda: _months_ahead(writer))
    care = asyncio.create_task(look_after_quarantine(writer, bootstrap))
    try:
        async with beating(engine, Role.INGEST, clock, stall_s=stall_s) as pulse:
            await Ingest(feed, writer, member, stop, pulse, Progress(stall_s)).run()
    finally:
        care.cancel()
        with suppress(asyncio.CancelledError):
            await care


async def _months_ahead(writer: Writer) -> None:
    now_s = int(writer.clock.now())
    for month in months_between(_utc_date(now_s), _utc_date(now_s + MONTHS_AHEAD_S)):
        await writer.ensure_month(month)


def _utc_date(epoch_s: int) -> date:
    return datetime.fromtimestamp(epoch_s, UTC).date()


async def look_after_quarantine(writer: Writer, bootstrap: str) -> None:
    """For ever: held rows whose cause is gone go in, expired ones are refused, refused ones reach their topic."""
    rechecker = Rechecker(writer)
    checked_version = -1
    clock_due = expire_due = monotonic()
    while True:
        try:
            await ensure_topic(bootstrap, writer.settings.kafka_dlq_topic)
            async with Producer(bootstrap) as producer:
                while True:
                    version = writer.index.version
                    if version != checked_version:
                        await rechecker.registry_causes()
                        checked_version = version
                    if monotonic() >= clock_due:
                        await rechecker.clock_causes()
                        clock_due = monotonic() + CLOCK_EVERY_S
                    if monotonic() >= expire_due:
                        await rechecker.expire()
                        await rechecker.forget()
                        await _months_ahead(writer)
                        expire_due = monotonic() + EXPIRE_EVERY_S
                    delivered = await deliver_dead_letters(writer.engine, producer, writer.settings.kafka_dlq_topic)
                    writer.metrics.dead_letters.inc(delivered)
                    if not delivered:
                        await asyncio.sleep(CARE_EVERY_S)
        except (FeedError, InfrastructureError) as error:
            log.warning("quarantine waits", error=str(error))
            await asyncio.sleep(CARE_EVERY_S)
