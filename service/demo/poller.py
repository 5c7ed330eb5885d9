"""Folds the change feed as a polling office does: the demo's own view of what was found."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from service.db.feed_read import FeedFilter, read_events, read_head
from service.db.sessions import reading
from service.demo.expected import FoundAlert

PAGE = 500


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the feed, as the display needs it."""

    seq: int
    type: str
    alert: dict[str, Any]


@dataclass(slots=True)
class Poller:
    """Reads the feed on from where it stopped. ``alerts``: the last state of each alert, by id."""

    engine: AsyncEngine
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    _after: int = 0

    async def poll(self) -> list[Event]:
        """The events since the last call."""
        events: list[Event] = []
        async with reading(self.engine) as connection:
            head = await read_head(connection)
            while self._after < head.seq:
                page = await read_events(connection, head, after=self._after, limit=PAGE, feed_filter=FeedFilter())
                events += [Event(e.seq, e.type, json.loads(e.alert)) for e in page.events]
                self._after = page.scanned_to_seq
        for event in events:
            self.alerts[event.alert["id"]] = event.alert
        return events

    def found(self) -> list[FoundAlert]:
        """All alerts of the feed as the comparison needs them, `pending` ones left out."""
        return [
            FoundAlert(
                rule=alert["rule"],
                scope_id=alert["scope_id"],
                order_id=alert["order_id"],
                condition=alert["condition"],
                opened_at_slot_end_s=int(datetime.fromisoformat(alert["opened_at_slot_end"]).timestamp()),
                is_replaced=alert.get("replaced_by") is not None,
            )
            for alert in self.alerts.values()
            if alert["condition"] != "pending"
        ]
