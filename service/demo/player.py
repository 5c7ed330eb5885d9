"""Plays the story: readings go out, the virtual clock follows, and the office acts on the way.

The clock is never ahead of what was sent: it is moved to a time once every record collected up to then is with the
broker. Judgement goes as far as the clock and ingest allow; the player waits for it at every midnight, wherever a
later reading will take something back, and whenever it has come too far ahead.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.file_messages import FileMessages
from consumers.kafka import Producer
from consumers.replay import send_span
from detectors.errors import InfrastructureError
from service.clock import VirtualClock
from service.db.health import read_health
from service.db.sessions import reading, writing
from service.db.settled import read_unsettled
from service.demo.office import Act, act_line, acts, perform
from service.demo.season import SLOT_S, START_S
from service.demo.setting import SOURCES
from service.demo.story import LAST_COLL_S, Story
from service.settings import Settings

HOUR_S = 3600
DAY_S = 86400
#: How far the clock may be ahead of the judgement while the story runs.
LEAD_S = 6 * HOUR_S
SETTLE_TIMEOUT_S = 120.0
LOOK_EVERY_S = 0.1
SOURCE_DELAY_S = 60 * max(s.delay_min for s in SOURCES)


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the story stands. judged_to_s: end of the last slot that every scope is judged for; None: none yet."""

    now_s: int
    sent: int
    total: int
    judged_to_s: int | None


OnMoment = Callable[[Moment], Awaitable[None]]


@dataclass(slots=True)
class Player:
    """Plays a story once. ``speed``: virtual seconds in a real one; 0 = as fast as the judgement follows. ``say``: told
    what the office does."""

    story: Story
    messages: FileMessages
    producer: Producer
    engine: AsyncEngine
    settings: Settings
    clock: VirtualClock
    speed: float
    on_moment: OnMoment
    say: Callable[[str], None]
    _sent: int = 0
    _acted: int = 0

    async def play(self, until_s: int = LAST_COLL_S) -> None:
        """Play to ``until_s`` (epoch seconds, at most the end) and wait until everything up to there is judged.

        Raises:
            InfrastructureError: the judgement does not come to an end.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        rests = {time_s for time_s in self._rests() if time_s < until_s} | {until_s}
        step_s = HOUR_S if self.speed == 0 else SLOT_S
        times = {*range(START_S + step_s, until_s, step_s), *rests, *(act.at_s for act in self._acts())}
        for time_s in sorted(t for t in times if t <= until_s):
            await self._go_to(time_s)
            await self._tell()
            if self.speed > 0:
                await asyncio.sleep(max(0.0, began + (time_s - START_S) / self.speed - loop.time()))
            if time_s in rests:
                await self._settle(time_s)
                # The pause does not count: the story does not run after the time it lost.
                began = max(began, loop.time() - (time_s - START_S) / self.speed) if self.speed > 0 else began
            elif time_s - ((await self._judged_to()) or START_S) > LEAD_S:
                await self._settle(time_s)

    def _rests(self) -> set[int]:
        midnights = range(START_S + DAY_S, LAST_COLL_S, DAY_S)
        return {*midnights, *self.story.pauses_s}

    async def _go_to(self, time_s: int) -> None:
        """Send what is collected by then, then move the clock; let the office learn what it learns."""
        until = int(np.searchsorted(self.messages.stamps_ms, time_s * 1000, side="right"))
        await send_span(self.producer, self.settings.kafka_topic, self.messages, self._sent, until)
        self._sent = until
        self.clock.advance_to(time_s)
        for act in self._acts()[self._acted :]:
            if act.at_s <= time_s:
                async with writing(self.engine) as connection:
                    orders = await perform(connection, act, self.clock.now(), slot_s=self.settings.slot_s)
                self._acted += 1
                self.say(f"   {act_line(act, orders)}")

    def _acts(self) -> tuple[Act, ...]:
        return acts(self.story.later_office, self.story.later_at_s)

    async def _judged_to(self) -> int | None:
        async with reading(self.engine) as connection:
            health = await read_health(connection, self.settings.slot_s)
        as_of: datetime | None = health.data_as_of(self.settings.slot_s)
        return None if as_of is None else int(as_of.timestamp())

    async def _tell(self) -> None:
        await self.on_moment(Moment(int(self.clock.now()), self._sent, len(self.messages), await self._judged_to()))

    async def _settle(self, time_s: int) -> None:
        """Wait until everything sent is in the database and judged up to ``time_s``."""
        waiting_for = ""
        try:
            async with asyncio.timeout(SETTLE_TIMEOUT_S):
                while waiting_for := await self._unsettled(time_s):
                    await asyncio.sleep(LOOK_EVERY_S)
                    await self._tell()
        except TimeoutError as error:
            raise InfrastructureError(f"after {SETTLE_TIMEOUT_S:.0f} s still waiting for {waiting_for}") from error

    async def _unsettled(self, time_s: int) -> str:
        """What is still to be waited for; empty when all is settled."""
        async with reading(self.engine) as connection:
            left = await read_unsettled(connection, time_s // SLOT_S)
        due_slot = (time_s - SOURCE_DELAY_S) // SLOT_S
        waiting_for = ""
        if left.taken_in < self._sent:
            waiting_for = f"ingest: {left.taken_in} of {self._sent} records"
        elif left.watermark_s is None or left.watermark_s < time_s:
            waiting_for = "the watermark of ingest"
        elif self.clock.now() >= self.story.later_at_s and left.held:
            waiting_for = f"{left.held} rows in quarantine"
        elif left.judged_slots is None or left.judged_slots < due_slot:
            waiting_for = f"the judgement of slot {due_slot}, it is at {left.judged_slots}"
        elif left.marks:
            waiting_for = f"{left.marks} marks"
        return waiting_for
