"""The processes of the service, started, killed and asked to leave as an operator and bad luck do it."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.processes import Process, cpu_s

COMMAND = [sys.executable, "-c", "from service.cli import main; main()"]
#: A process that is told to leave does so within this (RELIABILITY §6.12).
LEAVE_S = 10.0
LOOK_S = 0.05
LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Use:
    """What a process holds: MiB resident, open descriptors; cpu_s: used so far."""

    rss_mib: float
    descriptors: int
    cpu_s: float


@dataclass(slots=True)
class Staff:
    """Processes by name: the words behind ``cuofeng`` that each was started with."""

    settings: Mapping[str, str]
    running: dict[str, Process] = field(default_factory=dict)
    _words: dict[str, list[str]] = field(default_factory=dict)

    def start(self, name: str, *words: str) -> None:
        """Start a process, or one that was ended again."""
        words = words or tuple(self._words[name])
        self._words[name] = list(words)
        process = Process(name, [*COMMAND, *words], self.settings)
        process.start()
        self.running[name] = process

    async def kill(self, name: str) -> None:
        """kill -9."""
        process = self.running.pop(name)
        os.kill(process.pid, signal.SIGKILL)
        async with asyncio.timeout(LEAVE_S):
            while process.is_running:  # noqa: ASYNC110 - what is waited for is another process
                await asyncio.sleep(LOOK_S)
        process.stop()

    async def leave(self, name: str) -> None:
        """SIGTERM. Raises RuntimeError when it does not end with 0 in time."""
        process = self.running.pop(name)
        os.kill(process.pid, signal.SIGTERM)
        await asyncio.to_thread(process.finish, LEAVE_S)
        process.stop()

    async def command(self, *words: str, within_s: float = LIMIT_S) -> str:
        """Run a command to its end; what it printed. Raises RuntimeError when it fails."""
        process = Process(words[0], [*COMMAND, *words], self.settings)
        try:
            process.start()
            return await asyncio.to_thread(process.finish, within_s)
        finally:
            process.stop()

    def must_run(self) -> None:
        """Raises RuntimeError with its log when a process has ended by itself."""
        for process in self.running.values():
            process.must_run()

    def uses(self) -> dict[str, Use]:
        """What each process holds now. Raises RuntimeError with its log when one has ended by itself."""
        found = {}
        for name, process in self.running.items():
            try:
                found[name] = _use(process.pid)
            except OSError:  # gone, maybe just now
                process.must_run()
                raise
        return found

    def stop(self) -> None:
        """End all that run."""
        while self.running:
            self.running.popitem()[1].stop()


def _use(pid: int) -> Use:
    resident = 0
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            resident = int(line.split()[1])
    return Use(resident / 1024, len(os.listdir(f"/proc/{pid}/fd")), cpu_s([pid]))
