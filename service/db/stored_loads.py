"""What is stored of the loads of scopes on a grid: of its day and of the neighbours into which its margins reach."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.heard import HEARD_FIELDS, hears
from detectors.known import LOAD_FIELDS, nothing_known
from detectors.loads import Fact, Loads
from detectors.slots import Grid, local_day
from detectors.unit_counts import UNIT_FIELDS
from detectors.world import World
from service.db.judgement import load_slots

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


async def scope_numbers(connection: AsyncConnection, scope_ids: Sequence[str]) -> I64:
    """Number of each scope. Raises KeyError for one that is not stored."""
    rows = await connection.execute(
        text("SELECT scope_id, scope_no FROM scopes WHERE scope_id = ANY(:ids)"), {"ids": list(scope_ids)}
    )
    number = {row.scope_id: row.scope_no for row in rows}
    return np.array([number[scope_id] for scope_id in scope_ids], np.int64)


async def loads_on(
    connection: AsyncConnection, world: World, scope_nos: I64, rows: I64, grid: Grid, as_of: int
) -> tuple[Loads, Bool]:
    """Loads, [S, T], and at which slots anything is stored; elsewhere zeros stand for nothing. scope_nos, rows: number
    and row of the world of each scope. Slots of days that begin after as_of are not looked for."""
    order = np.argsort(scope_nos)
    counts_units = bool(world.lines.is_metered[rows].any())
    hears_any = bool(hears(world, rows).any())
    names = (*LOAD_FIELDS, *(UNIT_FIELDS.values() if counts_units else ()), *(HEARD_FIELDS if hears_any else ()))
    loads = nothing_known(len(scope_nos), grid.n, with_units=counts_units, with_heard=hears_any)
    have = np.zeros((len(scope_nos), grid.n), np.bool_)
    column = np.arange(grid.n)
    past = grid.ends_s <= as_of
    for offset in (-1, 0, 1):
        day = local_day(world.zone, grid.today.day + timedelta(days=offset), world.slot_s)
        low, high = max(day.first_slot, grid.first_slot), min(day.end_slot, grid.first_slot + grid.n)
        here, there = (
            slice(low - grid.first_slot, high - grid.first_slot),
            slice(low - day.first_slot, high - day.first_slot),
        )
        if not past[here].any():
            break
        places, columns, counts = await load_slots(
            connection, scope_nos[order], day.day, world.slot_s, day.n_slots, names
        )
        found = order[places]
        for name in LOAD_FIELDS:
            getattr(loads, name)[found, here] = columns[name][:, there]
        for name, stored in UNIT_FIELDS.items() if loads.units is not None else ():
            getattr(loads.units, name)[found, here] = columns[stored][:, there]
        for name in HEARD_FIELDS if loads.heard is not None else ():
            getattr(loads.heard, name)[found, here] = columns[name][:, there]
        have[found, here] = column[here] - here.start + there.start < counts[:, None]
    return replace(loads, facts=loads.facts & np.uint16(0xFFFF ^ Fact.ZERO_UNPROVEN)), have
