"""The loads that a day is judged by: what is stored of them, and readings for the slots that are worked out anew."""

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.office import Office
from consumers.pending import DayWork
from detectors.known import Known, nothing_known
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
) -> tuple[I64, Known]:
    """The scopes, by their places in the work, that are judged by what is stored of their loads, and that on the grid;
    touched slots and those never judged are marked as fresh. The others are judged from all their readings."""
    world, column, past = office.world, np.arange(grid.n), grid.ends_s <= as_of
    touched = (column >= work.first[:, None] - grid.first_slot) & (column <= work.last[:, None] - grid.first_slot)
    touched &= past
    some = np.flatnonzero(~(office.spreads[work.row] | _are_most(touched)))
    rows = work.row[some]
    if len(some) == 0:
        return some, Known(nothing_known(0, grid.n), touched[some])
    loads, have = await loads_on(connection, world, office.scope_no[rows], rows, grid, as_of)
    fresh = touched[some] | (past & ~have)
    spread = ((loads.facts[:, grid.day] & np.uint16(Fact.SPREAD)) > 0).any(axis=1)
    partly = np.flatnonzero(~(spread | _are_most(fresh)))
    return some[partly], Known(loads, fresh).take(partly)


def _are_most(slots: Bool) -> Bool:
    return np.asarray(2 * slots.sum(axis=1) > slots.shape[1], np.bool_)


class DayReadings:
    """Readings of the meters of scopes, for one day behind the other: what two of them look at is read once."""

    def __init__(self) -> None:
        # What the last whole day has of the next one: the readings of these meters in (from_s, until_s].
        self._meters, self._from_s, self._until_s = np.empty(0, np.int64), _NEVER, _NEVER
        self._evening = ReadingColumns.empty()

    async def on(
        self, connection: AsyncConnection, office: Office, grid: Grid, rows: I64, known: Known | None
    ) -> ReadingColumns:
        """Readings of the scopes' meters: of the fresh slots where the rest is known, else of the whole grid."""
        if known is not None:
            return await _fresh(connection, office, grid, rows, known)
        meters = np.unique(office.world.meters_of(rows)[0])
        context = DAY_S if office.spreads[rows].any() else 0
        after, until = int(grid.starts_s[0]) - context, int(grid.ends_s[-1]) + context
        goes_on = self._from_s <= after < self._until_s <= until and np.array_equal(meters, self._meters)
        begin = np.full(len(meters), self._until_s if goes_on else after)
        found = await load_readings(connection, office.meter_no[meters], begin, np.full(len(meters), until))
        readings = office.with_rows(found)
        if goes_on:
            evening = self._evening.take(self._evening.ts > after)
            readings = ReadingColumns.concat([evening, readings])
        self._meters, self._until_s = meters, until
        self._from_s = (grid.today.end_slot - grid.margin) * grid.slot_s - context
        self._evening = readings.take(readings.ts > self._from_s)
        return readings


async def _fresh(connection: AsyncConnection, office: Office, grid: Grid, rows: I64, known: Known) -> ReadingColumns:
    mine, owner = office.world.meters_of(rows)
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
