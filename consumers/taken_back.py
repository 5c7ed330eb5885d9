"""Values that were evidence and are no more, of meters that no scope sums at all times: their source may be down then
(SEMANTICS §2.6, §5.29), and no load tells of it."""

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.marks import runs
from consumers.office import Office
from detectors.readings import evidence_class
from detectors.slots import DAY_S
from detectors.world import rows_of
from service.db.judgement import Marks, load_readings


async def taken_back(connection: AsyncConnection, office: Office, marks: Marks) -> list[tuple[str, int, int]]:
    """Spans of slots, by source, in which such a value stands among those that ``marks`` touch."""
    world, slot_s = office.world, office.world.slot_s
    scope = office.scope_rows(marks.scope_no)
    places, owner = rows_of(office.aside_scope, scope)
    after, until = marks.first_slot[owner] * slot_s, (marks.last_slot[owner] + 2) * slot_s
    since, to = office.aside_not[places].T
    asked = (after - DAY_S < since) | (until > to)  # else a load tells of it; no reading is of more than a day
    # ... nor of one that came a day after the scope began to sum its meter.
    until = np.where(until > to, until, np.minimum(until, since + DAY_S))
    meters, after, until = office.aside_meter[places][asked], after[asked], until[asked]
    if len(meters) == 0:
        return []
    rows = office.with_rows(await load_readings(connection, office.meter_no[meters], after, until))
    lost = rows.take(rows.had_evidence & (evidence_class(rows.q) != 0))
    source = world.meter_source[lost.meter]
    first, last = (lost.ts - np.maximum(lost.period_s, 1)) // slot_s, (lost.ts - 1) // slot_s
    return [
        (world.sources[s], a, b) for s, a, b in zip(*(part.tolist() for part in runs(source, first, last)), strict=True)
    ]
