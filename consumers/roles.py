"""What a consumer process does: ingest, evaluate, or both; stops on SIGTERM and SIGINT with its batches finished."""

import asyncio
import faulthandler
import gc
import signal
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from typing import Any

import structlog
from prometheus_client import start_http_server

from consumers.memory import give_back_for_ever, share_one_heap
from detectors.errors import InputError
from service.clock import Clock
from service.db.engine import make_engine
from service.observability.ingest_metrics import IngestMetrics
from service.settings import Settings

log = structlog.get_logger(__name__)
INGEST_POOL = 6
EVALUATE_POOL = 6
THREADS = 4
STATEMENT_S = 20.0
#: A batch that froze between two statements holds its partition's row; who takes over waits no longer than this.
IDLE_S = 15.0
#: The loop may be blocked so long; then this process cannot even tell that it stands (seconds).
LOOP_BAR_S = 30.0
#: After the word to stop: for what is in work, and for all (seconds).
STOP_S = 6.5
END_S = 9.8


class ConsumerRole(StrEnum):
    """Part of the work that a process takes."""

    INGEST = "ingest"
    EVALUATE = "evaluate"
    ALL = "all"


async def consume(
    role: ConsumerRole,
    *,
    settings: Settings,
    clock: Clock,
    database_url: str,
    bootstrap: str,
    metrics: IngestMetrics,
    metrics_port: int | None = None,
) -> None:
    """Work until told to stop; with a ``metrics_port``, ``metrics`` are served there on loopback. When one half fails,
    the other is stopped and the failure raised.

    For a process of its own: where the event loop is blocked for ``LOOP_BAR_S``, or the end does not come within
    ``END_S``, the process ends with 1 and the stacks of its threads on standard error. Raises ``InputError`` where the
    port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    share_one_heap()
    if metrics_port is not None:
        try:
            start_http_server(metrics_port, addr="127.0.0.1", registry=metrics.registry)
        except OSError as error:
            raise InputError(f"--metrics-port: cannot serve on port {metrics_port}: {error.strerror}") from error
    # More would wait for each other, on a machine with many cores too.
    loop.set_default_executor(ThreadPoolExecutor(THREADS))
    turning, tidying = asyncio.create_task(_end_unless_turning(stop)), asyncio.create_task(give_back_for_ever())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    work: list[Coroutine[Any, Any, None]] = []
    engines = []
    if role in (ConsumerRole.INGEST, ConsumerRole.ALL):
        from consumers.process import run as ingest

        # A database that froze must be told from one that blocks before the watchdog takes it for a standstill.
        engine = make_engine(
            database_url,
            name="ingest",
            pool_size=INGEST_POOL,
            statement_timeout_s=STATEMENT_S,
            idle_in_transaction_s=IDLE_S,
        )
        engines.append(engine)
        work.append(ingest(engine, settings, clock, stop, bootstrap=bootstrap, metrics=metrics))
    if role in (ConsumerRole.EVALUATE, ConsumerRole.ALL):
        from consumers.evaluate import run as evaluate

        engine = make_engine(database_url, name="evaluate", pool_size=EVALUATE_POOL)
        engines.append(engine)
        work.append(evaluate(engine, settings, clock, stop))
    # What is loaded stays; what comes is large and dies young: walks over it cost more than they free.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    tasks, told = [asyncio.create_task(part) for part in work], asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([*tasks, told], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        done, late = await asyncio.wait(tasks, timeout=STOP_S)
        if late:
            # What is not committed is done again: marks and cursors stand where they stood.
            log.warning("work is left where it is", role=str(role))
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=1.0)
        for task in done:
            task.result()
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                for engine in engines:
                    await engine.dispose()
        turning.cancel()
        tidying.cancel()
    log.info("stopped", role=str(role))


async def _end_unless_turning(stop: asyncio.Event) -> None:
    """Wind up the last watchdog, a thread of the interpreter's own, as long as the loop turns."""
    while not stop.is_set():
        faulthandler.dump_traceback_later(LOOP_BAR_S, exit=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0)
    faulthandler.dump_traceback_later(END_S, exit=True)
