"""The clock's part: slots whose time is over are judged though nothing came, and sources are told up or down."""

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.alert_sync import changes
from consumers.marks import runs
from consumers.office import Office
from detectors.feed import SourceSlots, feed_alerts, is_down
from detectors.intervals import ENERGY_KINDS
from detectors.registry import BEFORE_ORDER_S
from detectors.slots import DAY_S, local_date, local_day
from detectors.vocab import Rule
from detectors.world import World
from service.db import ticks
from service.db.alert_store import save_alerts, save_live, stored_alerts
from service.db.feed import publish
from service.db.judgement import count_readings, load_evidence

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

#: A source is counted again when late data reaches a slot at which fewer than this share of its meters spoke, in any
#: case where it may be down.
RECOUNT_SHARE = 0.3
#: So many meters are counted first that it is proven where this share of them speaks.
SPEAKING_SHARE = 0.8
#: Slots of a source that are counted in one piece.
COUNTED_AT_ONCE = 672
#: How far back a tick marks scopes that no order needs.
RECENT_S = 2 * DAY_S


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
            marks = _due_marks(office, row, begin, until - 1)
            n_due += len(marks[0])
            await ticks.mark_due(connection, *marks)
            await _count(connection, office, row, begin, until - 1, as_of)
            await _publish_feed(connection, office, row, as_of, published_at)
    await ticks.advance(connection, moved)
    return n_due


async def extend(
    connection: AsyncConnection, office: Office, old_begin_slot: int, as_of: int, published_at: datetime
) -> None:
    """The history begins earlier than it did: count every source there, and judge what silence may mean there."""
    await ticks.next_slots(connection)  # see `recount`
    first, last = office.begin_slot, old_begin_slot - 1
    world = office.world
    for row in range(len(world.sources)):
        until = min(last, (as_of - int(world.source_delay_s[row])) // world.slot_s - 1)
        if first <= until:
            await _count(connection, office, row, first, until, as_of)
            await ticks.mark_due(connection, *_due_marks(office, row, first, until))
            await _publish_feed(connection, office, row, as_of, published_at)


async def recount(
    connection: AsyncConnection,
    office: Office,
    spans: Iterable[tuple[str, int, int]],
    as_of: int,
    published_at: datetime,
) -> None:
    """Count sources again over spans of slots that late data touched; scopes of a source that changed are marked.

    One transaction at a time, ticks included: passes side by side would take the rows of slots and alerts crosswise.
    """
    world = office.world
    place = {s: i for i, s in enumerate(world.sources)}
    decided = (
        # Later ones may still speak.
        (place[source], first, min(last, (as_of - int(world.source_delay_s[place[source]])) // world.slot_s - 1))
        for source, first, last in spans
    )
    counted = [(row, first, last) for row, first, last in decided if first <= last]
    if not counted:
        return
    # Mostly nothing is new: what a source that is down did not say was not in these readings. To find that out all may
    # count at once, and need not keep others waiting until they have judged.
    async with ticks.unticked(connection):
        changed = [span for span in counted if await _differs(connection, office, *span, as_of)]
    if changed:
        await ticks.next_slots(connection)
    for row, first, last in changed:
        flipped = await _count(connection, office, row, first, last, as_of)
        if flipped:
            await ticks.mark_due(connection, *_due_marks(office, row, min(flipped), max(flipped)))
        await _publish_feed(connection, office, row, as_of, published_at)


def recount_bounds(world: World) -> tuple[float, float]:
    """A source need be counted again only where fewer than this share of its meters spoke, if it has so many plants."""
    share, plants = (world.thresholds.extremes(Rule.FEED_DOWN, name) for name in ("evidence_share", "plants"))
    return max(RECOUNT_SHARE, share[1]), plants[0]


def _scopes_of(world: World, source_row: int) -> I64:
    """Scopes with a meter of the source; those without any meter go with the first source."""
    scopes = world.member_scope[world.meter_source[world.member_meter] == source_row]
    if source_row == 0:
        scopes = np.r_[scopes, np.setdiff1d(np.arange(len(world.scope_ids)), world.member_scope)]
    return np.unique(scopes)


def _due_marks(office: Office, source_row: int, first: int, last: int) -> tuple[I64, I64, I64]:
    """Marks of the source's scopes over [first, last], as ``runs`` gives them: where an order needs them, and at the
    span's both ends."""
    world = office.world
    scopes = _scopes_of(world, source_row)
    day = local_day(world.zone, local_date(world.zone, first * world.slot_s), world.slot_s)
    low = np.maximum(first, (office.order_from - BEFORE_ORDER_S) // world.slot_s)
    high = np.minimum(last, (office.order_to - 1) // world.slot_s)
    ordered = np.isin(world.order_scope, scopes) & (low <= high)
    n = len(scopes)
    return runs(
        office.scope_no[np.concatenate([scopes, scopes, world.order_scope[ordered]])],
        np.concatenate([np.full(n, first), np.full(n, max(first, last - RECENT_S // world.slot_s)), low[ordered]]),
        np.concatenate([np.full(n, min(last, day.end_slot - 1)), np.full(n, last), high[ordered]]),
    )


async def _differs(
    connection: AsyncConnection, office: Office, source_row: int, first: int, last: int, as_of: int
) -> bool:
    """Whether a count of a source over [first, last] comes out otherwise than what is stored."""
    source = office.world.sources[source_row]
    for begin in range(first, last + 1, COUNTED_AT_ONCE):
        end = min(begin + COUNTED_AT_ONCE - 1, last)
        state = await _state(connection, office, source_row, begin, end, as_of)
        stored = await ticks.source_slots(connection, source, begin, end - begin + 1)
        plants = np.full(end - begin + 1, int(office.world.source_plants[source_row]))
        valid, speaks, down = state
        if not np.array_equal(stored, np.stack([valid, speaks, plants, down.astype(np.int64)], axis=1)):
            return True
    return False


async def _state(
    connection: AsyncConnection, office: Office, source_row: int, first: int, last: int, as_of: int
) -> tuple[I64, I64, Bool]:
    """Of one source over [first, last]: meters valid, those with evidence, and whether it is down."""
    valid, speaks = await _evidence(connection, office, source_row, first, last)
    down, _ = is_down(office.world, first, valid, speaks, as_of)
    return valid[source_row], speaks[source_row], down[source_row]


async def _count(
    connection: AsyncConnection, office: Office, source_row: int, first: int, last: int, as_of: int
) -> list[int]:
    """Store the state of a source over [first, last]; the slots at which it changed between up and down."""
    world = office.world
    source, plants = world.sources[source_row], int(world.source_plants[source_row])
    flipped: set[int] = set()
    for begin in range(first, last + 1, COUNTED_AT_ONCE):
        end = min(begin + COUNTED_AT_ONCE - 1, last)
        valid, speaks, down = await _state(connection, office, source_row, begin, end, as_of)
        before = {slot for name, slot in await ticks.down_slots(connection, begin, end) if name == source}
        flipped |= before ^ {begin + int(i) for i in np.flatnonzero(down)}
        await ticks.save_source_slots(connection, source, begin, valid, speaks, plants, down)
    return sorted(flipped)


async def _evidence(
    connection: AsyncConnection, office: Office, source_row: int, first: int, last: int
) -> tuple[I64, I64]:
    """Meters valid at each slot and those with evidence, [sources, T], counted for one source.

    The database's count of some of the meters mostly proves that the source is far from down; where it does not, all
    are counted.
    """
    world = office.world
    counted = SourceSlots(world, first, last - first + 1)
    begin_s, end_s = first * world.slot_s, (last + 1) * world.slot_s
    alike, alike_valid = counted.alike(source_row)
    valid, speaks = counted.totals()
    wanted = recount_bounds(world)[0] * valid[source_row]
    some = alike[: int(wanted.max() / SPEAKING_SHARE) + 1]
    groups = await count_readings(connection, office.meter_no[some], ENERGY_KINDS, begin_s, end_s)
    least = counted.at_least(*groups, alike_valid)
    thin = np.flatnonzero(least < wanted)
    if len(thin):
        begin_s, end_s = (first + int(thin[0])) * world.slot_s, (first + int(thin[-1]) + 1) * world.slot_s
        all_no = office.meter_no[world.meter_source == source_row]
        # What reaches into them from behind is looked for only where the rest does not do.
        for after_s, until_s in ((begin_s, end_s), (end_s, end_s + DAY_S)):
            numbers, ts, period_s = await load_evidence(connection, all_no, ENERGY_KINDS, after_s, until_s, end_s)
            counted.add_evidence(office.meter_rows(numbers), ts, period_s)
            valid, speaks = counted.totals()
            if (np.maximum(speaks[source_row], least) >= wanted).all():
                break
    np.maximum(speaks[source_row], least, out=speaks[source_row])
    return valid, speaks


async def _publish_feed(
    connection: AsyncConnection, office: Office, source_row: int, as_of: int, published_at: datetime
) -> None:
    """Bring the `feed_down` alerts of a source in line with its slots."""
    world = office.world
    source = world.sources[source_row]
    slots, last = await ticks.source_history(connection, source)
    stored = await stored_alerts(connection, [f"source:{source}"], datetime.fromtimestamp(0, UTC))
    if last is None or not (slots or stored):
        return
    first = min(slots, default=last)
    shape = (len(world.sources), last - first + 1)
    down, decided, share = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_), np.zeros(shape)
    columns = [s - first for s in slots]
    down[source_row, columns], share[source_row, columns] = True, list(slots.values())
    decided[source_row] = True
    found = feed_alerts(world, first, down, decided, share)
    views = {a.alert_id(world.slot_s): office.views.render(a, as_of) for a in found}
    plan = changes(views, stored, lambda _: True, datetime.fromtimestamp(as_of, UTC), published_at)
    await save_alerts(connection, list(plan.published.values()))
    await save_live(connection, plan.live)
    if plan.events:
        await publish(connection, plan.events)
