"""Old months are put away while readings come in, are judged and polled for: nobody waits, nothing changes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.evaluate import run as evaluate
from detectors.errors import InfrastructureError
from detectors.registry import Baseline, Exemption, Meter, Order, Plant, Registry, Source, with_default_scopes
from detectors.vocab import Control, Kind
from service.api import create_app
from service.cli.maintain import Report, Wishes, maintain
from service.clock import VirtualClock
from service.db import retention
from service.db.engine import make_engine
from service.db.keys import AccessRole, create_key
from service.db.partitions import detach, month_tables
from service.db.registry import apply_registry
from service.db.settled import read_unsettled
from service.db.stream_time import stream_time
from service.settings import Settings
from tests.cases.fast import fast
from tests.integration.ingest_world import (
    Message,
    account,
    consumed,
    ingesting,
    make_settings,
    message,
    rows,
    send,
    until,
)
from tests.integration.ingest_world import reading as reading_of
from tests.integration.lock_waits import lock_waits, waiting
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.integration.test_operations import invoke
from tests.oracles.rows import Reading, World

HOUR, DAY = 3600, 86_400
#: 2017-09-20 and 2017-11-05, 00:00 in Zhengzhou.
BEGIN, NOW = 1505836800, 1509811200
PLANTS = 2
KEEP = Wishes({"readings": 1, "scope_days": 1})
GONE = ["readings_2017_09", "scope_days_2017_09"]
LEFT = ["2017-10", "2017-11", "2017-12", "2018-01"]
OFFICE = with_default_scopes(
    Registry(
        sources=(Source("grid"),),
        plants=tuple(Plant(f"P{i}", f"P{i}", "新密市") for i in range(PLANTS)),
        meters=tuple(Meter(f"MP{i}", f"P{i}", source="grid") for i in range(PLANTS)),
        orders=tuple(Order(f"O{i}", f"P{i}", Control.STOP, BEGIN, residual_kw=50.0) for i in range(PLANTS)),
        baselines=tuple(Baseline(f"P{i}", "v1", 0, 1000.0, idle_kw=20.0, day_kwh=16_000.0) for i in range(PLANTS)),
    )
)


def load_kw(plant: int, ts: int) -> float:
    """Every plant runs at night every tenth day, each on another one."""
    day, second = divmod(ts - BEGIN, DAY)
    return 600.0 if second >= 20 * HOUR and day % 10 == plant else 20.0


def readings(first: int, last: int, step_s: int = 900) -> list[Reading]:
    """Of every meter with ts in (first, last]."""
    ends = range(first + step_s, last + 1, step_s)
    return [
        Reading(f"MP{i}", Kind.POWER_INST, ts, load_kw(i, ts), coll_ms=(ts + 60) * 1000)
        for ts in ends
        for i in range(PLANTS)
    ]


async def season(engine: AsyncEngine, *, last: int = NOW) -> Stream:
    """Three and a half months, taken in and judged; the readings of one plant have lost values beside them."""
    stream = Stream(engine, 900, BEGIN - DAY)
    await stream.start(OFFICE)
    await stream.take_in(OFFICE, readings(BEGIN, last))
    worse = [replace(r, value=1.0, rev=-1) for r in readings(BEGIN, BEGIN + DAY)]
    await stream.take_in(OFFICE, worse)
    await stream.judge_until(last)
    return stream


async def put_away(engine: AsyncEngine, wishes: Wishes = KEEP, *, now: float = NOW, **settings: Any) -> Report:
    """Maintain the database of the test."""
    return await maintain(engine, wishes, Settings(**settings), VirtualClock(now))


async def attached(engine: AsyncEngine, table: str) -> list[str]:
    """Months that are partitions, as 2017-08."""
    async with engine.connect() as connection:
        return [f"{m.month:%Y-%m}" for m in await month_tables(connection) if m.table == table and m.is_attached]


async def test_old_months_go_and_what_may_be_judged_again_stays(engine: AsyncEngine) -> None:
    await season(engine)
    before = await rows(engine, "SELECT alert_id, live, last_seq FROM alerts ORDER BY 1")
    held = await put_away(engine)
    # Late readings may still come for the end of September, though one month was asked for.
    assert held.detached == []
    assert held.held == dict.fromkeys(("readings", "scope_days"), "from 2017-09 on: readings may still come that late")
    dry = await put_away(engine, replace(KEEP, is_dry=True), horizon_days=5)
    assert await attached(engine, "readings") == ["2017-09", *LEFT]
    done = await put_away(engine, horizon_days=5)
    assert (dry.detached, dry.frozen_before) == (done.detached, done.frozen_before)
    assert (done.detached, done.frozen_before) == (GONE, "2017-10-03T16:00:00+00:00")
    assert await attached(engine, "readings") == await attached(engine, "scope_days") == LEFT
    assert (await put_away(engine, horizon_days=5)).is_empty
    assert await rows(engine, "SELECT alert_id, live, last_seq FROM alerts ORDER BY 1") == before
    kept = await rows(engine, "SELECT count(*), min(ts) FROM readings_2017_09")
    assert tuple(kept[0]) == (1087 * PLANTS, datetime(2017, 9, 19, 16, 15, tzinfo=UTC))


@pytest.mark.parametrize("month", range(12))
def test_the_line_leaves_whole_days_their_context(month: int) -> None:
    """In every zone: the first day judged again and the one before it have a day of readings and a day's row behind."""
    first = date(2024, month + 1, 1)
    begin = datetime(first.year, first.month, 1, tzinfo=UTC).timestamp()
    for zone in ("Asia/Shanghai", "Pacific/Kiritimati", "Pacific/Midway", "Europe/Berlin"):
        line = retention.frozen_with(zone, first)
        assert line - begin >= 2 * DAY + 10 * HOUR
        assert retention.oldest_month(zone, first, [retention.Hold("", line)])[0] == first
        assert retention.oldest_month(zone, first, [retention.Hold("", line - 1)])[0] < first


@pytest.mark.parametrize("table, of", [("dirty_scopes", "scope_no"), ("recounts", "source")])
async def test_marks_and_provisional_alerts_hold_their_months(engine: AsyncEngine, table: str, of: str) -> None:
    await season(engine)
    async with engine.begin() as connection:
        await connection.execute(
            text(f"INSERT INTO {table} ({of}, first_slot, last_slot) VALUES ('1', :slot, :slot)"),
            {"slot": (BEGIN + 12 * DAY) // 900},
        )
    held = await put_away(engine, horizon_days=5)
    assert held.detached == []
    assert held.held["readings"] == "from 2017-09 on: slots are marked to be judged again"
    async with engine.begin() as connection:
        await connection.execute(text(f"DELETE FROM {table}"))
        await connection.execute(
            text("UPDATE alerts SET evidence = 'provisional' WHERE last_slot_end BETWEEN :first AND :last"),
            {"first": datetime(2017, 9, 25, tzinfo=UTC), "last": datetime(2017, 10, 3, tzinfo=UTC)},
        )
    held = await put_away(engine, horizon_days=5)
    assert held.detached == []
    assert "evidence is not final" in held.held["readings"]
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alerts SET evidence = 'final'"))
        await connection.execute(text("UPDATE cursors SET watermark = NULL"))
    assert (await put_away(engine, horizon_days=5)).detached == [], "no stream was read yet"


async def test_what_was_interrupted_is_finished_and_two_at_once_are_refused(
    database_url: str, engine: AsyncEngine
) -> None:
    await season(engine)
    hasty = make_engine(database_url, name="hasty", pool_size=1)
    async with engine.connect() as slow:
        await slow.execute(text("SELECT count(*) FROM readings"))
        async with hasty.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("SET lock_timeout = '100ms'"))
            oldest = (await month_tables(connection))[0]
            with pytest.raises(DBAPIError, match="lock timeout"):
                await detach(connection, oldest)
            assert await retention.take_turn(connection)
            with pytest.raises(InfrastructureError, match="another process"):
                await put_away(engine)
            await retention.end_turn(connection)
        async with engine.connect() as connection:
            assert (await month_tables(connection))[0].is_half_detached
    await hasty.dispose()
    assert (await put_away(engine, horizon_days=5)).detached == GONE
    assert await attached(engine, "readings") == LEFT


def test_the_command_says_what_it_does(database_url: str) -> None:
    settings = {"CUOFENG_DATABASE_URL": database_url}
    code, output = invoke("maintain", "--dry-run", "--json", **settings)
    planned = json.loads(output)
    assert code == 0
    assert len(planned["made"]) >= 8
    code, output = invoke("maintain", **settings)
    assert output.splitlines() == [f"{name}: made" for name in planned["made"]]
    assert invoke("maintain", **settings) == (0, "nothing to do\n")


async def test_a_change_of_a_past_that_was_put_away_changes_nothing_there(engine: AsyncEngine) -> None:
    """An exemption of all times: from the line on it holds, before it the alerts stay as they were."""
    stream = await season(engine)
    before = {a.alert_id: a for a in (await stream.judgement()).alerts}
    await put_away(engine, horizon_days=5)
    assert await attached(engine, "readings") == LEFT
    exempt = replace(OFFICE, exemptions=(Exemption("P1", BEGIN, NOW + DAY, "heat", "office"),))
    await stream.change(exempt)
    await stream.judge_until(NOW)
    left = {a.alert_id: a for a in (await stream.judgement()).alerts}
    line = retention.frozen_with("Asia/Shanghai", date(2017, 10, 1))
    gone = {i for i in before if i not in left}
    assert gone == {i for i, a in before.items() if a.scope_id == "P1" and a.opened_at_slot_end > line}
    assert {i: left[i] for i in left if i in before} == {i: before[i] for i in left if i in before}
    assert not await rows(engine, "SELECT 1 FROM dirty_scopes")
    assert await attached(engine, "scope_days") == LEFT


@pytest.mark.kafka
async def test_a_reading_of_a_month_that_was_put_away_is_held_with_its_reason(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    """Also when ingest has just written into that month and remembers it, and when the month's table is gone."""
    async with engine.begin() as connection:
        await apply_registry(connection, OFFICE, NOW)
    settings = make_settings(topic)

    async def send_old(value: float, count: int) -> None:
        old = reading_of(0, value, ts=BEGIN + DAY)
        await send(broker, topic, [message(old, timestamp_ms=(BEGIN + DAY + 60) * 1000)])
        await until(lambda: _consumed(engine, topic, count))

    async with ingesting(database_url, broker, settings, clock=VirtualClock(NOW)):
        live = [message(reading_of(0, ts=NOW), timestamp_ms=NOW * 1000, partition=p) for p in range(4)]
        await send(broker, topic, live)
        await send_old(5.0, 5)
        await until(lambda: _is_read_to(engine, NOW))
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM dirty_scopes"))  # they are judged
        assert (await put_away(engine, horizon_days=5)).detached == GONE
        await send_old(6.0, 6)
        assert (await put_away(engine, replace(KEEP, drop=1), horizon_days=5)).dropped == GONE
        await send_old(7.0, 7)
    assert await account(engine) == {("accepted", ""): 2, ("duplicate", ""): 3, ("quarantined", "put_away"): 2}
    held = await rows(engine, "SELECT DISTINCT state, detail FROM quarantine")
    assert [tuple(h) for h in held] == [("held", "the month of ts was put away (cuofeng maintain)")]
    assert not await rows(engine, "SELECT 1 FROM pg_class WHERE relname = 'readings_2017_09'")


async def _consumed(engine: AsyncEngine, topic: str, count: int) -> bool:
    return await consumed(engine, topic) >= count


@pytest.mark.kafka
async def test_readings_come_in_and_are_judged_and_polled_for_all_the_while(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    """Detaching has to wait for a slow query; nobody else has to. In the end all is as a back-test says, and the tables
    that were put away are whole."""
    begin = NOW - 6 * HOUR
    await season(engine, last=begin)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM cursors"))
    clock = VirtualClock(begin)
    settings = make_settings(topic)
    sent = 0
    async with (
        ingesting(database_url, broker, settings, clock=clock),
        judging(database_url, settings, clock),
        polling(engine, clock) as seen,
        lock_waits(engine, "cuofeng-maintain") as waits,
    ):
        await until(lambda: _is_read_to(engine, begin))
        task = asyncio.create_task(_maintain_beside_a_slow_query(database_url, engine))
        for ts in range(begin + 900, NOW + 1, 900):
            clock.advance_to(ts + 60)
            live = [_message(r, i) for i, r in enumerate(readings(ts - 900, ts))]
            sent += await send(broker, topic, live)
            await asyncio.sleep(0.15)
        report, waited_s = await task
        clock.advance_to(NOW + 600)
        await until(lambda: _judged(engine, sent))
    assert report.detached == GONE
    assert waited_s > 1.0
    assert max(waits.values(), default=0.0) < 1.0, waits
    assert seen == list(range(1, len(seen) + 1))
    assert await account(engine) == {("accepted", ""): sent}
    await _attach_again(engine)
    everything = tuple(readings(BEGIN, NOW))
    world = World(OFFICE, everything, NOW + 600)
    judged = await Stream(engine, 900, BEGIN).judgement()
    assert disagreements(judged, fast(OFFICE, everything, world.as_of), world) == []


def _message(reading: Reading, number: int) -> Message:
    body = reading_of(reading.meter_id, reading.value, ts=reading.ts)
    return message(body, timestamp_ms=(reading.ts + 60) * 1000, partition=number % 4)


async def _is_read_to(engine: AsyncEngine, time_s: int) -> bool:
    async with engine.connect() as connection:
        time = await stream_time(connection)
    return time is not None and time.watermark_s >= time_s


async def _judged(engine: AsyncEngine, sent: int) -> bool:
    async with engine.connect() as connection:
        left = await read_unsettled(connection, NOW // 900)
    is_judged = left.judged_slots is not None and left.judged_slots >= NOW // 900 and left.marks == 0
    return is_judged and left.taken_in == sent


@asynccontextmanager
async def judging(database_url: str, settings: Settings, clock: VirtualClock) -> AsyncIterator[None]:
    """The evaluating role beside the test; it must end well."""
    engine, stop = make_engine(database_url, name="test-evaluate"), asyncio.Event()
    task = asyncio.create_task(evaluate(engine, settings, clock, stop))
    try:
        yield
    finally:
        stop.set()
        await task
        await engine.dispose()


@asynccontextmanager
async def polling(engine: AsyncEngine, clock: VirtualClock) -> AsyncIterator[list[int]]:
    """A poller of the change feed through the whole app; the seqs it saw."""
    settings = Settings()
    async with engine.begin() as connection:
        pepper = settings.key_pepper.get_secret_value()
        key = await create_key(connection, role=AccessRole.CITY, name="poller", pepper=pepper)
    app = create_app(settings, engine, clock)
    seen: list[int] = []
    stop = asyncio.Event()

    async def poll(client: httpx2.AsyncClient) -> None:
        query: dict[str, Any] = {"wait": 1}
        while not stop.is_set():
            answer = await client.get("/v1/alert-events", params=query, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            seen.extend(event["seq"] for event in page["events"])
            query["after"] = page["next"]

    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://service", timeout=20) as client,
    ):
        task = asyncio.create_task(poll(client))
        try:
            yield seen
        finally:
            stop.set()
            await task


async def _waits(engine: AsyncEngine) -> bool:
    return "cuofeng-maintain" in await waiting(engine)


async def _maintain_beside_a_slow_query(database_url: str, engine: AsyncEngine) -> tuple[Report, float]:
    """The report, and how long detaching waited for a query that reads the season."""
    own = make_engine(database_url, name="maintain", pool_size=2)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT count(*) FROM readings, scope_days"))
            task = asyncio.create_task(put_away(own, horizon_days=5))
            await until(lambda: _waits(engine))
            begun = monotonic()
            await asyncio.sleep(1.2)
            assert not task.done()
        report = await task
        return report, monotonic() - begun
    finally:
        await own.dispose()


async def _attach_again(engine: AsyncEngine) -> None:
    """What was put away, back: an archive is as good as new."""
    async with engine.begin() as connection:
        for month in await month_tables(connection):
            if not month.is_attached:
                after = (month.month + timedelta(days=32)).replace(day=1)
                zone = "Z" if month.table == "readings" else ""
                span = f"FROM ('{month.month}{zone}') TO ('{after}{zone}')"
                await connection.execute(
                    text(f"ALTER TABLE {month.table} ATTACH PARTITION {month.name} FOR VALUES {span}")
                )
