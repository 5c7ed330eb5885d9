"""Samples: every few seconds one row of numbers of the processes, the database and the change feed."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import httpx2
import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.bench.processes import cpu_s
from tests.soak.staff import Staff

WAIT_S = 10
#: Over less than this CPU time is not told: the kernel counts it in hundredths.
LEAST_S = 0.5
#: Tables whose sizes are lines of their own; the others are one line together.
TABLES = ("readings", "scope_days", "reading_conflicts", "alert_events", "alerts", "dirty_scopes")
_SIZES = text(
    "SELECT coalesce(p.relname, c.relname) AS name, sum(pg_table_size(c.oid))::bigint AS heap,"
    " sum(pg_indexes_size(c.oid))::bigint AS indexes, sum(pg_stat_get_dead_tuples(c.oid))::bigint AS dead"
    " FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent"
    " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY 1"
)
_STATE = text(
    "SELECT (SELECT coalesce(sum(next_offset), 0) FROM cursors) AS taken, (SELECT seq FROM feed_head) AS events,"
    " (SELECT count(*) FROM dirty_scopes) AS marks"
)
_SESSIONS = text(
    "SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name IN ('cuofeng-ingest', 'cuofeng-evaluate', 'cuofeng-serve', 'cuofeng-listen') GROUP BY 1"
)


@dataclass(slots=True)
class Latency:
    """From the broker's acknowledgement of a reading to the alert that it opened on the feed, seconds.

    acked: when the last power reading of a plant was acknowledged, monotonic. changed: when its order last changed.
    """

    acked: dict[str, float] = field(default_factory=dict)
    changed: dict[str, float] = field(default_factory=dict)
    window: list[float] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)

    async def read(self, address: str, key: str) -> None:
        """Follow the feed until cancelled, from its beginning. Raises httpx2.HTTPStatusError when it is refused."""
        query: dict[str, Any] = {"limit": 1000, "wait": WAIT_S}
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=3 * WAIT_S) as client:
            while True:
                page = (await client.get("/v1/alert-events", params=query)).raise_for_status().json()
                now, query["after"] = monotonic(), page["next"]
                for event in page["events"]:
                    self.seqs.append(event["seq"])
                    self._note(event, now)

    def _note(self, event: Mapping[str, Any], now: float) -> None:
        alert = event["alert"]
        scope = alert["scope_id"]
        is_by_reading = now - self.changed.get(scope, -1e9) > 2 * WAIT_S
        if event["type"] == "opened" and alert["rule"] == "limit_day" and is_by_reading and scope in self.acked:
            self.window.append(now - self.acked[scope])


@dataclass(slots=True)
class Watch:
    """Series by name: (seconds since the begin, value). beside: process ids of what runs with the service."""

    engine: AsyncEngine
    staff: Staff
    latency: Latency
    begun: float
    beside: Mapping[str, Sequence[int]] = field(default_factory=dict)
    sent: int = 0
    series: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    events: list[tuple[float, str]] = field(default_factory=list)
    _cpu: dict[str, tuple[float, float]] = field(default_factory=dict)
    _counts: dict[str, tuple[float, float]] = field(default_factory=dict)

    def note(self, what: str) -> None:
        """Something was done to the system now."""
        self.events.append((monotonic() - self.begun, what))

    async def run(self, every_s: float) -> None:
        """Take samples until cancelled."""
        while True:
            await self.sample()
            await asyncio.sleep(every_s)

    async def sample(self) -> None:
        """Take one."""
        at = monotonic() - self.begun
        for name, use in self.staff.uses().items():
            self._add(f"rss_mib {name}", at, use.rss_mib)
            self._add(f"descriptors {name}", at, use.descriptors)
            self._used(name, at, use.cpu_s)
        for name, pids in self.beside.items():
            self._used(name, at, cpu_s(pids))
        async with self.engine.connect() as connection:
            state = (await connection.execute(_STATE)).one()
            sizes = {row.name: row for row in await connection.execute(_SIZES)}
            sessions = {row[0].removeprefix("cuofeng-"): row[1] for row in await connection.execute(_SESSIONS)}
        self._add("lag_records", at, self.sent - int(state.taken))
        self._rate("readings_per_s", at, float(state.taken))
        self._rate("events_per_s", at, float(state.events))
        self._add("marks", at, state.marks)
        for name, count in sessions.items():
            self._add(f"sessions {name}", at, count)
        self._sizes(at, sizes, int(state.taken))
        found, self.latency.window = self.latency.window, []
        if found:
            self._add("latency_s p50", at, float(np.percentile(found, 50)))
            self._add("latency_s p99", at, float(np.percentile(found, 99)))

    def _sizes(self, at: float, sizes: Mapping[str, Row[Any]], taken: int) -> None:
        mib = 1 << 20
        rest = 0.0
        for name, row in sizes.items():
            total = (row.heap + row.indexes) / mib
            if name in TABLES:
                self._add(f"size_mib {name}", at, total)
            else:
                rest += total
        self._add("size_mib others", at, rest)
        readings = sizes["readings"]
        if taken:
            self._add("bytes_per_reading heap", at, readings.heap / taken)
            self._add("bytes_per_reading indexes", at, readings.indexes / taken)
        self._add("dead_rows all", at, sum(row.dead for row in sizes.values()))

    def _add(self, name: str, at: float, value: float) -> None:
        self.series[name].append((round(at, 2), round(float(value), 4)))

    def _used(self, name: str, at: float, used_s: float) -> None:
        before_s, before = self._cpu.get(name, (at, used_s))
        if at > before_s + LEAST_S and used_s >= before:
            self._add(f"cpu_percent {name}", at, 100 * (used_s - before) / (at - before_s))
        self._cpu[name] = (at, used_s)

    def _rate(self, name: str, at: float, count: float) -> None:
        before_s, before = self._counts.get(name, (at, count))
        if at > before_s:
            self._add(name, at, (count - before) / (at - before_s))
        self._counts[name] = (at, count)
