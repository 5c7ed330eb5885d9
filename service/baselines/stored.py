"""The loads of a reference period from stored days: what evaluation worked out of the readings, slot by slot."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from service.baselines.reference import Period, measured_kw
from service.db.judgement import load_slots

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_NAMES = ("wh", "evidence", "meters", "facts")


async def stored_loads(
    connection: AsyncConnection, scope_nos: Sequence[int], period: Period, zone: str, slot_s: int
) -> list[list[F64]]:
    """Of each scope one array a day of the period, one value a slot, kW; NaN without evidence, or not judged yet.

    scope_nos: the database's numbers, in any order.
    """
    numbers = np.array(scope_nos, np.int64)
    order = np.argsort(numbers)
    found: list[list[F64]] = [[] for _ in numbers]
    for day in period.local_days(zone, slot_s):
        places, columns, counts = await load_slots(connection, numbers[order], day.day, slot_s, day.n_slots, _NAMES)
        kw = np.full((len(numbers), day.n_slots), np.nan)
        measured = measured_kw(columns, slot_s)
        judged = np.arange(day.n_slots) < counts[:, None]
        kw[order[places]] = np.where(judged, measured, np.nan)
        for place, loads_kw in zip(found, kw, strict=True):
            place.append(loads_kw)
    return found
