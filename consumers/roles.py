"""What a consumer process does: ingest, evaluate, or both; stops on SIGTERM and SIGINT with its batches finished."""

import asyncio
import signal
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any

import structlog

from service.clock import Clock
from service.db.engine import make_engine
from service.observability.ingest_metrics import IngestMetrics
from service.settings import Settings

log = structlog.get_logger(__name__)
INGEST_POOL = 6
EVALUATE_POOL = 6


class ConsumerRole(StrEnum):
    """Part of the work that a process takes."""

    INGEST = "ingest"
    EVALUATE = "evaluate"
    ALL = "all"


async def consume(
    role: ConsumerRole, *, settings: Settings, clock: Clock, database_url: str, bootstrap: str, metrics: IngestMetrics
) -> None:
    """Work until told to stop. When one half fails, the other is stopped and the failure raised."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    work: list[Coroutine[Any, Any, None]] = []
    engines = []
    if role in (ConsumerRole.INGEST, ConsumerRole.ALL):
        from consumers.process import run as ingest

        engine = make_engine(database_url, name="ingest", pool_size=INGEST_POOL)
        engines.append(engine)
        work.append(ingest(engine, settings, clock, stop, bootstrap=bootstrap, metrics=metrics))
    if role in (ConsumerRole.EVALUATE, ConsumerRole.ALL):
        from consumers.evaluate import run as evaluate

        engine = make_engine(database_url, name="evaluate", pool_size=EVALUATE_POOL)
        engines.append(engine)
        work.append(evaluate(engine, settings, clock, stop))
    tasks = [asyncio.create_task(part) for part in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await asyncio.wait(tasks)
        for task in tasks:
            task.result()
    finally:
        for engine in engines:
            await engine.dispose()
    log.info("stopped", role=str(role))
