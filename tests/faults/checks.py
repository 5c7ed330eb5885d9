"""What must hold after every fault (RELIABILITY §5): the whole list, each time."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.roles import EVALUATE_POOL, INGEST_POOL
from service.db.engine import make_engine
from tests.cases.fast import fast
from tests.faults import moves
from tests.faults.member import Use
from tests.faults.replayed import replayed_database
from tests.faults.stored import key_of_row, read_stored, value_of_row
from tests.faults.story import SLOT_S
from tests.faults.topic_log import Folded, LogRecord, fold, read_log
from tests.faults.world import World
from tests.integration.streamed import Stream
from tests.integration.test_identity import disagreements
from tests.oracles.rows import Judgement, Reading
from tests.oracles.rows import World as Input

RETURN_S = 20.0
#: What a process may hold more than before: memory bytes (and a tenth), descriptors beside its sessions.
MORE_RSS, MORE_DESCRIPTORS = 64 << 20, 8
#: Sessions that a process may hold: its pools, and the one that listens.
SESSIONS = {"ingest": INGEST_POOL, "evaluate": EVALUATE_POOL, "serve": 12}
SHOWN = 10


@dataclass(slots=True)
class Findings:
    """What is wrong. lost, duplicate: records or rows; differing: alerts, days and slots; problems: all, in words."""

    lost: int = 0
    duplicate: int = 0
    differing: int = 0
    problems: list[str] = field(default_factory=list)

    def tell(self, what: str, found: list[Any]) -> int:
        """Add findings of one sort; how many."""
        if found:
            self.problems.append(f"{what}: {len(found)}, such as {found[:SHOWN]}")
        return len(found)


async def check(world: World) -> Findings:
    """Settle, then look at everything."""
    findings = Findings()
    await world.settle()
    log = await read_log(world.bootstrap, world.settings.kafka_topic)
    folded = fold(log, world.story.registry)
    await _check_log(world, log, findings)
    await _check_rows(world.engine, log, folded, findings)
    judged = await _check_judgement(world, log, findings)
    await _check_feed(world, findings)
    findings.tell("effects of a stale epoch", moves.stale_effects(await moves.steps(world.engine), world.owner_of))
    await _check_use(world, findings)
    async with replayed_database(world, len(log)) as url:
        engine = make_engine(url, name="harness-replayed")
        try:
            again = Findings()
            await _check_rows(engine, log, folded, again)
            findings.tell("replay: rows", again.problems)
            replayed = await Stream(engine, SLOT_S, world.story.begin_s).judgement()
            findings.differing += findings.tell("replay: differs", _differences(world, log, replayed, judged))
        finally:
            await engine.dispose()
    return findings


async def _check_log(world: World, log: list[LogRecord], findings: Findings) -> None:
    """The broker has what it acknowledged, and the cursors stand at the end of it."""
    wanted = Counter(i.body for i in world.sent_items)
    missing = wanted - Counter(r.body for r in log)
    findings.lost += findings.tell("acknowledged, and not in the topic", list(missing.elements()))
    ends = dict.fromkeys(range(world.partitions), 0) | {r.part: r.offset + 1 for r in log}
    async with world.engine.connect() as connection:
        found = await connection.execute(text("SELECT part, next_offset FROM cursors"))
        stands = {row.part: row.next_offset for row in found}
    findings.tell("lag", [(p, stands.get(p), end) for p, end in ends.items() if stands.get(p) != end])


async def _check_rows(engine: AsyncEngine, log: list[LogRecord], folded: Folded, findings: Findings) -> None:
    """Every record once: readings, conflicts, quarantine and account are the fold of the log."""
    async with engine.connect() as connection:
        stored = await read_stored(connection)
        entries = Counter(
            ((part, offset), code)
            for part, offset, code in await connection.execute(
                text("SELECT src_partition, src_offset, code FROM quarantine WHERE state <> 'replayed'")
            )
        )
        account = {
            (outcome, code): int(count)
            for outcome, code, count in await connection.execute(
                text("SELECT outcome, code, sum(row_count) FROM ingest_account GROUP BY 1, 2")
            )
        }
    rows, lost = stored.standing, stored.conflicts
    findings.lost += findings.tell("readings missing", [k for k in folded.standing if k not in rows])
    findings.duplicate += findings.tell("readings too many", [k for k in rows if k not in folded.standing])
    findings.tell("readings differ", [(k, rows[k], w) for k, w in folded.standing.items() if rows.get(k, w) != w])
    findings.tell("conflicts differ", [*(lost.items() ^ folded.conflicts.items())])
    findings.lost += findings.tell("quarantine misses", list((folded.entries - entries).elements()))
    findings.duplicate += findings.tell("quarantine has twice", list((entries - folded.entries).elements()))
    total = sum(account.values())
    findings.lost += max(0, folded.rows - total)
    findings.duplicate += max(0, total - folded.rows)
    if total != folded.rows:
        findings.problems.append(f"the account says {total} rows of {folded.rows}: {account}")
    bad = {code: count for (_, code), count in account.items() if code and count}
    if bad != folded.by_code:
        findings.problems.append(f"refused and held: {bad}, expected {dict(folded.by_code)}")
    origin = {record.place: record for record in log}
    findings.tell("rows of another record", [k for k, r in stored.rows.items() if not _comes_from(origin, r)])


def _comes_from(origin: Mapping[tuple[int, int], LogRecord], row: Mapping[Any, Any]) -> bool:
    record = origin.get((row["src_partition"], row["src_offset"]))
    return record is not None and any(
        (r.meter_id, r.kind, r.ts) == key_of_row(row) and value_of_row(row)[:2] == (r.value, r.q)
        for r in record.readings
    )


async def _check_judgement(world: World, log: list[LogRecord], findings: Findings) -> Judgement:
    """Days, slots and standing alerts are those of a back-test of the same records (SEMANTICS §6.32)."""
    judged = await Stream(world.engine, SLOT_S, world.story.begin_s).judgement()
    expected = fast(world.story.registry, _readings(log), int(world.now_s), SLOT_S)
    findings.differing += findings.tell("judged otherwise", _differences(world, log, judged, expected))
    if not expected.alerts:
        findings.problems.append("the story has no alert: it proves nothing")
    return judged


def _differences(world: World, log: list[LogRecord], one: Judgement, other: Judgement) -> list[str]:
    return disagreements(one, other, Input(world.story.registry, _readings(log), int(world.now_s), SLOT_S))


def _readings(log: list[LogRecord]) -> tuple[Reading, ...]:
    return tuple(r for record in log for r in record.readings)


async def _check_feed(world: World, findings: Findings) -> None:
    """seq has no hole, every poller saw every event as it stands, and their fold is the standing alerts."""
    async with world.engine.connect() as connection:
        events = {
            row.seq: row
            for row in await connection.execute(text("SELECT seq, type, alert, county FROM alert_events ORDER BY seq"))
        }
        head = int(await connection.scalar(text("SELECT seq FROM feed_head")) or 0)
        found = await connection.execute(text("SELECT alert_id, condition FROM alerts"))
        alerts = {row.alert_id: row.condition for row in found}
    findings.tell("seq has holes", sorted(set(range(1, head + 1)) ^ set(events)))
    for number, poller in enumerate(world.pollers):
        await world.until(partial(_has_read, poller, head), f"poller {number} at {head}", RETURN_S)
        mine = {s: e for s, e in events.items() if poller.county in (None, e.county) and s > poller.resynced_at}
        findings.tell(f"poller {number}", poller.faults)
        findings.tell(f"poller {number} missed", sorted(set(mine) - set(poller.seen)))
        findings.tell(f"poller {number} saw what is not there", sorted(set(poller.seen) - set(mine)))
        findings.tell(
            f"poller {number} saw another event",
            [s for s, e in mine.items() if s in poller.seen and not _is_same(poller.seen[s], e)],
        )
        if poller.county is None and not poller.resynced_at:
            folded = {e["alert"]["id"]: e["alert"]["condition"] for _, e in sorted(poller.seen.items())}
            findings.tell("the fold of the feed is not what stands", sorted(folded.items() ^ alerts.items()))


async def _has_read(poller: Any, head: int) -> bool:
    return bool(poller.scanned_to >= head)


def _is_same(seen: Mapping[str, Any], row: Any) -> bool:
    alert = row.alert if isinstance(row.alert, dict) else json.loads(row.alert)
    return bool(seen["type"] == row.type and seen["alert"] == alert)


async def _check_use(world: World, findings: Findings) -> None:
    """Memory, descriptors and sessions of the processes are back to what they were; nobody polls any more."""
    await world.end_polling()
    over: list[tuple[str, Use, Use]] = []
    for _ in range(int(RETURN_S / 0.5)):
        over = [(n, b, m.use()) for n, b in world.before.items() if (m := world.members[n]).is_running]
        over = [(n, b, u) for n, b, u in over if _is_more(b, u, SESSIONS[world.members[n].role])]
        if not over:
            return
        await asyncio.sleep(0.5)
    findings.tell("a process holds more than before", over)


def _is_more(before: Use, now: Use, sessions: int) -> bool:
    return (
        now.rss > before.rss * 1.1 + MORE_RSS
        or now.descriptors - now.sessions > before.descriptors - before.sessions + MORE_DESCRIPTORS
        or now.sessions > sessions
    )
