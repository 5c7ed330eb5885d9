"""Marks: slots of a scope that must be judged again."""

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from detectors.readings import I64
from service.db.copying import as_rows, copy_in, row_dtype

_COLUMNS = ("scope_no", "first_slot", "last_slot")
_ROW = row_dtype([("scope_no", ">i4"), ("first_slot", ">i8"), ("last_slot", ">i8")])


async def add_marks(connection: AsyncConnection, scope_no: I64, first_slot: I64, last_slot: I64) -> None:
    """Append one mark an element: slots [first_slot, last_slot] of the scope."""
    rows = as_rows(_ROW, {"scope_no": scope_no.astype(np.int32), "first_slot": first_slot, "last_slot": last_slot})
    await copy_in(connection, "dirty_scopes", _COLUMNS, rows)
