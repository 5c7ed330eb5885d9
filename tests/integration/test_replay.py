"""Replay: files go through a real broker in the order of collection, and ingest accounts for them as the file does."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiokafka import AIOKafkaConsumer
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.file_messages import FileMessages, file_messages
from consumers.files import read_readings
from consumers.kafka import Producer
from consumers.replay import replay
from detectors.registry import ALWAYS, FOREVER, Meter, Multiplier, Plant, Registry, Source
from detectors.vocab import Kind, Scale
from service.clock import VirtualClock
from service.db.registry import apply_registry
from service.db.sessions import writing
from tests.integration.ingest_world import account, make_settings, rows, run_until_consumed

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).resolve().parents[2]
T = 1_510_798_500  # 2017-11-16T10:15:00+08:00
NOW = T + 86400
ZONE = ZoneInfo("Asia/Shanghai")
REGISTRY = Registry(
    sources=(Source("default"),),
    plants=(Plant("P1", "一厂", "甲县"),),
    meters=(
        Meter("M1", "P1"),
        Meter("M2", "P1", scale=Scale.SECONDARY),
        Meter("M3", "P1", kind=Kind.ENERGY_REG, unit="kWh"),
    ),
    multipliers=(Multiplier("M2", ALWAYS, FOREVER, 120.0),),
)
METERS = {m.meter_id: m for m in REGISTRY.meters}
HEADER = "meter_id,ts,value,kind,unit,scale,period_s,q,rev,coll"
ROWS = (
    "M1,2017-11-16T10:15:00+08:00,812.5,power_inst,kW,primary,900,M,0,2017-11-16T10:17:21+08:00",
    "M1,2017-11-16T10:15:00+08:00,812.5,power_inst,kW,primary,900,M,0,2017-11-16T10:17:21+08:00",
    "M2,2017-11-16 10:00,0.25,,,,,,,2017-11-16 10:01",
    "M1,2017-11-16T10:00:00+08:00,5,,W,,,R,1,2017-11-16T11:00:00+08:00",
    "M1,2017-11-16T09:45:00+08:00,,,,,,N,,2017-11-16T09:46:00+08:00",
    "M3,2017-11-16 10:00,123.45,,,,,,,2017-11-16 10:02",
    "MX,2017-11-16 10:00,1,,,,,,,2017-11-16 10:02",
    "M1,2017-11-16T10:00:00,1,,,,,,,2017-11-16 10:03",
    "M1,yesterday,1,,,,,,,2017-11-16 10:03",
    "M1,2017-11-16 10:07,1,,,,,,,2017-11-16 10:08",
    "M1,2017-11-16 12:00,1,,,,,,,2017-11-16 10:08",
    "M1,2017-11-16 10:00,NaN,,,,,,,2017-11-16 10:08",
    "M1,2017-11-16 10:00,twelve,,,,,,,2017-11-16 10:08",
    "M1,2017-11-16 10:00,1,power,,,,,,2017-11-16 10:08",
    "M1,2017-11-16 10:00,1,,kVA,,,,,2017-11-16 10:08",
    "M2,2017-11-16 10:00,900,,,,,,,2017-11-16 10:08",
    ",2017-11-16 10:00,1,,,,,,,2017-11-16 10:08",
)


def write(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "readings.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path


def messages_of(path: Path) -> FileMessages:
    return file_messages([path], zone=ZONE, clock_now_s=NOW, meters=METERS)


async def received(broker: str, topic: str, count: int) -> list[Any]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found: list[Any] = []
        while len(found) < count:
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                found += batch
        return found
    finally:
        await consumer.stop()


async def test_order_key_timestamp_and_body(tmp_path: Path, broker: str, topic: str) -> None:
    messages = messages_of(write(tmp_path, *ROWS[:6]))
    async with Producer(broker) as producer:
        counts = await replay(producer, topic, messages)
    assert counts.sent == 6
    found = await received(broker, topic, 6)
    of_m1 = [r for r in found if r.key == b"M1"]
    assert [r.timestamp for r in of_m1] == sorted(r.timestamp for r in of_m1)
    assert of_m1[0].timestamp == (T - 29 * 60) * 1000
    assert json.loads(of_m1[0].value)["value"] is None
    assert dict(of_m1[0].headers)["content-type"] == b"application/vnd.load.reading.v1+json"
    body = json.loads(next(r for r in found if r.key == b"M2").value)
    assert body == {
        "v": 1,
        "meter_id": "M2",
        "kind": "power_inst",
        "unit": "kW",
        "scale": "secondary",
        "period_s": 900,
        "value": 0.25,
        "ts": "2017-11-16T02:00:00+00:00",
        "coll": "2017-11-16T02:01:00+00:00",
    }


async def test_the_stream_accounts_for_a_file_as_the_file_does(
    tmp_path: Path, broker: str, topic: str, engine: AsyncEngine, database_url: str
) -> None:
    async with writing(engine) as connection:
        await apply_registry(connection, REGISTRY, NOW)
    path = write(tmp_path, *ROWS)
    async with Producer(broker) as producer:
        await replay(producer, topic, messages_of(path))
    await run_until_consumed(
        database_url, engine, broker, make_settings(topic), len(ROWS), clock=VirtualClock(float(NOW))
    )
    on_file = read_readings([path], REGISTRY, clock_now_s=NOW)
    of_stream: Counter[str] = Counter()
    taken = 0
    for (outcome, code), count in (await account(engine)).items():
        if outcome in ("rejected", "quarantined"):
            of_stream[code] += count
        else:
            taken += count
    assert of_stream == on_file.fault_counts
    assert taken == len(on_file.columns)
    stored = await rows(
        engine,
        "SELECT m.meter_id, r.kind, extract(epoch FROM r.ts)::bigint, r.value, r.q, r.rev, r.scale, r.period_s,"
        " (extract(epoch FROM r.coll) * 1000)::bigint FROM readings r JOIN meters m USING (meter_no)",
    )
    columns = on_file.columns
    expected = {
        (
            REGISTRY.meters[int(columns.meter[i])].meter_id,
            int(columns.kind[i]),
            int(columns.ts[i]),
            str(columns.value[i]),
            int(columns.q[i]),
            int(columns.rev[i]),
            int(columns.scale[i]),
            int(columns.period_s[i]),
            int(columns.coll[i]),
        )
        for i in range(len(columns))
    }
    assert {(*r[:3], str(r[3]), *r[4:]) for r in stored} == expected


async def test_without_a_registry_rows_go_in_the_short_form(
    tmp_path: Path, broker: str, topic: str, engine: AsyncEngine, database_url: str
) -> None:
    async with writing(engine) as connection:
        await apply_registry(connection, REGISTRY, NOW)
    path = write(tmp_path, "M2,2017-11-16 10:15,0.25,2017-11-16 10:16", header="meter_id,ts,value,coll")
    messages = file_messages([path], zone=ZONE, clock_now_s=NOW)
    assert json.loads(messages.build(0, 1)[0].body)["kw"] == 0.25
    async with Producer(broker) as producer:
        await replay(producer, topic, messages)
    await run_until_consumed(database_url, engine, broker, make_settings(topic), 1, clock=VirtualClock(float(NOW)))
    assert [tuple(r) for r in await rows(engine, "SELECT value, scale, period_s FROM readings")] == [
        (0.25, int(Scale.SECONDARY), 900)
    ]


async def test_lines_that_are_no_json_are_sent_as_they_stand(tmp_path: Path, broker: str, topic: str) -> None:
    path = tmp_path / "readings.ndjson"
    good = '{"meter_id":"M1","ts":"2017-11-16T10:15:00+08:00","value":1}'
    path.write_text(f'{good}\n{{"meter_id":"M1","ts\n', encoding="utf-8")
    async with Producer(broker) as producer:
        await replay(producer, topic, messages_of(path))
    found = await received(broker, topic, 2)
    assert sorted(r.value for r in found)[0] == b'{"meter_id":"M1","ts'
    assert {r.timestamp for r in found} == {T * 1000}


def test_rows_that_cannot_be_a_message_are_told(tmp_path: Path) -> None:
    messages = messages_of(write(tmp_path, "M1,2017-11-16 10:15,1", "M1,2017-11-16 10:30", header="meter_id,ts,value"))
    assert len(messages) == 1
    assert [(b.row, b.detail) for _, b in messages.not_told] == [(3, "2 cells where the header has 3")]


async def test_speed_paces_by_the_time_of_collection(tmp_path: Path, broker: str, topic: str) -> None:
    lines = [f"M1,2017-11-16 10:{15 * i:02d},1" for i in range(4)]
    messages = messages_of(write(tmp_path, *lines, header="meter_id,ts,value"))
    seen: list[tuple[float, int]] = []
    began = asyncio.get_running_loop().time()
    async with Producer(broker) as producer:
        await replay(
            producer,
            topic,
            messages,
            speed=2700,
            on_progress=lambda done, _: seen.append((asyncio.get_running_loop().time() - began, done)),
        )
    # 45 minutes at 2700 times take one second; the first reading goes at once.
    assert seen[0][1] == 1
    assert 0.9 < seen[-1][0] < 10
    assert seen[-1][1] == 4


def test_the_command_sends_and_counts(
    tmp_path: Path, broker: str, topic: str, engine: AsyncEngine, database_url: str
) -> None:
    path = write(tmp_path, *ROWS, "M1,2017-11-16 10:00")
    environment = os.environ | {"CUOFENG_KAFKA_BOOTSTRAP": broker, "CUOFENG_DATABASE_URL": database_url}
    done = subprocess.run(
        [sys.executable, "-c", "from service.cli import main; main()", "replay", str(path), "--topic", topic, "--json"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["sent"] == len(ROWS)
    assert counts["not_sent"] == 1
    assert "row 19" in done.stderr


def test_the_command_refuses_a_broken_file(tmp_path: Path, broker: str) -> None:
    path = write(tmp_path, "M1,1", header="meter_id,value")
    done = subprocess.run(
        [sys.executable, "-c", "from service.cli import main; main()", "replay", str(path)],
        env=os.environ | {"CUOFENG_KAFKA_BOOTSTRAP": broker},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "no column ts" in done.stderr
