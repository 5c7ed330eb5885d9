"""Judge the marked days of claimed scopes again, walk on while a day's carry changes, and write what became of it."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.alert_sync import changes
from consumers.alert_view import AlertViews
from detectors.alerts import NOTHING_CARRIED, Alert, Carry
from detectors.feed import down_on
from detectors.judge import DayResult, judge_day, margin_slots
from detectors.slots import DAY_S, Grid, local_date, local_day
from detectors.vocab import Kind
from detectors.world import World, rows_of
from service.db.alert_store import save_alerts, save_live, stored_alerts
from service.db.feed import publish
from service.db.judgement import Mark, load_carries, load_readings, save_day
from service.db.registry_load import StoredRegistry
from service.db.ticks import down_slots, mark_due

I64 = npt.NDArray[np.int64]

#: Local days in one transaction: what is found is published soon, also while years are judged again.
DAYS_IN_A_PASS = 31


@dataclass(frozen=True)
class Office:
    """The registry of one version, compiled, with the numbers that the database knows its rows by."""

    version: int
    world: World
    views: AlertViews
    scope_row_of_no: dict[int, int]
    scope_no_of_row: list[int]
    meter_row_of_no: dict[int, int]
    meter_no_of_row: list[int]
    begin_slot: int  # first slot of the history: nothing is missing before it

    @staticmethod
    def of(stored: StoredRegistry, world: World, begin_slot: int) -> "Office":
        """Pair a compiled world with the database's numbers."""
        scope_nos = [stored.scope_no[s] for s in world.scope_ids]
        meter_nos = [stored.meter_no[m.meter_id] for m in world.registry.meters]
        return Office(
            stored.version,
            world,
            AlertViews(world),
            {no: row for row, no in enumerate(scope_nos)},
            scope_nos,
            {no: row for row, no in enumerate(meter_nos)},
            meter_nos,
            begin_slot,
        )


@dataclass(slots=True)
class Rejudged:
    """What a pass did, for logs and metrics."""

    scopes: int = 0
    days: int = 0
    events: int = 0
    touched: set[date] = field(default_factory=set)


async def rejudge(
    connection: AsyncConnection, office: Office, marks: list[Mark], as_of: int, published_at: datetime
) -> Rejudged:
    """Judge, write days and alerts, publish events. The caller holds the scopes' claim and commits."""
    world = office.world
    report = Rejudged()
    pending = _days_of(office, marks, as_of)
    last_day = local_date(world.zone, as_of // world.slot_s * world.slot_s - 1)
    carried: dict[tuple[int, date], Carry] = {}
    judged: dict[str, Alert] = {}
    held: set[str] = set()  # go on into a day that is not judged again: what is stored of them stands
    days_of_scope: dict[int, set[date]] = defaultdict(set)
    while pending and len(report.touched) < DAYS_IN_A_PASS:
        day = min(pending)
        rows = np.array(sorted(pending.pop(day)), np.int64)
        result, before = await _judge(connection, office, rows, day, as_of, carried)
        scope_nos = [office.scope_no_of_row[r] for r in rows]
        await save_day(connection, result, scope_nos, world.slot_s, as_of)
        tomorrow = day + timedelta(days=1)
        for s, row in enumerate(rows.tolist()):
            carried[(row, day)] = result.carries[s]
            days_of_scope[row].add(day)
            for alert in result.alerts[s]:
                judged[alert.alert_id(world.slot_s)] = alert
                held.discard(alert.alert_id(world.slot_s))
            if tomorrow <= last_day:
                held.update(alert.alert_id(world.slot_s) for alert in result.carries[s].open)
            has_changed = result.carries[s].to_json() != before[s].to_json()
            if has_changed and tomorrow <= last_day:
                pending.setdefault(tomorrow, set()).add(row)
        report.days += len(rows)
        report.touched.add(day)
    await mark_due(connection, _left_over(office, pending))
    report.scopes = len(days_of_scope)
    report.events = await _publish(connection, office, judged, held, days_of_scope, as_of, published_at)
    return report


def _left_over(office: Office, pending: dict[date, set[int]]) -> list[tuple[int, int, int]]:
    """Marks for the days that this pass did not come to."""
    world = office.world
    spans: dict[int, list[list[int]]] = defaultdict(list)
    for day, rows in sorted(pending.items()):
        slots = local_day(world.zone, day, world.slot_s)
        for row in rows:
            if spans[row] and spans[row][-1][1] == slots.first_slot - 1:
                spans[row][-1][1] = slots.end_slot - 1
            else:
                spans[row].append([slots.first_slot, slots.end_slot - 1])
    return [(office.scope_no_of_row[row], low, high) for row in sorted(spans) for low, high in spans[row]]


def _days_of(office: Office, marks: list[Mark], as_of: int) -> dict[date, set[int]]:
    """Local days to judge for each mark: its own, the day before where the mark lies in its margin, and the day after
    where the mark's last slots are context there."""
    world = office.world
    margin = margin_slots(world.slot_s)
    last_slot = as_of // world.slot_s - 1
    pending: dict[date, set[int]] = {}
    for mark in marks:
        row = office.scope_row_of_no.get(mark.scope_no)
        first, last = mark.first_slot - margin, min(mark.last_slot + margin, last_slot)
        if row is None or mark.first_slot > last_slot:
            continue
        day = local_date(world.zone, first * world.slot_s)
        while day <= local_date(world.zone, last * world.slot_s):
            pending.setdefault(day, set()).add(row)
            day += timedelta(days=1)
    return pending


async def _judge(
    connection: AsyncConnection,
    office: Office,
    rows: I64,
    day: date,
    as_of: int,
    carried: dict[tuple[int, date], Carry],
) -> tuple[DayResult, list[Carry]]:
    """Judge a day of some scopes; also the carries that their rows held before."""
    world = office.world
    grid = Grid(world.zone, world.slot_s, local_day(world.zone, day, world.slot_s), margin_slots(world.slot_s))
    scope_nos = [office.scope_no_of_row[r] for r in rows]
    yesterday = day - timedelta(days=1)
    missing = [no for no, r in zip(scope_nos, rows.tolist(), strict=True) if (r, yesterday) not in carried]
    known = await load_carries(connection, missing, yesterday) if missing else {}
    begin = [
        carried.get((r, yesterday), known.get(no, NOTHING_CARRIED))
        for no, r in zip(scope_nos, rows.tolist(), strict=True)
    ]
    stored = await load_carries(connection, scope_nos, day)
    members, _ = rows_of(world.member_scope, rows)
    meters = np.unique(world.member_meter[members])
    context = _context_s(world, meters, grid)
    readings = await load_readings(
        connection,
        [office.meter_no_of_row[m] for m in meters.tolist()],
        office.meter_row_of_no,
        int(grid.starts_s[0]) - context,
        int(grid.ends_s[-1]) + context,
    )
    down = np.zeros((len(world.sources), grid.n), np.bool_)
    place = {s: i for i, s in enumerate(world.sources)}
    for source, slot in await down_slots(connection, grid.first_slot, grid.first_slot + grid.n - 1):
        if source in place:
            down[place[source], slot - grid.first_slot] = True
    feed = down_on(grid, grid.first_slot, down)
    # In a thread: ingest may share the loop, and its heartbeats go on (RELIABILITY §1.7).
    result = await asyncio.to_thread(
        judge_day, world, rows, grid.today, readings, as_of, begin, feed, office.begin_slot
    )
    return result, [stored.get(no, NOTHING_CARRIED) for no in scope_nos]


def _context_s(world: World, meters: I64, grid: Grid) -> int:
    """How far beyond the grid readings matter: a day where registers or long intervals are judged by spans."""
    rows = [world.registry.meters[m] for m in meters.tolist()]
    spans = any(m.kind == Kind.ENERGY_REG or m.period_s > grid.slot_s for m in rows)
    return DAY_S if spans else 0


async def _publish(
    connection: AsyncConnection,
    office: Office,
    judged: dict[str, Alert],
    held: set[str],
    days_of_scope: dict[int, set[date]],
    as_of: int,
    published_at: datetime,
) -> int:
    world = office.world
    first_day = min(min(days) for days in days_of_scope.values()) if days_of_scope else None
    if first_day is None:
        return 0
    scope_ids = [world.scope_ids[row] for row in days_of_scope]
    since = datetime.fromtimestamp(local_day(world.zone, first_day, world.slot_s).first_slot * world.slot_s, UTC)
    stored = await stored_alerts(connection, scope_ids, since, list(judged))

    def was_rejudged(view: dict[str, Any]) -> bool:
        opened = int(datetime.fromisoformat(view["opened_at_slot_end"]).timestamp()) - world.slot_s
        row = world.scope_row.get(view["scope_id"])
        is_held = view["id"] in held
        return row is not None and not is_held and local_date(world.zone, opened) in days_of_scope.get(row, set())

    views = {i: office.views.render(a, as_of) for i, a in judged.items() if i not in held}
    plan = changes(views, stored, was_rejudged, datetime.fromtimestamp(as_of, UTC), published_at)
    await save_alerts(connection, list(plan.published.values()))
    await save_live(connection, plan.live)
    if plan.events:
        await publish(connection, plan.events)
    return len(plan.events)
