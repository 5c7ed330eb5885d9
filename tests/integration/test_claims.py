"""Which marks a claim takes: those that begin in the live days first, then what of longer ones lies in them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.clock import SystemClock
from service.db.judgement import claim
from service.db.marks import add_marks
from service.db.registry import apply_registry
from tests.integration.test_live_beside_old import BEGIN, REGISTRY

LIVE, END = 2_000_000, 2_000_100
OLD = LIVE - 300
OLDER, NEWER = (0, LIVE), (LIVE, END)


def slots(*numbers: int) -> npt.NDArray[np.int64]:
    return np.array(numbers, np.int64)


async def test_a_mark_that_reaches_into_the_live_days_waits_for_those_that_begin_there(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await apply_registry(connection, REGISTRY, BEGIN, slot_s=900)
        numbers = (await connection.scalars(text("SELECT scope_no FROM scopes ORDER BY scope_no"))).all()
        late, live = (int(number) for number in numbers[:2])
        await connection.execute(text("DELETE FROM dirty_scopes"))
        await add_marks(connection, slots(late, live), slots(OLD, LIVE + 7), slots(LIVE + 9, LIVE + 9))
    not_after = datetime.fromtimestamp(SystemClock().now(), UTC) + timedelta(hours=1)
    taken = []
    for from_slot, begun in ((LIVE, NEWER), (LIVE, NEWER), (LIVE, OLDER), (0, OLDER), (0, OLDER)):
        async with engine.begin() as connection:
            marks = await claim(connection, from_slot, END, 10, not_after, begun=begun)
        spans = zip(marks.scope_no.tolist(), marks.first_slot.tolist(), marks.last_slot.tolist(), strict=True)
        taken.append(list(spans))
    assert taken == [[(live, LIVE + 7, LIVE + 9)], [], [(late, LIVE, LIVE + 9)], [(late, OLD, LIVE - 1)], []]
