"""Upgrades from the first released schema on: what runs goes on running, and the release before fits the new schema."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from consumers.evaluate import run as evaluate
from service.clock import VirtualClock
from service.db import migrate as migrations
from service.db.engine import make_engine
from service.db.migrate import ContractionError, alembic_config, current_revision, migrate, newest_revision
from service.db.partitions import ensure_partitions
from service.db.scope_days_read import read_series
from tests.integration.ingest_world import (
    NOW,
    T0,
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
from tests.integration.lock_waits import lock_waits
from tests.integration.world import day_slots

RELEASED = Path(__file__).with_name("released")
FIRST = "0001"
#: Columns of a reading as the first release copied them in.
READING: tuple[tuple[str, Any], ...] = (
    ("ts", None), ("meter_no", None), ("kind", 3), ("value", 1.0), ("coll", None), ("src_offset", 0), ("period_s", 900),
    ("rev", 0), ("src_partition", 0), ("q", 0), ("scale", 0), ("had_evidence", False),
)  # fmt: skip
#: Nobody may wait for a migration longer than this (seconds); slow queries keep it waiting for longer.
MOMENT_S, SLOW_S = 1.5, 3.0
EXPAND = """\
from alembic import op

revision, down_revision, branch_labels, depends_on = "9001", "{head}", None, None


def upgrade() -> None:
    for statement in (
        "ALTER TABLE cursors ADD COLUMN hint text NOT NULL DEFAULT 'none'",
        "ALTER TABLE readings ADD COLUMN hint text",
        "ALTER TABLE scope_days ADD COLUMN hint text",
        "ALTER TABLE alerts ADD COLUMN hint integer NOT NULL DEFAULT 1",
        "ALTER TABLE quarantine ADD COLUMN hint integer NOT NULL DEFAULT 1",
        "CREATE INDEX ix_alerts_hint ON alerts (hint)",
        "CREATE TABLE hints (hint text)",
    ):
        op.execute(statement)
"""
CONTRACT = """\
from alembic import op

revision, down_revision, branch_labels, depends_on = "9002", "9001", None, None
contracts = "9001"


def upgrade() -> None:
    for table in ("cursors", "readings", "scope_days", "alerts", "quarantine"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN hint")
"""


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two revisions more: one expands, one contracts."""
    (tmp_path / "9001_expand.py").write_text(EXPAND.replace("{head}", newest_revision()))
    (tmp_path / "9002_contract.py").write_text(CONTRACT)
    monkeypatch.setattr(migrations, "VERSIONS", (*migrations.VERSIONS, str(tmp_path)))


@pytest.fixture
async def released(empty_database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a database as the first release left it: schema, months, a judged day."""
    engine = make_engine(empty_database_url, name="test")
    await migrate(engine, FIRST)
    async with engine.begin() as connection:
        await ensure_partitions(connection, date(2017, 11, 1), date(2017, 11, 30))
        for statement in (
            "INSERT INTO plants (plant_id, name, county) VALUES ('P1', 'P1', '新密市')",
            "INSERT INTO scopes (scope_id, plant_id, name) VALUES ('P1', 'P1', 'P1')",
            "INSERT INTO cursors (topic, part, next_offset) VALUES ('t', 0, 0)",
        ):
            await connection.execute(text(statement))
        await connection.execute(
            text(
                "INSERT INTO scope_days (scope_no, day, first_slot, slot_s, as_of, verdict, reasons, order_ids,"
                " baseline_versions, coverage, violating_slots, slots)"
                " VALUES (1, '2017-11-16', :first, 900, now(), 1, 0, ARRAY['O'], ARRAY['v1'], 1, 2, :slots)"
            ),
            {"first": T0 // 900, "slots": day_slots(load_kw=80.0, violating=[5, 6])},
        )
    yield engine
    await engine.dispose()


@asynccontextmanager
async def beside(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Do something again and again while the body runs; it must never fail."""
    stop = asyncio.Event()

    async def repeat() -> None:
        while not stop.is_set():
            await work()

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        stop.set()
        await task


async def schema(connection: AsyncConnection) -> dict[str, dict[str, tuple[str, bool, bool]]]:
    """Columns of every table: type, whether it must be given, whether it may be null."""
    found: dict[str, dict[str, tuple[str, bool, bool]]] = {}
    for table, column, kind, must_be_given, may_be_null in await connection.execute(
        text(
            "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod),"
            " a.attnotnull AND NOT a.atthasdef AND a.attidentity = '', NOT a.attnotnull"
            " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
            " WHERE c.relnamespace IN ('public'::regnamespace, pg_my_temp_schema()) AND c.relkind IN ('r', 'p')"
        )
    ):
        found.setdefault(table, {})[column] = (kind, must_be_given, may_be_null)
    return found


async def constraints(connection: AsyncConnection) -> set[str]:
    """Everything that may refuse a row of a table that is there."""
    return set(
        (
            await connection.execute(
                text(
                    "SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
                    " WHERE connamespace = 'public'::regnamespace AND contype <> 'n' UNION"
                    " SELECT indrelid::regclass || ' ' || pg_get_indexdef(indexrelid) FROM pg_index"
                    " WHERE indisunique AND indrelid::regclass::text NOT LIKE 'pg_%'"
                )
            )
        ).scalars()
    )


async def test_every_revision_but_contractions_leaves_room_for_the_release_before(
    empty_database_url: str,
) -> None:
    """No column goes or changes, none that is new must be given, none that could be null must not, nothing refuses."""
    engine = make_engine(empty_database_url, name="test", pool_size=2)
    scripts = list(ScriptDirectory.from_config(alembic_config()).walk_revisions())[::-1]
    assert scripts[0].revision == FIRST
    try:
        await migrate(engine, FIRST)
        for script in scripts[1:]:
            async with engine.connect() as connection:
                before, rules = await schema(connection), await constraints(connection)
            await migrate(engine, script.revision, contract=True)
            async with engine.connect() as connection:
                after, new_rules = await schema(connection), await constraints(connection) - rules
            if hasattr(script.module, "contracts"):
                continue
            for table, columns in before.items():
                new = after.get(table, {})
                for column, (kind, _, may_be_null) in columns.items():
                    assert column in new, f"{script.revision} drops {table}.{column}"
                    assert new[column][0] == kind, f"{script.revision} changes {table}.{column}"
                    assert new[column][2] or not may_be_null, f"{script.revision}: {table}.{column} must not be null"
                demanded = [c for c, (_, must, _) in new.items() if must and c not in columns]
                assert not demanded, f"{script.revision}: {table} demands {demanded}"
                refusing = [rule for rule in new_rules if rule.split()[0] == table]
                assert not refusing, f"{script.revision} refuses rows of {table}: {refusing}"
    finally:
        await engine.dispose()


async def test_the_first_releases_statements_fit_the_newest_schema(released: AsyncEngine) -> None:
    """All that it said to its database while the demo ran, recorded: each is understood, and none leaves a column out
    that must be given."""
    await migrate(released)
    async with released.connect() as connection:
        for statement in (RELEASED / "0001.sql").read_text(encoding="utf-8").splitlines():
            if into := re.match(r'(?:INSERT INTO|COPY) "?(\w+)"?(?: AS \w+)? ?\(([^)]*)\)', statement):
                columns = (await schema(connection))[into[1]]
                given = {c.strip(' "') for c in into[2].split(",")}
                assert given <= set(columns), statement
                assert not [c for c, (_, must, _) in columns.items() if must and c not in given], statement
            if query := re.match(r"COPY \((.*)\) TO STDOUT", statement):
                await connection.exec_driver_sql(f"EXPLAIN {query[1]}")
            elif statement.startswith(("CREATE", "TRUNCATE")):
                await connection.exec_driver_sql(statement)
            elif not statement.startswith("COPY"):
                await connection.exec_driver_sql(f"PREPARE spoken AS {statement}")
                await connection.exec_driver_sql("DEALLOCATE spoken")


async def test_a_writer_of_the_first_release_goes_on_while_its_database_is_upgraded(
    released: AsyncEngine, empty_database_url: str
) -> None:
    """Batches as it wrote them, over a connection that remembers its statements; afterwards its data is all there."""
    spoken = (RELEASED / "0001.sql").read_text(encoding="utf-8").splitlines()
    advance = next(s for s in spoken if s.startswith("UPDATE cursors SET next_offset"))
    counted = next(s for s in spoken if s.startswith("INSERT INTO ingest_account"))
    columns = [name for name, _ in READING]
    connection = await asyncpg.connect(empty_database_url)
    at, offset = datetime.fromtimestamp(T0, UTC), 0

    async def batch() -> None:
        nonlocal offset
        async with connection.transaction():
            moved = await connection.execute(advance, offset + 1, at, None, at, "t", 0, offset, 0)
            assert moved == "UPDATE 1"
            row = tuple({"ts": at, "coll": at, "meter_no": offset}.get(name, value) for name, value in READING)
            await connection.copy_records_to_table("readings", records=[row], columns=columns)
            marks = ["scope_no", "first_slot", "last_slot"]
            await connection.copy_records_to_table("dirty_scopes", records=[(1, 1, 2)], columns=marks)
            await connection.execute(counted, ["s"], [at], ["accepted"], [""], [1])
        offset += 1
        await asyncio.sleep(0.005)

    async with beside(batch):
        await until(lambda: rows(released, "SELECT 1 FROM readings"))
        async with lock_waits(released, "cuofeng-test") as waits:
            await migrate(released)
        async with released.connect() as look:
            assert await current_revision(look) == newest_revision()
        done = offset
        await until(lambda: _has_written(released, done + 20))
    await connection.close()
    assert max(waits.values(), default=0.0) < MOMENT_S, waits
    assert await account(released) == {("accepted", ""): offset}
    assert tuple((await rows(released, "SELECT count(*), min(next_offset) FROM readings, cursors"))[0]) == (
        offset,
        offset,
    )
    async with released.connect() as look:
        series = await read_series(look, "P1", first_slot=T0 // 900, last_slot=T0 // 900 + 47)
    assert [s.slot - T0 // 900 for s in series if s.verdict == "violating"] == [5, 6]
    assert len(series) == 48


async def _has_written(engine: AsyncEngine, count: int) -> bool:
    return int((await rows(engine, "SELECT count(*) FROM readings"))[0][0]) >= count


@pytest.mark.usefixtures("next_release")
@pytest.mark.kafka
async def test_consumers_go_on_while_the_next_releases_schema_is_made(
    database_url: str, engine: AsyncEngine, broker: str, topic: str
) -> None:
    """Today's consumers are the release before: first the schema expands, later it contracts; nothing is lost, nobody
    waits longer than a moment, also while a slow query keeps the migration waiting."""
    await insert_registry(engine)
    settings, clock, stop = make_settings(topic), VirtualClock(NOW), asyncio.Event()
    judge = make_engine(database_url, name="test-evaluate")
    judging = asyncio.create_task(evaluate(judge, settings, clock, stop))
    own = make_engine(database_url, name="migrate", pool_size=1)
    sent = 0

    async def one_more() -> None:
        nonlocal sent
        sent += await send(
            broker, topic, [message(reading(1, float(sent % 7), ts=T0 - 900 * sent), partition=sent % 4)]
        )
        await until(lambda: _consumed(engine, topic, sent))

    async with ingesting(database_url, broker, settings, clock=clock) as running:
        await one_more()
        async with beside(one_more), lock_waits(engine, "cuofeng-migrate") as waits:
            async with engine.connect() as slow:
                await slow.execute(text("SELECT count(*) FROM cursors, readings, alerts"))
                upgrade = asyncio.create_task(migrate(own))
                await asyncio.sleep(SLOW_S)
                assert not upgrade.done()
            with pytest.raises(ContractionError, match="9002"):
                await upgrade
            assert await rows(engine, "SELECT hint FROM cursors LIMIT 1")
            await migrate(own)
            done = sent
            await until(lambda: _consumed(engine, topic, done + 5))
        bisected = running.metrics.batches.labels("bisected")._value.get()
    stop.set()
    await judging
    await judge.dispose()
    await own.dispose()
    assert max(waits.values(), default=0.0) < MOMENT_S, waits
    assert bisected == 0
    assert await account(engine) == {("accepted", ""): sent}
    assert await rows(engine, "SELECT 1 FROM scope_days")
    async with engine.connect() as look:
        assert await current_revision(look) == "9002"


async def _consumed(engine: AsyncEngine, topic: str, count: int) -> bool:
    return await consumed(engine, topic) >= count


@pytest.mark.usefixtures("next_release")
async def test_a_contraction_waits_unless_told_that_nothing_older_runs(
    engine: AsyncEngine, empty_database_url: str
) -> None:
    with pytest.raises(ContractionError, match="--contract"):
        await migrate(engine)
    async with engine.connect() as connection:
        assert await current_revision(connection) == "9001"
    fresh = make_engine(empty_database_url, name="test", pool_size=1)
    try:
        await migrate(fresh)
        async with fresh.connect() as connection:
            assert await current_revision(connection) == "9002"
    finally:
        await fresh.dispose()


@pytest.mark.usefixtures("next_release")
async def test_told_so_it_contracts_at_once(engine: AsyncEngine) -> None:
    await migrate(engine, contract=True)
    async with engine.connect() as connection:
        assert await current_revision(connection) == "9002"
        assert await connection.scalar(text("SHOW lock_timeout")) == "15s"


async def test_a_revision_that_has_to_wait_does_not_hold_those_before_it(
    database_url: str, engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a transaction of its own: what is done is seen, and no lock is kept while the next one waits."""
    body = 'from alembic import op\n\nrevision, down_revision, branch_labels, depends_on = "{0}", "{1}", None, None\n'
    body += '\n\ndef upgrade() -> None:\n    op.execute("ALTER TABLE {2} ADD COLUMN hint text")\n'
    for revision, before, table in (("9001", newest_revision(), "ticks"), ("9002", "9001", "cursors")):
        (tmp_path / f"{revision}.py").write_text(body.format(revision, before, table))
    monkeypatch.setattr(migrations, "VERSIONS", (*migrations.VERSIONS, str(tmp_path)))
    own = make_engine(database_url, name="migrate", pool_size=1)
    async with engine.connect() as slow, lock_waits(engine, "cuofeng-migrate") as waits:
        await slow.execute(text("SELECT count(*) FROM cursors"))
        upgrade = asyncio.create_task(migrate(own))
        await until(lambda: rows(engine, "SELECT 1 FROM pg_attribute WHERE attname = 'hint'"))
        begun = monotonic()
        while monotonic() - begun < SLOW_S:
            await rows(engine, "SELECT count(*) FROM ticks UNION ALL SELECT count(*) FROM cursors")
            await asyncio.sleep(0.05)
        assert not upgrade.done()
    await upgrade
    await own.dispose()
    assert max(waits.values(), default=0.0) < MOMENT_S, waits
