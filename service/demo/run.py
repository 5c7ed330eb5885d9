"""Composition of the demo: servers, ingest, judgement and API in one process, with a clock that the story drives."""

import asyncio
import contextlib
import json
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from consumers.evaluate import run as run_evaluate
from consumers.file_messages import FileMessages, file_messages
from consumers.kafka import Producer
from consumers.process import run as run_ingest
from detectors.errors import CuofengError, InputError
from service.api import create_app
from service.api.server import Server, make_server
from service.clock import VirtualClock
from service.db.engine import make_engine
from service.db.keys import AccessRole, create_key
from service.db.sessions import writing
from service.demo.cast import COUNTIES
from service.demo.expected import Comparison, compare
from service.demo.office import act_line, first_act, perform
from service.demo.parts import Servers, fresh_stores, servers
from service.demo.player import Moment, Player
from service.demo.poller import Poller
from service.demo.season import START_S
from service.demo.show import LiveShow, PlainShow, Show, local, report
from service.demo.story import LAST_COLL_S, Story, build
from service.settings import Settings

log = structlog.get_logger(__name__)

#: On a terminal the seven days take about this long.
STORY_TAKES_S = 75.0
STOP_TIMEOUT_S = 15.0
START_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the demo is asked for. speed: virtual seconds in a real one; None: by ``is_headless``, 0: no waiting.

    port: of the API, 0 = a free one, None = the settings' where it is free. out: folder for the story's files,
    None = none are kept. until_s: the story stands still there (epoch seconds) until a signal; None: at its end.
    """

    is_headless: bool = False
    speed: float | None = None
    out: Path | None = None
    broker: str | None = None
    port: int | None = None
    until_s: int | None = None


def run_demo(options: DemoOptions, settings: Settings, console: Console) -> Comparison | None:
    """Play the story and compare; None when it was stopped before its end. Raises CuofengError when a part does not
    work, InputError when ``until_s`` is not in the story."""
    if options.until_s is not None and not START_S < options.until_s < LAST_COLL_S:
        raise InputError(f"the story goes from {local(START_S)} to {local(LAST_COLL_S)}: --until is not in it")
    with servers(settings, options.broker) as at:
        return asyncio.run(_run(options, settings, at, console))


async def _run(options: DemoOptions, settings: Settings, at: Servers, console: Console) -> Comparison | None:
    story = build()
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    with contextlib.ExitStack() as stack:
        folder = options.out
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cuofeng-demo-")))
        messages = _write(story, folder)
        async with fresh_stores(at, settings) as mine:
            return await _play(options, mine, at, story, messages, told, console)


def _write(story: Story, folder: Path) -> FileMessages:
    """Keep the story as files, and read its messages from them: what plays is what a back-test reads."""
    folder.mkdir(parents=True, exist_ok=True)
    _, readings = story.write(folder)
    planted = json.dumps([asdict(p) for p in story.planted], ensure_ascii=False, indent=1)
    (folder / "planted.json").write_text(planted + "\n", encoding="utf-8")
    return file_messages([readings], zone=ZoneInfo(story.registry.zone), clock_now_s=LAST_COLL_S)


async def _play(
    options: DemoOptions,
    settings: Settings,
    at: Servers,
    story: Story,
    messages: FileMessages,
    told: asyncio.Event,
    console: Console,
) -> Comparison | None:
    if settings.database_url is None or settings.kafka_bootstrap is None:
        raise ValueError("the demo's servers are not set")
    url, bootstrap = settings.database_url.get_secret_value(), settings.kafka_bootstrap
    clock = VirtualClock(START_S)
    own = make_engine(url, name="demo", pool_size=3)
    try:
        async with writing(own) as connection:
            act = first_act(story.office, START_S)
            orders = await perform(connection, act, clock.now(), slot_s=settings.slot_s)
        async with _running(settings, url, bootstrap, clock, port=_free_port(options, settings)) as running:
            show: Show = LiveShow(console) if console.is_terminal and not options.is_headless else PlainShow(console)
            try:
                await _introduce(show, own, settings, at, running.server)
                show.say(f"  {act_line(act, orders)}")
                poller = Poller(own)

                async def on_moment(moment: Moment) -> None:
                    for event in await poller.poll():
                        show.event(event)
                    show.progress(moment, poller.alerts)

                async with Producer(bootstrap) as producer:
                    speed = _speed(options)
                    player = Player(story, messages, producer, own, settings, clock, speed, on_moment, show.say)
                    until_s = LAST_COLL_S if options.until_s is None else options.until_s
                    await running.unless_stopped(player.play(until_s), told)
            finally:
                show.close()
            if options.until_s is not None and not told.is_set():
                at_time = local(options.until_s)
                console.print(f"演示时钟停在 the story stands at {at_time}, Ctrl-C 结束 ends the demo", highlight=False)
                await running.unless_stopped(told.wait(), told)
            if told.is_set():
                return None
            await poller.poll()
            comparison = compare(story.planted, poller.found())
            report(console, comparison)
            if not options.is_headless:
                console.print("Ctrl-C 结束演示 ends the demo", highlight=False)
                await running.unless_stopped(told.wait(), told)
            return comparison
    finally:
        await own.dispose()


def _speed(options: DemoOptions) -> float:
    if options.speed is not None:
        return options.speed
    return 0.0 if options.is_headless else (LAST_COLL_S - START_S) / STORY_TAKES_S


async def _introduce(show: Show, engine: AsyncEngine, settings: Settings, at: Servers, server: Server) -> None:
    """Say where the demo is and who may look."""
    pepper = settings.key_pepper.get_secret_value()
    async with writing(engine) as connection:
        city = await create_key(connection, role=AccessRole.CITY, name="demo-city", pepper=pepper)
        metrics = await create_key(connection, role=AccessRole.METRICS, name="demo-metrics", pepper=pepper)
        counties = [
            (c, await create_key(connection, role=AccessRole.COUNTY, name=f"demo-{c}", pepper=pepper, county=c))
            for c in COUNTIES
        ]
    show.say(f"错峰 Cuofeng 演示数据 demonstration data: {at.database_name}, {at.broker_name}")
    show.say(f"  页面 page     {server.address}/#key={city}")
    show.say(f"  市级 city     {city}")
    for county, key in counties:
        show.say(f"  {county}  {key}")
    show.say(f"  metrics       {metrics}")


@dataclass(frozen=True, slots=True)
class Running:
    """What runs beside the story."""

    server: Server
    tasks: list[asyncio.Task[None]]

    async def unless_stopped(self, work: Coroutine[Any, Any, Any], told: asyncio.Event) -> None:
        """Do the work; leave it where it is when told to stop, and raise what a part of the service raised."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(told.wait())
        try:
            await asyncio.wait([task, stop, *self.tasks], return_when=asyncio.FIRST_COMPLETED)
            for part in self.tasks:
                if part.done():
                    part.result()
                    raise CuofengError(f"{part.get_name()} ended before the demo did")
            if task.done():
                task.result()
        finally:
            for waiting in (task, stop):
                waiting.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)


@asynccontextmanager
async def _running(
    settings: Settings, url: str, bootstrap: str, clock: VirtualClock, *, port: int
) -> AsyncIterator[Running]:
    """Ingest, judgement and API while the body runs; stopped in order at its end."""
    stop = asyncio.Event()
    engines = {name: make_engine(url, name=name, pool_size=6) for name in ("ingest", "evaluate", "serve")}
    server = make_server(create_app(settings, engines["serve"], clock), host=settings.host, port=port)
    # The demo's own handlers stop everything; uvicorn's would take the signals away.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # a method
    tasks = [
        asyncio.create_task(run_ingest(engines["ingest"], settings, clock, stop, bootstrap=bootstrap), name="ingest"),
        asyncio.create_task(run_evaluate(engines["evaluate"], settings, clock, stop), name="judgement"),
        asyncio.create_task(server.serve(), name="API"),
    ]
    try:
        running = Running(server, tasks)
        await running.unless_stopped(_started(server), asyncio.Event())
        yield running
    finally:
        stop.set()
        server.should_exit = True
        done, late = await asyncio.wait(tasks, timeout=STOP_TIMEOUT_S)
        for task in late:
            log.warning("did not stop in time", part=task.get_name())
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                log.error("failed while stopping", part=task.get_name(), error=repr(task.exception()))
        for engine in engines.values():
            await engine.dispose()


async def _started(server: Server) -> None:
    for _ in range(START_TIMEOUT_S * 50):
        if server.started:
            return
        await asyncio.sleep(0.02)
    raise CuofengError(f"the API did not start within {START_TIMEOUT_S} s")


def _free_port(options: DemoOptions, settings: Settings) -> int:
    """The port asked for; else the settings' where nobody listens on it, and a free one without a person to look."""
    if options.port is not None:
        return options.port
    if options.is_headless:
        return 0
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError:
            return 0
    return settings.port
