"""The demo, standing still at one time of its story: its API stays up for whoever wants to look."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.sources import ROOT

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
#: How the demo says that it was stopped before the end of its story.
STOPPED = 130
SAID = {
    "address": re.compile(r"page +(http://[\w.:]+)/#key="),
    "city": re.compile(r"city +(cuo_\S+)"),
    "metrics": re.compile(r"metrics +(cuo_\S+)"),
}


@dataclass(frozen=True, slots=True)
class StandingDemo:
    """A demo whose API is up. ``city``, ``metrics``: keys of these roles."""

    process: asyncio.subprocess.Process
    address: str
    city: str
    metrics: str

    async def stands(self) -> None:
        """Return when the story has come to the time at which it stands."""
        assert self.process.stdout is not None
        said = b""
        while "the story stands at" not in said.decode():
            said = await self.process.stdout.readline()
            assert said, "the demo ended before it stood"


def complaints(log: Path) -> str:
    """What it wrote on standard error."""
    return log.read_text(encoding="utf-8", errors="replace")


@asynccontextmanager
async def standing_demo(until: str, log: Path) -> AsyncIterator[StandingDemo]:
    """Start it as a person does, on servers of its own unless others are configured; stop it by its process id.

    log: where its complaints go.
    """
    with log.open("wb") as told:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from service.cli import main; main()", "demo", "--until", until, "--port", "0",
            cwd=ROOT, env=dict(os.environ), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=told,
        )  # fmt: skip
        try:
            found = await _introduction(process, log)
            yield StandingDemo(process, found["address"], found["city"], found["metrics"])
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.communicate()
            assert process.returncode == STOPPED, complaints(log)
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.communicate(), STOP_TIMEOUT_S)
                except TimeoutError:
                    process.kill()
                    await process.communicate()


async def _introduction(process: asyncio.subprocess.Process, log: Path) -> dict[str, str]:
    """What it says of itself first: where it is, and who may look."""
    assert process.stdout is not None
    found: dict[str, str] = {}
    async with asyncio.timeout(START_TIMEOUT_S):
        while len(found) < len(SAID):
            said = (await process.stdout.readline()).decode()
            assert said, complaints(log)
            found |= {name: match[1] for name, pattern in SAID.items() if (match := pattern.search(said))}
    return found
