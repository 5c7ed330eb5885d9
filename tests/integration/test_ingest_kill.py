"""kill -9 between any two steps of a batch, freezes and hand-overs: nothing lost, nothing twice."""

import asyncio
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.transaction import STEPS
from service.settings import Settings
from tests.integration.ingest_world import (
    T0,
    Message,
    account,
    consumed,
    ingesting,
    insert_registry,
    make_settings,
    message,
    reading,
    rows,
    send,
    until,
)

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def process(
    database_url: str, bootstrap: str, settings: Settings, **more: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """An ingest process; killed at the end if it still runs."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CUOFENG_") and name != "PYTHONPATH"
    } | {
        "PYTHONPATH": str(ROOT),
        "CUOFENG_DATABASE_URL": database_url,
        "CUOFENG_KAFKA_BOOTSTRAP": bootstrap,
        "CUOFENG_KAFKA_TOPIC": settings.kafka_topic,
        "CUOFENG_KAFKA_DLQ_TOPIC": settings.kafka_dlq_topic,
        "CUOFENG_KAFKA_GROUP": settings.kafka_group,
        "CUOFENG_SESSION_TIMEOUT_S": str(settings.session_timeout_s),
        "CUOFENG_BATCH_RECORDS": str(settings.batch_records),
        **more,
    }
    with tempfile.TemporaryFile() as output:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.integration.ingest_process",
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield started
        except BaseException:
            output.seek(0)
            print(f"--- process {started.pid}, exit {started.returncode}\n{output.read().decode()}")
            raise
        finally:
            if started.returncode is None:
                started.kill()
            await started.wait()


def messages(count: int, seed: int = 1) -> list[Message]:
    """Readings of four meters over time, some twice, some corrected, some of nobody, some broken."""
    rng = random.Random(seed)
    sent = []
    for i in range(count):
        meters: list[int | str] = [1, 3, 1, 3, "NOBODY"]
        meter = rng.choice(meters)
        body = reading(meter, float(rng.randrange(3)), ts=T0 - 900 * rng.randrange(40), rev=rng.randrange(2))
        text = json.dumps(body)
        sent.append(message(text[: rng.choice([len(text)] * 9 + [30])], partition=i % 4))
    return sent


async def state(engine: AsyncEngine) -> str:
    """Everything that does not say when it was written."""
    queries = (
        "SELECT meter_no, kind, ts, value, q, rev, scale, period_s, coll, had_evidence FROM readings ORDER BY 1, 2, 3",
        "SELECT meter_no, kind, ts, value, q, rev, scale, period_s, coll FROM reading_conflicts"
        " ORDER BY 1, 2, 3, 4, 5, 6, 7, 8",
        "SELECT src_partition, src_offset, code FROM quarantine ORDER BY 1, 2, 3",
    )
    return repr([[tuple(r) for r in await rows(engine, query)] for query in queries])


def is_conserved(found: dict[tuple[str, str], int], sent: int) -> bool:
    return sum(found.values()) == sent


async def test_kill_9_between_any_two_steps(database_url: str, engine: AsyncEngine, broker: str, topic: str) -> None:
    """One process after the other dies at a step; the last one finds everything in order."""
    await insert_registry(engine)
    sent = messages(400)
    await send(broker, topic, sent)
    for count, step in enumerate(STEPS, start=1):
        # A group of its own each time, so that nobody waits for the dead member's session: the cursors are ours.
        settings = make_settings(topic, batch_records=20)
        async with process(database_url, broker, settings, STEP=step, COUNT=str(1 + count % 2)) as victim:
            assert await asyncio.wait_for(victim.wait(), 40) == -signal.SIGKILL, step
    assert 0 < await consumed(engine, topic) < len(sent)
    async with ingesting(database_url, broker, settings):
        await until(lambda: _all(engine, topic, len(sent)))
    survived, found = await state(engine), await account(engine)
    assert is_conserved(found, len(sent))

    await _start_over(engine)
    async with ingesting(database_url, broker, make_settings(topic)):
        await until(lambda: _all(engine, topic, len(sent)))
    assert await state(engine) == survived
    assert is_conserved(await account(engine), len(sent))


async def _all(engine: AsyncEngine, topic: str, count: int) -> bool:
    return await consumed(engine, topic) >= count


async def _start_over(engine: AsyncEngine) -> None:
    from sqlalchemy import text

    async with engine.begin() as connection:
        await connection.execute(
            text("TRUNCATE readings, reading_conflicts, quarantine, dirty_scopes, ingest_account, cursors")
        )


async def test_a_frozen_member_wakes_up_and_is_fenced(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    """SIGSTOP for longer than the session: another member goes on; the zombie does no harm."""
    await insert_registry(engine)
    settings = make_settings(topic, batch_records=20)
    await send(broker, topic, messages(100))
    async with process(database_url, broker, settings) as zombie:
        await until(lambda: _all(engine, topic, 100))
        os.kill(zombie.pid, signal.SIGSTOP)
        await send(broker, topic, messages(100, seed=2))
        async with ingesting(database_url, broker, settings):
            await until(lambda: _all(engine, topic, 200))
            epochs = await rows(engine, "SELECT min(epoch) FROM cursors")
            assert epochs[0][0] >= 2
            os.kill(zombie.pid, signal.SIGCONT)
            await send(broker, topic, messages(100, seed=3))
            await until(lambda: _all(engine, topic, 300))
        assert is_conserved(await account(engine), 300)


async def test_two_members_share_and_hand_over(database_url: str, engine: AsyncEngine, broker: str, topic: str) -> None:
    await insert_registry(engine)
    settings = make_settings(topic, batch_records=20)
    async with process(database_url, broker, settings) as one, process(database_url, broker, settings) as two:
        await until(lambda: _owners(engine, 2))
        await send(broker, topic, messages(200))
        await until(lambda: _all(engine, topic, 200))
        started = monotonic()
        one.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(one.wait(), 10) == 0
        assert monotonic() - started < 10
        await send(broker, topic, messages(200, seed=5))
        await until(lambda: _all(engine, topic, 400))
        assert two.returncode is None
    assert is_conserved(await account(engine), 400)


async def _owners(engine: AsyncEngine, count: int) -> bool:
    return len(await rows(engine, "SELECT DISTINCT owner FROM cursors")) == count
