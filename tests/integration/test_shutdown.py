"""SIGTERM ends every process in order within 10 s, whatever it is at; what cannot end in order ends all the same."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.embedded.process import free_port
from tests.integration.ingest_world import T0, account, consumed, insert_registry, message, reading, rows, send, until
from tests.integration.test_ingest_command import ROOT, start
from tests.integration.world import add_alert, build_world

LONG_POLLS = 50
#: The bound of RELIABILITY §6.12.
END_S = 10.0


async def ended(process: asyncio.subprocess.Process, number: int = signal.SIGTERM) -> int:
    """Exit code after the signal; fails when the end takes longer than it may."""
    begun = monotonic()
    process.send_signal(number)
    code = await asyncio.wait_for(process.wait(), END_S + 5)
    assert monotonic() - begun <= END_S
    return code


@asynccontextmanager
async def running(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command line in a process; killed at the end if it still runs, its output shown when the test fails."""
    process = await start(*arguments, **environment)
    try:
        yield process
    except BaseException:
        if process.returncode is None:
            process.kill()
        print((await process.communicate())[1].decode())
        raise
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_fifty_long_polls_are_answered_and_serve_ends_well(engine: AsyncEngine, database_url: str) -> None:
    world = await build_world(engine)
    await add_alert(engine, "P1")
    port = free_port()
    async with running("serve", "--port", str(port), CUOFENG_DATABASE_URL=database_url) as process:
        address = f"http://127.0.0.1:{port}"
        limits = httpx2.Limits(max_connections=LONG_POLLS)
        async with httpx2.AsyncClient(base_url=address, timeout=60, limits=limits) as client:

            async def poll(after: str, wait: int) -> httpx2.Response:
                return await client.get(
                    "/v1/alert-events", params={"after": after, "wait": wait} if after else {},
                    headers=world.bearer("city"),
                )  # fmt: skip

            async def answers() -> bool:
                try:
                    return (await client.get("/livez")).status_code == 200
                except httpx2.TransportError:
                    return False

            await until(answers)
            first = (await poll("", 0)).json()
            assert len(first["events"]) == 1
            polls = [asyncio.create_task(poll(first["next"], 30)) for _ in range(LONG_POLLS)]
            await asyncio.sleep(1.5)
            assert not any(task.done() for task in polls)
            assert await ended(process) == 0
            for page in [(await task).json() for task in polls]:
                assert (page["events"], page["next"], page["head_seq"]) == ([], first["next"], 1)


@pytest.mark.faults
async def test_serve_ends_while_the_database_blocks(engine: AsyncEngine, database_url: str) -> None:
    """A poll that cannot be answered is let go; its reader goes on from its cursor."""
    world = await build_world(engine)
    port = free_port()
    async with (
        running("serve", "--port", str(port), CUOFENG_DATABASE_URL=database_url) as process,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):

        async def answers() -> bool:
            try:
                return (await client.get("/livez")).status_code == 200
            except httpx2.TransportError:
                return False

        await until(answers)
        async with engine.connect() as holder:
            await holder.execute(text("LOCK TABLE cursors IN ACCESS EXCLUSIVE MODE"))
            stuck = asyncio.create_task(client.get("/v1/alert-events", headers=world.bearer("city")))
            await asyncio.sleep(1)
            assert await ended(process) == 0
            await asyncio.wait([stuck])
            stuck.exception()
            await holder.rollback()


@pytest.mark.faults
@pytest.mark.kafka
async def test_consume_ends_well_with_batches_in_work_and_nothing_is_lost(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    """Told to stop in the middle of it; another process reads the rest."""
    await insert_registry(engine)
    count = 800
    sent = [message(reading(1 + i % 4, ts=T0 - 900 * (i // 4)), partition=i % 4) for i in range(count)]
    await send(broker, topic, sent)
    environment = {
        "CUOFENG_DATABASE_URL": database_url,
        "CUOFENG_KAFKA_BOOTSTRAP": broker,
        "CUOFENG_KAFKA_TOPIC": topic,
        "CUOFENG_KAFKA_GROUP": f"group-of-{topic}",
        "CUOFENG_BATCH_RECORDS": "20",
    }

    async def some() -> bool:
        return await consumed(engine, topic) >= 100

    async def all_of_it() -> bool:
        return await consumed(engine, topic) >= count

    async with running("consume", **environment) as process:
        await until(some)
        assert await ended(process) == 0
    before = await consumed(engine, topic)
    # Of another group: the database tells where to go on, and the embedded broker is slow to give partitions back.
    other = {**environment, "CUOFENG_KAFKA_GROUP": f"second-group-of-{topic}"}
    async with running("consume", "--role", "ingest", **other) as process:
        await until(all_of_it)
        assert await ended(process, signal.SIGINT) == 0
    assert before < count
    assert await account(engine) == {("accepted", ""): count}
    assert (await rows(engine, "SELECT count(*) FROM readings"))[0][0] == count
    assert await rows(engine, "SELECT * FROM heartbeats") == []


@pytest.mark.faults
@pytest.mark.kafka
async def test_consume_ends_while_the_database_blocks(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    """A batch and a pass that hang are left where they are."""
    await insert_registry(engine)
    environment = {
        "CUOFENG_DATABASE_URL": database_url,
        "CUOFENG_KAFKA_BOOTSTRAP": broker,
        "CUOFENG_KAFKA_TOPIC": topic,
        "CUOFENG_KAFKA_GROUP": f"group-of-{topic}",
    }

    async def heard() -> bool:
        return len(await rows(engine, "SELECT * FROM cursors WHERE watermark IS NOT NULL")) == 4

    async with running("consume", **environment) as process:
        await until(heard)
        async with engine.connect() as holder:
            await holder.execute(text("LOCK TABLE readings, registry_state IN ACCESS EXCLUSIVE MODE"))
            await send(broker, topic, [message(reading(1))])
            await asyncio.sleep(1)
            assert await ended(process) == 0
            await holder.rollback()
    assert await account(engine) == {}


async def test_a_blocked_event_loop_ends_the_process(database_url: str) -> None:
    """No task of the loop could tell it: a thread does, with the stack of what blocks."""
    program = (
        "import time; from consumers import __main__, evaluate, roles; roles.LOOP_BAR_S = 1.0;"
        "evaluate.Evaluator.step = lambda _: time.sleep(60); __main__.main(['evaluate'])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stderr=asyncio.subprocess.PIPE,
        env={"CUOFENG_DATABASE_URL": database_url, "CUOFENG_KAFKA_BOOTSTRAP": "127.0.0.1:1"},
    )  # fmt: skip
    _, error = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert b"Timeout (0:00:01)!" in error
    assert b"in _evaluate" in error
