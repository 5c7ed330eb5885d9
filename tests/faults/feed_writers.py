"""Writers of the change feed: real alerts in real transactions, as an evaluating process makes them."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from consumers.alert_sync import changes
from service.db.alert_store import StoredAlert, save_alerts, save_live, stored_alerts
from service.db.feed import publish
from service.db.sessions import writing
from tests.faults.story import BEGIN_S, COUNTIES
from tests.integration.world import alert_document

#: Scopes of each writer, and events of one transaction.
SCOPES, SIZES = 125, (1, 1, 5, 20, 50, 100)
BEGIN = datetime.fromtimestamp(BEGIN_S, UTC)
HOUR = timedelta(hours=1)
#: Shares of transactions that are rolled back at the last moment; of open alerts that end; of those, that are taken
#: back; of ended ones, after which the next alert of the scope is a new one.
ROLLED_BACK, ENDS, RETRACTED, NEW = 0.05, 0.15, 0.2, 0.15
View = dict[str, Any]


class _Undone(Exception):  # noqa: N818 - not an error: the transaction is undone on purpose
    pass


@dataclass(slots=True, eq=False)
class Writer:
    """Publishes ``events`` events on scopes of its own, as many a transaction as it likes. undone: transactions that
    had published and were rolled back."""

    number: int
    events: int
    chance: random.Random
    done: int = 0
    undone: int = 0
    _last: dict[str, str] = field(default_factory=dict)  # scope -> its latest alert

    async def run(self, engine: AsyncEngine, room: Callable[[], Awaitable[None]]) -> None:
        """Write all. room: waits until the readers have come nearer."""
        while self.done < self.events:
            await room()
            count = min(self.chance.choice(SIZES), self.events - self.done, SCOPES)
            scopes = [f"W{self.number}-{i}" for i in self.chance.sample(range(SCOPES), count)]
            try:
                async with writing(engine) as connection:
                    latest = await self._write(connection, scopes)
                    if self.chance.random() < ROLLED_BACK:
                        raise _Undone
            except _Undone:
                self.undone += 1
            else:
                self._last |= latest
                self.done += count
            await asyncio.sleep(0)

    async def _write(self, connection: AsyncConnection, scopes: list[str]) -> dict[str, str]:
        """One event of each scope; the latest alert of each."""
        known = [self._last[s] for s in scopes if s in self._last]
        stored = await stored_alerts(connection, scopes, BEGIN + timedelta(days=36500), known)
        judged: dict[str, View] = {}
        gone: set[str] = set()
        latest = {}
        for scope in scopes:
            old = stored.get(self._last.get(scope, ""))
            view = self._next(scope, old)
            latest[scope] = view["id"] if view else self._last[scope]
            if view is None:
                gone.add(latest[scope])
            else:
                judged[view["id"]] = view
        for alert_id, left in stored.items():  # a closed one whose scope goes on with a new alert stays as it is
            if alert_id not in judged and alert_id not in gone and left.published["condition"] != "closed":
                judged[alert_id] = dict(left.published)
        plan = changes(judged, stored, lambda view: view["id"] in gone, BEGIN, BEGIN + HOUR)
        if len(plan.events) != len(scopes):
            raise AssertionError(f"{len(plan.events)} events for {len(scopes)} scopes")
        await save_alerts(connection, list(plan.published.values()))
        await save_live(connection, plan.live)
        await publish(connection, plan.events)
        return latest

    def _next(self, scope: str, old: StoredAlert | None) -> View | None:
        """The scope's alert as it is judged now; None: it is taken back."""
        mark = float(self.chance.randrange(1, 1 << 40))  # tells one event from every other
        if old is None:
            return self._opened(scope, mark)
        view = dict(old.published) | {"energy_over_kwh": mark}
        if view["condition"] in ("closed", "retracted"):
            if self.chance.random() < NEW and view["condition"] == "closed":
                return self._opened(scope, mark)
            return view | _later(view) | {"condition": "firing", "closed_slot_end": None, "close_reason": None}
        if self.chance.random() >= ENDS:
            return view | _later(view)
        if self.chance.random() < RETRACTED:
            return None
        later = _later(view)
        return (
            view | later | {"condition": "closed", "closed_slot_end": later["last_slot_end"], "close_reason": "cleared"}
        )

    def _opened(self, scope: str, mark: float) -> View:
        county = COUNTIES[int(scope.rpartition("-")[2]) % len(COUNTIES)]
        alert_id = f"{scope}-{self.chance.randrange(1 << 48):x}"
        times = dict.fromkeys(("first_slot_end", "opened_at_slot_end", "last_slot_end"), BEGIN.isoformat())
        nothing = {"closed_slot_end": None, "close_reason": None, "replaced_by": None}
        more = {"scope_id": scope, "county": county, "energy_over_kwh": mark}
        return alert_document(alert_id, "P1", **times, **nothing, **more)


def _later(view: View) -> View:
    """An hour on, when `updated` is due."""
    return {"last_slot_end": (datetime.fromisoformat(view["last_slot_end"]) + HOUR).isoformat()}
