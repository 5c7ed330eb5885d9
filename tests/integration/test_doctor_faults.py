"""``cuofeng doctor`` names every fault, really made, in words that tell what to do."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from service.cli.findings import Finding, State
from service.cli.operations import examine
from service.clock import SystemClock
from service.settings import Settings
from tests.conftest import BROKER
from tests.integration.ingest_world import until
from tests.integration.test_operations import execute, make_healthy

AWAY = "127.0.0.1:1"


async def doctor(database_url: str, broker: str = AWAY, **more: Any) -> dict[str, Finding]:
    """Findings by check; of several, the worst."""
    settings = Settings(database_url=database_url, kafka_bootstrap=broker, **more)
    found = await examine(settings, SystemClock())
    return {f.check: f for f in sorted(found, key=lambda f: list(State).index(f.state))}


OLD_MARK = (
    "INSERT INTO dirty_scopes (scope_no, first_slot, last_slot, marked_at) VALUES (1, 1, 1, now() - interval '1 h')"
)
HELD = (
    "INSERT INTO quarantine (source, topic, src_partition, src_offset, code, detail, record_ts, held_at, state)"
    " VALUES ('grid', 't', 0, 0, '{code}', '', now(), now() - interval '5 min', '{state}')"
)
KEYS, BEATS = "UPDATE api_keys SET expires_at = now()", "UPDATE heartbeats SET"
RUN, LOG, NEW_KEY = "run: cuofeng consume --role", "read its log", "run: cuofeng keys create"
#: Statements -> check, how bad, what it says, what it tells to do.
FAULTS = [
    ("UPDATE cursors SET stopped_reason = 'poison: x'", "cursors", "fail", "t-0 is stopped: poison", "partition 0"),
    (
        "UPDATE cursors SET committed_at = now() - interval '40 s'",
        "lag",
        "fail",
        "2 records wait in t-0",
        "ingest-stands",
    ),
    ("UPDATE cursors SET watermark = now() - interval '2 h'", "watermark", "fail", "until 72", "consume runs"),
    ("DELETE FROM heartbeats WHERE role = 'ingest'", "ingest", "fail", "no process runs", f"{RUN} ingest"),
    ("DELETE FROM heartbeats WHERE role = 'evaluate'", "evaluate", "fail", "no process runs", f"{RUN} evaluate"),
    (f"{BEATS} beat_at = now() - interval '50 s'", "evaluate", "fail", "host-1 was last heard 5", "start it again"),
    (f"{BEATS} moved_at = now() - interval '50 s'", "ingest", "fail", "none has got anywhere for 5", LOG),
    (f"{BEATS} moved_at = now() - interval '50 s'", "evaluate", "fail", "none has got anywhere for 5", LOG),
    (f"{BEATS} worked_at = now() - interval '1 h'; {OLD_MARK}", "marks", "fail", "has waited for 36", "locks"),
    (f"{BEATS} clock_ahead_s = -120", "clock", "fail", "host-1 is -120.0 s from the database", "NTP"),
    ("UPDATE ticks SET next_slot = next_slot - 8", "judged", "fail", "slots are judged up to", "evaluate-stands.md"),
    ("DROP TABLE readings_{month}", "partitions", "fail", "missing: readings", "run: cuofeng migrate"),
    ("DELETE FROM plants", "registry", "warn", "no plants", "run: cuofeng import"),
    (HELD.format(code="bad_json", state="rejected"), "deadletters", "fail", "1 refused records wait", "DLQ_TOPIC"),
    (HELD.format(code="future_ts", state="held"), "future", "warn", "1 readings lie in the future", "sender's clock"),
    (f"{KEYS} - interval '1 d'", "keys", "fail", "expired: office (city)", NEW_KEY),
    (f"{KEYS} + interval '3 d'", "keys", "warn", "about to expire: office (city)", NEW_KEY),
    ("UPDATE api_keys SET revoked_at = now()", "keys", "warn", "there is no key", NEW_KEY),
    ("UPDATE alembic_version SET version_num = '0001'", "schema", "fail", "database is 0001", "run: cuofeng migrate"),
    ("ALTER DATABASE {database} SET default_transaction_read_only = on", "writes", "fail", "read-only", "primary"),
]


@pytest.mark.parametrize(("statement", "check", "state", "detail", "advice"), FAULTS)
async def test_a_fault_in_the_database(
    engine: AsyncEngine, database_url: str, statement: str, check: str, state: str, detail: str, advice: str
) -> None:
    await make_healthy(engine)
    names = {"database": engine.url.database, "month": f"{await _today(engine):%Y_%m}"}
    for part in statement.format(**names).split(";"):
        await execute(engine, part)
    found = (await doctor(database_url))[check]
    assert found.state == state
    assert detail in found.detail
    assert advice in found.advice


async def _today(engine: AsyncEngine) -> object:
    async with engine.connect() as connection:
        return await connection.scalar(text("SELECT now()"))


@asynccontextmanager
async def administrator(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of the superuser."""
    connection = await asyncpg.connect(postgres_url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_a_role_that_lacks_rights(engine: AsyncEngine, postgres_url: str, database_url: str) -> None:
    """First a part of them, then all."""
    role = f"role_{uuid.uuid4().hex[:8]}"
    url = make_url(database_url).set(username=role, password="x").render_as_string(hide_password=False)
    async with administrator(postgres_url) as outside:
        await outside.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
        try:
            await execute(engine, f"GRANT SELECT ON alembic_version TO {role}")
            found = (await doctor(url))["rights"]
            assert found.state is State.FAIL
            assert found.detail.startswith("this role lacks: ")
            assert "GRANT" in found.advice
            await execute(engine, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
            assert "INSERT on alert_events" in (await doctor(url))["rights"].detail
            await execute(engine, f"GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
            assert (await doctor(url))["rights"].detail.endswith("ownership of readings, ownership of scope_days")
        finally:
            await execute(engine, f"DROP OWNED BY {role}")
            await outside.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize(
    ("change", "detail", "advice"),
    [
        ({"password": "wrong"}, "the password is wrong", "CUOFENG_DATABASE_URL"),
        ({"database": "nowhere"}, "there is no such database", "create it"),
        ({"port": 1}, "not reachable", "whether the server runs"),
    ],
)
async def test_a_door_that_stays_shut(database_url: str, change: dict[str, Any], detail: str, advice: str) -> None:
    url = make_url(database_url).set(**change).render_as_string(hide_password=False)
    found = (await doctor(url))["database"]
    assert (found.state, found.detail.split(":")[0]) == (State.FAIL, detail)
    assert advice in found.advice


async def test_a_role_whose_connections_are_used_up(engine: AsyncEngine, postgres_url: str, database_url: str) -> None:
    """As a server whose connections are used up answers."""
    async with administrator(postgres_url) as outside:
        await outside.execute(f"ALTER DATABASE {engine.url.database} CONNECTION LIMIT 0")
        role = f"role_{uuid.uuid4().hex[:8]}"
        await outside.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
        try:
            url = make_url(database_url).set(username=role, password="x").render_as_string(hide_password=False)
            found = (await doctor(url))["database"]
        finally:
            await outside.execute(f"DROP ROLE {role}")
    assert (found.state, found.detail) == (State.FAIL, "every connection is used")
    assert "max_connections" in found.advice


async def test_sessions_that_run_out(engine: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cli.doctor.SESSIONS_FULL", 0.005)
    await make_healthy(engine)
    found = (await doctor(database_url))["sessions"]
    assert found.state is State.FAIL
    assert "connections are used" in found.detail


async def test_a_session_that_sits_on_its_locks(
    engine: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, alone and while others wait for it; the tables that it holds are told."""
    monkeypatch.setattr("service.db.diagnosis.HOLD_BAR_S", 0.2)
    monkeypatch.setattr("service.cli.operations.ENGINE_TIMEOUT_S", 0.5)
    await make_healthy(engine)
    async with engine.connect() as holder:
        pid = await holder.scalar(text("SELECT pg_backend_pid()"))
        await holder.execute(text("UPDATE cursors SET owner = 'x'"))
        await asyncio.sleep(0.3)
        alone = (await doctor(database_url))["locks"]
        assert (alone.state, f"session {pid} " in alone.detail) == (State.WARN, True)
        await holder.execute(text("LOCK TABLE cursors IN ACCESS EXCLUSIVE MODE"))
        async with engine.connect() as other:
            waiter = asyncio.create_task(other.execute(text("SELECT * FROM cursors")))
            await asyncio.sleep(0.3)
            found = await doctor(database_url)
            assert found["locks"].state is State.FAIL
            assert "1 sessions wait for it" in found["locks"].detail
            assert f"pg_terminate_backend({pid})" in found["locks"].advice
            assert (found["schema"].state, "cannot be read" in found["schema"].detail) == (State.FAIL, True)
            await holder.rollback()
            await waiter


@pytest.mark.kafka
async def test_what_the_broker_tells(engine: AsyncEngine, database_url: str, broker: str, topic: str) -> None:
    """A topic that is not there, one that ends before its cursor, one that forgets, a group that nobody is in."""
    await make_healthy(engine, topic)
    settings = {"kafka_topic": topic, "kafka_dlq_topic": f"{topic}.dlq", "kafka_group": f"group-of-{topic}"}
    await execute(engine, "UPDATE cursors SET next_offset = 7")
    await execute(
        engine,
        "INSERT INTO cursors (topic, part, next_offset, watermark) SELECT topic, 9, 0, watermark FROM cursors",
    )
    found = await doctor(database_url, broker, **settings)
    assert found["topic"].state is State.FAIL
    assert "partition 9 has a cursor but is not there" in found["topic"].detail
    assert "partition 0 ends at 0, behind its cursor 7" in found["topic"].detail
    assert "partition-stopped.md" in found["topic"].advice
    assert (found["group"].state, "no members" in found["group"].detail) == (State.FAIL, True)
    assert (found["deadtopic"].state, f"{topic}.dlq" in found["deadtopic"].detail) == (State.WARN, True)
    missing = await doctor(database_url, broker, kafka_topic=f"not-{topic}")
    assert (missing["topic"].state, "CUOFENG_KAFKA_TOPIC" in missing["topic"].advice) == (State.FAIL, True)
    assert (await doctor(database_url, AWAY))["broker"].state is State.FAIL


async def _is_there(admin: AIOKafkaAdminClient, topic: str) -> bool:
    return topic in await admin.list_topics()


@pytest.mark.kafka
async def test_a_topic_that_forgets_before_an_outage_is_over(
    engine: AsyncEngine, database_url: str, broker: str, topic: str
) -> None:
    forgetful = f"{topic}-forgetful"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        configs = {"retention.ms": "7200000"}
        await admin.create_topics(
            [NewTopic(name=forgetful, num_partitions=1, replication_factor=1, topic_configs=configs)]
        )
        await until(lambda: _is_there(admin, forgetful))
    finally:
        await admin.close()
    found = (await doctor(database_url, broker, kafka_topic=forgetful))["retention"]
    if BROKER == "apache":
        assert (found.state, found.detail) == (
            State.FAIL,
            f"{forgetful} keeps its records for 2.0 h only: a longer outage loses readings",
        )
        assert "retention.ms" in found.advice
    else:
        assert found.detail == "the broker does not tell"
