"""The loads that a day is judged by: what is stored of them, and readings for the slots that are worked out anew."""

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.office import Office
from consumers.pending import DayWork
from detectors.known import Known
from detectors.loads import Fact
from detectors.readings import ReadingColumns
from detectors.slots import DAY_S, Grid
from service.db.judgement import load_readings
from service.db.stored_loads import loads_on

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_NEVER = 2**62


async def stored_loads(
    connection: AsyncConnection, office: Office, grid: Grid, work: DayWork, as_of: int
) -> tuple[Known, Bool]:
    """What is stored of the scopes' loads on the grid, touched slots and those never judged marked as fresh; and which
    scopes must be judged from all their readings."""
    world = office.world
    loads, have = await loads_on(connection, world, office.scope_no[work.row], work.row, grid, as_of)
    column = np.arange(grid.n)
    touched = (column >= work.first[:, None] - grid.first_slot) & (column <= work.last[:, None] - grid.first_slot)
    fresh = (grid.ends_s <= as_of) & (touched | ~have)
    spread = ((loads.facts[:, grid.day] & np.uint16(Fact.SPREAD)) > 0).any(axis=1)
    is_whole = office.spreads[work.row] | spread | (2 * fresh.sum(axis=1) > grid.n)
    return Known(loads, fresh), is_whole


async def readings_of(
    connection: AsyncConnection, office: Office, grid: Grid, rows: I64, known: Known | None
) -> ReadingColumns:
    """Readings of the scopes' meters: of the fresh slots where the rest is known, else of the whole grid."""
    world = office.world
    mine, owner = world.meters_of(rows)
    if known is None:
        context = DAY_S if office.spreads[rows].any() else 0
        first = np.full(len(rows), int(grid.starts_s[0]) - context)
        last = np.full(len(rows), int(grid.ends_s[-1]) + context)
    else:
        # An interval that ends in the slot behind may begin in a fresh one; before the history there is none.
        fresh = known.fresh & (grid.starts_s >= office.begin_slot * grid.slot_s)
        has_any = fresh.any(axis=1)
        first = np.where(has_any, grid.starts_s[fresh.argmax(axis=1)], _NEVER)
        last = np.where(has_any, grid.ends_s[grid.n - 1 - fresh[:, ::-1].argmax(axis=1)] + grid.slot_s, -_NEVER)
    meters, place = np.unique(mine, return_inverse=True)
    after, until = np.full(len(meters), _NEVER), np.full(len(meters), -_NEVER)
    np.minimum.at(after, place, first[owner])
    np.maximum.at(until, place, last[owner])
    some = after < until
    return office.with_rows(await load_readings(connection, office.meter_no[meters[some]], after[some], until[some]))
