"""Cursor and effects are one transaction: fenced, rolled back, or there, and never half (RELIABILITY §2)."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.partition import Partition
from consumers.ports import RawRecord, StoredRecord
from consumers.transaction import STEPS, FencedError
from consumers.writer import Writer
from detectors.errors import InfrastructureError
from service.clock import VirtualClock
from service.db import cursors
from service.db.copying import as_rows, copy_in, row_dtype
from service.db.quarantine import Entry, State, add_entries, take_dead_letters
from service.db.sessions import writing
from service.observability.ingest_metrics import IngestMetrics
from tests.integration.ingest_world import (
    NOW,
    T0,
    account,
    insert_registry,
    make_settings,
    message,
    reading,
    rows,
)

TOPIC = "readings-of-a-test"
TABLES = ("readings", "reading_conflicts", "quarantine", "dirty_scopes", "ingest_account")


def records(*bodies: dict[str, object] | bytes, first: int = 0) -> list[RawRecord]:
    """Records of partition 0 from an offset on."""
    return [StoredRecord(first + i, NOW * 1000, None, message(body).value) for i, body in enumerate(bodies)]


async def make_writer(engine: AsyncEngine, **more: object) -> Writer:
    """A writer that knows the registry."""
    writer = Writer(engine, make_settings(TOPIC, **more), VirtualClock(NOW), IngestMetrics())
    await writer.reload_index()
    return writer


async def claim(engine: AsyncEngine, owner: str) -> Partition:
    """Take partition 0 over."""
    async with writing(engine) as connection:
        await cursors.insert_first(connection, TOPIC, 0, 0)
        found = await cursors.claim(connection, TOPIC, 0, owner)
    assert found is not None
    return Partition(0, found.epoch, found.next_offset, moved_at=0.0)


async def commit(writer: Writer, partition: Partition, batch: Sequence[RawRecord]) -> None:
    """Prepare and commit one batch."""
    await writer.commit(partition, await writer.prepare(0, batch))


async def counts(engine: AsyncEngine) -> dict[str, int]:
    """Rows of every table that a batch writes, and the cursor."""
    found = {table: (await rows(engine, f"SELECT count(*) FROM {table}"))[0][0] for table in TABLES}
    at = await rows(engine, "SELECT next_offset FROM cursors")
    return found | {"cursor": at[0][0] if at else -1}


MIXED = (reading(1), reading(1, 2.0), reading("NOBODY"), b"{", reading(2, 0.5, scale="secondary"))


async def test_a_zombie_is_fenced_and_writes_nothing(engine: AsyncEngine) -> None:
    await insert_registry(engine)
    writer = await make_writer(engine)
    zombie = await claim(engine, "first")
    await commit(writer, zombie, records(*MIXED))
    work = await writer.prepare(0, records(reading(3), reading("NOBODY", 9.0), first=5))
    owner = await claim(engine, "second")
    assert owner.cursor == 5
    before = await counts(engine)
    with pytest.raises(FencedError):
        await writer.commit(zombie, work)
    assert await counts(engine) == before
    await commit(writer, owner, records(reading(3), first=5))
    assert (await counts(engine))["cursor"] == 6
    with pytest.raises(FencedError):
        await writer.commit(zombie, work)


async def test_the_same_batch_again_is_fenced(engine: AsyncEngine) -> None:
    await insert_registry(engine)
    writer = await make_writer(engine)
    partition = await claim(engine, "one")
    work = await writer.prepare(0, records(*MIXED))
    await writer.commit(partition, work)
    after = await counts(engine)
    partition.cursor = 0
    with pytest.raises(FencedError):
        await writer.commit(partition, work)
    assert await counts(engine) == after


class CutError(Exception):
    """The test ends the batch here."""


@pytest.mark.parametrize("step", [s for s in STEPS if s != "committed"])
async def test_a_batch_that_ends_between_two_steps_leaves_nothing(engine: AsyncEngine, step: str) -> None:
    await insert_registry(engine)
    reached: list[str] = []

    async def cut(at: str) -> None:
        reached.append(at)
        if at == step:
            raise CutError

    writer = await make_writer(engine)
    partition = await claim(engine, "one")
    work = await writer.prepare(0, records(*MIXED))
    await writer.ensure_months(work.prepared)
    before = await counts(engine)
    writer.on_step = cut
    with pytest.raises(CutError):
        await writer.commit(partition, work)
    assert reached[-1] == step
    assert await counts(engine) == before


@pytest.mark.parametrize("step", STEPS)
async def test_a_lost_connection_is_resolved_by_the_cursor(engine: AsyncEngine, step: str) -> None:
    """Before the commit the batch is written again; after it, found to be there. Never twice, never not."""
    await insert_registry(engine)
    cuts: list[str] = []

    async def lose(at: str) -> None:
        if at == step and not cuts:
            cuts.append(at)
            raise InfrastructureError("the connection is gone")

    writer = await make_writer(engine)
    writer.on_step = lose
    partition = await claim(engine, "one")
    await commit(writer, partition, records(*MIXED))
    assert cuts == [step]
    assert partition.cursor == 5
    assert await account(engine) == {
        ("accepted", ""): 2,
        ("superseded", ""): 1,
        ("quarantined", "unknown_meter"): 1,
        ("rejected", "bad_json"): 1,
    }
    assert (await counts(engine))["reading_conflicts"] == 1


async def test_all_sessions_cut_in_the_middle_of_a_batch(engine: AsyncEngine, database_url: str) -> None:
    """The server ends the session of the batch: it goes in all the same, once."""
    await insert_registry(engine)
    killed: list[int] = []

    async def kill(at: str) -> None:
        if at == "marks" and not killed:
            found = await rows(
                engine,
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            killed.append(found[0][0])

    writer = await make_writer(engine)
    writer.on_step = kill
    partition = await claim(engine, "one")
    await commit(writer, partition, records(*MIXED))
    assert killed
    assert killed[0] >= 1
    assert sum((await account(engine)).values()) == len(MIXED)


async def test_copy_is_rolled_back_with_its_transaction(engine: AsyncEngine) -> None:
    """The trap of RELIABILITY §2: without a statement before it, COPY would commit by itself."""
    dtype = row_dtype([("scope_no", ">i4"), ("first_slot", ">i8"), ("last_slot", ">i8")])
    columns = ("scope_no", "first_slot", "last_slot")
    one = np.ones(3, np.int64)
    copied = as_rows(dtype, {"scope_no": one, "first_slot": one, "last_slot": one})
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        await copy_in(connection, "dirty_scopes", columns, copied)
        assert (await connection.execute(text("SELECT count(*) FROM dirty_scopes"))).scalar() == 3
        await connection.rollback()
    assert (await rows(engine, "SELECT count(*) FROM dirty_scopes"))[0][0] == 0


async def test_a_registry_that_changes_meanwhile_is_seen(engine: AsyncEngine) -> None:
    """A row that was prepared as unknown is accepted when its meter was imported before the commit."""
    await insert_registry(engine, count=1)
    writer = await make_writer(engine)
    partition = await claim(engine, "one")
    work = await writer.prepare(0, records(reading(2, 0.5, scale="secondary")))
    assert len(work.prepared.entries) == 1
    await insert_registry(engine, first=2, count=1)
    await writer.commit(partition, work)
    assert await account(engine) == {("accepted", ""): 1}


async def test_what_the_database_refuses_is_one_record(engine: AsyncEngine) -> None:
    """One value that a constraint of the database refuses: its record is found by halving, the rest goes in."""
    await insert_registry(engine)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE readings ADD CONSTRAINT ck_of_this_test CHECK (value <> 13)"))
    writer = await make_writer(engine)
    partition = await claim(engine, "one")
    bodies = [reading(1, float(i), ts=T0 - 900 * i) for i in range(20)]
    await commit(writer, partition, records(*bodies))
    assert partition.cursor == 20
    assert await account(engine) == {("accepted", ""): 19, ("rejected", "bad_batch"): 1}
    refused = await rows(engine, "SELECT src_offset, code, state, record_value FROM quarantine")
    assert [(r[0], r[1], r[2]) for r in refused] == [(13, "bad_batch", "rejected")]
    assert bytes(refused[0][3]) == message(bodies[13]).value


CONTENDERS = [
    reading(1, 1.0),
    reading(1, 2.0),
    reading(1, 2.0, coll="2017-11-16T10:30:00+08:00"),
    reading(1, 1.0, coll="2017-11-16T10:40:00+08:00"),
    reading(1, 3.0, q="S", coll="2017-11-17T10:40:00+08:00"),
    reading(1, None, rev=1),
    reading(2, 0.5, scale="secondary"),
    reading(2, 6000.0),
    reading(2, 7.0, scale="secondary", q="Q"),
    reading(2, 7.0, scale="secondary", q="Q", rev=2),
    reading(3, 4.0, period_s=900),
    reading(3, 4.0, kind="energy_int", unit="kWh"),
    reading(3, 4.0, q="E"),
    reading(4, -1.0, scale="secondary"),
    reading("NOBODY", 1.0),
    reading(4, 1.0, unit="kWh"),
]


async def end_state(engine: AsyncEngine) -> str:
    """Readings and conflicts without where they came from."""
    stored = await rows(
        engine,
        "SELECT meter_no, kind, ts, value, coll, q, rev, scale, period_s, had_evidence FROM readings ORDER BY 1, 2, 3",
    )
    lost = await rows(
        engine,
        "SELECT meter_no, kind, ts, value, coll, q, rev, scale, period_s FROM reading_conflicts"
        " ORDER BY 1, 2, 3, 4, 6, 7, 8, 9",
    )
    return repr(([tuple(r) for r in stored], [tuple(r) for r in lost]))


async def reset(engine: AsyncEngine) -> None:
    """Empty what batches write."""
    async with engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {', '.join(TABLES)}, cursors"))


async def test_any_order_repetition_and_batching_ends_alike(engine: AsyncEngine) -> None:
    await insert_registry(engine)
    writer = await make_writer(engine)
    partition = await claim(engine, "one")
    await commit(writer, partition, records(*CONTENDERS))
    expected = await end_state(engine)
    for seed in range(12):
        rng = random.Random(seed)
        bodies = CONTENDERS + rng.choices(CONTENDERS, k=rng.randrange(10))
        rng.shuffle(bodies)
        await reset(engine)
        partition = await claim(engine, "one")
        sent = len(bodies)
        while bodies:
            size = rng.randrange(1, 8)
            await commit(writer, partition, records(*bodies[:size], first=partition.cursor))
            bodies = bodies[size:]
        assert await end_state(engine) == expected, f"seed {seed}"
        found = await account(engine)
        assert sum(found.values()) == sent
        standing = (await rows(engine, "SELECT count(*) FROM readings"))[0][0]
        assert found["accepted", ""] >= standing


async def test_only_what_changes_is_marked(engine: AsyncEngine) -> None:
    await insert_registry(engine)
    writer = await make_writer(engine)
    partition = await claim(engine, "one")
    await commit(writer, partition, records(reading(1)))
    await commit(writer, partition, records(reading(1), reading(1, 5.0, q="S"), first=1))
    assert (await rows(engine, "SELECT count(*) FROM dirty_scopes"))[0][0] == 1
    await commit(writer, partition, records(reading(1, 2.0, rev=1, period_s=900), first=3))
    assert (await rows(engine, "SELECT count(*) FROM dirty_scopes"))[0][0] == 2


async def test_a_shorter_period_marks_what_the_longer_one_covered(engine: AsyncEngine) -> None:
    await insert_registry(engine)
    writer = await make_writer(engine)
    partition = await claim(engine, "one")
    hour = T0 // 3600 * 3600
    long = reading(1, 4.0, kind="energy_int", unit="kWh", ts=hour, period_s=3600)
    short = reading(1, 1.0, kind="energy_int", unit="kWh", ts=hour, period_s=900, rev=1)
    await commit(writer, partition, records(long))
    await commit(writer, partition, records(short, first=1))
    found = await rows(engine, "SELECT first_slot, last_slot FROM dirty_scopes")
    last = hour // 900 - 1
    assert [tuple(r) for r in found] == [(last - 3, last), (last - 3, last)]


async def test_readings_of_any_month_find_their_partition(engine: AsyncEngine) -> None:
    await insert_registry(engine)
    writer = await make_writer(engine)
    partition = await claim(engine, "one")
    new_year = 1514736000  # 2018-01-01 00:00 in Zhengzhou, still December in UTC
    batch = [
        StoredRecord(i, ts * 1000, None, message(reading(1, 1.0, ts=ts)).value)
        for i, ts in enumerate((new_year, new_year + 8 * 3600, new_year - 30 * 86400))
    ]
    writer.clock = VirtualClock(new_year + 86400)
    await commit(writer, partition, batch)
    found = await rows(engine, "SELECT tableoid::regclass::text FROM readings ORDER BY ts")
    assert [r[0] for r in found] == ["readings_2017_12", "readings_2017_12", "readings_2018_01"]


async def test_huge_dead_letters_are_taken_few_at_a_time(engine: AsyncEngine) -> None:
    def letter(offset: int, size: int) -> Entry:
        return Entry(
            source="s",
            topic="t",
            part=0,
            offset=offset,
            code="bad_batch",
            detail="",
            record_ms=0,
            held_s=0.0,
            positions=(),
            meter_id=None,
            due_s=None,
            key=None,
            value=bytes(size),
            headers=(),
            state=State.REJECTED,
        )

    async with writing(engine) as connection:
        await add_entries(connection, [letter(0, 5_000), letter(1, 400), letter(2, 400), letter(3, 9_000)])
        for most_bytes, expected in ((1, [0]), (5_800, [0, 1, 2]), (10**6, [0, 1, 2, 3])):
            found = await take_dead_letters(connection, 500, most_bytes)
            assert [entry.offset for entry in found] == expected
