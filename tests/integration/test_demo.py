"""The demo as a person runs it: what it prints, what it returns, what it leaves behind, and that a back-test agrees."""

import asyncio
import csv
import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy.engine import make_url

from service.demo.expected import FoundAlert, compare
from service.demo.story import build

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-c", "from service.cli import main; main()")


async def start(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *PROGRAM,
        *arguments,
        cwd=ROOT,
        env=os.environ | environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def left_behind(postgres_url: str, broker: str) -> list[str]:
    """Databases and topics of demos that are still there."""
    connection = await asyncpg.connect(postgres_url)
    try:
        databases = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'cuofeng_demo_%'")
    finally:
        await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        topics = await admin.list_topics()
    finally:
        await admin.close()
    return [r["datname"] for r in databases] + [t for t in topics if t.startswith("cuofeng-demo-")]


def alerts_of(path: Path) -> list[FoundAlert]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            FoundAlert(
                row["rule"],
                row["scope_id"],
                row["order_id"] or None,
                row["condition"],
                int(datetime.fromisoformat(row["opened_at_slot_end"]).timestamp()),
            )
            for row in csv.DictReader(file)
        ]


async def test_headless_finds_what_is_planted_and_leaves_nothing_and_a_backtest_agrees(
    tmp_path: Path, postgres_url: str, broker: str
) -> None:
    out = tmp_path / "story"
    process = await start(
        "demo",
        "--headless",
        "--out",
        str(out),
        CUOFENG_DATABASE_URL=postgres_url,
        CUOFENG_KAFKA_BOOTSTRAP=broker,
    )
    said, complained = (b.decode() for b in await process.communicate())
    assert process.returncode == 0, said[-3000:] + complained[-3000:]
    story = build()
    assert f"{len(story.planted)} of {len(story.planted)} planted things found, 0 alerts not planted" in said
    for thing in story.planted:
        assert f"found  {thing.key}: {thing.zh}" in said
    assert "/#key=cuo_" in said
    assert "configured PostgreSQL, configured broker" in said
    assert await left_behind(postgres_url, broker) == []

    planted: list[dict[str, Any]] = json.loads((out / "planted.json").read_text(encoding="utf-8"))
    assert [p["key"] for p in planted] == [p.key for p in story.planted]
    judged = out / "judged"
    backtest = await start(
        "backtest", "--registry", str(out / "registry"), "--readings", str(out / "readings.csv"), "--out", str(judged)
    )
    _, complained = (b.decode() for b in await backtest.communicate())
    assert backtest.returncode == 0, complained
    comparison = compare(story.planted, alerts_of(judged / "alerts.csv"), saw_everything_at_once=True)
    assert comparison.unplanted == ()
    assert [o.planted.key for o in comparison.outcomes if o.missed] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_stopped_before_its_end_it_leaves_nothing(postgres_url: str, broker: str, number: signal.Signals) -> None:
    process = await start(
        "demo", "--headless", "--speed", "600", CUOFENG_DATABASE_URL=postgres_url, CUOFENG_KAFKA_BOOTSTRAP=broker
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while b"readings sent" not in await process.stdout.readline():
            pass
    assert len(await left_behind(postgres_url, broker)) == 3
    process.send_signal(number)
    async with asyncio.timeout(40):
        _, complained = await process.communicate()
    assert process.returncode == 130, complained.decode()
    assert b"Traceback" not in complained
    assert await left_behind(postgres_url, broker) == []


@pytest.mark.parametrize(
    "arguments,said",
    [
        (["--broker", "rabbit"], "no broker rabbit: embedded or apache"),
        (["--speed", "-1"], "Invalid value"),
        (["--until", "2018-01-01"], "--until is not in it"),
        (["--until", "noon"], "--until 'noon': not a time"),
    ],
)
async def test_bad_usage_starts_nothing(arguments: list[str], said: str) -> None:
    process = await start("demo", "--headless", *arguments)
    _, complained = (b.decode() for b in await process.communicate())
    assert process.returncode == 2
    assert said in complained


async def test_a_database_server_that_is_away_is_one_line(broker: str) -> None:
    process = await start(
        "demo", "--headless", CUOFENG_DATABASE_URL="postgresql://nobody@127.0.0.1:1/x", CUOFENG_KAFKA_BOOTSTRAP=broker
    )
    _, complained = (b.decode() for b in await process.communicate())
    assert process.returncode == 1
    assert "Traceback" not in complained
    assert complained.startswith("cuofeng: ")


async def test_an_account_that_may_not_create_databases_is_told(postgres_url: str, broker: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("CREATE ROLE demo_guest LOGIN PASSWORD 'guest'")
        url = make_url(postgres_url).set(username="demo_guest", password="guest").render_as_string(hide_password=False)
        process = await start("demo", "--headless", CUOFENG_DATABASE_URL=url, CUOFENG_KAFKA_BOOTSTRAP=broker)
        _, complained = (b.decode() for b in await process.communicate())
        assert process.returncode == 2
        assert "permission denied to create database" in complained
        assert "Traceback" not in complained
    finally:
        await connection.execute("DROP ROLE demo_guest")
        await connection.close()
