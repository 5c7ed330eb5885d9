"""How many meters of a source speak in its slots, whether it is down there, and the alert that says so."""

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

#: A source is counted again when late data reaches a slot at which fewer than this share of its meters spoke, in any
#: case where it may be down.
RECOUNT_SHARE = 0.3
#: So many meters are counted first that it is proven where this share of them speaks.
SPEAKING_SHARE = 0.8
#: Slots of a source that are counted in one piece.
COUNTED_AT_ONCE = 672
#: How far back scopes are marked that no order needs.
RECENT_S = 2 * DAY_S


def recount_bounds(world: World) -> tuple[float, float]:
    """A source need be counted again only where fewer than this share of its meters spoke, if it has so many plants."""
    share, plants = (world.thresholds.extremes(Rule.FEED_DOWN, name) for name in ("evidence_share", "plants"))
    return max(RECOUNT_SHARE, share[1]), plants[0]


async def count(
    connection: AsyncConnection, office: Office, source_row: int, first: int, last: int, as_of: int
) -> tuple[bool, list[int]]:
    """Store the state of a source over [first, last]: whether it is another than before, and the slots at which it
    changed between up and down."""
    world = office.world
    source, plants = world.sources[source_row], int(world.source_plants[source_row])
    is_new = False
    flipped: list[int] = []
    for begin in range(first, last + 1, COUNTED_AT_ONCE):
        end = min(begin + COUNTED_AT_ONCE - 1, last)
        of_all = await _evidence(connection, office, source_row, begin, end)
        down = is_down(world, begin, *of_all, as_of)[0][source_row]
        valid, speaks = (numbers[source_row] for numbers in of_all)
        found = np.stack([valid, speaks, np.full(len(down), plants), down], axis=1)
        before = await ticks.source_slots(connection, source, begin, len(down))
        if not np.array_equal(found, before):
            is_new = True
            await ticks.save_source_slots(connection, source, begin, valid, speaks, plants, down)
        flipped += (begin + np.flatnonzero(down != (before[:, 3] == 1))).tolist()
    return is_new, flipped


def _scopes_of(world: World, source_row: int) -> I64:
    """Scopes with a meter of the source; those without any meter go with the first source."""
    scopes = world.member_scope[world.meter_source[world.member_meter] == source_row]
    if source_row == 0:
        scopes = np.r_[scopes, np.setdiff1d(np.arange(len(world.scope_ids)), world.member_scope)]
    return np.unique(scopes)


def due_marks(office: Office, source_row: int, first: int, last: int) -> tuple[I64, I64, I64]:
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


async def publish_feed(
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
