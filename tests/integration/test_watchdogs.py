"""A consuming process that stands still tells so, and ends; one that cannot help it waits."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from consumers.evaluate import Evaluator
from consumers.evaluate import run as evaluate
from consumers.ports import FatalFeedError
from consumers.process import run as ingest
from consumers.pulse import StalledError, beating
from detectors.errors import InfrastructureError
from service.clock import SystemClock, VirtualClock
from service.db.engine import make_engine
from service.db.health import Fault, read_health
from service.db.heartbeats import Role, read_heartbeats
from tests.integration.ingest_world import NOW, consumed, insert_registry, make_settings, message, reading, send, until
from tests.integration.tcp_proxy import kafka_proxied
from tests.integration.test_ingest_command import ROOT
from tests.integration.world import SETTINGS

STALL_S = 1.5


@asynccontextmanager
async def holding(engine: AsyncEngine, statement: str) -> AsyncIterator[AsyncConnection]:
    """A foreign session that has taken locks and sits on them."""
    async with engine.connect() as connection:
        await connection.execute(text(statement))
        yield connection
        await connection.rollback()


async def heartbeats(engine: AsyncEngine) -> dict[str, float]:
    """Role -> seconds since it moved."""
    async with engine.connect() as connection:
        return {h.role.value: h.moved_ago_s for h in await read_heartbeats(connection)}


async def test_an_evaluator_is_heard_while_it_lives_and_missed_when_it_ended_in_order(engine: AsyncEngine) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(evaluate(engine, SETTINGS, SystemClock(), stop))
    await until(lambda: heartbeats(engine))
    async with engine.connect() as connection:
        (beat,) = await read_heartbeats(connection)
        health = await read_health(connection, SETTINGS.slot_s)
    assert beat.role is Role.EVALUATE
    assert beat.clock_ahead_s is not None
    assert abs(beat.clock_ahead_s) < 1
    assert Fault.EVALUATE_SILENT not in health.faults(SystemClock().now(), SETTINGS.slot_s)
    stop.set()
    await asyncio.wait_for(task, 10)
    assert await heartbeats(engine) == {}


async def test_a_pass_that_takes_for_ever_ends_the_process(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def step(_: Evaluator) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(Evaluator, "step", step)
    begun = monotonic()
    with pytest.raises(StalledError, match="evaluate stands still"):
        await asyncio.wait_for(evaluate(engine, SETTINGS, VirtualClock(NOW), asyncio.Event(), stall_s=0.5), 10)
    assert monotonic() - begun >= 0.5


async def test_its_process_ends_with_1_and_says_why(database_url: str) -> None:
    program = (
        "import asyncio, sys; from consumers import evaluate; from service.cli import main;"
        "evaluate.run.__kwdefaults__['stall_s'] = 0.5; evaluate.Evaluator.step = lambda _: asyncio.sleep(60);"
        "sys.argv[1:] = ['consume', '--role', 'evaluate']; main()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stderr=asyncio.subprocess.PIPE,
        env={"CUOFENG_DATABASE_URL": database_url, "CUOFENG_KAFKA_BOOTSTRAP": "127.0.0.1:1"},
    )  # fmt: skip
    _, error = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert error.decode().splitlines()[-1] == "cuofeng: evaluate stands still: nothing succeeded for 0.5 s"


async def test_passes_that_lose_every_contest_end_the_process(engine: AsyncEngine) -> None:
    """The database answers, but a lock is never let go."""
    async with holding(engine, "LOCK TABLE registry_state IN ACCESS EXCLUSIVE MODE"):
        with pytest.raises(StalledError):
            await asyncio.wait_for(evaluate(engine, SETTINGS, VirtualClock(NOW), asyncio.Event(), stall_s=0.5), 10)


async def test_a_database_that_is_away_is_waited_for(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new process would stand there too."""

    async def step(_: Evaluator) -> None:
        raise InfrastructureError("the database is away")

    monkeypatch.setattr(Evaluator, "step", step)
    monkeypatch.setattr("consumers.evaluate.RETRY_S", 0.05)
    stop = asyncio.Event()
    task = asyncio.create_task(evaluate(engine, SETTINGS, VirtualClock(NOW), stop, stall_s=0.5))
    await asyncio.sleep(1.5)
    assert not task.done()
    stop.set()
    await asyncio.wait_for(task, 10)


async def test_a_database_that_takes_no_writes_hears_nobody(database_url: str, engine: AsyncEngine) -> None:
    """Its disk is full, or it is a standby: the work goes on as far as it can, and the process is missed."""
    async with engine.begin() as connection:
        name = engine.url.database
        await connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    refused = make_engine(database_url, name="refused", pool_size=1)
    try:
        async with beating(refused, Role.EVALUATE, SystemClock(), stall_s=60):
            await asyncio.sleep(0.5)
            async with refused.connect() as connection:
                health = await read_health(connection, SETTINGS.slot_s)
        assert Fault.EVALUATE_SILENT in health.faults(SystemClock().now(), SETTINGS.slot_s)
    finally:
        await refused.dispose()


async def test_a_cancelled_body_stays_cancelled(engine: AsyncEngine) -> None:
    """A cancellation from outside is no standstill."""

    async def body() -> None:
        async with beating(engine, Role.EVALUATE, VirtualClock(NOW), stall_s=60):
            await asyncio.sleep(3600)

    task = asyncio.create_task(body())
    await until(lambda: heartbeats(engine))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def start_ingest(
    database_url: str, bootstrap: str, topic: str, engine: AsyncEngine
) -> "tuple[asyncio.Task[None], asyncio.Event]":
    """Ingest that has read one message."""
    await insert_registry(engine)
    await send(bootstrap, topic, [message(reading(1))])
    stop = asyncio.Event()
    own = make_engine(database_url, name="test-ingest")

    async def run() -> None:
        try:
            settings = make_settings(topic)
            await ingest(own, settings, VirtualClock(NOW), stop, bootstrap=bootstrap, stall_s=STALL_S)
        finally:
            await own.dispose()

    task = asyncio.create_task(run())

    async def read() -> bool:
        assert not task.done(), task.result()
        return await consumed(engine, topic) >= 1

    await until(read)
    return task, stop


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("statement", "error", "said"),
    [
        # The commit hangs on its first statement.
        ("SELECT * FROM cursors FOR UPDATE", (FatalFeedError, StalledError), "stands"),
        # The commit gets through its first statement and hangs in the middle.
        ("LOCK TABLE readings IN ACCESS EXCLUSIVE MODE", (FatalFeedError, StalledError), "stands"),
        # No batch is held up, but the look at the registry is: how far the stream goes is not told any more.
        ("LOCK TABLE registry_state IN ACCESS EXCLUSIVE MODE", (FatalFeedError, StalledError), "stands"),
    ],
)
async def test_a_database_that_answers_but_blocks_ends_ingest(
    database_url: str, engine: AsyncEngine, broker: str, topic: str, statement: str, error: tuple[type], said: str
) -> None:
    task, _ = await start_ingest(database_url, broker, topic, engine)
    async with holding(engine, statement):
        await send(broker, topic, [message(reading(2))])
        with pytest.raises(error, match=said):
            await asyncio.wait_for(task, 20)
    assert await consumed(engine, topic) == 1


@pytest.mark.kafka
async def test_a_broker_that_is_away_is_waited_for(
    database_url: str, engine: AsyncEngine, broker: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was sent meanwhile is read when it is back."""
    monkeypatch.setattr("consumers.kafka.BOUNDS_TIMEOUT_S", 0.3)
    monkeypatch.setattr("consumers.kafka.HINT_TIMEOUT_S", 0.3)
    async with kafka_proxied(broker) as proxy:
        task, stop = await start_ingest(database_url, f"127.0.0.1:{proxy.port}", topic, engine)
        proxy.cut()
        await send(broker, topic, [message(reading(2))])
        await asyncio.sleep(3 * STALL_S)
        assert not task.done()
        proxy.restore()

        async def read() -> bool:
            return await consumed(engine, topic) >= 2

        await until(read)
        stop.set()
        await asyncio.wait_for(task, 20)
