"""The clock's part: slots whose time is over are judged though nothing came, and sources are told up or down."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.office import Office
from consumers.source_counts import count, due_marks, publish_feed
from service.db import ticks


async def tick(connection: AsyncConnection, office: Office, as_of: int, published_at: datetime) -> int:
    """Mark what fell due since the last tick, source by source, and publish `feed_down`. Returns the marks written.

    The caller commits. Scopes are marked where an order needs them, and over the last days in any case, so that every
    scope has its rows; what no order needs is not made up for long after the fact.
    """
    world = office.world
    done = await ticks.next_slots(connection)
    moved: dict[str, int] = {}
    n_due = 0
    for row, source in enumerate(world.sources):
        until = (as_of - int(world.source_delay_s[row])) // world.slot_s
        begin = done.get(source)
        if begin is None:
            begin = office.begin_slot
        begin = max(begin, min(office.begin_slot, until))
        if begin >= until and source in done:
            continue
        moved[source] = max(until, done.get(source, 0))
        if begin < until:
            marks = due_marks(office, row, begin, until - 1)
            n_due += len(marks[0])
            await ticks.mark_due(connection, *marks)
            await count(connection, office, row, begin, until - 1, as_of)
            await publish_feed(connection, office, row, as_of, published_at)
    await ticks.advance(connection, moved)
    return n_due


async def extend(
    connection: AsyncConnection, office: Office, old_begin_slot: int, as_of: int, published_at: datetime
) -> None:
    """The history begins earlier than it did: count every source there, and judge what silence may mean there."""
    await ticks.next_slots(connection)  # one at a time, as ticks
    first, last = office.begin_slot, old_begin_slot - 1
    world = office.world
    for row in range(len(world.sources)):
        until = min(last, (as_of - int(world.source_delay_s[row])) // world.slot_s - 1)
        if first <= until:
            await count(connection, office, row, first, until, as_of)
            await ticks.mark_due(connection, *due_marks(office, row, first, until))
            await publish_feed(connection, office, row, as_of, published_at)
