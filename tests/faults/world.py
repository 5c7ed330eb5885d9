"""A world in which faults happen: real servers, real processes of the service, a stream, and an office that polls."""

import asyncio
import os
import random
import tempfile
from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.kafka import Producer
from service.clock import SystemClock
from service.db.engine import make_engine
from service.db.health import read_health
from service.db.keys import AccessRole, create_key
from service.db.registry import apply_registry
from service.db.settled import read_unsettled
from service.demo.parts import PARTITIONS, fresh_stores
from service.embedded import ApacheKafka, EmbeddedPostgres
from service.settings import Settings
from tests.faults import moves
from tests.faults.clock_file import ClockFile
from tests.faults.member import Member, Use
from tests.faults.poller import Poller
from tests.faults.servers import Ground
from tests.faults.story import SLOT_S, SOURCES, Item, Story
from tests.integration.tcp_proxy import Proxy, broker_proxy

RESTART_S = 0.5
LOOK_S = 0.05
CHUNK = 50
SESSIONS = (
    "(SELECT application_name, state, wait_event, now() - state_change AS since, left(query, 60) AS query"
    " FROM pg_stat_activity WHERE datname = current_database())"
)
#: The shortest session that a broker allows; batches so small that a piece of a story is many.
SESSION_S, BATCH = 6.0, 40


@dataclass(slots=True, eq=False)
class World:
    """Drive it with ``play``; do harm to ``members`` and their proxies; ``settle`` before looking at anything."""

    story: Story
    settings: Settings
    chance: random.Random
    ground: Ground
    database_url: str
    engine: AsyncEngine
    folder: Path
    members: dict[str, Member] = field(default_factory=dict)
    pollers: list[Poller] = field(default_factory=list)
    before: dict[str, Use] = field(default_factory=dict)
    restarts: list[tuple[str, int]] = field(default_factory=list)  # processes that ended by themselves, and how
    ends: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # partition -> end offset, as acknowledged
    sent_items: list[Item] = field(default_factory=list)
    partitions: int = PARTITIONS
    now_s: float = 0.0
    until_s: float = 0.0  # how far the part of the story goes that the fault may use
    last_s: float = 0.0  # the story's end may have to wait for a clock that was ahead
    skew_s: dict[str, float] = field(default_factory=dict)  # role -> how far its clock is wrong
    _producer: Producer | None = None
    _next: int = 0
    _polling: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def bootstrap(self) -> str:
        """Address of the broker."""
        return self.ground.at.bootstrap

    @property
    def own_postgres(self) -> EmbeddedPostgres:
        """The database server, where it is this world's own."""
        assert self.ground.postgres is not None
        return self.ground.postgres

    @property
    def own_kafka(self) -> ApacheKafka:
        """The broker, where it is this world's own."""
        assert self.ground.kafka is not None
        return self.ground.kafka

    @property
    def data_folder(self) -> Path:
        """Where the world's own database server keeps its data, whether it runs or not."""
        assert self.ground.folder is not None
        return self.ground.folder / "data"

    # Readers.

    async def new_key(self, role: AccessRole, county: str | None = None) -> str:
        """A key of the API."""
        async with self.engine.begin() as connection:
            pepper = self.settings.key_pepper.get_secret_value()
            return await create_key(connection, role=role, name="reader", county=county, pepper=pepper)

    async def add_poller(self, role: AccessRole = AccessRole.CITY, county: str | None = None) -> Poller:
        """A reader that polls from now on."""
        address = f"http://127.0.0.1:{self.members['serve-0'].port}"
        poller = Poller(address, await self.new_key(role, county), county)
        self.pollers.append(poller)
        self._polling.append(asyncio.create_task(poller.run()))
        return poller

    async def end_polling(self) -> None:
        """Let the readers go; raises what one of them ended with."""
        for task in self._polling:
            task.cancel()
        for ended in await asyncio.gather(*self._polling, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    # Processes.

    async def add_member(self, name: str, role: str) -> Member:
        """A process that is not started yet."""
        url = make_url(self.database_url)
        database = Proxy("127.0.0.1", url.port or 0)
        await database.start()
        broker = await broker_proxy(self.bootstrap)
        clock = ClockFile(self.folder / f"{name}.clock")
        clock.set(self.now_s)
        behind = url.set(host="127.0.0.1", port=database.port).render_as_string(hide_password=False)
        environment = {
            **{n: v for n, v in os.environ.items() if not n.startswith("CUOFENG_")},
            "FAULT_CLOCK": str(self.folder / f"{name}.clock"),
            "CUOFENG_DATABASE_URL": behind,
            "CUOFENG_KAFKA_BOOTSTRAP": f"127.0.0.1:{broker.port}",
            "CUOFENG_KAFKA_TOPIC": self.settings.kafka_topic,
            "CUOFENG_KAFKA_DLQ_TOPIC": self.settings.kafka_dlq_topic,
            "CUOFENG_KAFKA_GROUP": self.settings.kafka_group,
            "CUOFENG_SESSION_TIMEOUT_S": str(self.settings.session_timeout_s),
            "CUOFENG_BATCH_RECORDS": str(self.settings.batch_records),
            "CUOFENG_COALESCE_S": str(self.settings.coalesce_s),
        }
        member = Member(name, role, database, broker, clock, environment, self.folder / f"{name}.log")
        self.members[name] = member
        return member

    def of_role(self, role: str) -> list[Member]:
        """The processes of a role."""
        return [m for m in self.members.values() if m.role == role]

    async def supervise(self) -> None:
        """Start again what ended by itself, as an operator's supervisor does."""
        while True:
            for member in list(self.members.values()):
                if member.wanted and not member.is_running:
                    self.restarts.append((member.name, await member.ended()))
                    await asyncio.sleep(RESTART_S)
                    await member.start()
            await asyncio.sleep(LOOK_S)

    def owner_of(self, step: moves.Step) -> str:
        """The process whose connection a cursor's step came over."""
        found = [
            (since, m.name)
            for m in self.members.values()
            for port, since in m.database.opened
            if port == step.client_port and since <= step.at + LOOK_S
        ]
        return max(found)[1] if found else "operator"

    # The stream.

    async def new_producer(self) -> None:
        """A producer that knows the topic's partitions of today."""
        await self.end_producer()
        self._producer = await Producer(self.bootstrap).__aenter__()

    async def end_producer(self) -> None:
        """Let the producer go."""
        if self._producer is not None:
            await self._producer.__aexit__(None, None, None)
            self._producer = None

    def set_clocks(self, now_s: float) -> None:
        """The time of all processes, each as wrong as it is."""
        self.now_s = now_s
        for member in self.members.values():
            member.clock.set(now_s + self.skew_s.get(member.role, 0.0))

    async def play(self, until_s: float, *, over_s: float = 0.0) -> int:
        """Send what is due until a time of the story, and let the clocks go along; how many messages.

        over_s: spread over so many seconds.
        """
        items = self.take(until_s)
        began = monotonic()
        size = max(1, min(CHUNK, len(items) // 20)) if over_s else CHUNK
        for at in range(0, len(items), size):
            chunk = items[at : at + size]
            if over_s:
                await asyncio.sleep(max(0.0, began + over_s * at / len(items) - monotonic()))
            await self.send(chunk)
            self.set_clocks(max(self.now_s, chunk[-1].at_ms / 1000))
        self.set_clocks(max(self.now_s, until_s))
        return len(items)

    def take(self, until_s: float) -> list[Item]:
        """What is due until a time of the story; the caller sends it."""
        end = bisect_right(self.story.items, until_s * 1000, key=lambda i: i.at_ms)
        items = list(self.story.items[self._next : end])
        self._next = max(end, self._next)
        return items

    async def send(self, items: Sequence[Item]) -> None:
        """Hand messages to the broker and wait until it has them."""
        topic = self.settings.kafka_topic
        assert self._producer is not None
        futures = [
            await self._producer.send(topic, None, i.body, i.headers, i.at_ms, i.lane % self.partitions) for i in items
        ]
        for told in await asyncio.gather(*futures):
            self.ends[told.partition] = max(self.ends[told.partition], told.offset + 1)
        self.sent_items += items

    # Looking.

    async def until(self, claim: Callable[[], Awaitable[object]], what: str, timeout_s: float = 60.0) -> float:
        """Wait for something; how long it took. Raises AssertionError with the world's state when it does not come."""
        began = monotonic()
        while not await claim():
            if monotonic() - began > timeout_s:
                raise AssertionError(f"{what}: not within {timeout_s} s\n{await self.describe()}")
            await asyncio.sleep(LOOK_S)
        return monotonic() - began

    async def cursor(self) -> int:
        """Records whose effects are committed."""
        async with self.engine.connect() as connection:
            return int(await connection.scalar(text("SELECT coalesce(sum(next_offset), 0) FROM cursors")) or 0)

    async def is_read(self) -> bool:
        """Whether everything that was sent is committed."""
        return await self.stands_at(self.ends)

    async def is_settled(self) -> bool:
        """Whether everything is committed and judged up to the clock, and every dead letter delivered."""
        return await self.is_read() and await self.is_judged(self.engine)

    async def stands_at(self, ends: Mapping[int, int]) -> bool:
        """Whether cursors have come to these offsets."""
        async with self.engine.connect() as connection:
            found = await connection.execute(text("SELECT part, next_offset FROM cursors"))
            stands = {row.part: row.next_offset for row in found}
        return all(stands.get(part, -1) >= end for part, end in ends.items())

    async def stopped(self) -> set[int]:
        """Partitions that wait for an operator."""
        async with self.engine.connect() as connection:
            found = await connection.execute(text("SELECT part FROM cursors WHERE stopped_reason IS NOT NULL"))
            return set(found.scalars())

    async def is_judged(self, engine: AsyncEngine) -> bool:
        """Whether a database has nothing left to judge, to read again or to deliver."""
        async with engine.connect() as connection:
            health = await read_health(connection, SLOT_S)
            slot = int(self.now_s) // SLOT_S
            marks = (await read_unsettled(connection, slot)).marks
            letters = await connection.scalar(
                text(
                    "SELECT count(*) FROM quarantine"
                    " WHERE state = 'rejected' OR (state = 'held' AND due_at <= to_timestamp(:now))"
                ),
                {"now": self.now_s},
            )
        delay_s = max(s.delay_min for s in SOURCES) * 60
        judged = health.judged_slots
        return judged is not None and judged >= int(self.now_s - delay_s) // SLOT_S and not marks and not letters

    async def settle(self, timeout_s: float = 90.0) -> float:
        """Wait until nothing is left to do; how long it took."""
        return await self.until(self.is_settled, "everything read and judged", timeout_s)

    async def describe(self) -> str:
        """What stands where, for a failure's report."""
        lines = [f"sent {len(self.sent_items)}, ends {dict(self.ends)}, clock {self.now_s}, restarts {self.restarts}"]
        with suppress(Exception):
            async with self.engine.connect() as connection:
                for what in ("cursors", "ticks", "dirty_scopes", "recounts", SESSIONS):
                    rows = (await connection.execute(text(f"SELECT * FROM {what} LIMIT 20"))).all()
                    lines += [f"{what[:12]}: {row}" for row in rows]
        lines += [f"--- {m.name} ends {m.ends} running {m.is_running}\n{m.tail()}" for m in self.members.values()]
        return "\n".join(lines)


@asynccontextmanager
async def running_world(
    ground: Ground, story: Story, chance: random.Random, *, ingesters: int = 1
) -> AsyncIterator[World]:
    """A migrated database, topics, the registry, processes and a poller; all gone at the end."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cuofeng-faults-")))
        plain = Settings(session_timeout_s=SESSION_S, batch_records=BATCH, coalesce_s=0.2)
        settings = await stack.enter_async_context(fresh_stores(ground.at, plain))
        assert settings.database_url is not None
        url = settings.database_url.get_secret_value()
        engine = make_engine(url, name="harness", pool_size=10)
        stack.push_async_callback(engine.dispose)
        world = World(story, settings, chance, ground, url, engine, folder, now_s=story.begin_s)
        await world.new_producer()
        stack.push_async_callback(world.end_producer)
        await moves.install(engine)
        async with engine.begin() as connection:
            await apply_registry(connection, story.registry, story.begin_s, slot_s=SLOT_S)
        roles = {"ingest": ingesters, "evaluate": 1, "serve": 1}
        for role, count in roles.items():
            for i in range(count):
                member = await world.add_member(f"{role}-{i}", role)
                stack.push_async_callback(member.close)
                await member.start()
        supervisor = asyncio.create_task(world.supervise())
        try:
            await world.add_poller()
            await world.until(lambda: _has_begun(world), "every process at work", 60)
            yield world
        finally:
            supervisor.cancel()
            await asyncio.gather(supervisor, return_exceptions=True)
            await world.end_polling()


async def _has_begun(world: World) -> bool:
    async with world.engine.connect() as connection:
        claimed = await connection.scalar(text("SELECT count(*) FROM cursors WHERE epoch > 0"))
    return claimed == PARTITIONS and world.pollers[0].pages > 0


def wall_s() -> float:
    """The machine's clock, which the database's tells too: epoch seconds."""
    return SystemClock().now()
