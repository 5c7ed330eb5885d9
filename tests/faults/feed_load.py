"""Very many alert events, 8 writers and 20 readers over HTTP: none missed, none twice, ``seq`` without a hole (§6.8).

The writers keep a little ahead of the readers, so that all the while pages are read from a feed that grows. Afterwards
every reader's events are those of the table, and its fold is what stands.
"""

import asyncio
import os
import random
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import monotonic

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from service.db.keys import AccessRole, create_key
from service.settings import Settings
from tests.bench.api import serving
from tests.bench.office import Office
from tests.bench.world import World
from tests.faults.checks import Findings
from tests.faults.dose import Proof
from tests.faults.feed_readers import MOST, Habit, Places, Seen, go, sum_of
from tests.faults.feed_writers import Writer
from tests.faults.scratch import scratch_engine
from tests.faults.story import COUNTIES
from tests.faults.workers import workers

WRITERS = 8
#: Events that the writers may be ahead of the readers in the middle.
AHEAD = 5000
LOOK_S = 0.05
ROWS = 50_000
HABITS = (
    *[Habit(100, MOST)] * 5,
    *[Habit(1, MOST)] * 5,
    *[Habit(MOST // 2, MOST, pause_s=0.3)] * 3,
    *[Habit(20, MOST, leaves=0.2)] * 4,
    *[Habit(10, MOST, county=county) for county in COUNTIES],
)


@dataclass(slots=True)
class Written:
    """What the tables hold. events and total: by county, None: all; fold: of each alert, by county."""

    events: dict[str | None, int] = field(default_factory=dict)
    total: dict[str | None, int] = field(default_factory=dict)
    fold: dict[str | None, dict[str, tuple[int, str, int]]] = field(default_factory=dict)
    holes: int = 0
    head: int = 0


async def feed(server_url: str, first: int, count: int) -> tuple[Proof, Findings]:
    """``count`` events, from a seed."""
    proof, findings = Proof(), Findings()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cuofeng-feed-")))
        engine = await stack.enter_async_context(scratch_engine(server_url, "feed", pool_size=WRITERS + 2))
        port, keys = await _served(stack, engine)
        shares = [
            {i: habit for i, habit in enumerate(HABITS) if i % parts == w}
            for parts in [min(len(HABITS), os.cpu_count() or 1)]
            for w in range(parts)
        ]
        places = Places(folder / "places", len(HABITS))
        pool = stack.enter_context(workers(len(shares)))
        began, loop = monotonic(), asyncio.get_running_loop()
        reading = [
            loop.run_in_executor(pool, go, share, port, keys, count, first, folder / "places", len(HABITS))
            for share in shares
        ]
        writers = [
            Writer(n, count // WRITERS + (n < count % WRITERS), random.Random(f"writer {first} {n}"))
            for n in range(WRITERS)
        ]
        await _write(engine, writers, places, reading)
        seen = [s for of_worker in await asyncio.gather(*reading) for s in of_worker]
        seconds = monotonic() - began
        written = await _read_tables(engine)
    compare(seen, written, count, findings)
    proof.proven = written.head
    proof.figures["per_s"].append(count / seconds)
    _say(count, seconds, writers, seen, written)
    return proof, findings


async def _served(stack: AsyncExitStack, engine: AsyncEngine) -> tuple[int, dict[int, str]]:
    """The API as a process of its own; its port, and a key for each reader."""
    url = make_url(engine.url).set(drivername="postgresql").render_as_string(hide_password=False)
    # No consumer runs: the broker's address is never used.
    settings = {"CUOFENG_DATABASE_URL": url, "CUOFENG_KAFKA_BOOTSTRAP": "127.0.0.1:9"}
    port, _ = await stack.enter_async_context(serving(Office(World(1, 1), engine, settings, 0, {})))
    keys = {}
    pepper = Settings.model_fields["key_pepper"].default.get_secret_value()
    async with engine.begin() as connection:
        for i, habit in enumerate(HABITS):
            role = AccessRole.CITY if habit.county is None else AccessRole.COUNTY
            keys[i] = await create_key(connection, role=role, name=f"reader-{i}", county=habit.county, pepper=pepper)
    return port, keys


async def _write(
    engine: AsyncEngine, writers: list[Writer], places: Places, reading: "list[asyncio.Future[list[Seen]]]"
) -> None:
    async def room() -> None:
        while sum(w.done for w in writers) > median(places.all()) + AHEAD:
            for ended in (r for r in reading if r.done()):
                ended.result()
            await asyncio.sleep(LOOK_S)

    async with asyncio.TaskGroup() as group:
        for writer in writers:
            group.create_task(writer.run(engine, room))


async def _read_tables(engine: AsyncEngine) -> Written:
    """The events, the alerts, and the counter."""
    written = Written()
    async with engine.connect() as connection:
        written.head = int(await connection.scalar(text("SELECT seq FROM feed_head")) or 0)
        last = 0
        while True:
            rows = (
                await connection.execute(
                    text(
                        "SELECT seq, alert_id, type, CAST(alert ->> 'energy_over_kwh' AS double precision), county"
                        " FROM alert_events WHERE seq > :last ORDER BY seq LIMIT :n"
                    ),
                    {"last": last, "n": ROWS},
                )
            ).all()
            if not rows:
                break
            for seq, alert_id, kind, mark, county in rows:
                written.holes += seq - last - 1
                last = seq
                for whose in (None, county):
                    written.events[whose] = written.events.get(whose, 0) + 1
                    total = sum_of(seq, alert_id, kind, int(mark))
                    written.total[whose] = written.total.get(whose, 0) + total
        for alert_id, seq, condition, mark, county in await connection.execute(
            text("SELECT alert_id, last_seq, condition, energy_over_kwh, county FROM alerts")
        ):
            for whose in (None, county):
                written.fold.setdefault(whose, {})[alert_id] = (seq, condition, int(mark))
    return written


def compare(seen: list[Seen], written: Written, count: int, findings: Findings) -> None:
    """Every reader against the tables."""
    if (written.head, written.events.get(None), written.holes) != (count, count, 0):
        findings.problems.append(f"of {count} events the feed counts {written.head}, the table has {written.events}")
    findings.tell("seq has holes", [written.holes] if written.holes else [])
    for number, reader in enumerate(seen):
        who = f"reader {number} ({reader.county or 'city'})"
        findings.lost += reader.missed + max(0, written.events.get(reader.county, 0) - reader.events - reader.missed)
        findings.duplicate += reader.twice
        findings.tell(who, reader.faults)
        if reader.events != written.events.get(reader.county, 0):
            findings.problems.append(f"{who} saw {reader.events} events of {written.events.get(reader.county, 0)}")
        elif reader.total != written.total.get(reader.county, 0):
            findings.problems.append(f"{who} saw another event than the table has")
        stands: Mapping[str, tuple[int, str, int]] = written.fold.get(reader.county, {})
        findings.differing += findings.tell(
            f"{who}: its fold is not what stands", [*(reader.fold.items() ^ stands.items())]
        )


def _say(count: int, seconds: float, writers: list[Writer], seen: list[Seen], written: Written) -> None:
    pages, waits, returns = (sum(getattr(s, n) for s in seen) for n in ("pages", "at_head", "returns"))
    read = sum(s.events for s in seen)
    print(
        f"feed: {count} events of {len(written.fold.get(None, {}))} alerts, {len(writers)} writers"
        f" ({sum(w.undone for w in writers)} transactions rolled back), {len(seen)} readers: {pages} pages"
        f" ({waits} to the end, then waiting), {returns} reconnects, {read} events read;"
        f" {count / seconds:.0f} events/s written, {read / seconds:.0f} read",
        flush=True,
    )
