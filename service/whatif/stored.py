"""Another setting over what was judged: the loads that are stored are judged again by two registries, read-only.

Nothing is read again from meters, so a setting cannot change what counts as evidence: a capacity factor, a span of a
coarse register. Both sides are judged in the same way, from the day before the first one on, with nothing open then.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.alerts import NOTHING_CARRIED, Alert, Carry
from detectors.comparison import Comparison, JudgedDays, compare
from detectors.judge import judge_day, margin_slots
from detectors.known import Known
from detectors.loads import Loads
from detectors.readings import ReadingColumns
from detectors.registry import Registry
from detectors.slots import Grid, LocalDay, local_date, local_day
from detectors.world import World, compile_world
from service.calendar import office_day_type
from service.db.stored_loads import loads_on, scope_numbers

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]


@dataclass(slots=True)
class _Side:
    """One registry's judgement as it goes on. verdict: a row a day."""

    world: World
    carries: list[Carry]
    alerts: dict[tuple[str, str, str, int], Alert] = field(default_factory=dict)
    verdict: list[U8] = field(default_factory=list)


async def compare_stored(
    connection: AsyncConnection,
    before: Registry,
    after: Registry,
    scope_ids: Sequence[str],
    *,
    begin_s: int,
    end_s: int,
    as_of: int,
    slot_s: int,
) -> Comparison:
    """Compare over ``[begin_s, end_s)``, as of an instant. scope_ids: of both registries, each once."""
    names = sorted(scope_ids)
    sides = [
        _Side(compile_world(r, slot_s, office_day_type(r)), [NOTHING_CARRIED] * len(names)) for r in (before, after)
    ]
    world = sides[0].world
    rows = np.array([world.scope_row[name] for name in names], np.int64)
    order = np.argsort(rows)
    rows, names = rows[order], [names[i] for i in order.tolist()]
    numbers = await scope_numbers(connection, names)
    first, last = local_date(world.zone, begin_s), local_date(world.zone, min(end_s, as_of) - 1)
    shown: list[date] = []
    for offset in range(-1, (last - first).days + 1):
        today = local_day(world.zone, first + timedelta(days=offset), slot_s)
        grid = Grid(world.zone, slot_s, today, margin_slots(slot_s))
        loads, _ = await loads_on(connection, world, numbers, rows, grid, as_of)
        # In a thread: the feed's readers wait on this loop.
        await asyncio.to_thread(_judge, sides, rows, names, today, loads, as_of)
        if offset >= 0:
            shown.append(today.day)
    by_name = np.argsort(np.array(names))
    days = [
        JudgedDays(
            tuple(names[i] for i in by_name.tolist()),
            tuple(shown),
            np.stack(side.verdict[1:], axis=1)[by_name] if shown else np.zeros((len(names), 0), np.uint8),
        )
        for side in sides
    ]
    alerts = [
        [a for a in side.alerts.values() if (a.last_slot + 1) * slot_s > begin_s and a.first_slot * slot_s < end_s]
        for side in sides
    ]
    return compare(alerts[0], alerts[1], days[0], days[1])


def _judge(sides: Sequence[_Side], rows: I64, names: Sequence[str], today: LocalDay, loads: Loads, as_of: int) -> None:
    """One local day of both sides, each on a copy of the loads."""
    nothing_fresh = np.zeros(loads.wh.shape, np.bool_)
    for side in sides:
        own = np.array([side.world.scope_row[name] for name in names], np.int64)
        if not np.array_equal(own, rows):
            raise ValueError("a setting changes no scopes")
        known = Known(loads.take(np.arange(len(rows))), nothing_fresh)
        nothing_read = ReadingColumns.empty()
        result = judge_day(side.world, rows, today, nothing_read, as_of, side.carries, known=known, with_slots=False)
        side.carries = result.carries
        side.verdict.append(result.rows.verdict.astype(np.uint8))
        for alert in (a for found in result.alerts for a in found):
            side.alerts[alert.scope_id, alert.rule.value, alert.order_id or "", alert.first_slot] = alert
