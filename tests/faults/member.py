"""A process of the service as the faults see it: started, killed, frozen, watched; with proxies of its own before the
database and the broker, so that every connection tells whose it is."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic

from service.embedded.process import free_port
from tests.faults import child
from tests.faults.clock_file import ClockFile
from tests.integration.tcp_proxy import Proxy

STOP_S = 12.0
LOOK_S = 0.01
LOG_TAIL = 6000
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([child.__name__])


@dataclass(frozen=True, slots=True)
class Use:
    """What a process holds. rss: bytes; descriptors; sessions: connections to the database."""

    rss: int
    descriptors: int
    sessions: int


@dataclass(slots=True, eq=False)
class Member:
    """One process. ``ends``: how its incarnations ended, signals negative."""

    name: str
    role: str
    database: Proxy
    broker: Proxy
    clock: ClockFile
    environment: Mapping[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    ends: list[int] = field(default_factory=list)
    wanted: bool = False
    process: BaseProcess | None = None

    @property
    def pid(self) -> int:
        """Process id of the latest incarnation."""
        if self.process is None or self.process.pid is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process is not None and self.process.exitcode is None

    async def start(self, **more: str) -> None:
        """Start an incarnation; ``more``: additions to its environment."""
        self.wanted = True
        environment = {**self.environment, "CUOFENG_PORT": str(self.port), **more}
        self.process = FORKS.Process(target=child.run, args=(self.role, environment, str(self.log)), name=self.name)
        await asyncio.to_thread(self.process.start)

    async def ended(self, timeout_s: float = 40.0) -> int:
        """Wait for the end of the incarnation; its exit code, negative for a signal. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self.is_running:  # noqa: ASYNC110 - a process tells no event
                await asyncio.sleep(LOOK_S)
        assert self.process is not None
        assert self.process.exitcode is not None
        self.ends.append(self.process.exitcode)
        return self.process.exitcode

    async def kill(self) -> int:
        """kill -9; the exit code that was seen."""
        self.wanted = False
        self.signal(signal.SIGKILL)
        return await self.ended()

    async def stop(self) -> tuple[int, float]:
        """SIGTERM; exit code and how long it took."""
        self.wanted = False
        began = monotonic()
        self.signal(signal.SIGTERM)
        return await self.ended(STOP_S), monotonic() - began

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing if it has ended."""
        if self.is_running:
            os.kill(self.pid, number)

    def state(self) -> str:
        """The kernel's letter: R, S, D; T = stopped."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def use(self) -> Use:
        """What it holds now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        rss_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
        return Use(rss_kb * 1024, len(os.listdir(f"/proc/{self.pid}/fd")), self.database.connections)

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_bytes()[-LOG_TAIL:].decode(errors="replace") if self.log.exists() else ""

    async def close(self) -> None:
        """End it and its proxies."""
        self.wanted = False
        if self.is_running:
            self.signal(signal.SIGKILL)
            await self.ended()
        await self.database.stop()
        await self.broker.stop()
        self.clock.close()
