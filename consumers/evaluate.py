"""The evaluating role: claim dirty scopes, judge them, write verdicts and alerts, each pass one transaction."""

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import TypeAlias

import numpy as np
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from consumers.finality import finalise
from consumers.office import Office
from consumers.pulse import Pulse, beating
from consumers.recounting import ask_for_touched, recount
from consumers.rejudge import Rejudged, rejudge
from consumers.ticking import tick
from detectors.errors import InfrastructureError
from detectors.registry import FOREVER
from detectors.slots import DAY_S, local_date, local_day
from detectors.world import World, compile_world
from service.calendar import office_day_type
from service.clock import Clock
from service.db.heartbeats import Role
from service.db.judgement import Marks, claim, has_readings
from service.db.partitions import ensure_partitions, months_between
from service.db.quarantine import awaits_known_meter
from service.db.recounts import is_any_asked
from service.db.registry_load import load_registry
from service.db.sessions import ContentionError, reading, writing
from service.db.stream_time import StreamTime, earliest_reading, registry_version, stream_time
from service.settings import Settings

log = structlog.get_logger(__name__)

PASSES_AT_ONCE = 2
#: Scopes of one claim, at least and at most; seconds that a pass should take, and after which it begins no further day.
LEAST_SCOPES, CLAIM_SCOPES, GOAL_S, PASS_S = 500, 10_000, 1.0, 2.0
#: ... of old days. A changed carry walks on behind that, but live slots do not wait: their passes go on beside it.
OLD_SCOPES, OLD_PASS_S = 500, 0.2
#: ... and while slots are live, it rests for so many times as long as it worked: what it takes is taken from them.
OLD_RESTS, MOST_REST_S = 2.0, 1.0
#: Where live passes never find nothing, old days wait for so many seconds until one is over them all the same.
OLD_WAITS_S = 5.0
#: Seconds between two looks for more while a pass is at work.
LOOK_S = 0.05
#: Records not read yet, or seconds that the oldest is late, above which the stream is not live: then days are judged in
#: order, and marks are gathered.
BACKLOG_RECORDS, BACKLOG_S = 20_000, 120.0
#: ... for so many times as long as the last passes took: the longer they take, the more is gathered for the next ones,
#: since judging must not hold up what it waits for.
GATHERED = 3.0
IDLE_S = 0.1
RETRY_S = 1.0
RECHECK_WAIT_S = 30.0
#: A pass may take long where years are judged again; none takes this long (seconds).
STALL_S = 300.0


class _NoRoomError(Exception):
    """Months without a partition."""

    def __init__(self, months: list[date]) -> None:
        super().__init__(str(months))
        self.months = months


class _OutdatedError(Exception):
    """An import came between the look at the registry and the claim: its marks are to be judged by what it brought."""


_Pass: TypeAlias = "asyncio.Task[Rejudged | None]"


async def _ended(at_work: dict[_Pass, float], until: str, within_s: float | None = None) -> list[Rejudged | None]:
    """Wait for the first of the passes, or for all; what those found that have ended, which are taken out. Raises the
    error of one that failed."""
    if not at_work:
        return []
    done, _ = await asyncio.wait(at_work, timeout=within_s, return_when=until)
    for task in done:
        del at_work[task]
    results = await asyncio.gather(*done, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [r for r in results if not isinstance(r, BaseException)]


def next_claim(found: Sequence[Rejudged | None], before: int) -> int:
    """Scopes of one claim, by what the passes found that have ended, whose claims were of ``before``: so many that each
    pass has some, and takes about ``GOAL_S``."""
    reports = [r for r in found if r and r.scopes]
    if not reports:
        return before
    scopes = sum(r.scopes for r in reports)
    share = scopes / len(found)
    if scopes >= len(reports) * before:
        share *= min(2.0, GOAL_S / max(r.seconds for r in reports))
    return min(max(int(share), LEAST_SCOPES), CLAIM_SCOPES)


def _live_slot(world: World, as_of: int) -> int:
    """Slots from here on, yesterday's, are judged before older ones."""
    yesterday = local_date(world.zone, as_of - 1) - timedelta(days=1)
    return local_day(world.zone, yesterday, world.slot_s).first_slot


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the passes of a step go by. as_of: seconds up to which slots are over; now: when what they find is told."""

    office: Office
    time: StreamTime
    as_of: int
    now: datetime
    is_lagging: bool


class Evaluator:
    """One evaluating process: its compiled registry, how far its clock has come, and the passes that are at work."""

    def __init__(self, engine: AsyncEngine, settings: Settings, clock: Clock) -> None:
        self._engine, self._settings, self._clock = engine, settings, clock
        self._office: Office | None = None
        self._as_of = 0
        self._ticked_slot = -1
        self._months: set[date] = set()
        self._waits_since = 0.0
        self._passes_end = 0.0  # monotonic, of the last passes
        self._passes_s = 0.0  # how long they took
        self._claim_scopes = LEAST_SCOPES  # of one pass
        # Number of the scope that the last claim of live days, and of old ones, ended with: the next goes on there.
        self._claimed_to = {False: -1, True: -1}
        self._saw_old = False
        # Passes at work, and since when (monotonic): over live days, and the one over old days beside them.
        self._live: dict[_Pass, float] = {}
        self._old: dict[_Pass, float] = {}
        self._old_begun = 0.0  # monotonic, when the last one began over old days
        self._is_live = False  # the last passes over live days found some
        self._is_behind = False  # the stream was not live, and days older than the live ones may still be open

    async def step(self) -> Rejudged | None:
        """Tick what is due, see that passes are at work, and tell of those that have ended. None where there was
        nothing to do."""
        async with reading(self._engine) as connection:
            time = await stream_time(connection)
            is_ready, is_asked = await self._refresh(connection), await is_any_asked(connection)
        office = self._office
        if time is None or office is None or not is_ready:
            return None
        is_lagging = self._is_lagging(time)
        if is_lagging and monotonic() - self._passes_end < GATHERED * self._passes_s:
            return None
        self._as_of = max(self._as_of, int(min(self._clock.now(), time.watermark_s)))
        seen = _Seen(office, time, self._as_of, datetime.fromtimestamp(self._clock.now(), UTC), is_lagging)
        found: list[Rejudged | None] = []
        if self._as_of // 60 != self._ticked_slot:
            found += await _ended(self._live, asyncio.ALL_COMPLETED)
            async with writing(self._engine) as connection:
                await tick(connection, office, seen.as_of, seen.now)
                await finalise(connection, office, seen.as_of, seen.now)
            self._ticked_slot = seen.as_of // 60
        is_counted = is_asked and await self._recount(seen)
        self._is_behind, self._saw_old = self._is_behind or is_lagging, False
        begun = monotonic()
        # While one waits for the database, the other judges.
        for _ in range(PASSES_AT_ONCE - len(self._live)):
            self._live[asyncio.create_task(self._pass(seen))] = begun
        found += await _ended(self._live, asyncio.ALL_COMPLETED if self._is_behind else asyncio.FIRST_COMPLETED)
        if not any(found):
            found += await _ended(self._live, asyncio.FIRST_COMPLETED, LOOK_S)
        self._passes_end, self._passes_s = monotonic(), monotonic() - begun
        self._is_behind = is_lagging or (self._is_behind and self._saw_old)
        self._is_live = any(found) or bool(self._live)
        self._claim_scopes = next_claim(found, self._claim_scopes)
        if not self._old and not self._is_behind and (None in found or monotonic() - self._old_begun > OLD_WAITS_S):
            self._old_begun = monotonic()
            self._old[asyncio.create_task(self._pass(seen, is_old=True))] = self._old_begun
        # Where nothing is live, the old days may be waited for a little.
        found += await _ended(self._old, asyncio.FIRST_COMPLETED, 0 if self._is_live else LOOK_S)
        reports = [r for r in found if r is not None]
        if not (reports or is_counted or self._live or self._old):
            return None
        return Rejudged(*(sum(getattr(r, f.name) for r in reports) for f in fields(Rejudged)))

    @property
    def at_work_since(self) -> float | None:
        """When the pass began that is at work for longest, monotonic seconds; None: there is none."""
        return min((self._live | self._old).values(), default=None)

    async def end(self) -> None:
        """Let the passes come to their end; who is cancelled meanwhile cancels them."""
        for result in await asyncio.gather(*self._live, *self._old, return_exceptions=True):
            # What is not committed is done again by whoever claims it next.
            if isinstance(result, BaseException) and not isinstance(result, InfrastructureError):
                raise result

    async def leave(self) -> None:
        """Leave the passes where they are: their marks stand where they stood."""
        if at_work := self._live | self._old:
            for task in at_work:
                task.cancel()
            await asyncio.wait(at_work)

    def _is_lagging(self, time: StreamTime) -> bool:
        """Whether ingest has more to read than arrives at once."""
        is_late = self._clock.now() - time.watermark_s > BACKLOG_S
        return time.lag_records > (0 if is_late else BACKLOG_RECORDS)

    async def _recount(self, seen: _Seen) -> bool:
        try:
            async with writing(self._engine) as connection:
                return await recount(connection, seen.office, seen.as_of, seen.now)
        except ContentionError:  # another process is at it
            return False

    async def _pass(self, seen: _Seen, *, is_old: bool = False) -> Rejudged | None:
        began = monotonic()
        try:
            async with writing(self._engine) as connection:
                report = await self._judge(connection, seen, is_old=is_old)
            return report and replace(report, seconds=monotonic() - began)
        except _NoRoomError as error:
            # Not in the judging transaction: it would lock all out.
            async with writing(self._engine) as connection:
                await ensure_partitions(connection, error.months[0], error.months[-1], ("scope_days",))
            self._months.update(error.months)
            return Rejudged()
        except _OutdatedError:
            return Rejudged()

    def _need_room(self, seen: _Seen, marks: Marks) -> None:
        """Every day that the marks may reach has its partition, as far as this process knows; else _NoRoomError."""
        world = seen.office.world
        first_slot = max(int(marks.first_slot.min()), seen.office.frozen_slot)
        first = local_date(world.zone, first_slot * world.slot_s - DAY_S)
        months = [m for m in months_between(first, local_date(world.zone, seen.as_of)) if m not in self._months]
        if months:
            raise _NoRoomError(months)

    async def _judge(self, connection: AsyncConnection, seen: _Seen, *, is_old: bool) -> Rejudged | None:
        office, as_of = seen.office, seen.as_of
        before_slot, live_slot = as_of // office.world.slot_s, _live_slot(office.world, as_of)
        # A mark that reaches from old days into the live ones waits beside them: its work may be long.
        from_slot, begun = live_slot, (0, live_slot) if is_old else (live_slot, before_slot)
        if self._is_behind:
            from_slot, begun = 0, (0, before_slot)
        not_after = seen.time.now
        if seen.is_lagging:
            not_after -= timedelta(seconds=self._settings.coalesce_s)
        limit, seconds = (OLD_SCOPES, OLD_PASS_S) if is_old else (self._claim_scopes, PASS_S)
        behind = self._claimed_to[is_old]
        marks = await claim(connection, from_slot, before_slot, limit, not_after, behind, begun)
        if is_old and not len(marks):
            marks = await claim(connection, 0, before_slot, limit, not_after, behind, begun)
        if len(marks):
            around = marks.scope_no[marks.scope_no <= behind]
            self._claimed_to[is_old] = int((around if len(around) else marks.scope_no).max())
        self._saw_old |= len(marks) > 0 and int(marks.first_slot.min()) < live_slot
        marks = marks.from_slot(office.frozen_slot)
        if not len(marks):
            return None
        if await registry_version(connection) != office.version:
            raise _OutdatedError
        self._need_room(seen, marks)
        if marks.first_slot.min() < office.begin_slot:
            office = await self._begin_earlier(connection, seen, marks)
        await ask_for_touched(connection, office, marks, as_of)
        give_way = self._let_live_go_first if is_old else None
        return await rejudge(connection, office, marks, as_of, seen.now, seconds, give_way)

    async def _let_live_go_first(self, worked_s: float) -> None:
        if self._is_live:
            await asyncio.sleep(min(OLD_RESTS * worked_s, MOST_REST_S))

    async def _begin_earlier(self, connection: AsyncConnection, seen: _Seen, marks: Marks) -> Office:
        """Where readings older than all before came in, the history begins with them; changed orders mark too."""
        office = seen.office
        row = office.scope_rows(marks.take(marks.first_slot < office.begin_slot).scope_no)
        meters = office.meter_no[np.unique(office.world.meters_of(np.unique(row[row >= 0]))[0])]
        if not await has_readings(connection, meters, office.begin_slot * office.world.slot_s):
            return office
        earlier = replace(office, begin_slot=await self._begin_slot(connection, office.world))
        if earlier.begin_slot < office.begin_slot:
            await tick(connection, earlier, seen.as_of, seen.now)
            mine = self._office  # another pass may have changed it meanwhile
            if mine is not None and mine.version == earlier.version and earlier.begin_slot < mine.begin_slot:
                self._office = earlier
        return earlier

    async def _begin_slot(self, connection: AsyncConnection, world: World) -> int:
        """Local midnight of the earliest reading or order start (SEMANTICS §6.33), as a slot; without, of no time."""
        first_order_s = min((o.valid_from for o in world.orders), default=None)
        midnight_s = None
        if first_order_s is not None:
            day = local_date(world.zone, first_order_s)
            midnight_s = local_day(world.zone, day, world.slot_s).first_slot * world.slot_s
        first_ts = await earliest_reading(connection, midnight_s)
        if first_ts is not None:
            day = local_date(world.zone, first_ts - 1)
            midnight_s = local_day(world.zone, day, world.slot_s).first_slot * world.slot_s
        return (FOREVER if midnight_s is None else midnight_s) // world.slot_s

    async def _refresh(self, connection: AsyncConnection) -> bool:
        """Follow the registry. False: it has learned a meter whose held readings are on their way; judged before they
        are in, the meter would look silent. Ingest gets ``RECHECK_WAIT_S`` for that."""
        version = await registry_version(connection)
        if self._office is None or self._office.version != version:
            self._waits_since = self._waits_since or monotonic()
            if monotonic() - self._waits_since < RECHECK_WAIT_S and await awaits_known_meter(connection):
                return False
            self._waits_since = 0.0
            await self._forget_registry()
            stored = await load_registry(connection)
            day_type = office_day_type(stored.registry)
            world = await asyncio.to_thread(compile_world, stored.registry, self._settings.slot_s, day_type)
            self._office = Office.of(stored, world, await self._begin_slot(connection, world))
            # A source that is new, or a history that begins earlier, is counted before anything is judged by it.
            self._ticked_slot = -1
            # The registry is most of what this process holds: no collection need walk it again.
            gc.freeze()
        return True

    async def _forget_registry(self) -> None:
        """Make room where the new one goes: nothing may be judged by the one before any more, and what comes beside it
        leaves holes where it was."""
        if self._live:
            await asyncio.wait(self._live)
        self._office = None
        gc.unfreeze()
        gc.collect()


async def run(
    engine: AsyncEngine, settings: Settings, clock: Clock, stop: asyncio.Event, *, stall_s: float = STALL_S
) -> None:
    """Evaluate until told to stop; while the database is away, wait and try again.

    Raises:
        StalledError: no pass ended well for ``stall_s``: this process must end and start again.
    """
    async with beating(engine, Role.EVALUATE, clock, stall_s=stall_s) as pulse:
        await _evaluate(Evaluator(engine, settings, clock), pulse, stop, stall_s)


async def _evaluate(evaluator: Evaluator, pulse: Pulse, stop: asyncio.Event, stall_s: float) -> None:
    try:
        await _step_on(evaluator, pulse, stop, stall_s)
    except BaseException:
        await evaluator.leave()
        raise
    await evaluator.end()


async def _step_on(evaluator: Evaluator, pulse: Pulse, stop: asyncio.Event, stall_s: float) -> None:
    while not stop.is_set():
        pause_s = 0.0
        try:
            report = await evaluator.step()
            if evaluator.at_work_since is None or monotonic() - evaluator.at_work_since < stall_s:
                pulse.moved(worked=report is not None)
            if report is None:
                pause_s = IDLE_S
            else:
                log.debug("judged", scopes=report.scopes, days=report.days, events=report.events)
        except ContentionError as error:
            log.warning("contended", error=str(error))
            pause_s = RETRY_S
        except InfrastructureError as error:
            log.warning("database_away", error=str(error))
            pulse.excuse()
            pause_s = RETRY_S
        if pause_s:
            try:
                await asyncio.wait_for(stop.wait(), pause_s)
            except TimeoutError:
                continue
