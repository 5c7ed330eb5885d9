"""The pulse of a consuming loop: told to the database, and when it stops the process ends (RELIABILITY §1.4).

The loop says when a round of work succeeded. A round that takes for ever, one that fails again and again, a database
that answers but blocks: all are a pulse that stands. A dead or frozen process, a blocked event loop, a database that
takes no writes: all are a heartbeat that is not heard any more.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.errors import CuofengError, InfrastructureError
from service.clock import Clock
from service.db.heartbeats import BEAT_S, Role, beat, leave
from service.db.sessions import writing

T = TypeVar("T")
log = structlog.get_logger(__name__)
WRITE_TIMEOUT_S = 5.0


class StalledError(CuofengError):
    """The work stands still: this process must end and start again."""


@dataclass(slots=True)
class Pulse:
    """When the loop last got anywhere; monotonic seconds."""

    moved_at: float = field(default_factory=monotonic)
    worked_at: float | None = None
    watched_from: float = field(default_factory=monotonic)

    def moved(self, *, worked: bool = False) -> None:
        """A round succeeded. worked: it found something to do."""
        self.moved_at = self.watched_from = monotonic()
        if worked:
            self.worked_at = self.moved_at

    def excuse(self) -> None:
        """Nothing can move, and a new process could not either: a server is away."""
        self.watched_from = monotonic()

    @property
    def stands_s(self) -> float:
        """For how long nothing moved without excuse."""
        return monotonic() - self.watched_from

    async def stood(self, limit_s: float) -> None:
        """Wait until nothing has moved for so long."""
        left_s = limit_s
        while left_s > 0:
            await asyncio.sleep(left_s)
            left_s = limit_s - self.stands_s


def process_name() -> str:
    """Host and process id: the member of the group, and whose heartbeat it is."""
    return f"{socket.gethostname()}-{os.getpid()}"


@asynccontextmanager
async def beating(engine: AsyncEngine, role: Role, clock: Clock, *, stall_s: float) -> AsyncIterator[Pulse]:
    """A pulse for the body, told to the database every ``BEAT_S``.

    Raises:
        StalledError: the pulse stood for ``stall_s``; the body was cancelled.
    """
    pulse, body = Pulse(), asyncio.current_task()
    is_stalled = False

    async def watch() -> None:
        nonlocal is_stalled
        await pulse.stood(stall_s)
        log.error("stands still", role=role.value, seconds=round(pulse.stands_s, 1))
        is_stalled = True
        if body is not None:
            body.cancel()

    tasks = [asyncio.create_task(watch()), asyncio.create_task(_tell(engine, role, clock, pulse))]
    try:
        yield pulse
    except asyncio.CancelledError:
        if not is_stalled or body is None or body.uncancel() > 0:
            raise
        raise StalledError(f"{role.value} stands still: nothing succeeded for {stall_s:g} s") from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    with suppress(InfrastructureError, DBAPIError, TimeoutError):
        async with asyncio.timeout(WRITE_TIMEOUT_S), writing(engine) as connection:
            await leave(connection, role, process_name())


async def _tell(engine: AsyncEngine, role: Role, clock: Clock, pulse: Pulse) -> None:
    while True:
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S), writing(engine) as connection:
                now = monotonic()
                await beat(
                    connection,
                    role=role,
                    process=process_name(),
                    moved_ago_s=now - pulse.moved_at,
                    worked_ago_s=None if pulse.worked_at is None else now - pulse.worked_at,
                    now_s=None if clock.is_virtual else clock.now(),
                )
        except (InfrastructureError, DBAPIError, TimeoutError) as error:
            # That it is not heard is what tells it.
            log.warning("heartbeat not written", role=role.value, error=repr(error))
        await asyncio.sleep(BEAT_S)


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T], instead: T) -> T:
    """The result of the work; ``instead``, and the work cancelled, when told to stop before."""
    task = asyncio.ensure_future(work)
    told = asyncio.ensure_future(stop.wait())
    await asyncio.wait((task, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait((task,))
    return instead
