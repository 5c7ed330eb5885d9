"""Evidence becomes final: three days after the end of the last slot's local day (SEMANTICS §1.5)."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from consumers.office import Office
from detectors.alerts import FINAL_AFTER_S
from detectors.slots import DAY_S, instant, local_date
from service.db.alert_store import provisional_alerts, save_alerts
from service.db.feed import AlertEvent, publish

BATCH = 500


async def finalise(connection: AsyncConnection, office: Office, as_of: int, published_at: datetime) -> int:
    """Publish `updated` for alerts whose evidence is final by now; the caller commits. Returns how many."""
    world = office.world
    before = datetime.fromtimestamp(as_of, UTC) - timedelta(seconds=FINAL_AFTER_S)
    views, events = [], []
    for stored in (await provisional_alerts(connection, before, BATCH)).values():
        last = datetime.fromisoformat(stored.published["last_slot_end"])
        day = local_date(world.zone, int(last.timestamp()) - world.slot_s)
        if as_of < instant(world.zone, day, DAY_S) + FINAL_AFTER_S:
            continue
        view = dict(stored.published) | {"evidence": "final", "work": stored.work}
        views.append(view)
        events.append(AlertEvent(stored.alert_id, "updated", last, published_at, False, view["county"], view))
    await save_alerts(connection, views)
    if events:
        await publish(connection, events)
    return len(events)
