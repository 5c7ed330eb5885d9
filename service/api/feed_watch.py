"""Wakes long-polls when the feed grows: LISTEN/NOTIFY as a hint, one check a second for all of them as the truth."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.errors import InfrastructureError
from service.db.feed_listen import head_seq, listen

CHECK_S = 1.0
RECONNECT_S = 1.0

log = structlog.get_logger(__name__)


class FeedWatch:
    """Knows the feed's newest seq. Waiters hold no database connection."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._seq = 0
        self._grown = asyncio.Event()
        self._closing = False
        self._waiters = 0
        self._tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen and check while the body runs; a database that is away is waited for."""
        self._tasks = tasks = [
            asyncio.create_task(self._keep_listening()),
            asyncio.create_task(self._keep_checking()),
        ]
        try:
            yield
        finally:
            self.close()
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

    @property
    def is_watching(self) -> bool:
        """Whether waiters would be woken: both ways of looking run."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    def close(self) -> None:
        """Let every waiter go: the service ends."""
        self._closing = True
        self._grown.set()

    async def wait_beyond(self, seq: int, timeout_s: float) -> bool:
        """Wait until the feed is longer than ``seq``; False when the time is over or the service ends."""
        self._waiters += 1
        try:
            async with asyncio.timeout(timeout_s):
                while self._seq <= seq and not self._closing:
                    await self._grown.wait()
        except TimeoutError:
            return False
        finally:
            self._waiters -= 1
        return self._seq > seq

    def _saw(self, seq: int) -> None:
        if seq != self._seq:
            self._seq = seq
            self._grown.set()
            if not self._closing:
                self._grown = asyncio.Event()

    async def _keep_listening(self) -> None:
        while True:
            try:
                await listen(self._engine, self._saw)
            except InfrastructureError as error:
                log.warning("feed_listen_lost", error=repr(error.__cause__))
            await asyncio.sleep(RECONNECT_S)

    async def _keep_checking(self) -> None:
        while True:
            if self._waiters:
                try:
                    self._saw(await head_seq(self._engine))
                except InfrastructureError as error:
                    log.warning("feed_check_failed", error=repr(error.__cause__))
            await asyncio.sleep(CHECK_S)
