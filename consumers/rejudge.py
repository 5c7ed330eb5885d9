"""Judge the marked days of claimed scopes again, walk on while a day's carry changes, and write what became of it."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.alert_sync import Changes, changes
from consumers.day_loads import DayReadings, stored_loads
from consumers.marks import runs
from consumers.office import Office
from consumers.pending import DayWork, Pending, Spans
from consumers.recounting import ask
from detectors.alerts import NOTHING_CARRIED, Alert, Carry
from detectors.feed import down_on
from detectors.judge import DayResult, judge_day, judged_on, margin_slots
from detectors.known import Known
from detectors.loads import Fact
from detectors.slots import Grid, local_day
from detectors.vocab import Rule
from detectors.world import rows_of
from service.db.alert_store import save_alerts, save_live, stored_alerts
from service.db.feed import AlertEvent, publish
from service.db.judgement import Marks, load_carries
from service.db.marks import add_marks
from service.db.scope_days_write import save_day
from service.db.ticks import down_slots, mark_due

I64 = npt.NDArray[np.int64]
#: Called with the seconds that some work took; waits while other work goes first.
GiveWay = Callable[[float], Awaitable[None]]

#: Local days in one transaction: what is found is published soon, also while years are judged again.
DAYS_IN_A_PASS = 31
#: Scope-slots judged in one piece: its arrays stay small, also where slots are narrow.
SLOTS_IN_A_PIECE = 200_000
#: Scopes and alerts found on them, together, that are compared with what pollers saw in one piece: each alert is held
#: as found, as stored and as shown.
COMPARED = 500


@dataclass(slots=True)
class Rejudged:
    """What a pass did, and how long it took."""

    scopes: int = 0
    days: int = 0
    events: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Found:
    """Alerts of the days judged so far. held: go on into a day that is not judged again, what is stored of them
    stands. scopes: rows judged on each day. lost: (row of the source, slot) where a value was taken back."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    scopes: dict[date, set[int]] = field(default_factory=dict)
    lost: set[tuple[int, int]] = field(default_factory=set)


async def rejudge(
    connection: AsyncConnection,
    office: Office,
    marks: Marks,
    as_of: int,
    published_at: datetime,
    seconds: float,
    give_way: GiveWay | None = None,
) -> Rejudged:
    """Judge, write days and alerts, publish events. The caller holds the scopes' claim and commits.

    seconds: after these no further day is begun but those to which a changed carry walks on; what is left, less than
    what came, is marked again. give_way: awaited after each piece of work with the seconds that it took.
    """
    row = office.scope_rows(marks.scope_no)
    known = row >= 0
    spans = Spans(row, marks.first_slot, marks.last_slot, marks.is_due).take(known)
    pending = Pending(office.world, spans, as_of, DAYS_IN_A_PASS)
    report, found, reads = Rejudged(), _Found(), defaultdict[int, DayReadings](DayReadings)
    until = monotonic() + seconds
    while (work := pending.pop()) is not None:
        size = max(1, SLOTS_IN_A_PIECE // work.day.n_slots)
        for begin in range(0, len(work.row), size):
            piece, began = work.take(slice(begin, begin + size)), monotonic()
            numbers = office.scope_no[piece.row].tolist()
            days = [piece.day.day - timedelta(days=1), piece.day.day]
            given, before = await load_carries(connection, numbers, days)
            for rows, result in await _judged(connection, office, piece, reads[begin], given, as_of):
                await _keep(connection, office, pending, found, piece, rows, result, before, as_of)
            if give_way is not None:
                await give_way(monotonic() - began)
        report.days += len(work.row)
        if monotonic() > until and pending.is_shorter:
            pending.end()
    await ask(connection, office, _spans_of_sources(office, found.lost))
    left = pending.left()
    for is_due, mark in ((False, add_marks), (True, mark_due)):
        of_kind = left.take(left.is_due == is_due)
        await mark(connection, *runs(office.scope_no[of_kind.row], of_kind.first, of_kind.last))
    report.scopes = len(set().union(*found.scopes.values()))
    report.events = await _publish(connection, office, found, as_of, published_at)
    return report


async def _judged(
    connection: AsyncConnection,
    office: Office,
    work: DayWork,
    reads: DayReadings,
    given: Mapping[int, Carry],
    as_of: int,
) -> list[tuple[I64, DayResult]]:
    """The results of a day, in one or more parts: rows of the scopes, and what became of them. given: what the day
    before hands on, by the scope's number."""
    world = office.world
    grid = Grid(world.zone, world.slot_s, work.day, margin_slots(world.slot_s))
    down = np.zeros((len(world.sources), grid.n), np.bool_)
    place = {s: i for i, s in enumerate(world.sources)}
    for source, slot in await down_slots(connection, grid.first_slot, grid.first_slot + grid.n - 1):
        if source in place:
            down[place[source], slot - grid.first_slot] = True
    feed = down_on(grid, grid.first_slot, down)

    async def judge(rows: I64, known: Known | None) -> DayResult:
        readings = await reads.on(connection, office, grid, rows, known)
        carries = [given.get(no, NOTHING_CARRIED) for no in office.scope_no[rows].tolist()]
        # In a thread: ingest may share the loop, and its heartbeats go on (RELIABILITY §1.7).
        return await asyncio.to_thread(
            judge_day, world, rows, work.day, readings, as_of, carries, feed, office.begin_slot, known
        )

    parts = []
    partly, known = await stored_loads(connection, office, grid, work, as_of)
    is_whole = np.ones(len(work.row), np.bool_)
    if len(partly):
        result = await judge(work.row[partly], known)
        is_whole[partly] = result.again
        parts.append((work.row[partly[~result.again]], result.take(np.flatnonzero(~result.again))))
    if is_whole.any():
        parts.append((work.row[is_whole], await judge(work.row[is_whole], None)))
    return parts


async def _keep(
    connection: AsyncConnection,
    office: Office,
    pending: Pending,
    found: _Found,
    work: DayWork,
    rows: I64,
    result: DayResult,
    before: Mapping[int, Carry],
    as_of: int,
) -> None:
    """Write judged days, take their alerts, and walk on where they hand on something else than ``before``."""
    world = office.world
    numbers = office.scope_no[rows].tolist()
    await save_day(connection, result, numbers, world.slot_s, as_of)
    found.scopes.setdefault(result.day, set()).update(rows.tolist())
    found.lost |= _lost(office, work, rows, result)
    changed = [
        s
        for s, no in enumerate(numbers)
        if (no in before or result.carries[s] is not NOTHING_CARRIED)
        and result.carries[s].to_json() != before.get(no, NOTHING_CARRIED).to_json()
    ]
    walks_on = pending.walk_on(work, rows[changed].tolist())
    for s in (s for s, alerts in enumerate(result.alerts) if alerts):
        for alert in result.alerts[s]:
            found.alerts[alert.alert_id(world.slot_s)] = alert
            found.held.discard(alert.alert_id(world.slot_s))
        if walks_on:
            found.held.update(alert.alert_id(world.slot_s) for alert in result.carries[s].open)


def _lost(office: Office, work: DayWork, rows: I64, result: DayResult) -> set[tuple[int, int]]:
    """Touched slots at which a meter's value is no longer evidence, by source: it may have been down then."""
    place, column = np.nonzero(result.slots["facts"] & np.uint16(Fact.EVIDENCE_LOST))
    if len(place) == 0:
        return set()
    slot, at = result.first_slot + column, np.searchsorted(work.row, rows[place])
    touched = (slot >= work.first[at]) & (slot <= work.last[at])
    members, owner = rows_of(office.world.member_scope, rows[place[touched]])
    sources = office.world.meter_source[office.world.member_meter[members]]
    return set(zip(sources.tolist(), slot[touched][owner].tolist(), strict=True))


def _spans_of_sources(office: Office, lost: set[tuple[int, int]]) -> list[tuple[str, int, int]]:
    source, slot = np.array(sorted(lost), np.int64).reshape(-1, 2).T
    spans = (part.tolist() for part in runs(source, slot, slot))
    return [(office.world.sources[row], first, last) for row, first, last in zip(*spans, strict=True)]


async def _publish(
    connection: AsyncConnection, office: Office, found: _Found, as_of: int, published_at: datetime
) -> int:
    """Tell what changed, piece by piece; the events go out last, since the feed is locked from there."""
    of_scope = defaultdict[str, dict[str, Alert]](dict)
    for alert_id, alert in found.alerts.items():
        of_scope[alert.scope_id][alert_id] = alert
    scope_ids = [office.world.scope_ids[row] for row in sorted(set().union(*found.scopes.values()))]
    events: list[AlertEvent] = []
    weights = [1 + len(of_scope[scope_id]) for scope_id in scope_ids]
    for piece in _pieces(scope_ids, weights, COMPARED):
        alerts = {i: a for scope_id in piece for i, a in of_scope[scope_id].items()}
        plan = await _compared(connection, office, found, piece, alerts, as_of, published_at)
        await save_alerts(connection, list(plan.published.values()))
        await save_live(connection, plan.live)
        events += plan.events
    if events:
        await publish(connection, events)
    return len(events)


def _pieces(names: list[str], weights: list[int], most: int) -> Iterator[list[str]]:
    """The names in order, in pieces that weigh ``most`` or have one name."""
    begin = weight = 0
    for end, more in enumerate(weights):
        if end > begin and weight + more > most:
            yield names[begin:end]
            begin, weight = end, 0
        weight += more
    if names:
        yield names[begin:]


async def _compared(
    connection: AsyncConnection,
    office: Office,
    found: _Found,
    scope_ids: list[str],
    alerts: Mapping[str, Alert],
    as_of: int,
    published_at: datetime,
) -> Changes:
    """What leads from the alerts of some scopes that pollers saw to those that were found."""
    world = office.world
    first = local_day(world.zone, min(found.scopes), world.slot_s).first_slot
    since = datetime.fromtimestamp((first - margin_slots(world.slot_s)) * world.slot_s, UTC)
    stored = await stored_alerts(connection, scope_ids, since, list(alerts))

    def was_rejudged(view: dict[str, Any]) -> bool:
        opened = int(datetime.fromisoformat(view["opened_at_slot_end"]).timestamp()) // world.slot_s - 1
        row = world.scope_row.get(view["scope_id"])
        day = judged_on(world, Rule(view["rule"]), opened)
        return view["id"] not in found.held and row in found.scopes.get(day, set())

    def compared() -> Changes:
        views = {i: office.views.render(a, as_of) for i, a in alerts.items() if i not in found.held}
        return changes(views, stored, was_rejudged, datetime.fromtimestamp(as_of, UTC), published_at)

    return await asyncio.to_thread(compared)
