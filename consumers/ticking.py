"""The clock's part: slots whose time is over are judged though nothing came, and sources are told up or down."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.office import Office
from consumers.source_counts import count, due_marks, publish_feed
from service.db import ticks
from service.db.stream_time import registry_version


async def tick(connection: AsyncConnection, office: Office, as_of: int, published_at: datetime) -> int:
    """Mark what fell due since the last tick, source by source, and publish `feed_down`. Returns the marks written.

    The caller commits. Scopes are marked where an order needs them, and over the last days in any case, so that every
    scope has its rows; what no order needs is not made up for long after the fact. Where the history begins earlier
    than a source was counted, by an older reading or an earlier order, it is counted there too. By a registry that was
    just replaced nothing is decided: what is put away by now would be counted as silent.
    """
    world = office.world
    done, counted_from = await ticks.next_slots(connection), await ticks.first_slots(connection)
    if await registry_version(connection) != office.version:
        return 0
    moved: dict[str, int] = {}
    n_due = 0
    for row, source in enumerate(world.sources):
        until = (as_of - int(world.source_delay_s[row])) // world.slot_s
        ticked = done.get(source, office.begin_slot)
        begin = max(ticked, min(office.begin_slot, until))
        spans = [(begin, until)]
        if source in done:
            spans.append((max(office.begin_slot, office.frozen_slot), min(counted_from.get(source, ticked), until)))
        if source not in done or begin < until:
            moved[source] = max(until, done.get(source, 0))
        spans = [(first, end - 1) for first, end in spans if first < end]
        for first, last in spans:
            marks = due_marks(office, row, first, last)
            n_due += len(marks[0])
            await ticks.mark_due(connection, *marks)
            await count(connection, office, row, first, last, as_of)
        if spans:
            await publish_feed(connection, office, row, as_of, published_at)
    await ticks.advance(connection, moved)
    return n_due
