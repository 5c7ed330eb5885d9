"""`/readyz` on real processes: killed, frozen, cut off, blocked. Bars are shortened, everything else is as it is."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from service.api import create_app
from service.clock import SystemClock
from service.db.engine import make_engine
from service.settings import Settings
from tests.integration.ingest_world import insert_registry
from tests.integration.tcp_proxy import kafka_proxied, proxied
from tests.integration.test_ingest_command import ROOT

BAR_S = 4.0
#: A fault is told within its bar and a little, as 25 s and a little in the service.
TOLD_S = BAR_S + 2.5
PROGRAM = (
    "import consumers.pulse as p, consumers.kafka as k; from consumers import __main__;"
    "p.BEAT_S = 0.5; k.BOUNDS_TIMEOUT_S = k.HINT_TIMEOUT_S = 1.0; __main__.main(['{role}'])"
)
AWAY = "127.0.0.1:1"
#: Many slots end meanwhile; nobody can be late with them where no order and no reading is.
SLOT_S = 60


@asynccontextmanager
async def consumer(role: str, database_url: str, broker: str, topic: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A consuming process that beats quickly; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM.format(role=role), cwd=ROOT, stderr=asyncio.subprocess.DEVNULL,
        env={
            "PATH": os.environ["PATH"],
            "CUOFENG_DATABASE_URL": database_url,
            "CUOFENG_KAFKA_BOOTSTRAP": broker,
            "CUOFENG_KAFKA_TOPIC": topic,
            "CUOFENG_KAFKA_GROUP": f"group-of-{topic}",
            "CUOFENG_SESSION_TIMEOUT_S": "6",
            "CUOFENG_SLOT_S": str(SLOT_S),
        },
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Probe:
    """Asks `/readyz` as a supervisor does."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def faults(self) -> set[str]:
        """What stands still."""
        answer = await self._client.get("/readyz")
        return set() if answer.status_code == 200 else set(answer.json()["faults"])

    async def until(self, *faults: str, within_s: float) -> None:
        """Wait until exactly these are told."""
        begun, seen = monotonic(), await self.faults()
        while seen != set(faults):
            assert monotonic() - begun < within_s, seen
            await asyncio.sleep(0.1)
            seen = await self.faults()


@pytest.mark.faults
@pytest.mark.kafka
async def test_every_fault_of_a_process_is_told_in_time_and_so_is_its_end(
    database_url: str, engine: AsyncEngine, broker: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.db.health.STALL_BAR_S", BAR_S)
    monkeypatch.setattr("service.api.routes.health.READY_TIMEOUT_S", 1.0)
    await insert_registry(engine)
    url = make_url(database_url)
    async with (
        kafka_proxied(broker) as kafka,
        proxied(url.host or "", url.port or 0) as postgres,
    ):
        own = make_engine(url.set(port=postgres.port).render_as_string(hide_password=False), name="serve", pool_size=4)
        app = create_app(Settings(slot_s=SLOT_S), own, SystemClock())
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://service", timeout=30) as client,
        ):
            probe = Probe(client)
            assert await probe.faults() == {"never_read", "evaluate_silent", "judged_late"}
            bootstrap = f"127.0.0.1:{kafka.port}"
            async with consumer("ingest", database_url, bootstrap, topic) as ingest:
                async with consumer("evaluate", database_url, AWAY, topic) as evaluate:
                    await probe.until(within_s=40)
                    # Frozen, and thawed.
                    for process, fault in ((ingest, "ingest_late"), (evaluate, "evaluate_silent")):
                        process.send_signal(signal.SIGSTOP)
                        await probe.until(fault, within_s=TOLD_S)
                        process.send_signal(signal.SIGCONT)
                        await probe.until(within_s=40)
                    # The broker away, and back.
                    kafka.cut()
                    await probe.until("ingest_late", within_s=TOLD_S)
                    kafka.restore()
                    await probe.until(within_s=40)
                    # The database away from the service alone, and back.
                    postgres.cut()
                    await probe.until("database_away", within_s=TOLD_S)
                    postgres.restore()
                    await probe.until(within_s=40)
                    # It hangs: connections stay, nothing comes.
                    postgres.hold()
                    await probe.until("database_away", within_s=TOLD_S)
                    postgres.release()
                    await probe.until(within_s=40)
                    # A lock that holds everybody up.
                    async with engine.connect() as holder:
                        await holder.execute(text("LOCK TABLE registry_state IN ACCESS EXCLUSIVE MODE"))
                        await probe.until("ingest_late", "evaluate_stalled", within_s=TOLD_S)
                        await holder.rollback()
                    await probe.until(within_s=40)
                    evaluate.kill()
                    await probe.until("evaluate_silent", within_s=TOLD_S)
                ingest.kill()
                await probe.until("evaluate_silent", "ingest_late", within_s=TOLD_S)
        await own.dispose()
