"""``cuofeng consume --role ingest`` as a process: takes readings in, shows its counters, ends well on SIGTERM."""

import asyncio
import os
import signal
import socket
import sys
import urllib.request
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from service.embedded.process import free_port
from tests.integration.ingest_world import account, consumed, insert_registry, message, reading, send, until

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).resolve().parents[2]
THREAD_HEAP = 64 << 20


async def start(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    """The command line in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CUOFENG_", "MALLOC_"))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from service.cli import main; main()",
        *arguments,
        cwd=ROOT,
        env=clean | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_consume_takes_in_and_ends_well(database_url: str, engine: AsyncEngine, broker: str, topic: str) -> None:
    await insert_registry(engine)
    port = free_port()
    started = await start(
        *("consume", "--role", "ingest", "--metrics-port", str(port)),
        CUOFENG_DATABASE_URL=database_url,
        CUOFENG_KAFKA_BOOTSTRAP=broker,
        CUOFENG_KAFKA_TOPIC=topic,
        CUOFENG_KAFKA_GROUP=f"group-of-{topic}",
    )
    try:
        await send(broker, topic, [message(reading(1)), message(reading(3)), message(b"{")])

        async def done() -> bool:
            assert started.returncode is None, (await started.communicate())[1].decode()
            return await consumed(engine, topic) >= 3

        await until(done)
        metrics = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/metrics")
        assert 'cuofeng_ingest_rows_total{outcome="accepted"} 2.0' in metrics
        assert 'cuofeng_ingest_quarantined_rows_total{code="bad_json"} 1.0' in metrics
        assert heaps_of_threads(started.pid) == 0
        before = monotonic()
        started.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(started.wait(), 10) == 0
        assert monotonic() - before < 10
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()
    assert await account(engine) == {("accepted", ""): 2, ("rejected", "bad_json"): 1}


def heaps_of_threads(pid: int) -> int:
    """Heaps beside that of the process: glibc reserves 64 MiB for each, at a multiple of them, and opens its beginning.

    Four without ``share_one_heap``.
    """
    ranges = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        addresses, rights = line.split()[:2]
        begin, end = (int(address, 16) for address in addresses.split("-"))
        ranges.append((begin, end, rights))
    return sum(
        begin % THREAD_HEAP == 0 and (rights, rest) == ("rw-p", (end, begin + THREAD_HEAP, "---p"))
        for (begin, end, rights), rest in pairwise(ranges)
    )


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("consume", "--role", "ingest"), "CUOFENG_DATABASE_URL is not set"),
        (("consume", "--from-offset", "3"), "--from-offset goes with --resume-partition"),
        (("consume", "--role", "cook"), "Invalid value"),
        (("consume", "--metrics-port", "70000"), "less than or equal to"),
        (("statement", "--source", "x", "--date", "today"), "not a date"),
    ],
)
async def test_bad_usage_says_so(arguments: tuple[str, ...], said: str) -> None:
    started = await start(*arguments)
    _, error = await asyncio.wait_for(started.communicate(), 20)
    assert started.returncode == 2
    assert said in error.decode()


async def test_a_taken_metrics_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        started = await start(
            *("consume", "--metrics-port", port),
            CUOFENG_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
            CUOFENG_KAFKA_BOOTSTRAP="127.0.0.1:1",
        )
        _, error = await asyncio.wait_for(started.communicate(), 20)
    assert started.returncode == 2
    assert f"--metrics-port: cannot serve on port {port}: Address already in use" in error.decode()
