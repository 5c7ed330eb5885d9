"""``config show`` and ``doctor`` on a real database and broker: every finding can be good, and can be bad."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import typer
from aiokafka import AIOKafkaConsumer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from consumers.kafka import Producer
from service.cli import commands
from service.cli.doctor import ANNOUNCED_YEAR, judge_database
from service.cli.findings import Finding, State
from service.cli.operations import examine
from service.clock import VirtualClock
from service.db.diagnosis import diagnose
from service.db.heartbeats import Role, beat
from service.db.keys import AccessRole, create_key
from service.db.migrate import newest_revision
from service.db.partitions import ensure_partitions
from service.embedded.process import free_port
from service.settings import Settings

SECRET = "correct-horse-battery"
SLOT_S = 900
#: Every question that is asked of a healthy system.
CHECKS = {
    *("database", "sessions", "clock", "writes", "schema", "rights", "partitions", "registry", "ingest", "evaluate"),
    *("cursors", "lag", "watermark", "judged", "quarantine", "deadletters", "keys", "calendar"),
    *("broker", "topic", "retention", "group"),
}


def invoke(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and output of a command under these settings."""
    app = typer.Typer()
    commands.register(app)
    result = CliRunner().invoke(app, list(arguments), env=environment)
    return result.exit_code, result.output


async def database_now(engine: AsyncEngine) -> datetime:
    """The database's clock."""
    async with engine.connect() as connection:
        now = await connection.scalar(text("SELECT clock_timestamp()"))
    assert isinstance(now, datetime)
    return now


async def findings(engine: AsyncEngine, *, ahead_s: float = 0.0, cap: int = 100) -> dict[str, Finding]:
    """Findings by check, as of the database's clock plus ``ahead_s``."""
    now_s = (await database_now(engine)).timestamp() + ahead_s
    diagnosis = await diagnose(engine, now_s=now_s, newest=newest_revision(), slot_s=SLOT_S)
    found = judge_database(diagnosis, now_s=now_s, newest=newest_revision(), slot_s=SLOT_S, quarantine_cap=cap)
    return {finding.check: finding for finding in found}


async def execute(engine: AsyncEngine, statement: str, **parameters: object) -> None:
    """Run and commit one statement."""
    async with engine.begin() as connection:
        await connection.execute(text(statement), parameters)


async def make_healthy(engine: AsyncEngine, topic: str = "t") -> None:
    """Partitions ahead, a plant, a key, a cursor at the end of its partition, processes that work."""
    now = await database_now(engine)
    async with engine.begin() as connection:
        await ensure_partitions(connection, now.date(), now.date() + timedelta(days=62))
        await connection.execute(text("INSERT INTO plants (plant_id, name, county) VALUES ('p', '厂', '410184')"))
        await connection.execute(
            text(
                "INSERT INTO cursors (topic, part, next_offset, end_offset, watermark, committed_at)"
                " VALUES (:topic, 0, 0, 2, :now, :now)"
            ),
            {"topic": topic, "now": now},
        )
        await connection.execute(
            text("INSERT INTO ticks (source, next_slot) VALUES ('grid', :slot)"),
            {"slot": int(now.timestamp()) // SLOT_S},
        )
        await connection.execute(
            text("INSERT INTO source_slots VALUES ('grid', :slot, 1, 1, 1, false)"),
            {"slot": int(now.timestamp()) // SLOT_S - 1},
        )
        await create_key(connection, role=AccessRole.CITY, name="office", pepper="p")
        for role in Role:
            await beat(
                connection, role=role, process="host-1", moved_ago_s=0, worked_ago_s=0, now_s=now.timestamp() + 1
            )


@pytest.mark.kafka
async def test_a_healthy_system_is_ok_throughout(
    engine: AsyncEngine, database_url: str, broker: str, topic: str
) -> None:
    await make_healthy(engine, topic)
    settings = Settings(
        database_url=database_url,
        kafka_bootstrap=broker,
        kafka_topic=topic,
        kafka_dlq_topic=topic,
        kafka_group=f"group-of-{topic}",
    )
    async with Producer(broker) as producer:
        for _ in range(2):
            await producer.deliver(topic, None, b"x")
    reader = AIOKafkaConsumer(topic, bootstrap_servers=broker, group_id=settings.kafka_group)
    await reader.start()
    try:
        found = await examine(settings, VirtualClock((await database_now(engine)).timestamp()))
    finally:
        await reader.stop()
    # The calendar's horizon depends on the year in which the test runs: a test of its own.
    bad = [f for f in found if f.state is not State.OK and f.check != "calendar"]
    assert bad == []
    assert {f.check for f in found} == CHECKS
    assert {f.advice for f in found if f.check != "calendar"} == {""}
    assert next(f.detail for f in found if f.check == "lag") == "2 records wait"


async def test_a_fresh_database_lacks_partitions_plants_and_readings(engine: AsyncEngine) -> None:
    found = await findings(engine)
    assert found["partitions"].state is State.FAIL
    assert found["partitions"].advice == "run: cuofeng migrate"
    assert found["registry"].state is State.WARN
    assert found["cursors"].state is State.WARN


async def test_a_missing_next_month_is_a_warning(engine: AsyncEngine) -> None:
    today = (await database_now(engine)).date()
    async with engine.begin() as connection:
        await ensure_partitions(connection, today, today)
    assert (await findings(engine))["partitions"].state is State.WARN


async def test_a_stopped_partition_fails_with_its_reason(engine: AsyncEngine) -> None:
    await make_healthy(engine)
    await execute(engine, "UPDATE cursors SET stopped_reason = 'wrong topic'")
    assert (await findings(engine))["cursors"] == Finding(
        "cursors", State.FAIL, "t-0 is stopped: wrong topic", "mend it, then run: cuofeng consume --resume-partition 0"
    )


@pytest.mark.parametrize(("age_s", "state"), [(20, State.OK), (600, State.WARN), (7200, State.FAIL)])
async def test_the_watermarks_age(engine: AsyncEngine, age_s: int, state: State) -> None:
    await make_healthy(engine)
    await execute(engine, "UPDATE cursors SET watermark = clock_timestamp() - make_interval(secs => :s)", s=age_s)
    assert (await findings(engine))["watermark"].state is state


async def test_an_unread_partition_is_no_lag_of_zero(engine: AsyncEngine) -> None:
    await make_healthy(engine)
    await execute(engine, "INSERT INTO cursors (topic, part, next_offset) VALUES ('t', 1, 0)")
    found = await findings(engine)
    assert found["lag"].state is State.WARN
    assert found["watermark"].state is State.WARN


@pytest.mark.parametrize(("ahead_s", "state"), [(0, State.OK), (-10, State.WARN), (10, State.WARN), (90, State.FAIL)])
async def test_clocks_that_differ(engine: AsyncEngine, ahead_s: float, state: State) -> None:
    assert (await findings(engine, ahead_s=ahead_s))["clock"].state is state


@pytest.mark.parametrize(("rows", "state"), [(3, State.WARN), (80, State.FAIL)])
async def test_rows_in_quarantine(engine: AsyncEngine, rows: int, state: State) -> None:
    await execute(
        engine,
        "INSERT INTO quarantine (source, topic, src_partition, src_offset, code, detail, record_ts, held_at, row_count)"
        " VALUES ('grid', 't', 0, 0, 'unknown_meter', '', now(), now(), :rows)",
        rows=rows,
    )
    found = (await findings(engine, cap=100))["quarantine"]
    assert found.state is state
    assert f"grid {rows}" in found.detail


@pytest.mark.parametrize(
    ("today", "state"),
    [(date(ANNOUNCED_YEAR, 12, 15), State.WARN), (date(ANNOUNCED_YEAR + 1, 6, 1), State.FAIL)],
)
async def test_a_year_without_announced_holidays_is_told_until_it_is_imported(
    engine: AsyncEngine, today: date, state: State
) -> None:
    noon = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    ahead_s = (noon - await database_now(engine)).total_seconds()
    assert (await findings(engine, ahead_s=ahead_s))["calendar"].state is state
    await execute(
        engine, "INSERT INTO calendar (day, kind) VALUES (:day, 'holiday')", day=date(ANNOUNCED_YEAR + 1, 5, 1)
    )
    assert (await findings(engine, ahead_s=ahead_s))["calendar"].state is State.OK


@pytest.mark.kafka
def test_doctor_says_that_an_empty_database_must_be_migrated(empty_database_url: str, broker: str, topic: str) -> None:
    settings = {
        "CUOFENG_DATABASE_URL": empty_database_url,
        "CUOFENG_KAFKA_BOOTSTRAP": broker,
        "CUOFENG_KAFKA_TOPIC": topic,
    }
    code, output = invoke("doctor", **settings)
    assert code == 1
    assert "run: cuofeng migrate" in output
    assert invoke("migrate", **settings)[0] == 0
    code, output = invoke("doctor", "--json", **settings)
    assert code == 0, output
    states = {finding["check"]: finding["state"] for finding in json.loads(output)}
    assert states["schema"] == states["partitions"] == states["broker"] == "ok"


def test_doctor_fails_where_nobody_answers() -> None:
    address = f"127.0.0.1:{free_port()}"
    code, output = invoke(
        "doctor",
        CUOFENG_DATABASE_URL=f"postgresql://u:{SECRET}@{address}/x",
        CUOFENG_KAFKA_BOOTSTRAP=address,
    )
    assert code == 1
    assert "not reachable" in output
    assert "no answer from" in output
    assert SECRET not in output


def test_config_show_masks_every_secret() -> None:
    settings = {
        "CUOFENG_DATABASE_URL": f"postgresql://reader:{SECRET}@db.example/cuofeng?password={SECRET}",
        "CUOFENG_KEY_PEPPER": SECRET,
        "CUOFENG_KAFKA_TOPIC": "another.topic",
    }
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        code, output = invoke(*arguments, **settings)
        assert code == 0
        assert SECRET not in output
        assert "postgresql://reader:***@db.example/cuofeng" in output
        assert "another.topic" in output
    values = json.loads(invoke("config", "show", "--json", **settings)[1])
    assert set(values) == set(Settings.model_fields)
    assert values["kafka_bootstrap"] is None


def test_a_bad_setting_is_named_without_its_value() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "from service.cli import main; main()", "config", "show"],
        env={"CUOFENG_SLOT_S": "7", "CUOFENG_PORT": SECRET},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert "CUOFENG_SLOT_S: Value error, slot_s must be 60, 300 or 900" in result.stderr
    assert "CUOFENG_PORT" in result.stderr
    assert SECRET not in result.stderr
    assert "Traceback" not in result.stderr
