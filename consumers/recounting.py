"""Sources are counted again where late data touched a slot at which they were down, or nearly.

A pass only asks for it, and commits; who counts locks the sources' ticks, and none may hold these while it judges. What
was asked for stands until it is done, so nothing of it is lost with a process.
"""

from collections.abc import Iterable
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.marks import runs
from consumers.office import Office
from consumers.source_counts import count, due_marks, publish_feed, recount_bounds
from consumers.taken_back import taken_back
from service.db import recounts, ticks
from service.db.judgement import Marks
from service.db.stream_time import registry_version

I64 = npt.NDArray[np.int64]

#: Another process may have ticked so many seconds further than this one: clocks differ, and time goes on.
AHEAD_S = 10


async def ask_for_touched(connection: AsyncConnection, office: Office, marks: Marks, as_of: int) -> None:
    """Ask for the slots that marks of data touch: where a source was down, or nearly, where values were taken back, and
    where a tick may be counting just now, and not see what has just come. The caller commits."""
    of_data = marks.take(marks.recounts & ~marks.is_due)
    # One number a span: sorting pairs is slow.
    length = of_data.last_slot - of_data.first_slot
    spans = np.unique(of_data.first_slot << 24 | np.minimum(length, (1 << 24) - 1))
    first, last = spans >> 24, (spans >> 24) + (spans & (1 << 24) - 1)
    if len(spans):
        thin = await recounts.thin_source_slots(connection, first, last, *recount_bounds(office.world))
        due = await _due_now(connection, office, first, last, as_of)
        lost = await taken_back(connection, office, of_data)
        await recounts.ask(connection, _merged(office, [*thin, *due, *lost]))


async def ask(connection: AsyncConnection, office: Office, spans: Iterable[tuple[str, int, int]]) -> None:
    """Ask for spans of slots, source by source. The caller commits."""
    await recounts.ask(connection, _merged(office, spans))


async def recount(connection: AsyncConnection, office: Office, as_of: int, published_at: datetime) -> bool:
    """Count what was asked for, mark the scopes of sources that went up or down, publish `feed_down`. Whether there was
    anything. The caller commits.

    One transaction at a time, ticks included: side by side they would take the rows of slots and alerts crosswise.
    Where another is at work it is left to it, or to the next time: ``writing`` raises ContentionError.
    """
    await ticks.next_slots(connection, wait=False)
    if await registry_version(connection) != office.version:
        return False
    asked = await recounts.take(connection)
    place = {source: row for row, source in enumerate(office.world.sources)}
    told = set()
    for source, first, last in _merged(office, asked):
        row = place[source]
        # Another process may be further: what it has decided stays decided.
        decided_at = max(as_of, (last + 1) * office.world.slot_s + int(office.world.source_delay_s[row]))
        is_new, flipped = await count(connection, office, row, first, last, decided_at)
        if flipped:
            await ticks.mark_due(connection, *due_marks(office, row, min(flipped), max(flipped)))
        if is_new:
            told.add(row)
    for row in sorted(told):
        await publish_feed(connection, office, row, as_of, published_at)
    return bool(asked)


async def _due_now(
    connection: AsyncConnection, office: Office, first: I64, last: I64, as_of: int
) -> list[tuple[str, int, int]]:
    """What of the spans is due and not ticked yet, as far as this transaction can see."""
    world = office.world
    done = await ticks.decided_before(connection)
    spans = []
    for row, source in enumerate(world.sources):
        begin = done.get(source, office.begin_slot)
        until = (as_of + AHEAD_S - int(world.source_delay_s[row])) // world.slot_s
        low, high = np.maximum(first, begin), np.minimum(last, until - 1)
        spans += [(source, a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True) if a <= b]
    return spans


def _merged(office: Office, spans: Iterable[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Spans that touch or overlap become one; those of unknown sources, and what is frozen, are left out."""
    sources = office.world.sources
    place = {source: row for row, source in enumerate(sources)}
    known = [(place[s], max(a, office.frozen_slot), b) for s, a, b in spans if s in place and office.frozen_slot <= b]
    columns = np.array(known, np.int64).reshape(-1, 3).T
    kept = columns[:, columns[1] <= columns[2]]
    united = (part.tolist() for part in runs(*kept))
    return [(sources[row], first, last) for row, first, last in zip(*united, strict=True)]
