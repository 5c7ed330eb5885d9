"""The payload of `/metrics`: looked up and rendered in a thread, ready before the next scrape asks for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from detectors.errors import InfrastructureError
from service.clock import Clock
from service.db.engine import make_engine
from service.db.health import Fault, Health
from service.db.heartbeats import Role
from service.db.metrics_read import Look, PlantLook, look
from service.db.scope_days_read import SlotView
from service.db.sessions import reading
from service.observability import metrics as m

#: While somebody scrapes, the payload is renewed so often (seconds).
REFRESH_S = 5.0
#: A payload older than this is not shown: the scrape waits for a new one (seconds).
FRESH_S = 12.0
#: Without a scrape for so long nothing is renewed (seconds).
IDLE_S = 150.0

log = structlog.get_logger(__name__)


class Exporter:
    """Caches the rendered payload. A database that is away takes its series with it: no last value for ever.

    Ten thousand plants take some 0.4 s of Python: they are read and rendered in a thread with a loop and a connection
    of its own, so that no request waits for them.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock, slot_s: int) -> None:
        self._url = engine.url.render_as_string(hide_password=False)
        self._clock = clock
        self._slot_s = slot_s
        self._payload = b""
        self._rendered_at_s = float("-inf")
        self._asked_at_s = float("-inf")
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Renew the payload while the body runs and somebody scrapes."""
        task = asyncio.create_task(self._keep_fresh())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def payload(self) -> bytes:
        """Text form of what the database holds, at most ``FRESH_S`` old."""
        self._asked_at_s = time.monotonic()
        await self._renew(FRESH_S)
        return self._payload

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            if time.monotonic() - self._asked_at_s < IDLE_S:
                await self._renew(REFRESH_S / 2)

    async def _renew(self, oldest_s: float) -> None:
        async with self._lock:
            if time.monotonic() - self._rendered_at_s >= oldest_s:
                self._payload = await asyncio.to_thread(self._render)
                self._rendered_at_s = time.monotonic()

    def _render(self) -> bytes:
        begun_s = time.monotonic()
        try:
            seen = asyncio.run(self._look())
        except InfrastructureError as error:
            log.warning("metrics_look_failed", error=repr(error.__cause__))
            samples = m.Samples()
            samples.add(m.DATABASE_UP, 0)
            return m.render(samples)
        return render_look(seen, self._clock.now(), self._slot_s, begun_s, is_virtual=self._clock.is_virtual)

    async def _look(self) -> Look:
        engine = make_engine(self._url, name="metrics", pool_size=1, statement_timeout_s=10.0)
        try:
            async with reading(engine) as connection:
                return await look(connection, self._slot_s)
        finally:
            await engine.dispose()


def render_look(seen: Look, now_s: float, slot_s: int, begun_s: float, *, is_virtual: bool = False) -> bytes:
    """Text form of a look. begun_s: monotonic time at which the look began; is_virtual: ``now_s`` is a story's time."""
    samples = m.Samples()
    samples.add(m.DATABASE_UP, 1)
    _add_health(samples, seen, now_s, slot_s)
    _add_faults(samples, seen.health, now_s, slot_s, is_virtual=is_virtual)
    is_current = not seen.health.is_judged_late(now_s, slot_s)
    for plant in seen.plants:
        samples.add(m.PLANT_INFO, 1, plant.plant_id, plant.name, plant.county, plant.industry)
        samples.add(m.PLANT_OPEN_ALERTS, plant.open_alerts, plant.plant_id)
        if is_current:
            _add_plant(samples, plant, seen.slots)
    for rule, grade, count in seen.open_alerts:
        samples.add(m.ALERTS_OPEN, count, rule, str(grade))
    by_outcome: dict[tuple[str, str], int] = {}
    for source, outcome, code, rows in seen.account:
        by_outcome[(source, outcome)] = by_outcome.get((source, outcome), 0) + rows
        if code:
            samples.add(m.READINGS_BY_CODE, rows, source, outcome, code)
    for (source, outcome), rows in by_outcome.items():
        samples.add(m.READINGS, rows, source, outcome)
    for source_look in seen.sources:
        ratio = source_look.evidence / source_look.meters if source_look.meters else None
        samples.add(m.SOURCE_EVIDENCE, ratio, source_look.source)
        samples.add(m.SOURCE_DOWN, int(source_look.is_down), source_look.source)
    samples.add(m.REFRESH, round(time.monotonic() - begun_s, 6))
    return m.render(samples)


def _add_health(samples: m.Samples, seen: Look, now_s: float, slot_s: int) -> None:
    as_of = seen.health.data_as_of(slot_s)
    samples.add(m.DATA_AS_OF, None if as_of is None else as_of.timestamp())
    samples.add(m.ALERT_EVENTS, seen.head_seq)
    samples.add(m.DIRTY_MARKS, seen.dirty_marks)
    samples.add(m.MARK_WAITS, max(0.0, round(seen.health.mark_waits_s or 0.0, 3)))
    samples.add(m.DEAD_LETTERS, seen.dead_letters)
    for source, held_rows in seen.held_rows:
        samples.add(m.HELD, held_rows, source)
    for p in seen.health.partitions:
        labels = (p.topic, str(p.part))
        if p.watermark is not None:
            samples.add(m.WATERMARK, p.watermark.timestamp(), *labels)
            samples.add(m.LAG, max(0.0, round(now_s - p.watermark.timestamp(), 3)), *labels)
        samples.add(m.LAG_RECORDS, p.lag_records, *labels)
        samples.add(m.CURSOR, p.next_offset, *labels)
        samples.add(m.LAST_COMMIT, None if p.committed_at is None else p.committed_at.timestamp(), *labels)
        samples.add(m.STOPPED, int(p.stopped_reason is not None), *labels)


def _add_faults(samples: m.Samples, health: Health, now_s: float, slot_s: int, *, is_virtual: bool) -> None:
    faults = health.faults(now_s, slot_s, is_virtual=is_virtual)
    samples.add(m.DEGRADED, int(bool(faults)))
    for fault in Fault:
        samples.add(m.FAULT, int(fault in faults), fault.value)
    for role in Role:
        heard = health.heard(role)
        samples.add(m.PROCESSES, len(heard), role.value)
        samples.add(m.STANDS, min((round(h.moved_ago_s, 3) for h in heard), default=None), role.value)
        ahead = [h.clock_ahead_s for h in heard if h.clock_ahead_s is not None]
        samples.add(m.CLOCK_AHEAD, max(ahead, key=abs, default=None), role.value)
    if not is_virtual:
        samples.add(m.CLOCK_AHEAD, round(now_s - health.clock_s, 3), "serve")


def _add_plant(samples: m.Samples, plant: PlantLook, slots: dict[str, SlotView]) -> None:
    """A plant's gauges; a plant of which nothing was heard in the slot has none."""
    views = [slots[scope] for scope in plant.scope_ids if scope in slots]
    if not any(view.coverage > 0 for view in views):
        return
    own = slots.get(plant.plant_id)
    if own is not None and own.coverage > 0:
        samples.add(m.PLANT_LOAD, None if own.load_kw is None else own.load_kw * 1000, plant.plant_id)
        samples.add(m.PLANT_CAP, None if own.cap_kw is None else own.cap_kw * 1000, plant.plant_id)
        samples.add(m.PLANT_COVERAGE, own.coverage, plant.plant_id)
    verdicts = {view.verdict for view in views}
    if "violating" in verdicts:
        samples.add(m.PLANT_VIOLATING, 1, plant.plant_id)
    elif "unknown" not in verdicts:
        samples.add(m.PLANT_VIOLATING, 0, plant.plant_id)
